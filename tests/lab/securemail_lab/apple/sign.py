# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Site command of the signing gate: ``python -m securemail_lab.apple.sign LAB BUNDLE_ID CSR CERTIFICATE``."""

from __future__ import annotations

import base64
import pathlib
import sys

from ..lab import Lab
from ..requesting import RequestFailed, post
from ..state import write_atomically


def main(arguments: list[str]) -> int:
    directory, bundle_id, request, certificate = arguments
    lab = Lab(pathlib.Path(directory))
    wanted = {"bundle_id": bundle_id, "csr": pathlib.Path(request).read_text(encoding="ascii")}
    try:
        answer = post(lab, "apple-ca", "/v1/push-certificates", wanted, lab.secret("apple"))
    except RequestFailed as problem:
        print(f"Apple's developer portal: {problem}", file=sys.stderr)
        return 1
    write_atomically(pathlib.Path(certificate), base64.b64decode(answer["certificate"]), 0o644)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

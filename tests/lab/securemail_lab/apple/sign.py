# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Site command of the signing gate: ``python -m securemail_lab.apple.sign LAB BUNDLE_ID CSR CERTIFICATE``."""

from __future__ import annotations

import base64
import pathlib
import sys

from ..lab import Lab
from ..requesting import RequestFailed, post, site_command
from ..state import write_atomically


def sign(directory: str, bundle_id: str, request: str, certificate: str) -> None:
    lab = Lab(pathlib.Path(directory))
    wanted = {"bundle_id": bundle_id, "csr": pathlib.Path(request).read_bytes().decode("ascii", "replace")}
    try:
        answer = post(lab, "apple-ca", "/v1/push-certificates", wanted, lab.secret("apple"))
    except RequestFailed as problem:
        raise RequestFailed(f"Apple's developer portal: {problem}") from None
    write_atomically(pathlib.Path(certificate), base64.b64decode(answer["certificate"]), 0o644)


if __name__ == "__main__":
    sys.exit(site_command("securemail_lab.apple.sign LAB BUNDLE_ID CSR CERTIFICATE", sys.argv[1:], sign))

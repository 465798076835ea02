# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Site command of the portal gate: ``python -m securemail_lab.citrix.upload LAB REGION BUNDLE_ID PKCS12``.

The file's password is read from standard input; the customer ID is printed as JSON.
"""

from __future__ import annotations

import base64
import json
import pathlib
import sys

from ..lab import Lab
from ..requesting import RequestFailed, post, site_command


def upload(directory: str, region: str, bundle_id: str, file: str) -> None:
    lab = Lab(pathlib.Path(directory))
    form = {
        "bundle_id": bundle_id,
        "pkcs12": base64.b64encode(pathlib.Path(file).read_bytes()).decode(),
        "password": sys.stdin.readline().rstrip("\n"),
    }
    try:
        answer = post(lab, "portal", f"/v1/regions/{region}/certificates", form, lab.secret("portal"))
    except RequestFailed as problem:
        raise RequestFailed(f"push portal: {problem}") from None
    print(json.dumps({"customer_id": answer["customer_id"]}))


if __name__ == "__main__":
    sys.exit(site_command("securemail_lab.citrix.upload LAB REGION BUNDLE_ID PKCS12", sys.argv[1:], upload))

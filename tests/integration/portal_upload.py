# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A site command of the portal gate: ``python portal_upload.py RECORD CUSTOMER_ID PKCS12``, the password on stdin.

Opens the PKCS#12 as the portal does, and records what it held and what this process could be seen with.
"""

from __future__ import annotations

import json
import pathlib
import sys

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import pkcs12


def main() -> None:
    record, customer_id, bundle = sys.argv[1:]
    password = sys.stdin.readline().rstrip("\n")
    _key, certificate, _chain = pkcs12.load_key_and_certificates(pathlib.Path(bundle).read_bytes(), password.encode())
    assert certificate is not None
    seen = {
        "sha256": certificate.fingerprint(hashes.SHA256()).hex(),
        "command_line": pathlib.Path("/proc/self/cmdline").read_text(),
        "environment": pathlib.Path("/proc/self/environ").read_text(),
    }
    with pathlib.Path(record).open("a", encoding="utf-8") as stream:
        stream.write(json.dumps(seen) + "\n")
    print(json.dumps({"customer_id": customer_id}))


if __name__ == "__main__":
    main()

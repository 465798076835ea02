# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Site command that looks which certificate is in use: ``python -m securemail_lab.apple.seen LAB BUNDLE_ID``.

It prints ``{"sha256": ..., "at": ...}`` of the last push that APNs accepted, or nulls where there was none. The proof
of a rotation signs in as well, but none of its requests is ever accepted for a device.
"""

from __future__ import annotations

import json
import pathlib
import sys

from ..lab import Lab
from ..requesting import RequestFailed, post, site_command

_ACCEPTED = 200


def last_push(lab: Lab, bundle_id: str) -> dict[str, str | None]:
    """SHA-256 of the certificate, and when, from the record of APNs."""
    record = lab.state("apns") / "requests.jsonl"
    for line in reversed(record.read_text(encoding="ascii").splitlines() if record.exists() else []):
        request = json.loads(line)
        if (request["status"], request["topic"]) == (_ACCEPTED, bundle_id):
            return {"sha256": request["certificate_sha256"], "at": request["at"]}
    return {"sha256": None, "at": None}


def seen(directory: str, bundle_id: str) -> None:
    lab = Lab(pathlib.Path(directory))
    try:
        answer = post(lab, "apple-ca", "/v1/last-push", {"bundle_id": bundle_id}, lab.secret("apple"))
    except RequestFailed as problem:
        raise RequestFailed(f"Apple's developer portal: {problem}") from None
    print(json.dumps(answer))


if __name__ == "__main__":
    sys.exit(site_command("securemail_lab.apple.seen LAB BUNDLE_ID", sys.argv[1:], seen))

# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The hand-off folder: where requests wait for a person, and where the person puts the answers.

``<handoff_path>/<bundle id>-0001/`` is one folder per version, so that an answer always says what it answers.
"""

from __future__ import annotations

import json
import pathlib
import stat

from ..core import files
from ..core.errors import UnexpectedState
from .state import HandedOut
from .versions import Answer, version_name

REQUEST, SIGNING_TEXT = "request.csr", "SIGNING.txt"
BUNDLE, PORTAL_TEXT, PORTAL_ANSWER = "bundle.p12", "UPLOAD.txt", "portal.json"
#: Apple names the file aps.cer.
CERTIFICATE = "aps.cer"

_CERTIFICATE_SUFFIXES = (".cer", ".crt", ".der", ".pem", ".p7b", ".p7c")
_GROUP_AT_MOST = 0o660


class HandOff:
    """The hand-off folders of one bundle id."""

    def __init__(self, path: str, bundle_id: str) -> None:
        self._root = pathlib.Path(path).absolute()
        self._bundle_id = bundle_id

    def folder(self, number: int) -> pathlib.Path:
        return self._root / f"{self._bundle_id}-{version_name(number)}"

    def read(self, number: int) -> HandedOut:
        """What stands in the folder of a version.

        :raises UnexpectedState: something there cannot be read.
        """
        folder = self.folder(number)
        try:
            names = sorted(entry.name for entry in folder.iterdir())
        except FileNotFoundError:
            return HandedOut()
        except OSError as problem:
            raise UnexpectedState(
                f"{folder} cannot be listed: {problem.strerror or problem}", "Correct its owner and permissions"
            ) from None
        own = (REQUEST, SIGNING_TEXT, BUNDLE, PORTAL_TEXT, PORTAL_ANSWER)
        found = {name: files.read(folder / name) or b"" for name in names if name in own}
        answers = tuple(
            Answer(str(folder / name), files.read(folder / name) or b"")
            for name in names
            if name.lower().endswith(_CERTIFICATE_SUFFIXES) and not name.startswith(".")
        )
        portal = found.get(PORTAL_ANSWER)
        return HandedOut(found, answers, Answer(str(folder / PORTAL_ANSWER), portal) if portal is not None else None)

    def put(self, number: int, contents: dict[str, bytes]) -> None:
        """Lay files out. The folder takes the permissions of ``handoff_path``, so that a group can be let in there."""
        files.make_folder(self._root)
        mode = stat.S_IMODE(self._root.stat().st_mode)
        folder = self.folder(number)
        files.make_folder(folder, mode)
        files.tidy(folder)
        for name, content in contents.items():
            files.replace(folder / name, content, mode & _GROUP_AT_MOST)

    def clear(self, number: int) -> None:
        """Take the PKCS#12 away again, which holds the private key, and the form, which is recorded."""
        for name in (BUNDLE, PORTAL_ANSWER):
            files.remove(self.folder(number) / name)


def signing_text(bundle_id: str, version: str, needed_by: str, put_answer: str) -> bytes:
    """What a person does at the signing gate."""
    return f"""APNs certificate of {bundle_id}, version {version}: signing
Needed by: {needed_by}

1. Sign in at https://developer.apple.com/account as Account Holder or Admin, and open
   Certificates, Identifiers & Profiles > Certificates.
2. Choose (+), then "Apple Push Notification service SSL (Sandbox & Production)".
3. Choose the App ID {bundle_id}, then upload {REQUEST} from this folder.
   Apple keeps at most two such certificates for an App ID. If it refuses a third one, revoke the older of the
   two; never the one in service.
4. Download the certificate and put it here, as Apple named it:
   {put_answer}
5. Run the playbook again. It checks the certificate and carries on by itself.
""".encode()


def portal_text(bundle_id: str, version: str, region: str, customer_id: str, sha256: str, needed_by: str) -> bytes:
    """What a person does at the portal gate."""
    return f"""APNs certificate of {bundle_id}, version {version}: upload to the push portal
Needed by: {needed_by}

[ ] 1. Sign in to the push portal (xenmobiletools.citrix.com).
[ ] 2. Choose the region where Exchange is: {region}
[ ] 3. Enter the App ID: {bundle_id}
[ ] 4. Upload {BUNDLE} from this folder. Its password comes to you another way; it is not in this folder.
       Certificate SHA-256: {sha256}
[ ] 5. The portal shows a customer ID. Expected: {customer_id}
[ ] 6. Write what it shows as "customer_id" into {PORTAL_ANSWER} in this folder, and your name as "uploaded_by".
[ ] 7. Run the playbook again. It compares the customer ID, records the upload, puts the version in service, and takes
       {BUNDLE} and {PORTAL_ANSWER} out of this folder.
""".encode()


def portal_form(sha256: str, region: str) -> bytes:
    """The record that a person fills in."""
    form = {"customer_id": "", "uploaded_by": "", "region": region, "sha256": sha256}
    return (json.dumps(form, indent=2) + "\n").encode()

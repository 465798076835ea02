# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The folders of a mailbox, their identifiers, and ``GetFolder``."""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import xml.etree.ElementTree as ET

from ..mailbox import Mailboxes
from .soap import MESSAGES, TYPES, EwsError, failure, local_name, messages, response, success, types


@dataclasses.dataclass(frozen=True)
class Folder:
    """A folder by its distinguished name."""

    mailbox: str
    name: str

    @property
    def id(self) -> str:
        """Opaque, and the same for the same folder of the same mailbox."""
        return base64.b64encode(hashlib.sha512(f"{self.mailbox}/{self.name}".encode()).digest()).decode()

    @property
    def change_key(self) -> str:
        return base64.b64encode(hashlib.sha1(self.id.encode(), usedforsecurity=False).digest()).decode()

    @property
    def parent(self) -> Folder:
        return Folder(self.mailbox, "root" if self.name in ("root", "msgfolderroot") else "msgfolderroot")


#: Distinguished name to display name, class and element.
_FOLDERS = {
    "root": ("", "", "Folder"),
    "msgfolderroot": ("Top of Information Store", "IPF.Note", "Folder"),
    "inbox": ("Inbox", "IPF.Note", "Folder"),
    "drafts": ("Drafts", "IPF.Note", "Folder"),
    "outbox": ("Outbox", "IPF.Note", "Folder"),
    "sentitems": ("Sent Items", "IPF.Note", "Folder"),
    "deleteditems": ("Deleted Items", "IPF.Note", "Folder"),
    "junkemail": ("Junk Email", "IPF.Note", "Folder"),
    "calendar": ("Calendar", "IPF.Appointment", "CalendarFolder"),
}


def resolve(reference: ET.Element, user: str) -> Folder:
    """The folder that a ``t:FolderId`` or ``t:DistinguishedFolderId`` means.

    :raises EwsError: none of the user's folders; ErrorAccessDenied for somebody else's.
    """
    if local_name(reference) == "DistinguishedFolderId":
        owner = (reference.findtext(f"{{{TYPES}}}Mailbox/{{{TYPES}}}EmailAddress") or user).lower()
        if owner != user:
            raise EwsError("ErrorAccessDenied", "Access is denied. Check credentials and try again.")
        name = reference.get("Id", "").lower()
        if name in _FOLDERS:
            return Folder(user, name)
    for name in _FOLDERS:
        if local_name(reference) == "FolderId" and Folder(user, name).id == reference.get("Id"):
            return Folder(user, name)
    raise EwsError("ErrorFolderNotFound", "The specified folder could not be found in the store.")


def get_folder(request: ET.Element, user: str, mailboxes: Mailboxes) -> ET.Element:
    """Answer ``GetFolder``: one response message for each folder that is asked for."""
    results = []
    for reference in request.findall(f"{{{MESSAGES}}}FolderIds/*"):
        try:
            folder = resolve(reference, user)
        except EwsError as error:
            results.append(failure("GetFolder", error))
        else:
            results.append(success("GetFolder", messages("Folders", _described(folder, mailboxes))))
    return response("GetFolder", *results)


def _described(folder: Folder, mailboxes: Mailboxes) -> ET.Element:
    display_name, kind, element = _FOLDERS[folder.name]
    items = [item for item in mailboxes.items(folder.mailbox) if item.folder == folder.name]
    children = sum(Folder(folder.mailbox, name).parent == folder for name in _FOLDERS if name != folder.name)
    return types(
        element,
        types("FolderId", Id=folder.id, ChangeKey=folder.change_key),
        types("ParentFolderId", Id=folder.parent.id, ChangeKey=folder.parent.change_key),
        types("FolderClass", kind) if kind else None,
        types("DisplayName", display_name),
        types("TotalCount", str(len(items))),
        types("ChildFolderCount", str(children)),
        types("UnreadCount", str(len(items))) if element == "Folder" else None,
    )

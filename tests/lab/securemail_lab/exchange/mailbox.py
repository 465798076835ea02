# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The mailboxes of the database availability group: shared files, and which host holds the active copy.

A delivery always happens on the active host: a host that accepts a mail for another hands it on over SMTP, as
Exchange's own transport does, so the process that holds the subscriptions is the one that stores the item.
"""

from __future__ import annotations

import base64
import dataclasses
import datetime as dt
import email.policy
import re
import secrets
import typing as t

from ..lab import Lab
from ..state import JsonFile

INBOX, SENT_ITEMS, DRAFTS, DELETED_ITEMS = "inbox", "sentitems", "drafts", "deleteditems"
_ADDRESS = re.compile(r"[a-z0-9._+-]+@[a-z0-9.-]+")


@dataclasses.dataclass(frozen=True)
class Item:
    """One message. ``sequence`` grows by one with every item of a mailbox, ``received`` is UTC, ``mime`` base64."""

    sequence: int
    id: str
    change_key: str
    folder: str
    received: str
    sender: str
    subject: str
    mime: str

    @property
    def is_new_mail(self) -> bool:
        return self.folder == INBOX


class NoSuchMailbox(LookupError):
    """No mailbox has this address."""


class Mailboxes:
    """All mailboxes of one lab; ``changed`` is called with the address whenever an item came in through this object."""

    def __init__(self, lab: Lab, changed: t.Callable[[str], None] = lambda address: None) -> None:
        self._folder = lab.state("exchange")
        self._changed = changed

    def active_host(self) -> str:
        """The host that mounts the active copy of the database."""
        return str(JsonFile(self._folder / "dag.json").read()["active"])

    def create(self, address: str) -> None:
        """Make an empty mailbox, unless there is one."""
        with self._file(address).edit() as document:
            document.setdefault("address", address.lower())
            document.setdefault("sequence", 0)
            document.setdefault("items", [])

    def exists(self, address: str) -> bool:
        try:
            return self._file(address).path.exists()
        except NoSuchMailbox:
            return False

    def deliver(self, address: str, message: bytes) -> Item:
        """Put a message that arrived into the inbox.

        :raises NoSuchMailbox: there is none of that address.
        """
        return self.store(address, INBOX, message)

    def store(self, address: str, folder: str, message: bytes) -> Item:
        """Put a message into a folder.

        :raises NoSuchMailbox: there is none of that address.
        """
        if not self.exists(address):
            raise NoSuchMailbox(address)
        headers = email.message_from_bytes(message, policy=email.policy.default)
        with self._file(address).edit() as document:
            document["sequence"] += 1
            item = Item(
                sequence=document["sequence"],
                id=_identifier(72),
                change_key=_identifier(24),
                folder=folder,
                received=dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
                sender=str(headers.get("From", "")),
                subject=str(headers.get("Subject", "")),
                mime=base64.b64encode(message).decode(),
            )
            document["items"].append(dataclasses.asdict(item))
        self._changed(address.lower())
        return item

    def remove(self, address: str, identifier: str, to: str | None = None) -> None:
        """Delete an item for good, or move it to the folder ``to``.

        :raises KeyError: no item has this identifier.
        """
        with self._file(address).edit() as document:
            (item,) = [one for one in document["items"] if one["id"] == identifier] or [None]
            if item is None:
                raise KeyError(identifier)
            if to is None:
                document["items"].remove(item)
            else:
                item["folder"] = to

    def sequence(self, address: str) -> int:
        """The number of the newest item, 0 in a new mailbox."""
        return int(self._file(address).read().get("sequence", 0))

    def items(self, address: str, after: int = 0) -> list[Item]:
        """Items with a greater number than ``after``, oldest first."""
        items = [Item(**item) for item in self._file(address).read().get("items", [])]
        return [item for item in items if item.sequence > after]

    def _file(self, address: str) -> JsonFile:
        if not _ADDRESS.fullmatch(address.lower()):
            raise NoSuchMailbox(address)
        return JsonFile(self._folder / "mailboxes" / f"{address.lower()}.json")


def _identifier(size: int) -> str:
    return base64.b64encode(secrets.token_bytes(size)).decode()

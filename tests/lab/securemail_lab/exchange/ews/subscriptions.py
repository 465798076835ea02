# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Push subscriptions: what one is, and the file that shows a host's present ones to a person."""

from __future__ import annotations

import base64
import dataclasses
import struct
import time
import uuid

from ...state import JsonFile
from ..machine import Machine
from ..mailbox import Item

EVENT_TYPES = frozenset(
    {
        "CopiedEvent",
        "CreatedEvent",
        "DeletedEvent",
        "ModifiedEvent",
        "MovedEvent",
        "NewMailEvent",
        "FreeBusyChangedEvent",
    }
)


@dataclasses.dataclass
class Subscription:
    """One push subscription.

    ``folders`` are distinguished names, none for the whole mailbox. ``status_frequency`` is in minutes. ``position``
    is the sequence number of the newest item that the listener knows of, ``attempts`` the failed sends in a row.
    """

    id: str
    mailbox: str
    url: str
    event_types: list[str]
    folders: list[str] | None
    status_frequency: int
    position: int
    attempts: int = 0

    def events(self, item: Item) -> list[str]:
        """The names of the events that an item means to this subscription."""
        if self.folders is not None and item.folder not in self.folders:
            return []
        happened = ["CreatedEvent", "NewMailEvent"] if item.is_new_mail else ["CreatedEvent"]
        return [name for name in happened if name in self.event_types]


def new_id(server: str) -> str:
    """A subscription identifier of Exchange's form: the server's name, a GUID, a time stamp; base64."""
    name = server.encode()
    packed = struct.pack("<H", len(name)) + name + struct.pack("<I", 16) + uuid.uuid4().bytes
    return base64.b64encode(packed + struct.pack("<Q", time.time_ns())).decode()


def watermark(position: int) -> str:
    """A position in a mailbox's history as clients see it."""
    return base64.b64encode(struct.pack("<IQ", 1, position)).decode()


def position_of(mark: str) -> int:
    """The position that a watermark stands for.

    :raises ValueError: no watermark of this server.
    """
    try:
        version, position = struct.unpack("<IQ", base64.b64decode(mark, validate=True))
    except struct.error as error:
        raise ValueError(str(error)) from None
    if version != 1:
        raise ValueError("unknown version")
    return int(position)


def show(machine: Machine, subscriptions: list[Subscription]) -> None:
    """Write ``subscriptions.json`` of the host: the process's memory, for people to look at."""
    JsonFile(machine.state / "subscriptions.json").write([dataclasses.asdict(each) for each in subscriptions])

# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The operations of the back end: which there are, and how a request becomes an answer."""

from __future__ import annotations

import xml.etree.ElementTree as ET

from ..mailbox import Mailboxes
from .deleting import delete_item
from .folders import get_folder
from .notifier import Notifier
from .sending import create_item
from .soap import (
    MESSAGES,
    EwsError,
    ServerVersion,
    SoapFault,
    envelope,
    failure,
    fault,
    local_name,
    parse,
    response,
)
from .subscribing import subscribe, unsubscribe


class Operations:
    """EWS of one back end. ``server`` is its fully qualified name."""

    def __init__(self, server: str, mailboxes: Mailboxes, notifier: Notifier) -> None:
        self._server = server
        self._mailboxes = mailboxes
        self._notifier = notifier

    def answer(self, content: bytes, user: str, version: ServerVersion) -> tuple[int, bytes]:
        """HTTP status and SOAP envelope for a request of a user, who is named by the mailbox's address."""
        try:
            body = self._perform(parse(content), user)
        except SoapFault as error:
            return 500, envelope(fault(error), version.header())
        return 200, envelope(body, version.header())

    def _perform(self, request: ET.Element, user: str) -> ET.Element:
        if not self._mailboxes.exists(user):
            raise SoapFault("ErrorNonExistentMailbox", "The SMTP address has no mailbox associated with it.")
        operation = local_name(request)
        try:
            match request.tag.removeprefix(f"{{{MESSAGES}}}"):
                case "GetFolder":
                    return get_folder(request, user, self._mailboxes)
                case "Subscribe":
                    return subscribe(request, user, self._server, self._mailboxes, self._notifier)
                case "Unsubscribe":
                    return unsubscribe(request, user, self._notifier)
                case "CreateItem":
                    return create_item(request, user, self._mailboxes)
                case "DeleteItem":
                    return delete_item(request, user, self._mailboxes)
                case _:
                    raise SoapFault("ErrorInvalidOperation", f"The operation {operation} is not supported.")
        except EwsError as error:
            return response(operation, failure(operation, error))

# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""``DeleteItem``, as the EWS reference describes it: for good, or into the deleted items."""

from __future__ import annotations

import xml.etree.ElementTree as ET

from ..mailbox import DELETED_ITEMS, Mailboxes
from .soap import MESSAGES, TYPES, EwsError, SoapFault, failure, response, success

_KINDS = {"HardDelete": None, "SoftDelete": None, "MoveToDeletedItems": DELETED_ITEMS}


def delete_item(request: ET.Element, user: str, mailboxes: Mailboxes) -> ET.Element:
    """One response message for each ``t:ItemId``.

    :raises SoapFault: another ``DeleteType``, or no items.
    """
    kind = request.get("DeleteType", "")
    identifiers = request.findall(f"{{{MESSAGES}}}ItemIds/{{{TYPES}}}ItemId")
    if kind not in _KINDS or not identifiers:
        raise SoapFault("ErrorInvalidRequest", "DeleteItem takes item identifiers, with a DeleteType.")
    results = []
    for identifier in identifiers:
        try:
            mailboxes.remove(user, identifier.get("Id", ""), _KINDS[kind])
        except KeyError:
            error = EwsError("ErrorItemNotFound", "The specified object was not found in the store.")
            results.append(failure("DeleteItem", error))
        else:
            results.append(success("DeleteItem"))
    return response("DeleteItem", *results)

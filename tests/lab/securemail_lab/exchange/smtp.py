# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The SMTP door of an Exchange host: mail for existing mailboxes only, handed to the host of the active copy."""

from __future__ import annotations

import asyncio
import email.utils
import logging
import smtplib
import typing as t

from aiosmtpd.smtp import SMTP, Envelope, Session

from ..lab import Lab
from .mailbox import Mailboxes

#: Exchange's default MaxReceiveSize of an organization, 36 MB.
_LARGEST_MESSAGE = 36 * 1024 * 1024
_RELAY_SECONDS = 10.0
_NOT_FOUND = "550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient not found by SMTP address lookup"

_log = logging.getLogger(__name__)


class Handler:
    """The callbacks of one host; aiosmtpd finds them by their names."""

    def __init__(self, lab: Lab, host: str, mailboxes: Mailboxes) -> None:
        self._lab = lab
        self._host = host
        self._mailboxes = mailboxes

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, rcpt_options: list[str]
    ) -> str:
        if not self._mailboxes.exists(address):
            return _NOT_FOUND
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 Recipient OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        content = envelope.content
        assert isinstance(content, bytes)  # decode_data is off
        message = self._received(session).encode() + content
        active = self._mailboxes.active_host()
        if active == self._host:
            for address in envelope.rcpt_tos:
                self._mailboxes.deliver(address, message)
        else:
            try:
                await asyncio.to_thread(self._hand_on, active, envelope, message)
            except (OSError, smtplib.SMTPException) as error:
                _log.warning("%s does not take mail: %s", active, error)
                return "451 4.4.0 Primary target IP address responded with an error"
        return "250 2.6.0 Queued mail for delivery"

    def _received(self, session: Session) -> str:
        client = f"{session.host_name or 'unknown'} ({session.peer[0] if session.peer else 'unknown'})"
        name = self._lab.name(self._host)
        return f"Received: from {client}\r\n by {name} with Microsoft SMTP Server; {email.utils.formatdate()}\r\n"

    def _hand_on(self, active: str, envelope: Envelope, message: bytes) -> None:
        with smtplib.SMTP(
            self._lab.address(active),
            self._lab.port("smtp"),
            local_hostname=self._lab.name(self._host),
            timeout=_RELAY_SECONDS,
        ) as connection:
            connection.sendmail(envelope.mail_from or "", envelope.rcpt_tos, message)


async def listen(lab: Lab, host: str, mailboxes: Mailboxes) -> list[asyncio.Server]:
    """Listen on all addresses of ``host``; ``close`` of each server stops it."""
    loop = asyncio.get_running_loop()
    handler = Handler(lab, host, mailboxes)

    def session() -> asyncio.Protocol:
        protocol: t.Any = SMTP(
            handler,
            hostname=lab.name(host),
            ident="Microsoft ESMTP MAIL Service ready",
            data_size_limit=_LARGEST_MESSAGE,
            loop=loop,
        )
        return t.cast(asyncio.Protocol, protocol)

    return [await loop.create_server(session, address, lab.port("smtp")) for address in lab.addresses(host)]

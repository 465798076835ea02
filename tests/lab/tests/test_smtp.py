# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The SMTP door of both hosts, asked by smtplib."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import pathlib
import smtplib
import socket
import typing as t

import pytest

from securemail_lab.exchange import smtp
from securemail_lab.exchange.mailbox import INBOX, Mailboxes, NoSuchMailbox
from securemail_lab.lab import EXCHANGE_HOSTS, USER, Lab, create
from securemail_lab.state import JsonFile

MAIL = b"From: a@example.com\r\nSubject: =?utf-8?q?gr=C3=BC=C3=9Fe?=\r\n\r\n.\r\nbody\r\n"


@pytest.fixture
def lab(tmp_path: pathlib.Path) -> Lab:
    plan_file = create(tmp_path, "loopback").directory / "lab.json"
    plan = json.loads(plan_file.read_bytes())
    with socket.socket() as probe:
        probe.bind((plan["addresses"]["exch01"][0], 0))
        plan["ports"]["smtp"] = probe.getsockname()[1]
    plan_file.write_text(json.dumps(plan))
    lab = Lab(tmp_path)
    JsonFile(lab.state("exchange") / "dag.json").write({"active": "exch01"})
    Mailboxes(lab).create(USER)
    return lab


def run(lab: Lab, act: t.Callable[[smtplib.SMTP], t.Any], host: str = "exch01") -> tuple[t.Any, dict[str, list[str]]]:
    """What ``act`` returns with a session to a host, and which host delivered to whom."""
    delivered: dict[str, list[str]] = {name: [] for name in EXCHANGE_HOSTS}

    def client() -> t.Any:
        with smtplib.SMTP(lab.address(host), lab.port("smtp"), timeout=5) as connection:
            return act(connection)

    async def serve() -> t.Any:
        async with contextlib.AsyncExitStack() as started:
            for name in EXCHANGE_HOSTS:
                for server in await smtp.listen(lab, name, Mailboxes(lab, delivered[name].append)):
                    started.callback(server.close)
            return await asyncio.to_thread(client)

    return asyncio.run(serve()), delivered


def test_a_mail_is_stored_as_it_came(lab: Lab) -> None:
    _rest, delivered = run(lab, lambda session: session.sendmail("a@example.com", [USER.upper()], MAIL))
    assert delivered == {"exch01": [USER], "exch02": []}
    (item,) = Mailboxes(lab).items(USER)
    assert (item.sequence, item.folder, item.sender, item.subject) == (1, INBOX, "a@example.com", "gr\u00fc\u00dfe")
    content = base64.b64decode(item.mime)
    assert content.startswith(b"Received: from ") and content.endswith(MAIL)


def test_the_other_host_hands_the_mail_on(lab: Lab) -> None:
    _rest, delivered = run(lab, lambda session: session.sendmail("a@example.com", [USER], MAIL), "exch02")
    assert delivered == {"exch01": [USER], "exch02": []}
    content = base64.b64decode(Mailboxes(lab).items(USER)[0].mime)
    assert content.count(b"Received: from ") == 2


def test_after_a_switch_over_the_other_host_delivers(lab: Lab) -> None:
    JsonFile(lab.state("exchange") / "dag.json").write({"active": "exch02"})
    _rest, delivered = run(lab, lambda session: session.sendmail("a@example.com", [USER], MAIL))
    assert delivered == {"exch01": [], "exch02": [USER]}


@pytest.mark.parametrize("address", ["nobody@contoso.com", "../exchange/dag@contoso.com", "alex@contoso.com/x"])
def test_unknown_mailboxes_are_refused(lab: Lab, address: str) -> None:
    def ask(session: smtplib.SMTP) -> tuple[int, bytes]:
        session.helo("client.example.com")
        session.mail("a@example.com")
        return session.rcpt(address)

    (code, text), _rest = run(lab, ask)
    assert code in (550, 553)
    assert code == 553 or b"RecipientNotFound" in text
    with pytest.raises(NoSuchMailbox):
        Mailboxes(lab).deliver(address, MAIL)
    assert Mailboxes(lab).items(USER) == []


def test_a_host_that_cannot_hand_on_says_so(lab: Lab) -> None:
    JsonFile(lab.state("exchange") / "dag.json").write({"active": "gateway"})
    with pytest.raises(smtplib.SMTPDataError) as refusal:
        run(lab, lambda session: session.sendmail("a@example.com", [USER], MAIL))
    assert refusal.value.smtp_code == 451
    assert Mailboxes(lab).items(USER) == []

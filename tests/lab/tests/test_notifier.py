# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the notifier decides without a network: retries, watermarks, notifications, answers."""

from __future__ import annotations

import asyncio
import base64
import pathlib

import pytest
from exchangelib.services import SendNotification
from hypothesis import given
from hypothesis import strategies as st

from securemail_lab.exchange.ews import notification
from securemail_lab.exchange.ews.notifier import Notifier, retry_intervals
from securemail_lab.exchange.ews.soap import ServerVersion
from securemail_lab.exchange.ews.subscriptions import EVENT_TYPES, Subscription, new_id, position_of, watermark
from securemail_lab.exchange.machine import Machine
from securemail_lab.exchange.mailbox import INBOX, SENT_ITEMS, Item, Mailboxes
from securemail_lab.lab import USER, create
from securemail_lab.state import JsonFile

VERSION = ServerVersion(15, 2, 986, 5)


def subscription(**changes: object) -> Subscription:
    values: dict[str, object] = {
        "id": "S",
        "mailbox": USER,
        "url": "https://us-east-1.mailboxlistener.xm.citrix.com/v1/notify/1",
        "event_types": ["NewMailEvent"],
        "folders": [INBOX],
        "status_frequency": 30,
        "position": 0,
    }
    return Subscription(**(values | changes))  # type: ignore[arg-type]


def item(folder: str = INBOX, sequence: int = 1, **changes: str) -> Item:
    values = {"received": "2026-01-02T03:04:05+00:00", "sender": "a-sender", "subject": "a-subject", "mime": "YWJj"}
    return Item(sequence=sequence, id="aWQ=", change_key="a2V5", folder=folder, **(values | changes))


def test_retries_of_the_documented_default() -> None:
    assert retry_intervals(30) == [30, 60, 120, 240, 480, 960]
    assert retry_intervals(1) == [30, 60]
    assert len(retry_intervals(64)) == 8  # nine attempts, as a published event 7 counts them


@given(st.integers(1, 1440))
def test_retries_double_up_to_the_status_frequency(minutes: int) -> None:
    intervals = retry_intervals(minutes)
    assert intervals[0] == 30
    assert all(later == 2 * earlier for earlier, later in zip(intervals, intervals[1:], strict=False))
    assert intervals[-1] <= minutes * 60 < 2 * intervals[-1]


@given(st.integers(0, 2**63))
def test_a_watermark_is_its_position(position: int) -> None:
    assert position_of(watermark(position)) == position


@given(st.text())
def test_foreign_watermarks_are_refused_or_read(text: str) -> None:
    try:
        position = position_of(text)
    except ValueError:
        return
    assert watermark(position) == text


def test_a_subscription_id_names_its_server() -> None:
    assert b"exch01.corp.contoso.com" in base64.b64decode(new_id("exch01.corp.contoso.com"))
    assert new_id("a") != new_id("a")


@pytest.mark.parametrize(
    ("event_types", "folders", "folder", "expected"),
    [
        (["NewMailEvent"], [INBOX], INBOX, ["NewMailEvent"]),
        (["NewMailEvent"], [INBOX], SENT_ITEMS, []),
        (["NewMailEvent"], None, SENT_ITEMS, []),
        (["CreatedEvent"], None, SENT_ITEMS, ["CreatedEvent"]),
        (["NewMailEvent", "CreatedEvent"], [INBOX], INBOX, ["CreatedEvent", "NewMailEvent"]),
        (["DeletedEvent"], [INBOX], INBOX, []),
    ],
)
def test_which_events_an_item_means(
    event_types: list[str], folders: list[str] | None, folder: str, expected: list[str]
) -> None:
    assert subscription(event_types=event_types, folders=folders).events(item(folder)) == expected


def test_exchangelib_reads_a_notification() -> None:
    content = notification.build(subscription(position=6), [item(sequence=7), item(sequence=8)], VERSION)
    (parsed,) = SendNotification(protocol=None).parse(content)
    assert (parsed.subscription_id, parsed.previous_watermark, parsed.more_events) == ("S", watermark(6), False)
    assert [event.watermark for event in parsed.events] == [watermark(7), watermark(8)]
    assert str(parsed.events[0].timestamp).startswith("2026-01-02 03:04:05")


@given(st.text(st.characters(codec="ascii", categories=["L", "N"]), min_size=12), st.sampled_from(sorted(EVENT_TYPES)))
def test_a_notification_carries_no_content(secret: str, event_type: str) -> None:
    mail = item(sender=secret, subject=secret, mime=secret)
    content = notification.build(subscription(event_types=[event_type]), [mail], VERSION)
    assert secret.encode() not in content


@pytest.mark.parametrize("wanted", [True, False])
def test_answers_of_exchangelib(wanted: bool) -> None:
    service = SendNotification(protocol=None)
    answer = service.ok_payload() if wanted else service.unsubscribe_payload()
    assert notification.wants_more(answer) is wanted


@pytest.mark.parametrize("wrong", ["", "ok", "Maybe"])
def test_other_answers_are_unreadable(wrong: str) -> None:
    answer = SendNotification(protocol=None).ok_payload().replace(b">OK<", f">{wrong}<".encode())
    with pytest.raises(ValueError, match="SubscriptionStatus"):
        notification.wants_more(answer)
    with pytest.raises(ValueError, match="schema"):
        notification.wants_more(wrong.encode())


@given(st.binary())
def test_garbage_is_unreadable(answer: bytes) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        notification.wants_more(answer)


def test_a_new_process_knows_no_subscriptions(tmp_path: pathlib.Path) -> None:
    lab = create(tmp_path, "loopback")
    machine = Machine("exch01", lab.state("exch01"))
    JsonFile(lab.state("exchange") / "dag.json").write({"active": "exch01"})
    shown = JsonFile(machine.state / "subscriptions.json")
    shown.write([{"id": "of the last process"}])

    async def start_and_stop() -> None:
        await Notifier(lab, machine, Mailboxes(lab), lambda: VERSION).close()

    asyncio.run(start_and_stop())
    assert shown.read() == []

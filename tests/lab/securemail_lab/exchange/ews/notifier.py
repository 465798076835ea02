# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The back end's sender of push notifications: retries, status events, events 6 and 7, and how all is forgotten.

Retries follow Microsoft's page on StatusFrequency: at once, after 30 seconds, then after twice the last interval,
while that is not longer than StatusFrequency. The events are those of source ``MSExchange Web Services``.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import itertools
import logging
import typing as t

from ...lab import Lab
from ..events import ERROR, WARNING, EventLog
from ..machine import Machine
from ..mailbox import Item, Mailboxes
from ..pools import EWS_POOL, STARTED, processes, state_of
from . import notification
from .outbound import Outbound, SendFailed
from .soap import ServerVersion
from .subscriptions import Subscription, show

SOURCE = "MSExchange Web Services"
SEND_FAILED, GIVEN_UP = 6, 7
_WEB_CONFIG = r"%ExchangeInstallPath%ClientAccess\exchweb\EWS\web.config"
_FIRST_RETRY_SECONDS = 30
#: How long a recycled process may go unnoticed while nothing is sent.
_WATCH_SECONDS = 0.2

_log = logging.getLogger(__name__)


def retry_intervals(status_frequency: int) -> list[int]:
    """Seconds before each retry, for a StatusFrequency in minutes: 30, 60, 120, 240 for 5 minutes."""
    doubled = (_FIRST_RETRY_SECONDS * 2**retry for retry in itertools.count())
    return list(itertools.takewhile(lambda interval: interval <= status_frequency * 60, doubled))


class Notifier:
    """The subscriptions of one host's back end: in memory, one task each."""

    def __init__(
        self, lab: Lab, machine: Machine, mailboxes: Mailboxes, version: t.Callable[[], ServerVersion]
    ) -> None:
        self._lab = lab
        self._machine = machine
        self._mailboxes = mailboxes
        self._version = version
        self._outbound = Outbound(lab, machine)
        self._events = EventLog(machine)
        self._subscriptions: dict[str, Subscription] = {}
        self._news: dict[str, asyncio.Event] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._process = self._process_now()
        self._watch = asyncio.create_task(self._watch_for_recycling())
        self._show()

    def add(self, subscription: Subscription) -> None:
        """Begin to notify. A healthy older subscription of the same listener URL ends, so that they do not pile up."""
        self._recycle()
        for older in list(self._subscriptions.values()):
            if (older.mailbox, older.url, older.attempts) == (subscription.mailbox, subscription.url, 0):
                self._drop(older.id)
        self._subscriptions[subscription.id] = subscription
        self._news[subscription.id] = asyncio.Event()
        self._tasks[subscription.id] = task = asyncio.create_task(self._serve(subscription))
        task.add_done_callback(functools.partial(self._ended, subscription.id))
        self._show()

    def find(self, identifier: str) -> Subscription | None:
        self._recycle()
        return self._subscriptions.get(identifier)

    def mailbox_changed(self, address: str) -> None:
        """Wake the subscriptions of a mailbox: an item came in."""
        for identifier, subscription in self._subscriptions.items():
            if subscription.mailbox == address:
                self._news[identifier].set()

    async def close(self) -> None:
        """Forget everything and wait until no send is under way."""
        tasks = [self._watch, *self._tasks.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for identifier in list(self._subscriptions):
            self._forget(identifier)

    async def _serve(self, subscription: Subscription) -> None:
        """Send a status event at once and whenever it is due, events as they happen, until the end."""
        interval = self._lab.seconds(subscription.status_frequency * 60)
        loop = asyncio.get_running_loop()
        news = self._news[subscription.id]
        due = loop.time()
        while True:
            news.clear()
            fresh = self._mailboxes.items(subscription.mailbox, subscription.position)
            items = [item for item in fresh if subscription.events(item)]
            if items or loop.time() >= due:
                if not await self._notify(subscription, items):
                    self._forget(subscription.id)
                    return
                subscription.position = max([subscription.position, *(item.sequence for item in fresh)])
                self._show()
                due = loop.time() + interval
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout_at(due):
                    await news.wait()

    async def _notify(self, subscription: Subscription, items: list[Item]) -> bool:
        """Send one notification, with retries; whether the subscription goes on."""
        content = notification.build(subscription, items, self._version())
        for interval in (0, *retry_intervals(subscription.status_frequency)):
            await asyncio.sleep(self._lab.seconds(interval))
            self._recycle()
            if subscription.id not in self._subscriptions:
                return False
            try:
                answer = await self._outbound.post(subscription.url, content, notification.SOAP_ACTION)
                wants_more = notification.wants_more(answer)
            except (SendFailed, ValueError) as error:
                subscription.attempts += 1
                self._log_failure(subscription, error)
                self._show()
                continue
            subscription.attempts = 0
            return wants_more
        self._events.append(
            SOURCE,
            GIVEN_UP,
            ERROR,
            f"After {subscription.attempts} unsuccessful attempts to send a notification for subscription "
            f"[{subscription.id}] against endpoint [{subscription.url}], the subscription was removed.",
        )
        return False

    def _log_failure(self, subscription: Subscription, error: Exception) -> None:
        details = str(error) if isinstance(error, SendFailed) else f"InvalidOperationException: {error}"
        self._events.append(
            SOURCE,
            SEND_FAILED,
            WARNING,
            f"A notification for subscription [{subscription.id}] against endpoint [{subscription.url}] couldn't be "
            f"sent. (Send attempts: {subscription.attempts}) Details: {details}",
        )

    async def _watch_for_recycling(self) -> None:
        while True:
            await asyncio.sleep(_WATCH_SECONDS)
            self._recycle()

    def _recycle(self) -> None:
        """Forget every subscription where the worker process, or its application domain, is a new one."""
        now = self._process_now()
        if now != self._process:
            self._process = now
            for identifier in list(self._subscriptions):
                self._drop(identifier)

    def _process_now(self) -> tuple[object, ...]:
        """What tells one life of the application from the next: its pool's process, its web.config, its mailboxes.

        A pool that is stopped has no process.
        """
        try:
            status = self._machine.path(_WEB_CONFIG).stat()
        except FileNotFoundError:
            config: tuple[int, ...] = ()
        else:
            config = (status.st_ino, status.st_mtime_ns, status.st_size)
        running = state_of(self._machine, EWS_POOL) == STARTED
        return running, processes(self._machine, EWS_POOL), config, self._mailboxes.active_host() == self._machine.name

    def _drop(self, identifier: str) -> None:
        self._tasks[identifier].cancel()
        self._forget(identifier)

    def _ended(self, identifier: str, task: asyncio.Task[None]) -> None:
        """A subscription that died of a broken state file would be silent for ever: say why in the program's log."""
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.error("a subscription ended", exc_info=error)
            self._forget(identifier)

    def _forget(self, identifier: str) -> None:
        for known in (self._subscriptions, self._news, self._tasks):
            t.cast(dict[str, object], known).pop(identifier, None)
        self._show()

    def _show(self) -> None:
        show(self._machine, list(self._subscriptions.values()))

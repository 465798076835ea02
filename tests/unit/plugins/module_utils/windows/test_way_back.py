# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The health gate by itself, and what surrounds a write: every order of sound and unsound answers."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.pushops.securemail.plugins.module_utils.core.errors import Refused, Unreachable
from ansible_collections.pushops.securemail.plugins.module_utils.windows.backups import Backups
from ansible_collections.pushops.securemail.plugins.module_utils.windows.health import (
    EWS_REQUEST,
    Answer,
    Expected,
    HealthGate,
    HealthSettings,
)
from ansible_collections.pushops.securemail.plugins.module_utils.windows.runner import CommandResult
from ansible_collections.pushops.securemail.plugins.module_utils.windows.way_back import WayBack

FILES = (r"C:\Exchange\FrontEnd\EWS\web.config", r"C:\Exchange\ClientAccess\exchweb\EWS\web.config")


class Ews:
    """Answers by its state; time passes only while somebody waits."""

    def __init__(self, sound: t.Callable[[], bool] = lambda: True) -> None:
        self.page, self.post, self.back_end = Answer(200), Answer(401), Answer(401)
        self.sound = sound
        self.asked: list[str] = []
        self.now = 0.0

    def ask(self, url: str, body: bytes | None, *, back_end: bool) -> Answer:
        self.asked.append(url)
        if not self.sound():
            return Answer(500)
        return self.back_end if back_end else self.post if body else self.page

    def wait(self, seconds: float) -> None:
        self.now += seconds

    def gate(self, **settings: t.Any) -> HealthGate:
        given = {"url": "https://exch01", "back_end_url": "https://exch01:444", "warm_up": 10, **settings}
        return HealthGate(HealthSettings(**given), self, clock=lambda: self.now, wait=self.wait)


@pytest.mark.parametrize(
    ("page", "post", "back_end", "expected", "sound"),
    [
        (200, 401, 401, Expected(), True),
        (200, 200, 200, Expected(), True),
        (404, 401, 401, Expected(), False),
        (200, 500, 401, Expected(), False),
        (200, 503, 401, Expected(), False),
        (200, 404, 401, Expected(), False),
        (200, 401, 500, Expected(), False),
        (200, 401, 413, Expected(), False),
        (200, 413, 401, Expected(), False),
        (200, 413, 401, Expected(read_ahead=0), True),
        (200, 413, 401, Expected(read_ahead=len(EWS_REQUEST)), False),
        (403, 403, 401, Expected(), False),
        (403, 403, 401, Expected(certificate_required=True), True),
        (200, 401, 403, Expected(certificate_required=True), False),
        (None, 401, 401, Expected(), False),
    ],
)
def test_which_answers_are_those_of_a_living_ews(
    page: int | None, post: int, back_end: int, expected: Expected, sound: bool
) -> None:
    ews = Ews()
    ews.page, ews.post, ews.back_end = Answer(page, "refused"), Answer(post), Answer(back_end)
    gate = ews.gate()
    assert (gate.before(expected) == "") is sound
    assert (gate.after(expected) == "") is sound


def test_413_counts_only_where_certificates_are_asked_for() -> None:
    assert Expected.of("Ssl", 0) == Expected()
    assert Expected.of("Ssl, SslNegotiateCert", 0) == Expected(read_ahead=0)
    assert Expected.of("0x60", 9) == Expected(certificate_required=True, read_ahead=9)


def test_the_warm_up_is_waited_for_and_bounded() -> None:
    ews = Ews(sound=lambda: ews.now >= 6)
    assert ews.gate().after(Expected()) == "" and ews.now < 12
    ews = Ews(sound=lambda: False)
    assert "HTTP 500" in ews.gate().after(Expected()) and 10 <= ews.now < 14


def test_one_sound_answer_before_the_restart_proves_nothing() -> None:
    ews = Ews(sound=lambda: ews.now < 1)
    assert ews.gate().after(Expected()) != ""


def test_a_hiccup_before_the_change_is_forgiven() -> None:
    ews = Ews(sound=lambda: len(ews.asked) > 2)
    assert ews.gate(back_end_url="").before(Expected()) == ""


def test_a_back_end_that_does_not_answer_is_not_asked_again() -> None:
    ews = Ews()
    ews.back_end = Answer(None, "refused")
    gate = ews.gate()
    assert gate.before(Expected()) == "" and gate.after(Expected()) == ""
    assert sum(":444" in url for url in ews.asked) == 1 and "not asked" in gate.warnings[0]


def write(host: t.Any, gate: HealthGate | None, fail: Exception | None = None, first: bool = True) -> WayBack:
    way_back = WayBack(host, Backups(host, wait=lambda _: None), gate)
    with way_back.around(FILES, Expected(), Expected) as progress:
        for file in FILES:
            if fail and first is (file == FILES[0]):
                raise fail
            host.files[file] += "<!-- changed -->"
            progress.made.append(file)
    return way_back


def contents(host: t.Any) -> dict[str, str]:
    return dict(host.files)


@pytest.fixture
def before(host: t.Any) -> dict[str, str]:
    return contents(host)


def test_a_sound_change_recycles_nothing(host: t.Any) -> None:
    way_back = write(host, Ews().gate())
    assert (way_back.recycled, host.pool["recycled"], len(way_back.backups)) == (False, 0, 2)


def test_an_unhealthy_host_is_refused_before_anything_is_written(host: t.Any, before: dict[str, str]) -> None:
    with pytest.raises(Refused, match=r"unhealthy before any change.*Nothing was changed.*require_healthy"):
        write(host, Ews(sound=lambda: False).gate())
    assert contents(host) == before and not host.writes


def test_a_caller_may_change_an_unhealthy_host(host: t.Any) -> None:
    ews = Ews(sound=lambda: "changed" in host.files[FILES[1]])
    way_back = WayBack(host, Backups(host), ews.gate(), require=False)
    with way_back.around(FILES, Expected(), Expected):
        host.files[FILES[1]] += "<!-- changed -->"
    assert len(way_back.backups) == 2


def test_a_host_that_was_ill_before_keeps_the_change_and_says_so(host: t.Any) -> None:
    way_back = WayBack(host, Backups(host), Ews(sound=lambda: False).gate(), require=False)
    with way_back.around(FILES, Expected(), Expected):
        host.files[FILES[1]] += "<!-- changed -->"
    assert "changed" in host.files[FILES[1]] and way_back.recycled
    assert any("was unhealthy before the change" in warning for warning in way_back.warnings)


def test_a_rollback_that_mends_nothing_is_taken_back(host: t.Any, before: dict[str, str]) -> None:
    way_back = WayBack(host, Backups(host), Ews(sound=lambda: False).gate(), require=False, rollback=True)
    with (
        pytest.raises(Refused, match=r"after the change.*files are back.*still unhealthy"),
        way_back.around(FILES, Expected(), Expected),
    ):
        host.files[FILES[1]] += "<!-- changed -->"
    assert contents(host) == before


def test_an_unsound_change_is_put_back(host: t.Any, before: dict[str, str]) -> None:
    ews = Ews(sound=lambda: "changed" not in host.files[FILES[1]])
    with pytest.raises(Refused, match=r"after the change.*files are back.*healthy again"):
        write(host, ews.gate())
    assert contents(host) == before and host.pool["recycled"] == 2


def test_a_pool_that_windows_stopped_is_started(host: t.Any) -> None:
    host.pool["state"] = "Stopped"
    ews = Ews(sound=lambda: host.pool["state"] == "Started" or "changed" not in host.files[FILES[1]])
    assert write(host, ews.gate()).recycled and host.pool["started"] == 1


def test_a_write_that_is_refused_halfway_is_put_back(host: t.Any, before: dict[str, str]) -> None:
    with pytest.raises(Refused, match=r"locked\. Written before it: .*files are back"):
        write(host, None, Refused("locked", "Unlock it"), first=False)
    assert contents(host) == before


def test_a_first_write_that_is_refused_leaves_no_copy(host: t.Any, before: dict[str, str]) -> None:
    with pytest.raises(Refused, match=r"^locked\. Unlock it\.$"):
        write(host, None, Refused("locked", "Unlock it"))
    assert contents(host) == before and host.pool["recycled"] == 0


def test_a_first_write_that_left_half_a_file_is_put_back(host: t.Any, before: dict[str, str]) -> None:
    way_back = WayBack(host, Backups(host, wait=lambda _: None))
    with pytest.raises(Refused, match=r"disk full\. The files are back"), way_back.around(FILES, Expected(), Expected):
        host.files[FILES[0]] = host.files[FILES[0]][:10]
        raise Refused("disk full", "Make room")
    assert contents(host) == before


def test_a_lost_host_keeps_its_copies_for_the_next_run(host: t.Any) -> None:
    with pytest.raises(Unreachable):
        write(host, Ews().gate(), Unreachable("gone", "Run again"), first=False)
    assert sum(path.endswith(".bak") for path in host.files) == 2


def test_a_way_back_that_fails_names_the_commands_and_keeps_the_copies(host: t.Any) -> None:
    ews = Ews(sound=lambda: "changed" not in host.files[FILES[0]])
    gate = ews.gate()
    way_back = WayBack(host, Backups(host, wait=lambda _: None), gate)
    with (
        pytest.raises(Refused, match="way back failed") as refused,
        way_back.around(FILES, Expected(), Expected) as made,
    ):
        for file in FILES:
            host.files[file] += "<!-- changed -->"
            made.made.append(file)
        host.faults["copy"] = [CommandResult(1, "", "disk full")] * 6
    assert refused.value.remedy.count("copy /Y") == 2
    assert sum(path.endswith(".bak") for path in host.files) == 2

# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The path as text, and on a terminal that another program imitates."""

from __future__ import annotations

import io
import typing as t

import pyte
import pytest

from ansible_collections.pushops.securemail.plugins.plugin_utils.watch import drawing
from ansible_collections.pushops.securemail.plugins.plugin_utils.watch.screen import Screen
from ansible_collections.pushops.securemail.plugins.plugin_utils.watch.standing import Standing

BROKEN = {"changes": [{"link": "proxy-bypass", "name": "bypass list", "before": None, "after": "the listener"}]}


def plain(text: str, _state: str) -> str:
    return text


def standing(name: str, result: dict[str, t.Any]) -> Standing:
    made = Standing(name)
    made.hears("exchange_ews_iis", "exch01", result)
    return made


def test_the_path_has_a_sign_for_each_link_and_the_badge() -> None:
    assert drawing.path(standing("emea", BROKEN), drawing.UNICODE, plain) == "·─·─●─·─✘─·─·─·"
    assert drawing.path(standing("emea", BROKEN), drawing.ASCII, plain) == ". . o . X . . ."


@pytest.mark.parametrize("signs", [drawing.UNICODE, drawing.ASCII])
def test_no_two_states_share_a_sign(signs: drawing.Signs) -> None:
    assert len(set(signs.of.values())) == len(signs.of)


@pytest.mark.parametrize(
    ("encoding", "signs"),
    [("utf-8", drawing.UNICODE), ("ascii", drawing.ASCII), ("cp1252", drawing.ASCII), (None, drawing.ASCII)],
)
def test_an_output_gets_the_signs_that_it_can_show(encoding: str | None, signs: drawing.Signs) -> None:
    assert drawing.signs_for(encoding) is signs


@pytest.mark.parametrize("width", [24, 40, 80, 200])
def test_a_line_never_wraps(width: int) -> None:
    line = drawing.line(standing("emea", BROKEN), drawing.UNICODE, plain, 4, width)
    assert len(line) < width
    assert line.startswith("emea  ·─·─●─·─✘─·─·─·")


def test_a_line_moves_no_cursor() -> None:
    evil = standing("emea", {"failed": True, "msg": "no\033[2Jthing\r\nat all\x07"})
    line = drawing.line(evil, drawing.UNICODE, plain, 4, 200)
    assert line.endswith("the check itself failed: no[2Jthing at all") and line.isprintable()


def test_where_not_all_have_room_the_worst_come_first_and_the_rest_is_counted() -> None:
    estate = [standing(f"env{number:02}", {"changes": []}) for number in range(50)]
    estate[40] = standing("env40", BROKEN)
    shown = drawing.block(estate, "asks", drawing.UNICODE, plain, (80, 24))
    assert len(shown) < 24
    assert shown[1].startswith("env40") and "and 31 more" in shown and shown[-1] == "asks"


class Terminal(io.StringIO):
    """A terminal of 40 columns and 6 rows."""

    def __init__(self) -> None:
        super().__init__()
        self.screen = pyte.HistoryScreen(40, 6, history=100)
        self._shows = pyte.Stream(self.screen)

    def isatty(self) -> bool:
        return True

    def write(self, text: str) -> int:
        self._shows.feed(text.replace("\n", "\r\n"))
        return len(text)

    @property
    def lines(self) -> list[str]:
        above = ["".join(line[column].data for column in range(40)).rstrip() for line in self.screen.history.top]
        return [line for line in [*above, *(row.rstrip() for row in self.screen.display)] if line]


def test_what_stands_changes_in_place_and_what_is_printed_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    terminal = Terminal()
    screen = Screen(terminal)
    for number in range(8):
        screen.draw(["", f"one {number}", f"two {number}"])
        screen.clear()
        terminal.write(f"printed {number}\n")
        screen.draw(["", f"one {number}", f"two {number}"])
        terminal.write(f"by somebody else {number}\n")
    screen.draw(["", "one 8", "two 8"])
    said = [f"{word} {number}" for number in range(8) for word in ("printed", "by somebody else")]
    assert terminal.lines == [*said, "one 8", "two 8"]
    screen.clear()
    assert terminal.lines == said


@pytest.mark.parametrize("term", ["dumb", ""])
def test_nothing_is_drawn_where_nothing_can_move(monkeypatch: pytest.MonkeyPatch, term: str) -> None:
    monkeypatch.setenv("TERM", term or "dumb")
    terminal = Terminal() if term else io.StringIO()
    screen = Screen(terminal)
    screen.draw(["", "one"])
    screen.clear()
    assert not screen.live and not (terminal.lines if isinstance(terminal, Terminal) else terminal.getvalue())

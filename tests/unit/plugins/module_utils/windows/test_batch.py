# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Many reads in one line: what each printed, which of them failed, and how long a line gets."""

from __future__ import annotations

import re
import typing as t

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.pushops.securemail.plugins.module_utils.windows import batch
from ansible_collections.pushops.securemail.plugins.module_utils.windows.cmdline import LONGEST_LINE
from ansible_collections.pushops.securemail.plugins.module_utils.windows.runner import CommandResult

LINK = re.compile(r"\((.*?)\) && \(echo (\w+\+)\) \|\| \(echo (\w+-)\)(?: & |$)")


class Cmd:
    """Runs chains by their exit codes, as cmd.exe does; ``answers`` are the lines that a host knows."""

    def __init__(self, answers: t.Mapping[str, CommandResult]) -> None:
        self.answers = answers
        self.asked: list[str] = []

    def __call__(self, line: str) -> CommandResult:
        assert len(line) <= LONGEST_LINE
        self.asked.append(line)
        if not line.startswith("("):
            return self.answers[line]
        links = LINK.findall(line)
        assert "".join(f"({one}) && (echo {good}) || (echo {bad}) & " for one, good, bad in links) == f"{line} & "
        results = [(self.answers[one], good, bad) for one, good, bad in links]
        return CommandResult(
            0,
            "".join(f"{result.stdout}{bad if result.rc else good}\r\n" for result, good, bad in results),
            "".join(result.stderr for result, _good, _bad in results),
        )


def test_reads_that_succeed_cost_one_line() -> None:
    answers = {
        "type a": CommandResult(0, "no line end"),
        "type b": CommandResult(0),
        "list c": CommandResult(0, "c\r\n"),
    }
    cmd = Cmd(answers)
    assert batch.read_all(cmd, list(answers)) == list(answers.values())
    assert len(cmd.asked) == 1


def test_one_read_runs_as_it_is_and_none_asks_nothing() -> None:
    cmd = Cmd({"type a": CommandResult(3, "", "no")})
    assert batch.read_all(cmd, ["type a"]) == [CommandResult(3, "", "no")]
    assert batch.read_all(cmd, []) == []
    assert cmd.asked == ["type a"]


def test_a_read_that_failed_is_run_again_for_its_exact_code_and_words() -> None:
    answers = {
        "type a": CommandResult(0, "a"),
        "list b": CommandResult(1168, "ERROR ( message:... )", "b"),
        "type c": CommandResult(0, "c"),
    }
    cmd = Cmd(answers)
    assert batch.read_all(cmd, list(answers)) == list(answers.values())
    assert cmd.asked[1:] == ["list b"]


@pytest.mark.parametrize("answer", ["", "{} was unexpected at this time.\r\n"])
def test_where_no_mark_arrives_each_read_runs_alone(answer: str) -> None:
    asked: list[str] = []

    def run(line: str) -> CommandResult:
        asked.append(line)
        return CommandResult(1, answer) if line.startswith("(") else CommandResult(0, line)

    assert batch.read_all(run, ["a", "b"]) == [CommandResult(0, "a"), CommandResult(0, "b")]
    assert asked[1:] == ["a", "b"]


@given(
    st.lists(
        st.tuples(
            st.integers(1, LONGEST_LINE - 1024),
            st.sampled_from([0, 0, 0, 1, 0xC0000135]),
            st.text("ab+-&|()\r\n ", max_size=20),
        ),
        max_size=30,
    )
)
def test_any_reads_come_back_in_order_and_no_line_is_too_long(reads: list[tuple[int, int, str]]) -> None:
    answers = {
        f"type {number}".ljust(length, "x"): CommandResult(rc, output)
        for number, (length, rc, output) in enumerate(reads)
    }
    assert batch.read_all(Cmd(answers), list(answers)) == list(answers.values())

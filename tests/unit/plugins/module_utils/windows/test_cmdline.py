# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is built arrives, and what cannot arrive is refused."""

from __future__ import annotations

import typing as t

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ansible_collections.pushops.securemail.plugins.module_utils.core.errors import InvalidInput
from ansible_collections.pushops.securemail.plugins.module_utils.windows.cmdline import (
    LONGEST_LINE,
    Expanded,
    command_line,
)

Split = t.Callable[[str], list[str]]
SAFE = st.text(st.characters(codec="utf-8", exclude_characters='"%').filter(str.isprintable), max_size=30)
TRICKY = st.text(st.sampled_from(list("\\ &|<>^()[]'=,;!@ab/:")), max_size=20)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(SAFE | TRICKY, max_size=6))
def test_every_argument_arrives_as_it_was_given(split_arguments: Split, arguments: list[str]) -> None:
    line = command_line("program.exe", *arguments)
    assert split_arguments(line) == ["program.exe", *arguments]
    assert line.startswith("program.exe")


@given(SAFE, st.sampled_from(['"', "%", "\n", "\r", "\0", "\t", "\u2028", "\x85"]), SAFE)
def test_what_no_quoting_protects_is_refused(before: str, character: str, after: str) -> None:
    with pytest.raises(InvalidInput):
        command_line("program.exe", before + character + after)


def test_variables_expand_only_where_the_product_says_so() -> None:
    assert command_line("type", Expanded(r"%windir%\win.ini")) == r'type "%windir%\win.ini"'
    with pytest.raises(InvalidInput):
        command_line("type", r"%windir%\win.ini")
    with pytest.raises(InvalidInput):
        command_line("type", Expanded('a"b'))


def test_a_line_is_as_long_as_cmd_takes_and_no_longer() -> None:
    room = LONGEST_LINE - len("type ")
    assert len(command_line("type", "a" * room)) == LONGEST_LINE
    with pytest.raises(InvalidInput, match="8192 characters"):
        command_line("type", "a" * (room + 1))


@pytest.mark.parametrize("program", ['"C:\\Program Files\\a.exe"', "a b", "", "a&b"])
def test_the_program_needs_no_quotes(program: str) -> None:
    with pytest.raises(InvalidInput):
        command_line(program)

# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading sections, and telling one failure from another without reading words."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.pushops.securemail.plugins.module_utils.core.errors import (
    PushOpsError,
    Refused,
    UnexpectedState,
)
from ansible_collections.pushops.securemail.plugins.module_utils.windows.appcmd import (
    WRITE_ATTEMPTS,
    AppCmd,
    clear_config,
    failure,
    section_content,
    set_config,
)
from ansible_collections.pushops.securemail.plugins.module_utils.windows.markup import parse
from ansible_collections.pushops.securemail.plugins.module_utils.windows.runner import CommandResult

SECTION = "system.net/defaultProxy"


class Scripted:
    """Gives prepared results in order and repeats the last."""

    def __init__(self, *results: CommandResult) -> None:
        self.results, self.lines = list(results), list[tuple[str, bool]]()

    def run(self, command_line: str, *, writes: bool = False) -> CommandResult:
        self.lines.append((command_line, writes))
        return self.results.pop(0) if len(self.results) > 1 else self.results[0]


def test_a_section_is_read_with_child_elements_collections_and_its_lock() -> None:
    listing = (
        '<?xml version="1.0" encoding="UTF-8"?>\r\n<appcmd>\r\n<CONFIG CONFIG.SECTION="x" path="p" locked="TRUE">'
        '<system.net-defaultProxy enabled="true"><bypasslist><add address="b" /><add address="a" /></bypasslist>'
        '<module type="" /><proxy usesystemdefault="true" /></system.net-defaultProxy></CONFIG></appcmd>'
    )
    runner = Scripted(CommandResult(0, listing))
    section = AppCmd(runner).section("Site/EWS", SECTION)
    assert section.attributes == {"enabled": "true", "module.type": "", "proxy.usesystemdefault": "true"}
    assert section.collections == {"bypasslist": ({"address": "b"}, {"address": "a"})}
    assert section.locked
    assert runner.lines == [
        (
            r"%windir%\system32\inetsrv\appcmd.exe list config Site/EWS"
            " /section:system.net/defaultProxy /config:* /xml",
            False,
        )
    ]


def test_clear_and_remove_are_carried_out_in_order() -> None:
    text = '<s><l><add k="1"/><clear/><add k="2" v="x"/><add k="3"/><remove k="2"/><add k="4"/></l></s>'
    assert section_content(parse(text, "test")).collections == {"l": ({"k": "3"}, {"k": "4"})}


@pytest.mark.parametrize("text", ["", "<a>", "not xml", '<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>'])
def test_only_well_formed_text_without_a_document_type_is_read(text: str) -> None:
    with pytest.raises(UnexpectedState, match=r"the file"):
        parse(text, "the file")


@pytest.mark.parametrize("listing", ["<appcmd />", '<appcmd><CONFIG locked="false" /></appcmd>'])
def test_a_listing_without_the_section_is_an_error(listing: str) -> None:
    with pytest.raises(UnexpectedState, match="holds no section"):
        AppCmd(Scripted(CommandResult(0, listing))).section("Site/EWS", SECTION)


def test_one_set_holds_every_edit() -> None:
    line = set_config(
        "Exchange Back End/EWS",
        SECTION,
        {"proxy.usesystemdefault": "true"},
        add=[("bypasslist", "address", r"^https://a\.b$")],
        remove=[("bypasslist", "address", "old host")],
        apphost=True,
    )
    assert line == (
        r'%windir%\system32\inetsrv\appcmd.exe set config "Exchange Back End/EWS" /section:system.net/defaultProxy'
        """ /proxy.usesystemdefault:true "/-bypasslist.[address='old host']" """
        r""""/+bypasslist.[address='^https://a\.b$']" /commit:apphost"""
    )


def test_clear_takes_a_section_or_one_attribute() -> None:
    assert clear_config("S/A", SECTION).endswith("clear config S/A /section:system.net/defaultProxy")
    assert clear_config("S/A", SECTION, "proxy.proxyaddress").endswith("defaultProxy /proxy.proxyaddress")


def _hresult(rc: int, hresult: str) -> CommandResult:
    return CommandResult(rc, f"ERROR ( hresult:{hresult}, message:命令执行失败。\r\n )\r\n")


@pytest.mark.parametrize(
    ("result", "kind", "words"),
    [
        (_hresult(5, "80070005"), Refused, "access was denied"),
        (_hresult(13, "8007000d"), UnexpectedState, "malformed"),
        (_hresult(32, "80070020"), Refused, "another process holds the file"),
        (_hresult(33, "80070021"), Refused, "locked"),
        (_hresult(1, "80070021"), Refused, "locked"),
        (CommandResult(1168, "ERROR ( message:Impossible )"), Refused, "no such site"),
        (CommandResult(1, "", "Das System kann den Pfad nicht finden."), Refused, "does not start"),
        (CommandResult(4312, "ERROR ( message:x )"), Refused, "exit code 4312"),
        (CommandResult(1), Refused, "no output"),
    ],
)
def test_failures_are_told_apart_by_code(result: CommandResult, kind: type[PushOpsError], words: str) -> None:
    problem = failure("It was not written", result)
    assert problem.__class__ is kind
    assert words in problem.what
    assert problem.what.startswith("It was not written")
    assert problem.remedy


def test_an_application_that_is_not_there() -> None:
    with pytest.raises(Refused, match="no application Site/Nope"):
        AppCmd(Scripted(CommandResult(1))).physical_path("Site/Nope")


def test_a_held_file_is_tried_again_a_few_times() -> None:
    waits: list[float] = []
    held = _hresult(32, "80070020")
    runner = Scripted(held, held, CommandResult(0))
    AppCmd(runner, waits.append).write("line", "It")
    assert runner.lines == [("line", True)] * 3 and len(waits) == 2

    runner = Scripted(held)
    with pytest.raises(Refused, match="holds the file"):
        AppCmd(runner, waits.append).write("line", "It")
    assert len(runner.lines) == WRITE_ATTEMPTS


def test_no_other_failure_is_tried_again() -> None:
    runner = Scripted(_hresult(33, "80070021"), CommandResult(0))
    fail_on_wait = t.cast(t.Callable[[float], object], pytest.fail)
    with pytest.raises(Refused):
        AppCmd(runner, fail_on_wait).write("line", "It")
    assert len(runner.lines) == 1

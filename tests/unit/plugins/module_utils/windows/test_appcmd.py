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
    clear_config,
    failure,
    set_config,
    write,
)
from ansible_collections.pushops.securemail.plugins.module_utils.windows.appcmd_reads import (
    Question,
    ask,
    folder,
    places,
    section,
    section_content,
)
from ansible_collections.pushops.securemail.plugins.module_utils.windows.markup import parse
from ansible_collections.pushops.securemail.plugins.module_utils.windows.place import Place
from ansible_collections.pushops.securemail.plugins.module_utils.windows.runner import CommandResult

SECTION = "system.net/defaultProxy"


class Scripted:
    """Gives prepared results in order and repeats the last."""

    def __init__(self, *results: CommandResult) -> None:
        self.results, self.lines = list(results), list[tuple[str, bool]]()

    def run(self, command_line: str, *, writes: bool = False) -> CommandResult:
        self.lines.append((command_line, writes))
        return self.results.pop(0) if len(self.results) > 1 else self.results[0]

    def read_all(self, lines: t.Sequence[str]) -> list[CommandResult]:
        return [self.run(line) for line in lines]


def answer(question: Question[t.Any], rc: int, stdout: str = "") -> t.Any:
    (only,) = ask(Scripted(CommandResult(rc, stdout)), question)
    return only


def test_a_section_is_read_with_child_elements_collections_and_its_lock() -> None:
    listing = (
        '<?xml version="1.0" encoding="UTF-8"?>\r\n<appcmd>\r\n<CONFIG CONFIG.SECTION="x" path="p" locked="TRUE">'
        '<system.net-defaultProxy enabled="true"><bypasslist><add address="b" /><add address="a" /></bypasslist>'
        '<module type="" /><proxy usesystemdefault="true" /></system.net-defaultProxy></CONFIG></appcmd>'
    )
    runner = Scripted(CommandResult(0, listing))
    (found,) = ask(runner, section("Site/EWS", SECTION))
    assert found.attributes == {"enabled": "true", "module.type": "", "proxy.usesystemdefault": "true"}
    assert found.collections == {"bypasslist": ({"address": "b"}, {"address": "a"})}
    assert found.locked
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
        answer(section("Site/EWS", SECTION), 0, listing)


def test_one_set_holds_every_edit() -> None:
    line = set_config(
        "Exchange Back End/EWS",
        SECTION,
        {"proxy.usesystemdefault": "true"},
        add=[("bypasslist", "address", r"^https://a\.b$")],
        remove=[("bypasslist", "address", "old host")],
        commit="apphost",
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
        answer(folder("Site/Nope"), 1)


@pytest.mark.parametrize(
    ("path", "location", "place"),
    [
        ("/Site/EWS", "", Place("MACHINE/WEBROOT/APPHOST/Site/EWS")),
        ("/Site/EWS", "Site/EWS", Place("MACHINE/WEBROOT/APPHOST", "Site/EWS")),
        ("", "Site/EWS", Place("MACHINE/WEBROOT/APPHOST", "Site/EWS")),
        ("/Site", "ews", Place("MACHINE/WEBROOT/APPHOST/Site", "ews")),
        ("/Site/EWS", ".", Place("MACHINE/WEBROOT/APPHOST/Site/EWS")),
    ],
)
def test_a_search_names_file_and_location_tag(path: str, location: str, place: Place) -> None:
    """Whether ``path`` is that of the file or the one that the tag is for."""
    found = f'<CONFIGSEARCH path="MACHINE/WEBROOT/APPHOST{path}" locationPath="{location}" />'
    assert answer(places("Site", SECTION, "x"), 0, f"<appcmd>{found}</appcmd>") == (place,)
    assert place.target.lower() == "MACHINE/WEBROOT/APPHOST/Site/EWS".lower()


def test_a_search_that_finds_nothing_is_no_error_and_one_that_fails_is() -> None:
    assert answer(places("Site", SECTION, "x"), 1) == ()
    with pytest.raises(Refused, match="no such site"):
        answer(places("Site", SECTION, "x"), 1168, "ERROR ( message:x )")


def test_a_held_file_is_tried_again_a_few_times() -> None:
    waits: list[float] = []
    held = _hresult(32, "80070020")
    runner = Scripted(held, held, CommandResult(0))
    write(runner, "line", "It", waits.append)
    assert runner.lines == [("line", True)] * 3 and len(waits) == 2

    runner = Scripted(held)
    with pytest.raises(Refused, match="holds the file"):
        write(runner, "line", "It", waits.append)
    assert len(runner.lines) == WRITE_ATTEMPTS


def test_no_other_failure_is_tried_again() -> None:
    runner = Scripted(_hresult(33, "80070021"), CommandResult(0))
    fail_on_wait = t.cast(t.Callable[[float], object], pytest.fail)
    with pytest.raises(Refused):
        write(runner, "line", "It", fail_on_wait)
    assert len(runner.lines) == 1

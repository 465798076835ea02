# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The section that the module writes, and its judgment of entries, against Mono: .NET classes that are not ours.

Mono is right about the regular expressions of a bypass list. It is no judge of enabled="false", of an invalid entry and
of a list without <proxy>: there it goes its own way, and the lab's model after Microsoft's source decides.
"""

from __future__ import annotations

import pathlib
import re
import subprocess
import xml.etree.ElementTree as ET

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.pushops.securemail.plugins.module_utils.windows.dotnet_regex import Verdict, judge
from ansible_collections.pushops.securemail.plugins.module_utils.windows.listener import Listener
from ansible_collections.pushops.securemail.tests.integration.exchange_host import BACK, BACK_FILE
from ansible_collections.pushops.securemail.tests.integration.exchange_in_process import (
    LISTENER,
    fresh,
    replace,
    run,
)
from securemail_lab.exchange.iis.dotnet import dotnet_default_proxy
from securemail_lab.exchange.iis.dotnet_regex import compile_dotnet

SOURCE = pathlib.Path(__file__).resolve().parent / "dotnet" / "BypassReader.cs"
PROXY = "http://proxy.example.com:3128"
OTHERS = (
    f"http://{LISTENER}/",
    f"https://{LISTENER}:8443/",
    f"https://{LISTENER}.evil.example/",
    f"https://{LISTENER}.evil.example/https://{LISTENER}/",
    f"https://evil.example/https://{LISTENER}",
    f"https://x{LISTENER}/",
    f"https://eu-west-1X{LISTENER.partition('.')[2]}/",
    f"https://{LISTENER.replace('.', 'x', 1)}/",
    f"https://{LISTENER.replace('.', '-')}.example/",
    f"https://{LISTENER.replace('eu-west', 'us-east')}/",
    f"https://{LISTENER}@evil.example/",
    "https://www.example.com/",
)
DIRECT = (
    f"https://{LISTENER}/v1/notify?x=1",
    f"https://{LISTENER}:443/",
    f"https://{LISTENER.upper()}/",
    f"HTTPS://{LISTENER.title()}/",
)


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """The compiled reader; ``make .cache/packages-tests`` installs compiler and runtime."""
    program = tmp_path_factory.mktemp("dotnet") / "BypassReader.exe"
    subprocess.run(["mcs", "-warnaserror", f"-out:{program}", str(SOURCE)], check=True, timeout=120)
    return program


def read(program: pathlib.Path, *words: str, text: str = "") -> list[str]:
    done = subprocess.run(
        ["mono", str(program), *words], input=text, capture_output=True, text=True, check=True, timeout=120
    )
    assert not done.stderr
    return done.stdout.splitlines()


@pytest.mark.parametrize("before", [[], [r"\.contoso\.com", "^http://intranet"]])
@pytest.mark.parametrize("port", [443, 10443])
def test_only_the_listener_goes_past_the_proxy(
    reader: pathlib.Path, tmp_path: pathlib.Path, port: int, before: list[str]
) -> None:
    machine = fresh(tmp_path)
    if before:
        entries = "".join(f'<add address="{entry}" />' for entry in before)
        text = f"<defaultProxy><proxy usesystemdefault='true' /><bypasslist>{entries}</bypasslist></defaultProxy>"
        replace(machine, BACK_FILE, "</configuration>", f"<system.net>{text}</system.net></configuration>")
    run(machine, proxy_bypass=[{"fqdn": LISTENER, "port": port}], proxy=PROXY)
    section = ET.fromstring(machine.path(BACK_FILE).read_bytes()).find("system.net")
    assert section is not None
    configuration = ET.Element("configuration")
    configuration.append(section)
    reader.with_name("BypassReader.exe.config").write_bytes(ET.tostring(configuration))

    direct, others = list(DIRECT), list(OTHERS)
    if port != 443:
        direct, others = [f"https://{LISTENER}:{port}/", f"https://{LISTENER.upper()}:{port}/x"], [*OTHERS, *DIRECT]
    told = read(reader, "proxy", *direct, *others)
    assert told == ["direct"] * len(direct) + [f"{PROXY}/"] * len(others)
    model = dotnet_default_proxy(machine, BACK)
    assert [model.proxy_for(url, None) or "direct" for url in (*direct, *others)] == [one.rstrip("/") for one in told]


#: What Python cannot judge, and the lab's model translates.
TRANSLATED = (
    *(r"[\w-.]", r"[\w-z]", r"[\d-z]", r"[^\w-.]", r"[\w-\d]", r"[\w--]", r"[\--z]", r"\b+", r"\b{2}", r"\B*"),
    *(r"\A?", r"\Z+?", "^+", r"\z", r"\e"),
    *(r"\12", r"\18", r"\400", r"[\400]", r"(a)\12", r"http\u017f", r"[a-z]\xe9"),
    *("http\u017f", "[\u017f]", "[^\u017f]"),
)
#: Every construct that a bypass list of an estate may hold, and what breaks one.
PATTERNS = (
    *(".*", "", "citrix", r"\.citrix\.com", "^https://", "com$", "(:443)?$", "[a-z-]+1", "eu|us", "(?i)EU", "(?i:EU)"),
    *(r"\d", r"\w+\.\w+", r"(a)\1", r"\x65u", r"\u0065u", r"e{1,2}", "e{1,}", "e{,2}", "e{", "}", "]", "a{1}{2}"),
    *("*.citrix.com", "+", "?", "(", ")", "[", "[z-a]", "\\", "a**", "a++", "a?+", "a{1}+", "a{2,1}", "(?P<a>b)"),
    *(
        "(?<a>eu)",
        "(?'a'eu)",
        r"(?<a>e)\k<a>",
        "(?=https)",
        "(?!http:)",
        "(?<=//)eu",
        "(?<!x)eu",
        "(?<=s*)eu",
        "(?>eu)",
        "(?:eu)",
    ),
    *(
        r"\p{L}",
        r"\bcom\b",
        r"\Ahttps",
        r"com\Z",
        r"com\z",
        r"\G",
        r"\_",
        r"\\_",
        r"[\_]",
        "(?-i)eu",
        "(?s-i:EU)",
        r"\-",
        r"\:",
        r"\/",
        r"\e",
        r"\cA",
        r"\q",
    ),
    *("[a-z-[e]]u", "(?n)(eu)", "(?x) e u", "(?#note)eu", "(?(a)b|c)", "a(?i)B", "(?a)eu", "(?L)eu", "(?u)eu", r"\1"),
    *(
        r"\8",
        "[]a]",
        "[^]a]",
        "[[:alpha:]]",
        "x*?",
        "x+?",
        "x??",
        "e{1,2}?",
        "^*",
        "$*",
        "(^|/)eu",
        "(|eu)",
        "||",
        "(?",
    ),
    *(r"[a-\d]", r"[+-\-]", r"[\b-z]", "^*+", r"\bhttps+", r"[\b]+", r"\1(a)", r"(a\1)", r"[\1]", r"[\12]", r"[\8]"),
    *(r"\0", r"\012", r"\80", r"\c[e]", r"\<a>", r"\x", r"\u00", r"\q("),
    *(r"\N", r"\N{DASH}", r"[\N{DASH}]", r"\U00000065", r"[\U00000065]", r"\h", r"\K", r"\Q", r"\R", r"\X", r"\\N"),
    *("(?P=a)", "(?ia)e", "(?I)e", "(?i-s:e)", "(?|a|b)"),
    *("(?R)", "(?X:e u)", "e{2147483648}", "[[:alpha:]e]", "(?#[)e", "(?#\\q)e", r"[a-\uffff]", "\u0130", "\u212a"),
    *TRANSLATED,
)


@pytest.mark.parametrize("text", [f"https://{LISTENER}", f"https://{LISTENER}:8443", "http://mail.contoso.com"])
def test_entries_are_judged_as_dotnet_does(reader: pathlib.Path, text: str) -> None:
    told = read(reader, "regex", text="".join(f"{pattern}\t{text}\n" for pattern in PATTERNS))
    judged = {pattern: judge(pattern, text).value for pattern in PATTERNS}
    wrong = {
        pattern: (judged[pattern], net)
        for pattern, net in zip(PATTERNS, told, strict=True)
        if judged[pattern] not in (net, Verdict.UNKNOWN.value)
    }
    # an empty entry is no fault of the expression, but one of the attribute (FX_schema.xml: required)
    assert {pattern: verdict for pattern, verdict in wrong.items() if pattern} == {}
    assert sum(verdict == Verdict.UNKNOWN.value for verdict in judged.values()) < len(PATTERNS) // 2
    known = [one for one in PATTERNS if one in TRANSLATED or judged[one] != Verdict.UNKNOWN.value and one]
    net = dict(zip(PATTERNS, told, strict=True))
    assert {pattern: modeled(pattern, text) for pattern in known} == {pattern: net[pattern] for pattern in known}
    assert {judged[pattern] for pattern in TRANSLATED} == {Verdict.UNKNOWN.value}


def modeled(pattern: str, text: str) -> str:
    """What the lab's model makes of an entry."""
    try:
        return "matches" if compile_dotnet(pattern).search(text) else "misses"
    except ValueError:
        return "invalid"


#: Pieces that make entries of every kind, the most of them malformed.
PIECES = (
    *"eu1.-^$|*+?(){}[]:\\ \u017f",
    *(r"\w", r"\d", r"\b", r"\B", r"\Z", r"\1", r"\12", r"\0", r"\-", r"\.", r"\]", r"\N", r"\U", r"\x65", r"\e"),
    *(r"\_",),
    *("(?:", "(?=", "(?!", "(?<=", "(?<a>", "(?P<a>", "(?i)", "(?x)", "(?#", "(?>", "(?-i:", "(?I:", "(a)", "(?("),
    *("[a-z", "[^", r"[\w-", "-z]", "-[", "[[:alpha:]", "{2}", "{1,", "{,2}", r"\p{L}", r"\c", r"\u212a"),
)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.lists(st.sampled_from(PIECES), min_size=1, max_size=7).map("".join), min_size=50, max_size=200))
def test_no_entry_is_judged_otherwise_than_dotnet_does(reader: pathlib.Path, entries: list[str]) -> None:
    text = "https://eu-west-1.k_s"
    told = read(reader, "regex", text="".join(f"{entry}\t{text}\n" for entry in entries))
    answers = [(entry, judge(entry, text), net) for entry, net in zip(entries, told, strict=True)]
    sure = [(entry, verdict.value, net) for entry, verdict, net in answers if verdict is not Verdict.UNKNOWN]
    assert [one for one in sure if one[1] != one[2] or modeled(one[0], text) != one[2]] == []


@settings(max_examples=25, deadline=None)
@given(st.lists(st.from_regex(r"[a-z0-9]([a-z0-9.-]{0,20}[a-z0-9])?", fullmatch=True), min_size=20, max_size=40))
def test_our_own_entry_matches_one_host_alone(reader: pathlib.Path, hosts: list[str]) -> None:
    texts = [f"https://{host}" for host in (*hosts, LISTENER, LISTENER.upper())]
    entry = Listener(LISTENER).pattern
    told = read(reader, "regex", text="".join(f"{entry}\t{text}\n" for text in texts))
    assert told == ["matches" if text.lower() == f"https://{LISTENER}" else "misses" for text in texts]
    assert [bool(re.search(entry, text, re.I)) for text in texts] == [one == "matches" for one in told]

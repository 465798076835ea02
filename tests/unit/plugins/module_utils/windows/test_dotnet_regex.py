# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is said of an entry: .NET's answer where it is sure, and "unknown" everywhere else.

``tests/integration/test_dotnet_reader.py`` asks .NET's own classes about the same constructs.
"""

from __future__ import annotations

import pytest

from ansible_collections.pushops.securemail.plugins.module_utils.windows.dotnet_regex import Verdict, judge
from ansible_collections.pushops.securemail.plugins.module_utils.windows.listener import Listener
from ansible_collections.pushops.securemail.plugins.module_utils.windows.proxy_bypass import (
    DefaultProxy,
    check_entries,
    with_bypass,
)

TEXT = "https://eu-west-1.mailboxlistener.xm.citrix.com"
#: .NET takes them, Python does not, or in another sense.
DOTNET_ALONE = (
    *(r"^https://[\w-.]+\.citrix\.com", r"[\w-z]", r"[\d-z]", r"[^\w-.]", r"[\W-.]", r"[\w-\d]", r"[\w--]", r"[\--z]"),
    *(r"\b+", r"\b{2}", r"\B*", r"\A?", r"\Z+?", "^*", r"\12", r"\400", r"(a)\12", r"[\400]", r"\1(a)", r"(a\1)"),
    *("(?I)e", "e(?i)", "(?n:e)", "(?-i)e", "(?<a>e)", "(?'a'e)", r"\p{L}", r"\z", r"\e", r"\cA", r"\c[e]"),
    *("[[:alpha:]e]", "[a-z-[e]]", "(?#[)e", "(?x)e #[", "(?<=s*)e", r"\'a'", "e{99999999999}"),
)
#: .NET throws for them; Python takes those of the first two rows.
INVALID = (
    *(r"\N{DIGIT ONE}", r"[\N{DIGIT ONE}]", r"\U00000065", r"[\U00000065]", "a++", "a?+", "a*+", "a{1}+"),
    *("(?P<a>e)", "(?P<a>e)(?P=a)", "(?a)e", "(?u:e)", "(?L)e", "(?ia)e"),
    *("", "*.citrix.com", "(", ")", "[", "[z-a]", "\\", "a**", "a{2,1}", r"\q", r"\_", r"[\_]", r"[\q]", r"\1", r"\8"),
)


@pytest.mark.parametrize("entry", DOTNET_ALONE)
def test_what_dotnet_alone_can_judge_is_neither_invalid_nor_counted(entry: str) -> None:
    assert judge(entry, TEXT) is Verdict.UNKNOWN
    check_entries(DefaultProxy({}, (entry,)), "S/A")
    listener = Listener("eu-west-1.mailboxlistener.xm.citrix.com")
    assert with_bypass(DefaultProxy({}, (entry,)), [listener], "").bypass == (entry, listener.pattern)


@pytest.mark.parametrize("entry", INVALID)
def test_what_dotnet_throws_for_is_invalid(entry: str) -> None:
    assert judge(entry, TEXT) is Verdict.INVALID


@pytest.mark.parametrize(
    "entry", ["httpſ", "[ſ]", r"http\u017f", "citri\u212a", r"\u212a", "[^é]", r"[a-\uffff]", r"\xb5"]
)
def test_upper_and_lower_case_beyond_ascii_are_not_pythons_to_judge(entry: str) -> None:
    assert judge(entry, TEXT) is Verdict.UNKNOWN


@pytest.mark.parametrize(
    ("entry", "verdict"),
    [
        ("CITRIX", Verdict.MATCHES),
        (r"\x65\u0055-[\w-]+\.", Verdict.MATCHES),
        (r"[*+]?\.citrix", Verdict.MATCHES),
        (r"^https://[\w.-]+\.citrix\.com$", Verdict.MATCHES),
        (r"\\N", Verdict.MISSES),
        (r"\\b+", Verdict.MISSES),
        (r"[\b]+", Verdict.MISSES),
        (r"\.contoso\.com", Verdict.MISSES),
    ],
)
def test_what_both_take_alike_is_judged(entry: str, verdict: Verdict) -> None:
    assert judge(entry, TEXT) is verdict

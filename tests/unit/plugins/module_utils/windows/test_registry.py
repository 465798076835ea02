# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What reg query prints, taken apart without reading a word of any language."""

from __future__ import annotations

from ansible_collections.pushops.securemail.plugins.module_utils.windows.registry import (
    number,
    parse_values,
    query,
    text,
)

PRINTED = r"""
HKEY_LOCAL_MACHINE\SOFTWARE\Contoso
    Two words    REG_SZ    a    b
    Count    REG_DWORD    0x1f
    Empty    REG_SZ    @
    Bare    REG_SZ

HKEY_LOCAL_MACHINE\SOFTWARE\Contoso\Sub Key
    (Default)    REG_EXPAND_SZ    %windir%
""".replace("@", "").replace("\n", "\r\n")


def test_keys_values_and_data_with_blanks() -> None:
    values = parse_values(PRINTED)
    assert values.key(r"hkey_local_machine\software\CONTOSO") == {
        "Two words": "a    b",
        "Count": "0x1f",
        "Empty": "",
        "Bare": "",
    }
    assert values.key(r"HKEY_LOCAL_MACHINE\SOFTWARE\Contoso\Sub Key") == {"(Default)": "%windir%"}
    assert (values.noise, values.key("HKEY_LOCAL_MACHINE\\No")) == ((), {})


def test_numbers_and_texts_are_found_in_any_case() -> None:
    values = parse_values(PRINTED).key(r"HKEY_LOCAL_MACHINE\SOFTWARE\Contoso")
    assert (number(values, "count"), number(values, "Empty"), number(values, "no")) == (31, None, None)
    assert (text(values, "TWO WORDS"), text(values, "no")) == ("a    b", "")


def test_what_a_filter_left_has_no_key_and_messages_are_kept_apart() -> None:
    values = parse_values("    {1}    REG_SZ    v2.30|\r\nFINDSTR: Zeile 7 ist zu lang.\r\n")
    assert values.key("") == {"{1}": "v2.30|"}
    assert values.noise == ("FINDSTR: Zeile 7 ist zu lang.",)


def test_the_line_quotes_the_key() -> None:
    assert query(r"HKLM\A B", "/s") == r'reg query "HKLM\A B" /s'

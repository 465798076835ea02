# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""No secret is left in a text, whatever contains what."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.pushops.securemail.plugins.module_utils.core.redact import (
    REDACTED,
    redact,
    without_userinfo,
    without_userinfo_in,
)

SECRETS = st.lists(st.text(alphabet="xyz0189", min_size=3), max_size=4)


@given(SECRETS, st.text(alphabet="xyz0189 ", max_size=40))
def test_no_secret_survives(secrets: list[str], filler: str) -> None:
    text = filler + " ".join(secrets) + filler
    shown = redact(text, secrets).replace(REDACTED, " ")
    assert not any(secret in shown for secret in secrets)


def test_the_longer_secret_goes_first_and_nothing_else_is_touched() -> None:
    assert redact("a pass and a password", ["pass", "password", None, ""]) == f"a {REDACTED} and a {REDACTED}"


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("http://svc:Secret1@corp:8080", f"http://{REDACTED}@corp:8080"),
        ("http://svc@corp:8080/", f"http://{REDACTED}@corp:8080/"),
        ("HTTP://dom%5Csvc:a@b/c@[2001:db8::1]:8080", f"HTTP://{REDACTED}@[2001:db8::1]:8080"),
        ("svc:Secret1@corp:8080", f"{REDACTED}@corp:8080"),
        ("http://corp:8080", "http://corp:8080"),
        ("", ""),
        ("true", "true"),
    ],
)
def test_user_and_password_of_a_url_are_not_shown(url: str, shown: str) -> None:
    assert without_userinfo(url) == shown


def test_user_and_password_of_every_url_in_a_line_are_not_shown() -> None:
    line = r'appcmd "/a:http://svc:Secret 1@corp:8080" /b:http://svc:Secret2@corp /c:http://corp x@y'
    shown = without_userinfo_in(line)
    assert "Secret" not in shown
    assert shown.startswith(f'appcmd "/a:http://{REDACTED}@corp:8080" /b:http://{REDACTED}@')
    assert without_userinfo_in("appcmd /b:http://corp:8080 /c") == "appcmd /b:http://corp:8080 /c"

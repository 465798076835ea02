# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""No secret is left in a text, whatever contains what."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.pushops.securemail.plugins.module_utils.core.redact import REDACTED, redact

SECRETS = st.lists(st.text(alphabet="xyz0189", min_size=3), max_size=4)


@given(SECRETS, st.text(alphabet="xyz0189 ", max_size=40))
def test_no_secret_survives(secrets: list[str], filler: str) -> None:
    text = filler + " ".join(secrets) + filler
    shown = redact(text, secrets).replace(REDACTED, " ")
    assert not any(secret in shown for secret in secrets)


def test_the_longer_secret_goes_first_and_nothing_else_is_touched() -> None:
    assert redact("a pass and a password", ["pass", "password", None, ""]) == f"a {REDACTED} and a {REDACTED}"

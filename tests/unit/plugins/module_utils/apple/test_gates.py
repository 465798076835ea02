# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Site commands: started without a shell, bounded, and never quoted with what may be secret."""

from __future__ import annotations

import pathlib
import sys
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.pushops.securemail.plugins.module_utils.apple.answers import parse_portal_output
from ansible_collections.pushops.securemail.plugins.module_utils.apple.gates import check_command, mask, run, words
from ansible_collections.pushops.securemail.plugins.module_utils.core.errors import InvalidInput, Refused

SECRET = "canary-pass phrase"


def python(code: str, *arguments: str, timeout: int = 10, stdin: str = "") -> str:
    return run("portal", [sys.executable, "-c", code, *arguments], timeout, (SECRET,), stdin)


def test_words_go_through_as_they_are() -> None:
    command = ["tool", "--csr={csr}", "{bundle_id}", "{other}", "$(id); `x`", "{csr}{csr}"]
    filled = words(command, {"csr": "/a b/{bundle_id}", "bundle_id": "com.x"})
    assert filled == ["tool", "--csr=/a b/{bundle_id}", "com.x", "{other}", "$(id); `x`", "/a b/{bundle_id}" * 2]
    assert python("import sys; print(sys.argv[1:])", "$(id)", "a b").strip() == "['$(id)', 'a b']"


def test_the_password_comes_on_standard_input() -> None:
    assert python("print(input() == 'canary-pass phrase')", stdin=SECRET).strip() == "True"
    assert python("import sys; print(repr(sys.stdin.read()))").strip() == "''"


def test_a_command_that_does_not_read_its_input_is_no_failure() -> None:
    assert python("print(1)", stdin="x" * 1000).strip() == "1"


@pytest.mark.parametrize(
    "gate, command", [("signing", ["sign"]), ("signing", ["sign", "{csr}"]), ("portal", ["", "{pkcs12}"])]
)
def test_a_command_without_its_placeholders_is_named(gate: str, command: list[str]) -> None:
    with pytest.raises(InvalidInput, match=f"{gate}_command"):
        check_command(gate, command)


def test_no_command_is_the_hand_off() -> None:
    assert check_command("signing", []) == ()


def test_a_command_that_cannot_be_started_says_why(tmp_path: pathlib.Path) -> None:
    with pytest.raises(Refused, match="could not be started: No such file"):
        run("signing", [str(tmp_path / "absent")], 5, ())


def test_a_failing_command_is_quoted_without_secrets() -> None:
    code = (
        "import sys; sys.stdout.write('canary-stdout'); sys.stderr.write('two certificates are live already; '"
        " 'password: canary1 token=canary2 Bearer canary3x canary-pass phrase '"
        " 'eyJhbGciOiJFUzI1NiIsImtpZCI6IkFC')\nsys.exit(3)"
    )
    with pytest.raises(Refused, match="ended with status 3; its last words: two certificates are live") as caught:
        python(code)
    for secret in ("canary", "eyJhbGci"):
        assert secret not in str(caught.value)


def test_a_command_that_hangs_is_stopped_with_its_children(tmp_path: pathlib.Path) -> None:
    sign_of_life = tmp_path / "alive"
    child = f"import time,pathlib; time.sleep(2); pathlib.Path({str(sign_of_life)!r}).touch()"
    code = f"import subprocess,sys; subprocess.run([sys.executable, '-c', {child!r}])"
    started = time.monotonic()
    with pytest.raises(Refused, match="had not ended after 1 s"):
        python(code, timeout=1)
    assert time.monotonic() - started < 5
    time.sleep(max(0.0, 3 - (time.monotonic() - started)))
    assert not sign_of_life.exists()


@pytest.mark.parametrize("output", ["", "canary", "[]", "{}", '{"customer_id": ""}', '{"customer_id": 7}'])
def test_output_without_a_customer_id_is_refused_and_not_quoted(output: str) -> None:
    with pytest.raises(Refused) as caught:
        parse_portal_output(output)
    assert "canary" not in str(caught.value)


@given(st.text(max_size=80), st.text(min_size=6, max_size=20), st.text(max_size=80))
def test_a_known_secret_never_survives(before: str, secret: str, after: str) -> None:
    marked = f"<{secret}>"
    assert marked not in mask(before + marked + after, [marked])


def test_a_key_never_survives_even_when_cut_off() -> None:
    key = "-----BEGIN PRIVATE KEY-----\nMIIBVQ\nshort\n"
    assert "short" not in mask("before " + key, ()) and "short" not in mask(key + "-----END PRIVATE KEY-----", ())


def test_paths_and_words_stay_readable() -> None:
    text = "cannot open /srv/pushops/com.contoso.securemail/versions/0001/request.csr: permission denied"
    assert mask(text, ()) == text

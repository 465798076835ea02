# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a site's own command acts, at the two gates that no API opens, or looks: no shell, bounded, and never quoted.

What a command prints may hold secrets, so only its masked last words enter an error.
"""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import typing as t

from ..core.errors import InvalidInput, Refused
from ..core.redact import REDACTED, redact

SIGNING, PORTAL = "signing", "portal"
#: No gate: who looks there which certificate is in use.
CONSUMER = "consumer"
REQUIRED: dict[str, tuple[str, ...]] = {SIGNING: ("csr", "certificate"), PORTAL: ("pkcs12",), CONSUMER: ()}

_PLACEHOLDER = re.compile(r"\{(csr|certificate|bundle_id|pkcs12|region)\}")
_NAMED_SECRET = re.compile(
    r"(?i)((?:authorization|passw(?:or)?d|passphrase|secret|token|api[-_]?key|pwd)\W{0,3}[:=]\W{0,3}|bearer\s+)\S+"
)
_PEM_BLOCK = re.compile(r"-----BEGIN.*?(?:-----END[^\n]*|\Z)", re.DOTALL)
_OPAQUE = re.compile(r"(?<![\w/.-])(?=[\w+/=-]*\d)(?=[\w+/=-]*[A-Za-z])[A-Za-z0-9][\w+=-]{19,}[\w+/=-]*")
_SHOWN = 300


def check_command(gate: str, command: t.Sequence[str]) -> tuple[str, ...]:
    """A site command, or nothing for the hand-off.

    :raises InvalidInput: a placeholder that the command cannot do without is missing.
    """
    missing = [name for name in REQUIRED[gate] if command and not any(f"{{{name}}}" in word for word in command)]
    if missing or (command and not command[0].strip()):
        needed = " and ".join(f"{{{name}}}" for name in REQUIRED[gate])
        expected = f"a program and its arguments{', among them ' if needed else ''}{needed}"
        raise InvalidInput(f"{gate}_command", list(command), expected, "Add what is missing")
    return tuple(command)


def words(command: t.Sequence[str], values: t.Mapping[str, str]) -> list[str]:
    """The command with its placeholders filled in; braces that are none stay."""
    return [_PLACEHOLDER.sub(lambda found: values.get(found[1], found[0]), word) for word in command]


def run(gate: str, argv: t.Sequence[str], timeout: int, secrets: t.Iterable[str], stdin: str = "") -> str:
    """Run a site command and return its standard output.

    :param stdin: one line for its standard input, for what must not be an argument.
    :param timeout: seconds.
    :raises Refused: it could not be started, took too long, or ended with a status other than 0.
    """
    name = os.path.basename(argv[0])
    try:
        process = subprocess.Popen(  # noqa: S603 - a list, no shell
            list(argv),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
    except OSError as problem:
        raise Refused(
            f"The {gate} command {name!r} could not be started: {problem.strerror or problem}",
            f"Correct {gate}_command: the first word is the program, by its full path or found in PATH",
        ) from None
    ended = False
    try:
        output, errors = process.communicate(f"{stdin}\n".encode() if stdin else b"", timeout)
        ended = True
    except subprocess.TimeoutExpired:
        raise Refused(
            f"The {gate} command {name!r} had not ended after {timeout} s and was stopped",
            "Run it by hand to see what it waits for, or raise command_timeout",
        ) from None
    finally:
        if not ended:
            _stop(process)
    if process.returncode != 0:
        raise Refused(
            f"The {gate} command {name!r} ended with status {process.returncode}{_last_words(errors, secrets)}",
            "Do what it says, or run it by hand; the next run carries on from here",
        )
    return output.decode("utf-8", "replace")


def _stop(process: subprocess.Popen[bytes]) -> None:
    """Stop a command together with everything that it started."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    with process:  # closes its pipes and waits
        pass


def _last_words(errors: bytes, secrets: t.Iterable[str]) -> str:
    text = mask(errors.decode("utf-8", "replace"), secrets).strip()
    return f"; its last words: {text[-_SHOWN:]}" if text else " and said nothing"


def mask(text: str, secrets: t.Iterable[str]) -> str:
    """Take out known secrets, and what looks like one: PEM blocks, named passwords, long opaque words."""
    text = redact(text, secrets)
    text = _PEM_BLOCK.sub(REDACTED, text)
    text = _NAMED_SECRET.sub(lambda found: found[1] + REDACTED, text)
    return _OPAQUE.sub(REDACTED, text)

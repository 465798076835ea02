# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""``curl``, which Windows has in System32 since Windows 10 1803 and Server 2019: a real one, on this host's network.

The host's own firewall decides about each address before a packet leaves, as for any program. Options and exit codes
are curl's ("curl.1 the man page"); that Windows ships it is said by Microsoft's "Tar and Curl Come to Windows".
"""

from __future__ import annotations

import ipaddress
import subprocess
import urllib.parse

from ...lab import Lab
from ..firewall import outbound_allowed
from ..machine import CommandResult
from .session import Session, Stdin

#: A file on the drive says that this Windows has it.
PATH = r"C:\Windows\System32\curl.exe"
_SWITCHES = {"--disable", "--silent", "--show-error", "--head", "--ssl-no-revoke"}
_WITH_WORD = {"--noproxy", "--connect-timeout", "--max-time", "--output", "--write-out", "--resolve"}
_INIT, _UNRESOLVED, _UNCONNECTED, _TIMED_OUT = 2, 6, 7, 28
_GRACE = 5.0


class _NotUnderstood(Exception):
    """An option that the lab's curl does not know."""


def run(session: Session, arguments: list[str], stdin: Stdin) -> CommandResult:
    if not session.file(PATH).is_file():
        raise session.failed("not_recognized", "curl")
    try:
        options, url = _parsed(arguments)
    except _NotUnderstood as problem:
        return session.fail(f"curl: option {problem}: is unknown", _INIT)
    host, port = url.hostname or "", url.port or 443
    lab = Lab(session.machine.state.parent.parent)
    try:
        addresses = _pinned(options.get("--resolve", ""), host, port) or lab.resolve(host)
    except OSError:
        return session.fail(f"curl: ({_UNRESOLVED}) Could not resolve host: {host}", _UNRESOLVED)
    allowed = [address for address in addresses if outbound_allowed(session.machine, address, port, PATH)]
    if not allowed:
        return session.fail(f"curl: ({_UNCONNECTED}) Failed to connect to {host} port {port}", _UNCONNECTED)
    bracketed = ",".join(f"[{each}]" if ipaddress.ip_address(each).version == 6 else each for each in allowed)
    command = [
        "curl",
        *(argument for argument in arguments if argument in _SWITCHES),
        *("--noproxy", options.get("--noproxy", ""), "--cacert", str(lab.ca_path)),
        *("--resolve", f"{host}:{port}:{bracketed}", "--output", "/dev/null"),
        *(word for name in ("--connect-timeout", "--max-time", "--write-out") if name in options
          for word in (name, options[name])),
        urllib.parse.urlunsplit(url),
    ]  # fmt: skip
    try:
        ended = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, env={"PATH": "/usr/bin:/bin"},
            timeout=float(options.get("--max-time", 60)) + _GRACE, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return session.fail(f"curl: ({_TIMED_OUT}) Operation timed out", _TIMED_OUT)
    return CommandResult(ended.returncode, ended.stdout, ended.stderr)


def _parsed(arguments: list[str]) -> tuple[dict[str, str], urllib.parse.SplitResult]:
    options, urls = {}, []
    words = iter(arguments)
    for word in words:
        if word in _WITH_WORD:
            options[word] = next(words, "")
        elif word.startswith("-") and word not in _SWITCHES:
            raise _NotUnderstood(word)
        elif not word.startswith("-"):
            urls.append(urllib.parse.urlsplit(word))
    if len(urls) != 1 or urls[0].scheme != "https" or options.get("--output", "NUL") != "NUL":
        raise _NotUnderstood("the lab's curl asks one https URL and keeps nothing")
    return options, urls[0]


def _pinned(resolve: str, host: str, port: int) -> list[str]:
    """The address of ``--resolve HOST:PORT:ADDRESS``, where it is for this URL."""
    name, _colon, rest = resolve.partition(":")
    for_port, _colon, address = rest.partition(":")
    return [address.strip("[]")] if (name.lower(), for_port) == (host.lower(), str(port)) else []

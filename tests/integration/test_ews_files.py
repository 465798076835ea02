# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""exchange_ews_iis and files in every state: what is not asked for keeps every byte, or all of the file does."""

from __future__ import annotations

import json
import pathlib
import typing as t

import pytest

from ansible_collections.pushops.securemail.plugins.module_utils.core.errors import (
    PushOpsError,
    Refused,
    UnexpectedState,
)
from ansible_collections.pushops.securemail.tests.integration.exchange_host import (
    APPHOST_FILE,
    BACK,
    BACK_FILE,
    FRONT,
    FRONT_FILE,
)
from ansible_collections.pushops.securemail.tests.integration.exchange_in_process import (
    LISTENER,
    OURS,
    files,
    fresh,
    replace,
    run,
)
from securemail_lab.exchange.iis import Iis
from securemail_lab.exchange.machine import Machine

MARK = b"\xef\xbb\xbf"
SHIPPED = b'<serverRuntime appConcurrentRequestLimit="65535" uploadReadAheadSize="0" />'
#: What a hand, a tool or another product may leave in a web.config.
ODD = (
    "<!-- \u00dcber den Proxy:  do not   touch -->\n"
    "  <contoso.custom   mode = 'on'><thing  a='1'\tb=\"2\"/></contoso.custom>\n"
    "\t<?contoso keep?>\n\n"
)
PUSH: dict[str, t.Any] = {"proxy_bypass": [{"fqdn": LISTENER, "port": 443}], "upload_read_ahead_size": 49152}
BACK_OUT: dict[str, t.Any] = {**PUSH, "state": "absent", "upload_read_ahead_size": 0}


@pytest.fixture
def machine(tmp_path: pathlib.Path) -> Machine:
    return fresh(tmp_path)


def rewrite(machine: Machine, file: str, change: t.Callable[[bytes], bytes]) -> None:
    path = machine.path(file)
    path.write_bytes(change(path.read_bytes()))


@pytest.mark.parametrize("line_end", [b"\r\n", b"\n"])
@pytest.mark.parametrize("marked", [True, False])
def test_every_byte_that_is_not_asked_for_stays(machine: Machine, marked: bool, line_end: bytes) -> None:
    """Byte order mark or none, CRLF or LF, comments, sections that nobody knows."""
    for file in (FRONT_FILE, BACK_FILE):
        replace(machine, file, "</configuration>", f"{ODD}</configuration>")
        rewrite(machine, file, lambda content: content.removeprefix(MARK).replace(b"\r\n", b"\n"))
        rewrite(machine, file, lambda content: MARK * marked + content.replace(b"\n", line_end))
    before = {file: machine.path(file).read_bytes() for file in (FRONT_FILE, BACK_FILE)}

    assert run(machine, **PUSH)["changed"]
    front, back = (machine.path(file).read_bytes() for file in (FRONT_FILE, BACK_FILE))
    assert front == before[FRONT_FILE].replace(SHIPPED, SHIPPED.replace(b'"0"', b'"49152"'))
    start, end = back.index(b"<system.net>"), back.index(b"</system.net>") + len(b"</system.net>")
    assert b"".join(back[:start].split() + back[end:].split()) == b"".join(before[BACK_FILE].split())
    assert line_end.join(ODD.rstrip().encode().split(b"\n")) in back and back.startswith(MARK) == marked
    assert not run(machine, **PUSH)["changed"]

    assert run(machine, **BACK_OUT)["changed"]
    assert {file: machine.path(file).read_bytes() for file in before} == before


def test_a_web_config_of_two_megabytes(machine: Machine) -> None:
    padding = "<!-- " + "padding \u00e4 " * 200_000 + "-->"
    replace(machine, BACK_FILE, "</configuration>", f"{padding}\r\n</configuration>")
    assert machine.path(BACK_FILE).stat().st_size > 2_000_000
    before = files(machine)
    assert run(machine, **PUSH)["proxy_bypass"]["after"] == [OURS]
    assert run(machine, **BACK_OUT)["changed"]
    assert files(machine) == before


def test_a_name_beyond_ascii(machine: Machine) -> None:
    odd = r"C:\Exchänge – Größe & 'Prüfung' (日本)\EWS"
    path = machine.path(odd)
    path.mkdir(parents=True)
    machine.path(FRONT_FILE).rename(path / "web.config")
    replace(machine, APPHOST_FILE, FRONT_FILE.removesuffix(r"\web.config"), odd.replace("&", "&amp;"))
    result = run(machine, **PUSH)
    assert result["upload_read_ahead_size"] == {"before": 0, "after": 49152}
    assert any(copy.startswith(odd) for copy in result["backups"])
    assert b'uploadReadAheadSize="49152"' in (path / "web.config").read_bytes()


def test_a_stopped_site_is_set_all_the_same(machine: Machine) -> None:
    """What is written acts once it starts."""
    for number in (1, 2):
        replace(machine, APPHOST_FILE, f'id="{number}"', f'id="{number}" serverAutoStart="false"')
    assert [site.started for site in Iis(machine).sites()] == [False, False]
    assert run(machine, **PUSH)["changed"] and not run(machine, **PUSH)["changed"]
    assert Iis(machine).upload_read_ahead_size(FRONT) == 49152


# --- refused: nothing of the configuration changes, and the same run succeeds once the cause is gone


def _hold(machine: Machine) -> t.Callable[[], None]:
    marker = machine.path(FRONT_FILE + ".held")
    marker.touch()
    return marker.unlink


def _make_read_only(machine: Machine) -> t.Callable[[], None]:
    path = machine.path(FRONT_FILE)
    path.chmod(0o400)
    return lambda: path.chmod(0o600)


def _edit(file: str, old: str, new: str) -> t.Callable[[Machine], t.Callable[[], None]]:
    def act(machine: Machine) -> t.Callable[[], None]:
        replace(machine, file, old, new)
        return lambda: replace(machine, file, old=new, new=old)

    return act


@pytest.mark.parametrize(
    ("spoil", "kind", "words"),
    [
        (_hold, Refused, "another process holds the file"),
        (_make_read_only, Refused, "another process holds the file"),
        (
            _edit(FRONT_FILE, 'uploadReadAheadSize="0"', 'uploadReadAheadSize="0" uploadReadAheadSize="1"'),
            UnexpectedState,
            "malformed",
        ),
        (
            _edit(BACK_FILE, "</configuration>", '<system.net a="1" a="2" /></configuration>'),
            UnexpectedState,
            "malformed",
        ),
        (
            _edit(APPHOST_FILE, '<site name="Exchange Back End"', '<site name="default web site"'),
            Refused,
            "defined twice",
        ),
    ],
    ids=["held", "read-only", "attribute twice in the front end", "attribute twice in the back end", "site twice"],
)
def test_what_is_refused_leaves_the_configuration_as_it_was(
    machine: Machine,
    spoil: t.Callable[[Machine], t.Callable[[], None]],
    kind: type[PushOpsError],
    words: str,
) -> None:
    mend = spoil(machine)
    before = files(machine)
    only_front = {**PUSH, "proxy_bypass": []}
    with pytest.raises(PushOpsError, match=words) as raised:
        run(machine, **only_front)
    assert raised.type is kind and raised.value.remedy
    assert files(machine) == before
    mend()
    assert run(machine, **PUSH)["changed"] and not run(machine, **PUSH)["changed"]


def leave(machine: Machine, count: int) -> None:
    (machine.state / "machine.json").write_text(json.dumps({"free_bytes": count}), encoding="ascii")


@pytest.mark.parametrize("room", ["none", "one copy", "both copies"])
def test_a_full_disk_stops_before_the_first_change_or_says_what_was_written(machine: Machine, room: str) -> None:
    sizes = {file: machine.path(file).stat().st_size for file in (FRONT_FILE, BACK_FILE)}
    leave(machine, {"none": 10, "one copy": max(sizes.values()) + 10, "both copies": sum(sizes.values()) + 10}[room])
    before = files(machine)
    with pytest.raises(Refused, match="There is not enough space on the disk") as raised:
        run(machine, **PUSH)
    assert ("Nothing was changed" in raised.value.what) == (room != "both copies")
    assert files(machine) == before
    leave(machine, 10**9)
    assert run(machine, **PUSH)["changed"] and not run(machine, **PUSH)["changed"]


def test_a_disk_that_fills_between_two_writes_leaves_the_old_state(machine: Machine) -> None:
    sizes = sum(machine.path(file).stat().st_size for file in (FRONT_FILE, BACK_FILE))
    run_out = {**PUSH, "upload_read_ahead_size": 2147483647}
    shown = run(machine, check=True, **run_out)
    assert len(shown["changes"]) == 2
    trial = fresh(machine.state / "trial")
    run(trial, **PUSH)
    grown = trial.path(BACK_FILE).stat().st_size - machine.path(BACK_FILE).stat().st_size
    leave(machine, sizes + grown + 5)
    with pytest.raises(Refused, match=f"the disk is full.*Written before it: system.net/defaultProxy of {BACK}"):
        run(machine, **run_out)
    assert OURS not in machine.path(BACK_FILE).read_text(encoding="utf-8")
    leave(machine, 10**9)
    assert len(run(machine, **run_out)["changes"]) == 2

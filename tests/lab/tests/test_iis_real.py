# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The same engine over a real Exchange 2019's configuration files (microsoft/CSS-Exchange), where they are at hand."""

from __future__ import annotations

import pathlib

import pytest

from securemail_lab.exchange import appcmd
from securemail_lab.exchange.iis import (
    ACCESS,
    DEFAULT_PROXY,
    SERVER_RUNTIME,
    AddItem,
    ClearSection,
    CommitFault,
    Edit,
    Iis,
    RemoveItem,
    SetAttribute,
)
from securemail_lab.exchange.iis.dotnet import dotnet_default_proxy
from securemail_lab.exchange.iis.hierarchy import APPHOST_FILE
from securemail_lab.exchange.machine import Machine

FRONT = "Default Web Site/EWS"
BACK = "Exchange Back End/EWS"
EXCHANGE = r"C:\Program Files\Microsoft\Exchange Server\V15"
FILES = {
    "applicationHost.config": APPHOST_FILE,
    "DefaultWebSite_web.config": r"C:\inetpub\wwwroot\web.config",
    "DefaultWebSite-EWS_web.config": rf"{EXCHANGE}\FrontEnd\HttpProxy\EWS\web.config",
    "ExchangeBackEnd-EWS_web.config": rf"{EXCHANGE}\ClientAccess\exchweb\EWS\web.config",
    "ExchangeBackEnd-OWA_web.config": rf"{EXCHANGE}\ClientAccess\owa\web.config",
}


def samples() -> pathlib.Path | None:
    """``shared/data/exchange-2019`` beside the project, looked for from here upward."""
    candidates = (parent / "shared" / "data" / "exchange-2019" for parent in pathlib.Path(__file__).resolve().parents)
    return next((folder for folder in candidates if folder.is_dir()), None)


@pytest.fixture
def machine(tmp_path: pathlib.Path) -> Machine:
    folder = samples()
    if folder is None:
        pytest.skip("no shared/data/exchange-2019 beside the project: the real Exchange 2019 files are not at hand")
    machine = Machine("exch01", tmp_path)
    for name, target in FILES.items():
        machine.path(target).parent.mkdir(parents=True, exist_ok=True)
        machine.path(target).write_bytes((folder / name).read_bytes())
    return machine


def contents(machine: Machine) -> dict[str, bytes]:
    return {name: machine.path(target).read_bytes() for name, target in FILES.items()}


def test_effective_values(machine: Machine) -> None:
    iis = Iis(machine)
    assert iis.upload_read_ahead_size(FRONT) == 0
    assert iis.upload_read_ahead_size(BACK) == 49152
    for path in (FRONT, BACK):
        flags = iis.effective(path, ACCESS).attribute("sslFlags")
        assert flags is not None and flags.text == "Ssl, Ssl128"
        assert iis.effective(path, ACCESS).locked
        assert not iis.effective(path, SERVER_RUNTIME).locked
        assert dotnet_default_proxy(machine, path).kind == "system"
    assert iis.ssl_flags("Exchange Back End/PowerShell") == 8 | 32 | 256
    assert iis.upload_read_ahead_size("Default Web Site") == 0
    assert iis.upload_read_ahead_size("Default Web Site/Rpc") == 0


@pytest.mark.parametrize(
    ("path", "section", "attribute", "text", "origin"),
    [
        (FRONT, SERVER_RUNTIME, "uploadReadAheadSize", "0", (f"/{FRONT}", None)),
        (FRONT, SERVER_RUNTIME, "appConcurrentRequestLimit", "65535", (f"/{FRONT}", None)),
        ("Default Web Site", SERVER_RUNTIME, "uploadReadAheadSize", "0", ("/Default Web Site", "")),
        (BACK, SERVER_RUNTIME, "uploadReadAheadSize", "49152", None),
        (BACK, SERVER_RUNTIME, "appConcurrentRequestLimit", "50000", ("", "")),
        ("", SERVER_RUNTIME, "uploadReadAheadSize", "49152", None),
        (FRONT, ACCESS, "sslFlags", "Ssl, Ssl128", ("", "Default Web Site")),
        (BACK, ACCESS, "sslFlags", "Ssl, Ssl128", ("", "Exchange Back End")),
        (
            "Exchange Back End/PowerShell",
            ACCESS,
            "sslFlags",
            "Ssl, SslNegotiateCert, Ssl128",
            ("", "Exchange Back End/PowerShell"),
        ),
        ("Exchange Back End/owa", DEFAULT_PROXY, "proxy.usesystemdefault", "true", ("/Exchange Back End/owa", "")),
        ("Exchange Back End/owa", DEFAULT_PROXY, "proxy.bypassonlocal", "true", ("/Exchange Back End/owa", "")),
        ("Exchange Back End/owa", DEFAULT_PROXY, "enabled", "true", None),
        (BACK, DEFAULT_PROXY, "proxy.usesystemdefault", "Unspecified", None),
    ],
)
def test_where_values_are_defined(
    machine: Machine, path: str, section: str, attribute: str, text: str, origin: tuple[str, str | None] | None
) -> None:
    found = Iis(machine).effective(path, section).attribute(attribute)
    assert found is not None and found.text == text
    if origin is not None and found.origin is not None:
        assert (found.origin.config_path, found.origin.location) == (f"MACHINE/WEBROOT/APPHOST{origin[0]}", origin[1])
    assert (found.origin is None) == (origin is None)


def test_owa_never_uses_a_proxy(machine: Machine) -> None:
    proxy = dotnet_default_proxy(machine, "Exchange Back End/owa")
    assert proxy.use_system and proxy.bypass_local
    assert proxy.proxy_for("https://example.com/", "http://192.0.2.31:3128") is None


@pytest.mark.parametrize(
    ("path", "section", "commit", "edits", "reverted"),
    [
        (FRONT, SERVER_RUNTIME, None, [SetAttribute("uploadReadAheadSize", "10485760")], None),
        (FRONT, SERVER_RUNTIME, "apphost", [SetAttribute("uploadReadAheadSize", "10485760")], [ClearSection()]),
        (BACK, SERVER_RUNTIME, None, [SetAttribute("uploadReadAheadSize", "1")], [ClearSection()]),
        (FRONT, ACCESS, "apphost", [SetAttribute("sslFlags", "Ssl,SslNegotiateCert")], [ClearSection()]),
        (
            BACK,
            DEFAULT_PROXY,
            None,
            [SetAttribute("proxy.usesystemdefault", "true"), AddItem("bypasslist", {"address": r"^https://a\.b$"})],
            [ClearSection()],
        ),
        (
            "Exchange Back End/owa",
            DEFAULT_PROXY,
            None,
            [AddItem("bypasslist", {"address": "a & b"})],
            [RemoveItem("bypasslist", {"address": "a & b"})],
        ),
    ],
)
def test_set_and_reverted_leaves_every_byte(
    machine: Machine, path: str, section: str, commit: str | None, edits: list[Edit], reverted: list[Edit] | None
) -> None:
    iis = Iis(machine)
    before = contents(machine)
    assert iis.commit(path, section, edits, commit)
    changed = contents(machine)
    assert sum(before[name] != changed[name] for name in FILES) == 1
    assert not iis.commit(path, section, [edit for edit in edits if isinstance(edit, SetAttribute)], commit)
    assert iis.commit(path, section, reverted or [SetAttribute("uploadReadAheadSize", "0")], commit)
    assert contents(machine) == before


def test_a_change_is_one_line(machine: Machine) -> None:
    name = "DefaultWebSite-EWS_web.config"
    before = contents(machine)[name]
    Iis(machine).commit(FRONT, SERVER_RUNTIME, [SetAttribute("uploadReadAheadSize", "10485760")])
    assert contents(machine)[name] == before.replace(b'uploadReadAheadSize="0"', b'uploadReadAheadSize="10485760"')
    assert Iis(machine).upload_read_ahead_size(FRONT) == 10485760


def test_access_is_refused_in_the_web_config(machine: Machine) -> None:
    before = contents(machine)
    with pytest.raises(CommitFault) as caught:
        Iis(machine).commit(FRONT, ACCESS, [SetAttribute("sslFlags", "Ssl")])
    assert (caught.value.hresult, contents(machine)) == (0x80070021, before)


def test_commit_apphost_says_applied_and_changes_nothing_that_acts(machine: Machine) -> None:
    words = ["set", "config", FRONT, f"-section:{SERVER_RUNTIME}", "/uploadReadAheadSize:10485760", "/commit:apphost"]
    result = appcmd.run(machine, words)
    assert (result.rc, result.stdout) == (
        0,
        b'Applied configuration changes to section "system.webServer/serverRuntime" for '
        b'"MACHINE/WEBROOT/APPHOST/Default Web Site/EWS" at configuration commit path "MACHINE/WEBROOT/APPHOST"\r\n',
    )
    assert Iis(machine).upload_read_ahead_size(FRONT) == 0


def test_serverRuntime_is_ambiguous_beside_ftp(machine: Machine) -> None:
    assert appcmd.run(machine, ["list", "config", FRONT, "-section:serverRuntime"]).rc == 87
    assert (
        appcmd.run(machine, ["list", "config", FRONT, "-section:access", "/text:sslFlags"]).stdout == b"Ssl, Ssl128\r\n"
    )


def test_iis_can_read_the_files_of_a_real_exchange(machine: Machine) -> None:
    for application in (FRONT, BACK):
        Iis(machine).check(application)

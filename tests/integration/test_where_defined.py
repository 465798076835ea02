# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Effective values and their places, as the module tells them through cmd.exe and appcmd, against the lab's own IIS."""

from __future__ import annotations

import pathlib
import tempfile
import typing as t

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.pushops.securemail.plugins.module_utils.core.errors import PushOpsError
from ansible_collections.pushops.securemail.plugins.module_utils.core.reconcile import reconcile
from ansible_collections.pushops.securemail.plugins.module_utils.windows.place import Place
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
    resource,
    run,
)
from securemail_lab.exchange.iis import SERVER_RUNTIME, Iis, IisError
from securemail_lab.exchange.iis.dotnet import ConfigurationErrors, dotnet_default_proxy

SITE_FILE = r"C:\inetpub\wwwroot\web.config"
BACK_SITE_FILE = r"C:\Program Files\Microsoft\Exchange Server\V15\ClientAccess\web.config"
FRAMEWORK = r"C:\Windows\Microsoft.NET\Framework64\v4.0.30319\Config"
PLAIN = '<?xml version="1.0" encoding="UTF-8"?>\r\n<configuration>{}</configuration>\r\n'
TAG = '<location path="{}"{}><system.webServer><serverRuntime{} /></system.webServer></location>'
SHIPPED = '<serverRuntime appConcurrentRequestLimit="65535" uploadReadAheadSize="0" />'
PROXY, SYSTEM = "http://proxy.example.com:3128", "http://192.0.2.31:3128"


def attribute(size: int | None) -> str:
    return "" if size is None else f' uploadReadAheadSize="{size}"'


SIZES = st.none() | st.sampled_from([0, 49152, 77])
MODES = st.sampled_from(["", ' overrideMode="Deny"', ' overrideMode="Allow"', ' inheritInChildApplications="false"'])


@settings(max_examples=50, deadline=None)
@given(
    own=SIZES,
    tag=st.none() | st.tuples(SIZES, MODES),
    site_tag=st.none() | st.tuples(SIZES, MODES),
    in_site=st.none() | st.tuples(st.sampled_from(["EWS", ""]), SIZES, MODES),
    size=st.none() | st.integers(0, 2147483647),
)
def test_the_module_tells_what_iis_does_and_writes_what_takes_effect(
    own: int | None,
    tag: tuple[int | None, str] | None,
    site_tag: tuple[int | None, str] | None,
    in_site: tuple[str, int | None, str] | None,
    size: int | None,
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        machine = fresh(folder)
        replace(machine, FRONT_FILE, SHIPPED, f"<serverRuntime{attribute(own)} />" if own is not None else "")
        tags = "".join(
            TAG.format(path, found[1], attribute(found[0]))
            for path, found in ((FRONT, tag), ("Default Web Site", site_tag))
            if found
        )
        replace(machine, APPHOST_FILE, "</configuration>", f"{tags}</configuration>")
        if in_site:
            machine.path(SITE_FILE).write_text(
                PLAIN.format(TAG.format(in_site[0], in_site[2], attribute(in_site[1]))), encoding="utf-8", newline=""
            )
        before = files(machine)
        try:
            section = Iis(machine).effective(FRONT, SERVER_RUNTIME)
        except IisError:
            with pytest.raises(PushOpsError, match="locked|twice"):
                resource(machine).read()
            return
        found = section.root.attributes["uploadReadAheadSize"]
        ews = resource(machine, upload_read_ahead_size=size)
        state = ews.read()
        place = found.origin and Place(found.origin.config_path, found.origin.location or "")
        assert (state.read_ahead, state.read_ahead_locked) == (found.value, section.locked)
        if state.read_ahead_place != place:  # the value stands at a second place, too, which is kept from applications
            kept = [found for found in (site_tag, in_site and in_site[1:]) if found and "false" in found[1]]
            assert state.read_ahead in [found[0] for found in kept] or (state.read_ahead == 0 and not in_site)
        outcome = reconcile(ews, check_mode=False)
        wanted = max(state.read_ahead, 49152) if size is None else size
        assert Iis(machine).upload_read_ahead_size(FRONT) == wanted
        assert outcome.plan.changed == (wanted != state.read_ahead)
        assert (files(machine) == before) == (wanted == state.read_ahead)
        if outcome.plan.changed:
            told = ews.describe(outcome)["defined_in"]["uploadReadAheadSize"]["after"]
            assert told == (outcome.after.read_ahead_place and outcome.after.read_ahead_place.shown())


@pytest.mark.parametrize("file", [BACK_SITE_FILE, rf"{FRAMEWORK}\web.config", rf"{FRAMEWORK}\machine.config"])
def test_what_dotnet_inherits_is_seen_and_kept(tmp_path: pathlib.Path, file: str) -> None:
    """The back end's own section replaces what stood above it, so that what it says must come along."""
    machine = fresh(tmp_path)
    machine.path(file).parent.mkdir(parents=True, exist_ok=True)
    section = f'<proxy proxyaddress="{PROXY}" /><bypasslist><add address="^https://other$" /></bypasslist>'
    machine.path(file).write_text(
        PLAIN.format(f"<system.net><defaultProxy>{section}</defaultProxy></system.net>"), encoding="utf-8", newline=""
    )
    shown = run(machine, check=True)
    assert shown["defined_in"]["defaultProxy"]["before"].lower().replace("%windir%", r"c:\windows") == file.lower()
    assert shown["proxy_bypass"] == {"before": ["^https://other$"], "after": ["^https://other$"]}
    result = run(machine, proxy_bypass=[{"fqdn": LISTENER, "port": 443}], proxy=PROXY)
    assert result["proxy_bypass"]["after"] == ["^https://other$", OURS]
    assert result["defined_in"]["defaultProxy"]["after"] == BACK_FILE
    proxy = dotnet_default_proxy(machine, BACK)
    assert (proxy.proxy_for(f"https://{LISTENER}/", SYSTEM), proxy.proxy_for("https://www.example.com/", SYSTEM)) == (
        None,
        PROXY,
    )


def test_a_section_above_that_lets_the_listener_through_is_enough(tmp_path: pathlib.Path) -> None:
    machine = fresh(tmp_path)
    section = '<proxy usesystemdefault="true" bypassonlocal="true" /><bypasslist><add address=".*" /></bypasslist>'
    text = PLAIN.format(f"<system.net><defaultProxy>{section}</defaultProxy></system.net>")
    machine.path(BACK_SITE_FILE).write_text(text, encoding="utf-8", newline="")
    before = files(machine)
    result = run(machine, proxy_bypass=[{"fqdn": LISTENER, "port": 443}], upload_read_ahead_size=0)
    assert (result["changed"], result["proxy_bypass"]["after"], files(machine)) == (False, [".*"], before)


ATTRIBUTES = st.sampled_from(
    [
        "",
        '<proxy usesystemdefault="true" />',
        '<proxy usesystemdefault="False" proxyaddress="http://old.example.com:1" bypassonlocal="Unspecified" />',
        '<proxy proxyaddress="http://old.example.com:1" autoDetect="false" />',
    ]
)
ENTRIES = st.lists(
    st.sampled_from([r"\.contoso\.com", "^http:", OURS, OURS.replace("eu-west", "us-east"), "*.contoso.com", "a++"]),
    max_size=4,
    unique=True,
)


@settings(max_examples=50, deadline=None)
@given(st.none() | st.tuples(ATTRIBUTES, ENTRIES), st.sampled_from(["", PROXY]), st.booleans())
def test_dotnet_calls_the_listener_directly_and_absent_gives_back_what_stood_there(
    section: tuple[str, list[str]] | None, proxy: str, prune: bool
) -> None:
    listeners: dict[str, t.Any] = {"proxy_bypass": [{"fqdn": LISTENER, "port": 443}], "proxy": proxy, "prune": prune}
    with tempfile.TemporaryDirectory() as folder:
        machine = fresh(folder)
        if section:
            entries = "".join(f'<add address="{entry}" />' for entry in section[1])
            text = (
                f"<system.net><defaultProxy>{section[0]}<bypasslist>{entries}</bypasslist></defaultProxy></system.net>"
            )
            replace(machine, BACK_FILE, "</configuration>", f"{text}</configuration>")
        before = files(machine)
        try:
            shipped = dotnet_default_proxy(machine, BACK)
        except ConfigurationErrors:
            with pytest.raises(PushOpsError, match="no regular expression"):
                run(machine, **listeners)
            assert files(machine) == before
            return
        present = run(machine, **listeners)
        acting = dotnet_default_proxy(machine, BACK)
        assert acting.proxy_for(f"https://{LISTENER}/x", SYSTEM) is None
        kept = shipped.proxy_for("https://www.example.com/", SYSTEM) if section and section[0] else SYSTEM
        for other in ("https://www.example.com/", f"https://{LISTENER}.evil.example/"):
            assert acting.proxy_for(other, SYSTEM) == (proxy or kept)
        run(machine, **listeners, state="absent")
        if OURS not in present["proxy_bypass"]["before"]:
            after = dotnet_default_proxy(machine, BACK)
            for url in (f"https://{LISTENER}/x", "https://www.example.com/", "https://mail.contoso.com/", "http://x/"):
                assert after.proxy_for(url, SYSTEM) == shipped.proxy_for(url, SYSTEM)

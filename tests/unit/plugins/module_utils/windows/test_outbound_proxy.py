# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The proxy in force for a listener, by the reference source of System.Net."""

from __future__ import annotations

import pytest

from ansible_collections.pushops.securemail.plugins.module_utils.windows.listener import Listener
from ansible_collections.pushops.securemail.plugins.module_utils.windows.outbound_proxy import (
    SystemProxy,
    proxy_for,
    read_system,
)
from ansible_collections.pushops.securemail.plugins.module_utils.windows.proxy_bypass import DefaultProxy

LISTENER = Listener("l.example.com")
SYSTEM = SystemProxy("proxy.example.com:3128")
OWN = "http://own.example.com:8080"


@pytest.mark.parametrize(
    ("section", "system", "proxy"),
    [
        (None, SYSTEM, "http://proxy.example.com:3128"),
        (None, SystemProxy(), ""),
        (None, SystemProxy("p:1", ("*.example.com",)), ""),
        (None, SystemProxy("p:1", script="http://wpad/x.pac"), None),
        (DefaultProxy({}), SYSTEM, "http://proxy.example.com:3128"),
        (DefaultProxy({}, ("^https://other$",)), SYSTEM, ""),
        (DefaultProxy({"proxy.usesystemdefault": "false"}), SYSTEM, ""),
        (DefaultProxy({"proxy.usesystemdefault": "true"}), SYSTEM, "http://proxy.example.com:3128"),
        (DefaultProxy({"proxy.usesystemdefault": "true"}, (LISTENER.pattern,)), SYSTEM, ""),
        (DefaultProxy({"proxy.usesystemdefault": "false", "proxy.proxyaddress": OWN}), SYSTEM, OWN),
        (DefaultProxy({"proxy.proxyaddress": OWN}, (LISTENER.pattern,)), SYSTEM, ""),
        (DefaultProxy({"enabled": "false", "proxy.proxyaddress": OWN}), SYSTEM, ""),
        (DefaultProxy({"proxy.scriptLocation": "http://wpad/x.pac"}), SYSTEM, None),
        (DefaultProxy({"proxy.autoDetect": "true"}), SYSTEM, None),
    ],
)
def test_the_proxy_for_a_listener(section: DefaultProxy | None, system: SystemProxy, proxy: str | None) -> None:
    assert proxy_for(LISTENER, section, system) == proxy


@pytest.mark.parametrize(
    ("values", "server"),
    [
        ({"ProxyEnable": "0x1", "ProxyServer": "p:3128"}, "p:3128"),
        ({"ProxyEnable": "0x0", "ProxyServer": "p:3128"}, ""),
        ({"ProxyServer": "p:3128"}, ""),
        ({"proxyenable": "0x1", "PROXYSERVER": "http=h:1;https=s:2"}, "s:2"),
        ({"ProxyEnable": "0x1", "ProxyServer": "ftp=f:1"}, ""),
    ],
)
def test_the_systems_settings(values: dict[str, str], server: str) -> None:
    assert read_system(values).server == server


def test_overrides_are_taken_apart() -> None:
    values = {"ProxyEnable": "0x1", "ProxyServer": "p:1", "ProxyOverride": "*.A.example;<local>; 10.*"}
    assert read_system(values).overrides == ("*.a.example", "<local>", "10.*")

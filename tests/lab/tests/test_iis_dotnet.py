# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What .NET makes of defaultProxy: all or nothing, unanchored expressions, one bad one breaks everything."""

from __future__ import annotations

import pathlib

import pytest

from securemail_lab.exchange.iis import DEFAULT_PROXY, Iis, SetAttribute
from securemail_lab.exchange.iis.dotnet import ConfigurationErrors, DefaultProxy, dotnet_default_proxy
from securemail_lab.exchange.iis.seed import seed
from securemail_lab.exchange.machine import Machine

BACK = "Exchange Back End/EWS"
BACK_FILE = r"C:\Program Files\Microsoft\Exchange Server\V15\ClientAccess\exchweb\EWS\web.config"
SITE_FILE = r"C:\Program Files\Microsoft\Exchange Server\V15\ClientAccess\web.config"
LISTENER = "https://eu-west-1.mailboxlistener.xm.citrix.com/v1/notify/x"
SYSTEM = "http://proxy.corp.contoso.com:3128"
ENTRY = r'<add address="^https://eu-west-1\.mailboxlistener\.xm\.citrix\.com(:443)?$" />'


@pytest.fixture
def machine(tmp_path: pathlib.Path) -> Machine:
    machine = Machine("exch01", tmp_path)
    seed(machine, "2019", client_certificates=False)
    return machine


def proxy_of(machine: Machine, section: str, file: str = BACK_FILE, location: str = "") -> DefaultProxy:
    body = f"<system.net><defaultProxy{section}</defaultProxy></system.net>"
    body = f"<location{location}>{body}</location>" if location else body
    machine.path(file).write_text(f"<configuration>{body}</configuration>", encoding="utf-8")
    return dotnet_default_proxy(machine, BACK, "corp.contoso.com")


@pytest.mark.parametrize(
    ("section", "url", "proxy"),
    [
        (">", LISTENER, SYSTEM),
        (' useDefaultCredentials="true">', LISTENER, SYSTEM),
        (f"><bypasslist>{ENTRY}</bypasslist>", LISTENER, None),
        (f"><bypasslist>{ENTRY}</bypasslist>", "https://example.com/", None),  # no proxy beside it: all direct
        (f'><proxy usesystemdefault="true" /><bypasslist>{ENTRY}</bypasslist>', LISTENER, None),
        (f'><proxy usesystemdefault="True" /><bypasslist>{ENTRY}</bypasslist>', "https://example.com/", SYSTEM),
        (
            f'><proxy usesystemdefault="true" /><bypasslist>{ENTRY}</bypasslist>',
            LISTENER.replace("https", "http"),
            SYSTEM,
        ),
        (f'><proxy usesystemdefault="true" /><bypasslist>{ENTRY}<clear /></bypasslist>', LISTENER, SYSTEM),
        ('><proxy usesystemdefault="true" /><bypasslist><add address="CITRIX.com" /></bypasslist>', LISTENER, None),
        (
            '><proxy usesystemdefault="true" /><bypasslist><add address="citrix.com" /></bypasslist>',
            "https://xcitrixxcom.example.com/",
            None,
        ),
        ('><proxy usesystemdefault="true" /><bypasslist><add address="/v1/notify" /></bypasslist>', LISTENER, SYSTEM),
        ('><proxy usesystemdefault="true" /><bypasslist><add address=":443" /></bypasslist>', LISTENER, SYSTEM),
        (
            '><proxy usesystemdefault="true" /><bypasslist><add address="com:8443$" /></bypasslist>',
            "https://example.com:8443/",
            None,
        ),
        ('><proxy usesystemdefault="false" />', LISTENER, None),
        ('><proxy usesystemdefault="false" bypassonlocal="true" />', LISTENER, None),
        ('><proxy proxyaddress="http://192.0.2.31:8080" />', LISTENER, "http://192.0.2.31:8080"),
        ('><proxy usesystemdefault="true" />', "https://exch02/", SYSTEM),
        ('><proxy usesystemdefault="true" bypassonlocal="true" />', "https://exch02/", None),
        ('><proxy usesystemdefault="true" bypassonlocal="true" />', "https://exch02.corp.contoso.com/", None),
        ('><proxy usesystemdefault="true" bypassonlocal="true" />', "https://mail.contoso.com/", SYSTEM),
        ('><proxy proxyaddress="http://192.0.2.31:8080" />', "https://127.0.0.1/", None),
        (' enabled="false"><proxy usesystemdefault="true" />', LISTENER, None),
    ],
)
def test_the_proxy_of_a_request(machine: Machine, section: str, url: str, proxy: str | None) -> None:
    assert proxy_of(machine, section).proxy_for(url, SYSTEM) == proxy


def test_without_a_section_the_system_decides(machine: Machine) -> None:
    proxy = dotnet_default_proxy(machine, BACK)
    assert (proxy.proxy_for(LISTENER, SYSTEM), proxy.proxy_for(LISTENER, None)) == (SYSTEM, None)


@pytest.mark.parametrize(
    "section",
    [
        '><bypasslist><add address="*.citrix.com" /></bypasslist>',
        f'><bypasslist>{ENTRY}<add address="(" /></bypasslist>',
        '><bypasslist><add address="(?P&lt;name>a)" /></bypasslist>',
        '><bypasslist><add address="a++" /></bypasslist>',
        r'><bypasslist><add address="\N{DIGIT ONE}" /></bypasslist>',
        r'><bypasslist><add address="\U00000065" /></bypasslist>',
        r'><bypasslist><add address="\1" /></bypasslist>',
        '><bypasslist><add address="(?a)e" /></bypasslist>',
        '><bypasslist><add address="" /></bypasslist>',
        "><bypasslist><add /></bypasslist>",
        "><proxy><bypasslist /></proxy>",
        '><proxy usesystemdefault="maybe" />',
        '><proxy proxyaddress="proxy" />',
        ' nosuch="1">',
        '><module type="Contoso.Proxy, Contoso" />',
        "></configuration>",
    ],
)
def test_one_fault_breaks_the_whole_section(machine: Machine, section: str) -> None:
    with pytest.raises(ConfigurationErrors):
        proxy_of(machine, section)


@pytest.mark.parametrize("pattern", [r"[*+]+\.contoso", r"a\*+", r"\(\?P", r"\w+\.\w+"])
def test_escapes_and_classes_are_no_quantifiers(machine: Machine, pattern: str) -> None:
    proxy_of(machine, f'><bypasslist><add address="{pattern}" /></bypasslist>')


@pytest.mark.parametrize(
    ("pattern", "url", "direct"),
    [
        (r"^https://[\w-.]+\.contoso\.com", "https://a-b.c.contoso.com/", True),
        (r"^https://[\w-.]+\.contoso\.com", "https://a+b.contoso.com/", False),
        (r"[\d-z]9", "https://a5.example.com/", False),
        (r"\b+contoso", "https://contoso.com/", True),
        (r"\145xample", "https://example.com/", True),
        ("http\u017f", "https://example.com/", False),
    ],
)
def test_what_dotnet_alone_takes(machine: Machine, pattern: str, url: str, direct: bool) -> None:
    bypass = f'><proxy usesystemdefault="true" /><bypasslist><add address="{pattern}" /></bypasslist>'
    assert (proxy_of(machine, bypass).proxy_for(url, SYSTEM) is None) is direct


def test_the_nearest_section_stands_alone(machine: Machine) -> None:
    assert proxy_of(machine, '><proxy proxyaddress="http://192.0.2.31:8080" />', SITE_FILE).address
    own = proxy_of(machine, f"><bypasslist>{ENTRY}</bypasslist>")
    assert own.proxy_for("https://example.com/", SYSTEM) is None


def test_a_section_of_the_site_can_be_kept_from_its_applications(machine: Machine) -> None:
    section = '><proxy usesystemdefault="false" />'
    assert proxy_of(machine, section, SITE_FILE).kind == "none"
    assert proxy_of(machine, section, SITE_FILE, ' inheritInChildApplications="false"').kind == "system"


def test_application_host_config_is_not_read(machine: Machine) -> None:
    Iis(machine).commit(BACK, DEFAULT_PROXY, [SetAttribute("proxy.usesystemdefault", "false")], "apphost")
    assert Iis(machine).effective(BACK, DEFAULT_PROXY).root.explicit
    assert dotnet_default_proxy(machine, BACK).kind == "system"


def test_machine_config_counts_where_there_is_one(machine: Machine) -> None:
    path = machine.path(r"C:\Windows\Microsoft.NET\Framework64\v4.0.30319\Config\machine.config")
    path.parent.mkdir(parents=True)
    path.write_text(
        '<configuration><system.net><defaultProxy><proxy usesystemdefault="false" /></defaultProxy></system.net>'
        "</configuration>",
        encoding="ascii",
    )
    assert dotnet_default_proxy(machine, BACK).kind == "none"

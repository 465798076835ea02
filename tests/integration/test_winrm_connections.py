# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""exchange_ews_iis over every login that WinRM has, through Ansible's own connection; and each login that fails."""

from __future__ import annotations

import os
import pathlib
import shutil
import subprocess
import time

import pytest

from ansible_collections.pushops.securemail.tests.integration import running_lab
from ansible_collections.pushops.securemail.tests.integration.exchange_host import ExchangeHost
from ansible_collections.pushops.securemail.tests.integration.running_ansible import Ansible, Run, Task
from ansible_collections.pushops.securemail.tests.integration.winrm_logins import (
    PRINCIPAL,
    REALM,
    USER,
    Variables,
    certificate,
    issue,
    kerberos,
    mapping,
    over_http,
)
from securemail_lab.exchange.host import ADMINISTRATOR
from securemail_lab.kerberos import Realm
from securemail_lab.pki import Authority

READ_AHEAD = 49152
EWS: Task = {
    "name": "EWS",
    "pushops.securemail.exchange_ews_iis": {
        "client_certificate_auth": True,
        "proxy": "http://proxy.example.com:3128",
        "proxy_bypass": [{"fqdn": "eu-west-1.mailboxlistener.xm.citrix.com"}],
    },
}


@pytest.fixture
def domain_ansible(tmp_path: pathlib.Path, realm: Realm) -> Ansible:
    """Ansible on a controller that knows the realm, with a ticket cache of its own."""
    cache = {"KRB5CCNAME": f"FILE:{tmp_path / 'tickets'}"}
    return Ansible(tmp_path / "domain", environment={**os.environ, **realm.environment(), **cache})


def assert_converges(ansible: Ansible, host: ExchangeHost, variables: Variables) -> None:
    """Applied, and then nothing to do."""
    run = ansible.play(host.inventory(**variables), EWS, {**EWS, "check_mode": True}, verbosity=4)
    assert [result.changed for result in run.tasks] == [True, False], run.output
    assert host.read_ahead() == READ_AHEAD
    assert host.password not in run.output


def assert_refused(run: Run, host: ExchangeHost, *words: str, status: str = "unreachable") -> None:
    """One clear error, and nothing was written."""
    result = run.result()
    assert (run.status != 0, result.status) == (True, status), run.output
    for word in words:
        assert word in result["msg"], result["msg"]
    assert "\n" not in result["msg"], result["msg"]
    assert "Traceback" not in run.stdout + str(result.value) and host.password not in run.output
    assert host.read_ahead() == 0


# --- each login


def scheme_of(host: ExchangeHost, scheme: str) -> Variables:
    return over_http(host) if scheme == "http" else {}


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_ntlm(ansible: Ansible, exchange_host: ExchangeHost, scheme: str) -> None:
    assert_converges(ansible, exchange_host, scheme_of(exchange_host, scheme))


def test_basic_over_https(ansible: Ansible, exchange_host: ExchangeHost) -> None:
    assert_converges(ansible, exchange_host, {"ansible_winrm_transport": "basic"})


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_kerberos_with_a_password(domain_ansible: Ansible, member: ExchangeHost, scheme: str) -> None:
    assert_converges(domain_ansible, member, kerberos() | scheme_of(member, scheme))


def test_kerberos_with_a_ticket_from_a_keytab(
    domain_ansible: Ansible, member: ExchangeHost, realm: Realm, tmp_path: pathlib.Path
) -> None:
    keytab = tmp_path / "user.keytab"
    realm.export(USER, keytab)
    kinit(domain_ansible, "-k", "-t", str(keytab))
    manual = kerberos(ansible_winrm_kinit_mode="manual", ansible_password="")
    assert_converges(domain_ansible, member, manual | over_http(member))


def kinit(ansible: Ansible, *options: str) -> None:
    """Put a ticket into the cache that the Ansible of this test looks into."""
    subprocess.run(["kinit", *options, PRINCIPAL], env=ansible.environment(), check=True, timeout=30)


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize(("mechanism", "user"), [("NTLM", ADMINISTRATOR), ("Kerberos", PRINCIPAL)])
def test_credssp(
    domain_ansible: Ansible, member: ExchangeHost, realm: Realm, scheme: str, mechanism: str, user: str
) -> None:
    """What is inside CredSSP follows from the user's name: a ticket for the host's address is asked for, or none."""
    member.winrm_settings(credssp=True)
    login = {"ansible_winrm_transport": "credssp", "ansible_user": user}
    assert_converges(domain_ansible, member, login | scheme_of(member, scheme))
    ticket = f"for HTTP/{member.lab.address(member.name)}@{REALM}"
    assert (ticket in (realm.folder / "kdc.log").read_text()) == (mechanism == "Kerberos")


def test_certificate(ansible: Ansible, exchange_host: ExchangeHost, tmp_path: pathlib.Path) -> None:
    exchange_host.winrm_settings(certificate=True, certificate_mappings=[mapping(exchange_host.lab)])
    assert_converges(ansible, exchange_host, certificate(issue(exchange_host.lab, tmp_path / "client")))


# --- each login that fails: one clear error


def test_kerberos_with_a_wrong_password(domain_ansible: Ansible, member: ExchangeHost) -> None:
    run = domain_ansible.play(member.inventory(**kerberos(ansible_password="canary-wrong")), EWS, verbosity=4)
    assert_refused(run, member, "exch01 ", "Kerberos", PRINCIPAL, "password")
    assert "canary-wrong" not in run.output


def test_kerberos_without_a_kdc(
    domain_ansible: Ansible, member: ExchangeHost, realm: Realm, tmp_path: pathlib.Path
) -> None:
    elsewhere = Realm(tmp_path / "elsewhere", "127.77.2.5", 9)
    ansible = Ansible(tmp_path / "lost", environment={**os.environ, **elsewhere.environment()})
    assert_refused(ansible.play(member.inventory(**kerberos()), EWS, verbosity=4), member, "KDC", "krb5.conf")


def test_kerberos_with_an_expired_ticket(
    domain_ansible: Ansible, member: ExchangeHost, realm: Realm, tmp_path: pathlib.Path
) -> None:
    kinit_with_password(domain_ansible, member.password, "-l", "1s")
    time.sleep(2)
    manual = kerberos(ansible_winrm_kinit_mode="manual", ansible_password="")
    assert_refused(domain_ansible.play(member.inventory(**manual), EWS, verbosity=4), member, "ticket", "kinit")


def kinit_with_password(ansible: Ansible, password: str, *options: str) -> None:
    subprocess.run(
        ["kinit", *options, PRINCIPAL],
        env=ansible.environment(),
        input=f"{password}\n",
        text=True,
        stdout=subprocess.DEVNULL,
        check=True,
        timeout=30,
    )


def test_kerberos_without_a_ticket(domain_ansible: Ansible, member: ExchangeHost) -> None:
    manual = kerberos(ansible_winrm_kinit_mode="manual", ansible_password="")
    assert_refused(domain_ansible.play(member.inventory(**manual), EWS, verbosity=4), member, "ticket", "kinit")


def test_kerberos_with_a_clock_that_differs(member: ExchangeHost, realm: Realm, tmp_path: pathlib.Path) -> None:
    kinit = tmp_path / "kinit"
    kinit.write_text('#!/bin/sh\nexec faketime -f -1h kinit "$@"\n')
    kinit.chmod(0o755)
    ansible = Ansible(tmp_path / "slow", environment={**os.environ, **realm.environment()})
    login = kerberos(ansible_winrm_kinit_cmd=str(kinit))
    assert_refused(ansible.play(member.inventory(**login), EWS, verbosity=4), member, "clock", "5 minutes")


def test_kerberos_for_a_host_that_the_realm_does_not_know(domain_ansible: Ansible, member: ExchangeHost) -> None:
    login = kerberos(ansible_winrm_kerberos_hostname_override="exch09.corp.contoso.com")
    run = domain_ansible.play(member.inventory(**login), EWS, verbosity=4)
    assert_refused(run, member, "HTTP/", "ansible_winrm_kerberos_hostname_override")


def test_a_user_of_the_realm_who_may_not(domain_ansible: Ansible, member: ExchangeHost, realm: Realm) -> None:
    realm.add_user("somebody", "canary-somebody")
    login = kerberos(ansible_user=f"somebody@{REALM}", ansible_password="canary-somebody")
    run = domain_ansible.play(member.inventory(**login), EWS, verbosity=4)
    assert_refused(run, member, "denied access", "Administrators", status="failed")
    assert "canary-somebody" not in run.output


def test_credssp_where_the_host_does_not_offer_it(ansible: Ansible, exchange_host: ExchangeHost) -> None:
    run = ansible.play(exchange_host.inventory(ansible_winrm_transport="credssp"), EWS, verbosity=4)
    assert_refused(run, exchange_host, "CredSSP", "winrm set winrm/config/service/auth")


def test_credssp_with_a_wrong_password(ansible: Ansible, exchange_host: ExchangeHost) -> None:
    exchange_host.winrm_settings(credssp=True)
    login = {"ansible_winrm_transport": "credssp", "ansible_password": "canary-wrong"}
    run = ansible.play(exchange_host.inventory(**login), EWS, verbosity=4)
    assert_refused(run, exchange_host, "rejected the user name or password")
    assert "canary-wrong" not in run.output


NOBODY, REFUSED = "has no account for the client certificate", "refused the client certificate"


@pytest.mark.parametrize(
    ("case", "words"),
    [
        ("unmapped", [NOBODY, "certmapping"]),
        ("mapped to nobody", [NOBODY, "certmapping"]),
        ("not offered", [NOBODY, 'Certificate="true"']),
        ("expired", [REFUSED, "ansible_winrm_cert_pem"]),
        ("other authority", [REFUSED, "ansible_winrm_cert_pem"]),
        ("no such file", ["cert_key_pem file not found", "ansible_winrm_cert_key_pem"]),
    ],
)
def test_a_certificate_that_is_refused(
    ansible: Ansible, exchange_host: ExchangeHost, tmp_path: pathlib.Path, case: str, words: list[str]
) -> None:
    host, folder = exchange_host, tmp_path / "client"
    issued_by = running_lab.create(tmp_path / "other", "exch01") if case == "other authority" else host.lab
    issue(issued_by, folder, days=-1 if case == "expired" else 365)
    if case == "no such file":
        (folder / "client.key").unlink()
    mapped = mapping(host.lab, "nobody") if case == "mapped to nobody" else mapping(host.lab)
    host.winrm_settings(certificate=case != "not offered", certificate_mappings=[] if case == "unmapped" else [mapped])
    run = ansible.play(host.inventory(**certificate(folder)), EWS, verbosity=4)
    assert_refused(run, host, "exch01 ", *words)


def test_a_server_certificate_for_another_name(ansible: Ansible, tmp_path: pathlib.Path) -> None:
    host = ExchangeHost.create(tmp_path / "lab")
    Authority(host.lab).issue_server("exch02")
    for own, other in zip(*map(host.lab.server_certificate, ("exch01", "exch02")), strict=True):
        shutil.copyfile(other, own)
    with running_lab.serving(host.lab, "exchange", host.name):
        run = ansible.play(host.inventory(), EWS, verbosity=4)
    assert_refused(run, host, "certificate of exch01 is for another name", "ansible_host")


def test_a_trust_file_that_is_not_there(ansible: Ansible, exchange_host: ExchangeHost) -> None:
    run = ansible.play(exchange_host.inventory(ansible_winrm_ca_trust_path="/nowhere/ca.pem"), EWS, verbosity=4)
    assert_refused(run, exchange_host, "/nowhere/ca.pem", "ansible_winrm_ca_trust_path")


@pytest.mark.parametrize("connection", ["psrp", "ssh"])
def test_other_connections_are_refused_with_what_to_set(
    ansible: Ansible, exchange_host: ExchangeHost, connection: str
) -> None:
    run = ansible.play(exchange_host.inventory(ansible_connection=connection, ansible_shell_type="cmd"), EWS)
    words = [f"ansible_connection is '{connection}', expected winrm", "Set ansible_connection=winrm for exch01"]
    assert_refused(run, exchange_host, *words, status="failed")

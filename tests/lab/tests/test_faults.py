# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Each fault of the lab changes what it says, and not a byte elsewhere. The gateway's is in test_estate.py."""

from __future__ import annotations

import datetime as dt
import json
import pathlib
import typing as t

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization

from ansible_collections.pushops.securemail.tests.lab.tests import loopback, push_certificates
from securemail_lab import cli, faults
from securemail_lab.apple import authority
from securemail_lab.citrix.accounts import Accounts
from securemail_lab.exchange.ews.soap import ServerVersion
from securemail_lab.exchange.ews.version import product_version
from securemail_lab.exchange.firewall import LOCAL_POLICY, RULES, outbound_allowed
from securemail_lab.exchange.machine import Machine
from securemail_lab.exchange.pools import EWS_POOL, STARTED, STOPPED, state_of
from securemail_lab.exchange.registry import Registry
from securemail_lab.exchange.update import cumulative_update
from securemail_lab.lab import BUNDLE_ID, EXCHANGE_HOSTS, Lab
from securemail_lab.netscaler.seed import GROUP
from securemail_lab.netscaler.store import Store
from securemail_lab.state import JsonFile
from securemail_lab.xms import console

LOCAL_RULES = rf"{LOCAL_POLICY}\{RULES}"
PROJECT = pathlib.Path(__file__).resolve().parents[3]
FRONT_FILE = r"%ExchangeInstallPath%FrontEnd\HttpProxy\EWS\web.config"
BACK_FILE = r"%ExchangeInstallPath%ClientAccess\exchweb\EWS\web.config"
BYPASS = b'<system.net><defaultProxy><bypasslist><add address="^x$" /></bypasslist></defaultProxy></system.net>'
Files = dict[str, bytes]


@pytest.fixture
def lab(tmp_path: pathlib.Path) -> Lab:
    return loopback.make_lab(tmp_path / "lab")


def files(lab: Lab) -> Files:
    """Every file of the lab by its path, but for locks."""
    found = (path for path in lab.directory.rglob("*") if path.is_file() and not path.name.endswith(".lock"))
    return {str(path.relative_to(lab.directory)): path.read_bytes() for path in found}


def inflict(lab: Lab, name: str) -> tuple[Files, Files]:
    """The files that the fault changed, before and after; none came or went."""
    before = files(lab)
    faults.FAULTS[name].inflict(lab, lambda _host: pytest.fail("this fault needs no command inside"))
    after = files(lab)
    made = set(after) - set(before)
    assert not set(before) - set(after)
    assert {pathlib.Path(each).name for each in made} <= {"apppools.json", "apppools-stopped.json", "revoked.pem"}
    changed = made | {name for name in before if before[name] != after[name]}
    return {name: before.get(name, b"{}") for name in changed}, {name: after[name] for name in changed}


def web_config(lab: Lab, host: str, windows_path: str) -> pathlib.Path:
    return Machine(host, lab.state(host)).path(windows_path)


def relative(lab: Lab, *paths: pathlib.Path) -> set[str]:
    return {str(path.relative_to(lab.directory)) for path in paths}


def test_proxy_bypass_takes_system_net_out_of_one_host(lab: Lab) -> None:
    paths = {host: web_config(lab, host, BACK_FILE) for host in EXCHANGE_HOSTS}
    original = paths["exch01"].read_bytes()
    for path in paths.values():
        path.write_bytes(path.read_bytes().replace(b"</configuration>", BYPASS + b"\n</configuration>"))
    _before, after = inflict(lab, "proxy-bypass")
    assert set(after) == relative(lab, paths["exch01"])
    assert paths["exch01"].read_bytes().split() == original.split()


def test_read_ahead_is_0_again_on_both_hosts_and_their_pools_are_new(lab: Lab) -> None:
    paths = [web_config(lab, host, FRONT_FILE) for host in EXCHANGE_HOSTS]
    originals = [path.read_bytes() for path in paths]
    for path, original in zip(paths, originals, strict=True):
        path.write_bytes(original.replace(b'uploadReadAheadSize="0"', b'uploadReadAheadSize="49152"'))
        assert path.read_bytes() != original
    _before, after = inflict(lab, "read-ahead")
    pools = [lab.state(host) / "apppools.json" for host in EXCHANGE_HOSTS]
    assert set(after) == relative(lab, *paths, *pools)
    assert [path.read_bytes() for path in paths] == originals
    assert [json.loads(pool.read_bytes()) for pool in pools] == [{"MSExchangeServicesAppPool": 1}] * 2


def test_netscaler_policy_is_one_binding_and_the_policy_stays(lab: Lab) -> None:
    store = Store(lab)
    binding = {"groupname": GROUP, "policy": "pushops_registration", "priority": 90}
    with store.running_file.edit() as running:
        running["bindings"]["aaagroup_authorizationpolicy_binding"].append(binding)
        policies = running["objects"]["authorizationpolicy"]
        policies["pushops_registration"] = {"name": "pushops_registration", "rule": "true", "action": "ALLOW"}
    store.save()
    expected = store.running
    expected["bindings"]["aaagroup_authorizationpolicy_binding"].remove(binding)
    _before, after = inflict(lab, "netscaler-policy")
    assert {pathlib.Path(name).name for name in after} == {"running.json", "saved.json"}
    assert store.running == store.saved == expected


def test_a_firewall_baseline_drops_added_rules_and_blocks_by_default(lab: Lab) -> None:
    machine = Machine("exch01", lab.state("exch01"))
    registry = Registry(machine)
    shipped = registry.values(LOCAL_RULES)
    registry.set(LOCAL_RULES, "{0F1E2D3C-0000-4000-8000-000000000001}", "v2.30|Action=Allow|Dir=Out|Name=x|")
    _before, after = inflict(lab, "windows-firewall")
    assert set(after) == relative(lab, lab.state("exch01") / "registry.json")
    assert registry.values(LOCAL_RULES) == shipped
    assert not outbound_allowed(machine, "203.0.113.21", 443)


def test_a_cumulative_update_ships_both_files_anew_with_the_next_build(lab: Lab) -> None:
    paths = [web_config(lab, "exch01", path) for path in (FRONT_FILE, BACK_FILE)]
    shipped = [path.read_bytes() for path in paths]
    for path in paths:
        path.write_bytes(path.read_bytes().replace(b"</configuration>", BYPASS + b"</configuration>"))
    others = {name: content for name, content in files(lab).items() if "exch01" not in name}
    assert cumulative_update(lab, "exch01") == "15.2.1118.7"
    machine = Machine("exch01", lab.state("exch01"))
    assert product_version(machine) == ServerVersion(15, 2, 1118, 7)
    for path, before in zip(paths, shipped, strict=True):
        assert path.read_bytes() == before.replace(b"15.2.986.5", b"15.2.1118.7")
    assert json.loads((machine.state / "apppools.json").read_bytes()) == {"MSExchangeServicesAppPool": 1}
    assert {name: content for name, content in files(lab).items() if "exch01" not in name} == others


def test_the_last_cumulative_update_can_be_installed_again(lab: Lab) -> None:
    assert [cumulative_update(lab, "exch02") for _turn in range(2)] == ["15.1.2507.6", "15.1.2507.6"]


def test_the_command_installs_an_update(lab: Lab, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["--directory", str(lab.directory), "update", "exch01"]) == 0
    assert "exch01 runs 15.2.1118.7" in capsys.readouterr().out


def test_wrong_region_is_one_value_of_one_policy(lab: Lab) -> None:
    file = JsonFile(lab.state("xms") / "apps.json")
    with file.edit() as document:
        (app,) = (app for app in document["apps"] if app["name"] == "Secure Mail")
        for policy in app["ios"]["policies"]:
            if policy["title"] == "Push notifications region":
                policy["policyValue"] = "EU_WEST"
    before, after = inflict(lab, "wrong-region")
    assert set(after) == relative(lab, file.path)
    (old,), (new,) = (list(each.values()) for each in (before, after))
    assert new.replace(b'"policyValue": "US_EAST"', b"") == old.replace(b'"policyValue": "EU_WEST"', b"").replace(
        b'"policyValue": "US_EAST"', b""
    )
    assert old.count(b'"policyValue": "EU_WEST"') == 1


def test_revoked_certificate_is_known_to_apple_alone(lab: Lab) -> None:
    request = x509.CertificateSigningRequestBuilder(x509.Name([])).sign(push_certificates.KEY, hashes.SHA256())
    signed = [authority.sign(lab, BUNDLE_ID, request.public_bytes(serialization.Encoding.PEM)) for _turn in range(2)]
    version = lab.directory / "certificates" / BUNDLE_ID / "current"
    version.mkdir(parents=True)
    (version / "certificate.pem").write_bytes(signed[1].public_bytes(serialization.Encoding.PEM))
    _before, after = inflict(lab, "revoked-certificate")
    books, list_of_revoked = authority.issued(lab), authority.revocations_path(lab)
    assert set(after) == relative(lab, books.path, list_of_revoked)
    assert ["revoked" in each for each in books.read()] == [False, True]
    revoked = x509.load_pem_x509_crl(list_of_revoked.read_bytes())
    assert [each.serial_number for each in revoked] == [signed[1].serial_number]


def test_expired_certificate_is_expired_wherever_it_is_in_service(lab: Lab) -> None:
    request = x509.CertificateSigningRequestBuilder(x509.Name([])).sign(push_certificates.KEY, hashes.SHA256())
    signing_request = request.public_bytes(serialization.Encoding.PEM)
    certificate = authority.sign(lab, BUNDLE_ID, signing_request)
    Accounts(lab).store("emea", BUNDLE_ID, push_certificates.KEY, certificate)
    versions = lab.directory / "certificates" / BUNDLE_ID
    for version in ("0001", "0002"):
        (versions / version).mkdir(parents=True)
        (versions / version / "request.csr").write_bytes(signing_request)
        (versions / version / "certificate.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    (versions / "current").symlink_to("0002")
    stored = Accounts(lab).signing_file("emea", "contoso-7Q2M4", BUNDLE_ID)
    assert stored
    before, after = inflict(lab, "expired-certificate")
    in_service, books = versions / "0002" / "certificate.pem", authority.issued(lab)
    through_link = versions / "current" / "certificate.pem"
    assert set(after) - relative(lab, through_link) == relative(lab, in_service, stored, books.path)
    expired = x509.load_pem_x509_certificate(in_service.read_bytes())
    now = dt.datetime.now(dt.UTC)
    assert expired.not_valid_after_utc < now < certificate.not_valid_after_utc
    assert expired.public_key() == certificate.public_key() and expired.subject == certificate.subject
    assert x509.load_pem_x509_certificate(stored.read_bytes()) == expired
    key = stored.read_bytes().partition(b"-----BEGIN CERTIFICATE")[0]
    assert before[str(stored.relative_to(lab.directory))].startswith(key)
    assert [dt.datetime.fromisoformat(each["not_after"]) < now for each in books.read()] == [True]


def test_the_playbooks_that_repair_exist() -> None:
    assert [
        name
        for name, fault in faults.FAULTS.items()
        if not fault.mend and not (PROJECT / "playbooks" / fault.repaired_by).is_file()
    ] == []


def test_a_fresh_estate_lacks_every_link_that_a_fault_breaks() -> None:
    lab = t.cast("Lab", type("Kind", (), {"kind": "namespaces"}))
    broken = {fault.link for fault in faults.FAULTS.values() if not fault.mend}
    assert broken <= set(faults.initial_links(lab))


def test_wrong_listener_puts_americas_in_the_place_of_the_region_on_one_host(lab: Lab) -> None:
    path = web_config(lab, "exch01", BACK_FILE)
    entry = BYPASS.replace(b"^x$", rb"^https://eu-west-1\.mailboxlistener\.xm\.citrix\.com(:443)?$")
    path.write_bytes(path.read_bytes().replace(b"</configuration>", entry + b"\n</configuration>"))
    before, after = inflict(lab, "wrong-listener")
    assert set(after) == relative(lab, path)
    ((old,), (new,)) = (list(each.values()) for each in (before, after))
    assert new == old.replace(b"eu-west-1", b"us-east-1")


def test_stopped_pool_stops_on_one_host_and_the_hand_that_mends_starts_it(lab: Lab) -> None:
    machine = Machine("exch01", lab.state("exch01"))
    assert state_of(machine, EWS_POOL) == STARTED
    _before, after = inflict(lab, "stopped-pool")
    assert set(after) == relative(lab, lab.state("exch01") / "apppools-stopped.json")
    assert state_of(machine, EWS_POOL) == STOPPED
    mend = faults.FAULTS["stopped-pool"].mend
    assert mend is not None
    mend(lab)
    assert state_of(machine, EWS_POOL) == STARTED


def test_customer_id_changes_one_policy(lab: Lab) -> None:
    console.set_policy(lab, "Push notifications customer ID", "contoso-7Q2M4")
    before, after = inflict(lab, "customer-id")
    ((old,), (new,)) = (list(each.values()) for each in (before, after))
    assert old.count(b"contoso-7Q2M4") == 1
    assert new == old.replace(b"contoso-7Q2M4", b"contoso-7Q2N4")

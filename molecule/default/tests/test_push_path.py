# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What site.yml left behind: on the gateway, on the Exchange hosts, in the key store, and on the devices."""

from __future__ import annotations

import json
import os
import pathlib
import re
import typing as t
import xml.etree.ElementTree as ET

import pytest

from securemail_lab.lab import BUNDLE_ID, DEVICES, EXCHANGE_HOSTS, Lab

testinfra_hosts = ["local://"]
REGION = "emea"
Host = t.Any  # testinfra has no types


@pytest.fixture
def lab() -> Lab:
    return Lab(pathlib.Path(os.environ["SECUREMAIL_LAB"]))


@pytest.fixture
def rules(host: Host, lab: Lab) -> list[dict[str, t.Any]]:
    """The gateway's live rules and sets."""
    if lab.kind != "namespaces":
        pytest.skip("the gateway needs network namespaces")
    listed = host.run("ip netns exec gateway nft --json list ruleset")
    assert listed.rc == 0, listed.stderr
    found: list[dict[str, t.Any]] = json.loads(listed.stdout)["nftables"]
    return found


@pytest.mark.parametrize(("flow", "sources"), [("listener", ["exch01", "exch02"]), ("registration", ["netscaler"])])
def test_the_gateway_opens_one_flow_to_the_region(
    rules: list[dict[str, t.Any]], lab: Lab, flow: str, sources: list[str]
) -> None:
    sets = {entry["set"]["name"]: set(entry["set"]["elem"]) for entry in rules if "set" in entry}
    assert sets[f"pushops_forward_{flow}_dst4"] == set(lab.addresses(f"{flow}-{REGION}"))
    assert sets[f"pushops_forward_{flow}_src4"] == {lab.address(source) for source in sources}
    comments = [entry["rule"].get("comment", "") for entry in rules if "rule" in entry]
    ours = [comment for comment in comments if comment.startswith(f"pushops.securemail {flow} ")]
    assert len(ours) == 2  # there and back


def test_the_gateway_keeps_its_own_rules(rules: list[dict[str, t.Any]]) -> None:
    comments = {entry["rule"].get("comment", "") for entry in rules if "rule" in entry}
    assert {"web proxy", "controller: Apple and the push portal", "dropped"} <= comments
    chains = {entry["chain"]["name"]: entry["chain"].get("policy") for entry in rules if "chain" in entry}
    assert chains["forward"] == "drop"


@pytest.mark.parametrize("name", EXCHANGE_HOSTS)
def test_exchange_reads_ahead_and_bypasses_the_proxy(host: Host, lab: Lab, name: str) -> None:
    front = _web_config(host, lab, name, "FrontEnd/HttpProxy/EWS")
    runtime = front.find(".//serverRuntime")
    assert runtime is not None
    assert int(runtime.get("uploadReadAheadSize", "0")) >= 49152

    proxy = _web_config(host, lab, name, "ClientAccess/exchweb/EWS").find("./system.net/defaultProxy")
    assert proxy is not None
    settings = proxy.find("proxy")
    assert settings is not None
    assert settings.get("usesystemdefault", "").lower() == "true"
    patterns = [str(entry.get("address")) for entry in proxy.findall("bypasslist/add")]
    listener = lab.url(f"listener-{REGION}")
    assert any(re.search(pattern, listener, re.IGNORECASE) for pattern in patterns)
    assert not any(re.search(pattern, f"{listener}.example.com", re.IGNORECASE) for pattern in patterns)


def test_netscaler_authorizes_tunneled_devices_and_has_saved_it(host: Host, lab: Lab) -> None:
    saved = json.loads(host.file(str(lab.state("netscaler") / "saved.json")).content_string)
    policy = saved["objects"]["authorizationpolicy"]["pushops_registration"]
    assert policy["action"] == "ALLOW"
    assert all(f"CLIENT.IP.DST.EQ({address})" in policy["rule"] for address in lab.addresses(f"registration-{REGION}"))
    bound = saved["bindings"]["aaagroup_authorizationpolicy_binding"]
    assert [each["groupname"] for each in bound if each["policy"] == policy["name"]] == ["SecureMail-Users"]


def test_only_the_owner_reads_the_key(host: Host, lab: Lab) -> None:
    store = lab.directory / "certificates"
    for folder in (store, store / BUNDLE_ID, store / BUNDLE_ID / "versions" / "0001"):
        assert host.file(str(folder)).mode == 0o700
    for name in ("key.pem", "bundle.p12"):
        assert host.file(str(store / BUNDLE_ID / "current" / name)).mode == 0o600
    assert "ENCRYPTED PRIVATE KEY" in host.file(str(store / BUNDLE_ID / "current" / "key.pem")).content_string


def test_every_device_shows_the_badge_of_a_new_mail(host: Host, lab: Lab) -> None:
    delivered = host.run("securemail-lab --directory %s probe --wait 8", str(lab.directory))
    assert delivered.rc == 0, delivered.stderr
    seen = json.loads(delivered.stdout)
    assert seen["arrived"], seen
    assert seen["content_free"], seen
    assert [device["device"] for device in seen["devices"]] == list(DEVICES)
    assert all(device["badge_after"] > device["badge_before"] for device in seen["devices"])


def _web_config(host: Host, lab: Lab, name: str, folder: str) -> ET.Element:
    listed = host.run("find %s -ipath %s", str(lab.state(name)), f"*/{folder}/web.config").stdout.split("\n")
    (path,) = [line for line in listed if line]
    return ET.fromstring(host.file(path).content)  # noqa: S314 - a file that this run has just written

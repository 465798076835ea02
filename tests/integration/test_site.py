# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The collection's own playbooks against a whole estate: predicted, applied, applied again, judged."""

from __future__ import annotations

import hashlib
import json
import pathlib
import re
import typing as t

import pytest
import yaml

from ansible_collections.pushops.securemail.tests.integration.running_ansible import ROOT, Ansible, Run
from ansible_collections.pushops.securemail.tests.integration.running_lab import free_ports
from ansible_collections.pushops.securemail.tests.integration.terminal import shown
from securemail_lab import faults
from securemail_lab.dns import dnsmasq
from securemail_lab.exchange.update import cumulative_update
from securemail_lab.launch import Launcher
from securemail_lab.state import JsonFile
from securemail_lab.xms import mdx

INVENTORY = ROOT / "inventories" / "lab"
ON_TERMINAL = {"ANSIBLE_STDOUT_CALLBACK": "pushops.securemail.push_path"}
MODULES = {
    " : Keep the certificate valid, uploaded and in service": ["controller"],
    " : Open the region's flows in the host's own base chains": ["gateway"],
    " : Let tunneled Secure Mail reach the registration service": ["netscaler01"],
    " : Put the effective EWS settings in place": ["exch01", "exch02"],
    " : Let the listener's flow out of the host's own firewall": ["exch01", "exch02"],
    " : Set the MDX push policies": ["xms01"],
}


@pytest.fixture(scope="module")
def estate(tmp_path_factory: pytest.TempPathFactory) -> t.Iterator[Launcher]:
    """A freshly installed estate, in namespaces where the kernel allows them."""
    launcher = Launcher(tmp_path_factory.mktemp("estate") / "lab")
    launcher.up()
    try:
        yield launcher
    finally:
        launcher.purge()


class Operator:
    """Runs playbooks as somebody who sits at the controller of the estate."""

    def __init__(self, estate: Launcher, folder: pathlib.Path, **how: t.Any) -> None:
        self.lab = estate.lab
        self._ansible = Ansible(folder, within=estate.entering(), environment=estate.environment(), **how)

    def play(
        self,
        name: str,
        check: bool = False,
        variables: t.Mapping[str, t.Any] | None = None,
        inventory: pathlib.Path = INVENTORY,
        tags: str = "all",
    ) -> Run:
        limit = "all" if self.lab.kind == "namespaces" else "!push_gateways"
        return self._ansible.playbook(
            f"pushops.securemail.{name}", inventory, check=check, limit=limit, variables=variables, tags=tags
        )

    def changes(self, run: Run) -> dict[tuple[str, str], t.Any]:
        """Task and host -> what the module changed, or would change."""
        hosts = [
            (task, host)
            for task, hosts in MODULES.items()
            for host in hosts
            if host != "gateway" or self.lab.kind == "namespaces"
        ]
        return {(task, host): run.result(task, host)["changes"] for task, host in hosts}


@pytest.fixture
def operator(estate: Launcher, tmp_path: pathlib.Path) -> Operator:
    return Operator(estate, tmp_path / "ansible")


def _digest(folders: list[pathlib.Path]) -> dict[str, str]:
    """What the estate acts on: file -> digest; its logs, sessions and what the phones do meanwhile left out."""
    return {
        str(path): hashlib.sha256(path.read_bytes()).hexdigest()
        for folder in folders
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.suffix not in (".lock", ".log", ".jsonl")
        if "session" not in path.name and path.name != "devices.json"
    }


def _changed(run: Run) -> dict[str, int]:
    return {host: counters["changed"] for host, counters in run.recap.items()}


def test_from_a_fresh_estate_to_a_badge(operator: Operator) -> None:
    lab = operator.lab
    configuration = [lab.state(name) / "C" for name in ("exch01", "exch02")]
    configuration += [lab.state("netscaler"), lab.state("xms"), lab.state("portal"), lab.directory / "certificates"]

    before = _digest(configuration)
    predicted = operator.play("site", check=True)
    assert predicted.status == 0, predicted.output
    assert _digest(configuration) == before

    applied = operator.play("site")
    assert applied.status == 0, applied.output
    assert operator.changes(applied) == operator.changes(predicted)
    assert all(operator.changes(applied).values())
    assert _digest(configuration) != before

    for check in (False, True):
        again = operator.play("site", check=check)
        assert again.status == 0, again.output
        assert not any(_changed(again).values())

    judged = operator.play("verify")
    assert judged.status == 0, judged.output
    assert not any(_changed(judged).values())
    verdict = json.loads((lab.directory / "verdict.json").read_bytes())
    assert (verdict["broken"], verdict["not_tested"], verdict["badge"]) == ([], [], "arrived")
    assert verdict["warnings"] == []
    jsonschema = pytest.importorskip("jsonschema")
    schema = json.loads((ROOT / "docs" / "evidence.schema.json").read_bytes())
    jsonschema.validate(verdict, schema, jsonschema.Draft202012Validator)
    assert [certificate["state"] for certificate in verdict["certificates"]] == ["in-service"]
    (page,) = (lab.directory / "report").glob("run-*.html")
    assert f'href="{page.name}"' in (lab.directory / "report" / "index.html").read_text(encoding="utf-8")
    assert "1 of 1 environment sound" in page.read_text(encoding="utf-8")

    nowhere = str(lab.directory / "verdict.json" / "report")
    judged = operator.play("verify", variables={"push_report_path": nowhere})
    assert judged.status != 0 and f"REPORT not made: path is '{nowhere}'" in judged.output
    assert json.loads((lab.directory / "verdict.json").read_bytes())["sound"]
    assert any(line.startswith("Names: ") and line.endswith("resolve as pinned.") for line in verdict["report"])

    pinned = lab.address("listener-emea")
    moved = f"{pinned.rpartition('.')[0]}.99"
    dnsmasq.hosts(lab).write_text(dnsmasq.hosts(lab).read_text().replace(f"{pinned} ", f"{moved} "))
    judged = operator.play("verify")
    assert judged.status == 0, judged.output  # a warning, and the verdict stays
    verdict = json.loads((lab.directory / "verdict.json").read_bytes())
    (named,) = [check for check in verdict["checks"] if check["id"] == "listener-egress.names"]
    assert verdict["sound"] and named["state"] == "warning" and f"resolves to {moved}, not pinned" in named["evidence"]
    assert moved in named["measured"]["added"]
    assert any(line.startswith("WARNING listener-egress on controller: ") for line in verdict["report"])


def test_exchange_is_seen_to_tell_the_controller_of_a_change(operator: Operator) -> None:
    """Before a later test has the host block all that goes out but the listener."""
    lab = operator.lab
    port = free_ports(1)[0]
    probe = {
        "endpoint": f"https://{lab.address('exch01')}:{lab.port('https')}/EWS/Exchange.asmx",
        "mailbox": "alex@contoso.com",
        "password": lab.secret("mailbox"),
        "ca_path": str(lab.ca_path),
        "receiver": {"url": f"http://{lab.name('controller')}:{port}", "address": lab.address("controller")},
    }
    judged = operator.play("verify", variables={"push_verify_ews_probe": probe}, tags="ews-health")
    assert judged.status == 0, judged.output
    verdict = json.loads((lab.directory / "verdict.json").read_bytes())
    states = {check["id"]: check["state"] for check in verdict["checks"] if check["host"] == "controller"}
    assert states["ews-health.push"] == "pass", verdict["checks"]
    assert lab.secret("mailbox") not in judged.output


def test_a_policy_unbound_on_netscaler_is_named_there_and_not_on_the_gateway(operator: Operator) -> None:
    lab = operator.lab
    assert operator.play("site").status == 0
    faults.FAULTS["netscaler-policy"].inflict(lab, lambda _host: [])
    assert operator.play("verify").status != 0
    verdict = json.loads((lab.directory / "verdict.json").read_bytes())
    failed = [(each["link"], each["host"]) for each in verdict["checks"] if each["state"] == "fail"]
    assert failed == [("registration-egress", "netscaler01")]
    assert verdict["badge"] == "arrived", "devices that have registered go on"
    repaired = operator.play("netscaler")
    assert repaired.status == 0 and _changed(repaired) == {"netscaler01": 1}


def _judged(operator: Operator) -> dict[str, t.Any]:
    """The verdict of a verify run that must not find the path sound."""
    judged = operator.play("verify")
    assert judged.status != 0 and "Traceback" not in judged.output
    document: dict[str, t.Any] = json.loads((operator.lab.directory / "verdict.json").read_bytes())
    return document


def _repaired(operator: Operator) -> None:
    for expected in (True, False):
        run = operator.play("exchange")
        assert run.status == 0, run.output
        assert any(_changed(run).values()) is expected
    assert operator.play("verify").status == 0


def test_a_windows_firewall_that_blocks_the_listener_is_named_and_mended(operator: Operator) -> None:
    faults.FAULTS["windows-firewall"].inflict(operator.lab, lambda _host: [])
    verdict = _judged(operator)
    assert (verdict["broken"], verdict["badge"]) == (["listener-egress"], "missing")
    failed = [finding for finding in verdict["checks"] if finding["state"] == "fail"]
    assert {(finding["host"], finding["link"]) for finding in failed} == {("exch01", "listener-egress")}
    said = {finding["id"]: finding["evidence"] for finding in failed}
    assert "outbound rule 'pushops.securemail listener' is absent" in said["listener-egress.host-firewall"]
    assert "refused, or blocked on the host" in said["listener-egress.egress"]
    (logged,) = [line for line in verdict["report"] if line.startswith("LOGGED on exch01")]
    assert "x event 6 (a send failed)" in logged and "mailboxlistener" in logged and "ConnectFailure" in logged
    _repaired(operator)


def test_an_estate_that_was_moved_half_way_is_told_who_holds_which_region(operator: Operator) -> None:
    for name in ("wrong-listener", "wrong-region"):
        faults.FAULTS[name].inflict(operator.lab, lambda _host: [])
    verdict = _judged(operator)
    assert (verdict["broken"], verdict["not_tested"]) == (["xms-policies", "proxy-bypass"], [])
    (told,) = [line for line in verdict["report"] if line.startswith("Region: ")]
    assert "Americas on xms01 (XenMobile Server), exch01 (Exchange back end)" in told
    assert "EMEA on exch02 (Exchange back end), controller (push portal)" in told
    assert operator.play("xms").status == 0
    _repaired(operator)


def test_a_pool_that_stopped_hides_nothing_else_that_is_broken(operator: Operator) -> None:
    fault = faults.FAULTS["stopped-pool"]
    for name in ("stopped-pool", "read-ahead"):
        faults.FAULTS[name].inflict(operator.lab, lambda _host: [])
    verdict = _judged(operator)
    assert (verdict["broken"], verdict["not_tested"]) == (["read-ahead", "ews-health"], [])
    failed = {(check["id"], check["host"]) for check in verdict["checks"] if check["state"] == "fail"}
    assert {("ews-health.app-pool", "exch01"), ("ews-health.answers", "exch01")} <= failed
    assert ("ews-health.answers", "exch02") not in failed
    assert fault.mend is not None
    fault.mend(operator.lab)
    _repaired(operator)


@pytest.mark.parametrize(
    ("mishap", "reason"),
    [({"kind": "reset"}, "onnection"), ({"kind": "slow", "seconds": 15, "on": "Receive"}, "timed out")],
    ids=["dies", "slow"],
)
def test_a_host_that_fails_half_way_is_not_tested_from_there_on_and_the_rest_goes_on(
    operator: Operator, mishap: dict[str, t.Any], reason: str
) -> None:
    settings = JsonFile(operator.lab.state("exch02") / "winrm.json")
    before = settings.read()
    schedule = [{**mishap, "line": "wevtutil", "nth": number} for number in range(1, 21)]
    patience = {"ansible_winrm_operation_timeout_sec": 8, "ansible_winrm_read_timeout_sec": 10}
    settings.write({**before, "faults": {"schedule": schedule}})
    try:
        judged = operator.play("verify", tags="read-ahead,ews-health", variables=patience)
    finally:
        settings.write(before)
    assert judged.status != 0 and "Traceback" not in judged.output
    verdict = json.loads((operator.lab.directory / "verdict.json").read_bytes())
    found = {(check["id"], check["host"]): (check["state"], check["evidence"]) for check in verdict["checks"]}
    assert found["read-ahead.exchange", "exch02"] == ("pass", "as declared")
    state, why = found["ews-health.answers", "exch02"]
    assert state == "not tested" and reason in why, why
    assert {state for (_check, host), (state, _why) in found.items() if host == "exch01"} == {"pass"}


def test_evidence_that_cannot_be_written_ends_the_run_before_anything_is_asked(operator: Operator) -> None:
    for path in ("/nowhere/verdict.json", str(operator.lab.directory), f"{__file__}/verdict.json"):
        judged = operator.play("verify", variables={"push_verify_evidence_path": path})
        assert judged.status != 0 and set(judged.recap) == {"controller"}
        assert f"push_verify_evidence_path is '{path}', expected a file in a folder" in judged.output


def test_drift_after_a_cumulative_update_is_named_and_mended(operator: Operator) -> None:
    build = cumulative_update(operator.lab, "exch01")
    verdict = _judged(operator)
    assert verdict["broken"] == ["read-ahead", "proxy-bypass"]
    assert {finding["host"] for finding in verdict["checks"] if finding["state"] == "fail"} == {"exch01"}
    facts = verdict["exchange"]["exch01"]
    assert facts["exchange"]["version"] == build
    assert facts["front_end"]["upload_read_ahead_size"] == 0
    assert facts["flows"][0]["bypasses_proxy"] is False
    _repaired(operator)


def test_what_could_not_be_asked_is_not_called_sound(operator: Operator) -> None:
    judged = operator.play("verify", variables={"ansible_port": 1})
    assert judged.status != 0
    assert "NOT TESTED read-ahead on exch01: the host cannot be reached" in judged.output
    assert "Traceback" not in judged.output


def test_no_device_is_told_to_subscribe_while_the_first_certificate_waits_at_a_gate(
    operator: Operator, tmp_path: pathlib.Path
) -> None:
    store = str(tmp_path / "certificates")
    run = operator.play("site", variables={"apns_certificate_path": store, "apns_certificate_signing_command": []})
    assert run.status != 0
    assert "waits at the signing gate" in run.output
    assert "SIGNING.txt" in run.output
    assert "exch02" in run.recap
    assert "xms01" not in run.recap


@pytest.mark.parametrize(
    ("variable", "value", "remedy"),
    [
        ("push_region", "mars", "americas"),
        ("push_bundle_id", "com.contoso.*", "explicit"),
        ("push_customer_id", "", "portal"),
        ("push_proxy", "proxy:port", "keep what is set"),
    ],
)
def test_a_wrong_environment_stops_before_anything_connects(
    operator: Operator, variable: str, value: str, remedy: str
) -> None:
    run = operator.play("site", variables={variable: value})
    assert run.status != 0
    assert set(run.recap) == {"controller"}  # nobody else was asked
    assert variable in run.output
    assert remedy in run.output
    assert "Traceback" not in run.output


def test_only_what_the_tags_name_is_asked(operator: Operator) -> None:
    judged = operator.play("verify", tags="read-ahead,names")
    assert judged.status == 0, judged.output
    verdict = json.loads((operator.lab.directory / "verdict.json").read_bytes())
    of_link = {"read-ahead.exchange", "read-ahead.client-certificates"}
    of_names = {"listener-egress.names", "registration-egress.names"}
    assert {check["id"] for check in verdict["checks"]} == of_link | of_names
    states = {link["id"]: link["state"] for link in verdict["links"]}
    assert states.pop("read-ahead") == "pass"
    assert {states.pop(name) for name in ("listener-egress", "registration-egress")} <= {"pass", "warning"}  # by name
    assert set(states.values()) == {"left out"}
    assert verdict["badge"] == "not tested"
    assert any(line.startswith("Names: ") for line in verdict["report"])
    assert not [one for one in judged.tasks if one.task.endswith(" : Set the MDX push policies")]


def test_the_wrapped_app_is_judged_where_it_is_named(operator: Operator, tmp_path: pathlib.Path) -> None:
    lab = operator.lab
    uploaded = lab.state("xms") / "SecureMail.mdx"
    foreign, damaged = tmp_path / "foreign.mdx", tmp_path / "damaged.mdx"
    foreign.write_bytes(mdx.package("Secure Mail", "com.example.other", "1.0", []))
    damaged.write_bytes(uploaded.read_bytes()[:-100])
    found = {}
    for path in (uploaded, foreign, damaged):
        judged = operator.play("verify", tags="xms-policies", variables={"push_verify_mdx_path": str(path)})
        verdict = json.loads((lab.directory / "verdict.json").read_bytes())
        (check,) = [each for each in verdict["checks"] if each["id"] == "xms-policies.mdx"]
        found[path] = (judged.status == 0, check["state"])
        assert check["host"] == "controller" and check["evidence"]
    assert found == {uploaded: (True, "warning"), foreign: (False, "fail"), damaged: (False, "not tested")}


def test_two_environments_in_one_inventory_are_judged_each_by_its_own_hosts(
    operator: Operator, estate: Launcher, tmp_path: pathlib.Path
) -> None:
    """exch01 and most else are one environment, exch02 with a controller of its own is another. A terminal shows."""
    lab = operator.lab
    assert operator.play("site").status == 0
    groups = yaml.safe_load((INVENTORY / "hosts.yml").read_text(encoding="utf-8"))["all"]["children"]
    own = {"push_verify_evidence_path": str(lab.directory / "verdict-beta.json"), "push_verify_probe_command": []}
    beta = {"controller2": own}
    groups["push_controller"]["hosts"] |= beta
    for name, hosts in (
        ("alpha", ["controller", "exch01", "gateway", "netscaler01", "xms01"]),
        ("beta", [*beta, "exch02"]),
    ):
        groups[name] = {"hosts": dict.fromkeys(hosts), "vars": {"push_environment_name": name}}
    (tmp_path / "both").mkdir()
    (tmp_path / "both" / "hosts.yml").write_text(yaml.safe_dump({"all": {"children": groups}}), encoding="utf-8")
    (tmp_path / "both" / "group_vars").symlink_to(INVENTORY / "group_vars")

    faults.FAULTS["proxy-bypass"].inflict(lab, lambda _host: [])
    watched = Operator(estate, tmp_path / "watched", terminal=True, settings=ON_TERMINAL)
    judged = watched.play("verify", inventory=tmp_path / "both")
    assert judged.status != 0, judged.output
    verdicts = {}
    for path in (lab.directory / "verdict.json", lab.directory / "verdict-beta.json"):
        verdict = json.loads(path.read_bytes())
        verdicts[verdict["environment"]["name"]] = verdict
    assert verdicts["alpha"]["broken"] == ["proxy-bypass"]
    assert verdicts["beta"]["broken"] == verdicts["beta"]["not_tested"] == []
    asked = {name: {check["host"] for check in verdict["checks"]} for name, verdict in verdicts.items()}
    assert "exch02" not in asked["alpha"] and asked["beta"] == {"controller2", "exch02"}
    newest = max((lab.directory / "report").glob("run-*.html"))
    assert "1 of 2 environments sound" in newest.read_text(encoding="utf-8")
    seen = "\n".join(shown(judged.stdout))
    absent = "system.net/defaultProxy of Exchange Back End/EWS is absent"
    assert re.search(rf"^alpha  ●─●─●─●─✘─.* proxy-bypass on exch01: {absent}$", seen, re.MULTILINE), seen
    assert re.search(r"^beta   ·─[●▲]─●─●─●─[●▲]─", seen, re.MULTILINE), seen
    assert f"alpha  proxy-bypass on exch01: fail, {absent}" in seen, "above the paths, for good"
    assert "◌" in judged.stdout, "what was being asked was shown meanwhile"
    assert operator.play("exchange").status == 0


def test_two_links_broken_at_once_are_both_named_and_no_other(operator: Operator) -> None:
    assert operator.play("site").status == 0
    for name in ("wrong-region", "windows-firewall"):
        faults.FAULTS[name].inflict(operator.lab, lambda _host: [])
    verdict = _judged(operator)
    assert (verdict["broken"], verdict["not_tested"]) == (["xms-policies", "listener-egress"], [])
    assert operator.play("site").status == 0

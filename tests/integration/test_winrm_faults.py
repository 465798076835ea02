# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""WinRM that fails by a schedule: what the collection says is always true, and the next run puts everything right.

Ansible's own connection plugin and the module's reconcile run inside the test's process, so that many schedules can be
tried; the last tests send chosen ones through ansible-playbook.
"""

from __future__ import annotations

import contextlib
import time
import typing as t

import pytest
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.playbook.play_context import PlayContext
from ansible.plugins.loader import connection_loader
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ansible_collections.pushops.securemail.plugins.module_utils.core.errors import PushOpsError
from ansible_collections.pushops.securemail.plugins.module_utils.core.reconcile import reconcile
from ansible_collections.pushops.securemail.plugins.module_utils.windows.ews_iis import EwsIis
from ansible_collections.pushops.securemail.plugins.module_utils.windows.ews_iis_spec import (
    ARGUMENT_SPEC,
    parse_desired,
)
from ansible_collections.pushops.securemail.plugins.plugin_utils.winrs import WinrsRunner
from ansible_collections.pushops.securemail.tests.integration import running_lab
from ansible_collections.pushops.securemail.tests.integration.exchange_host import ExchangeHost
from ansible_collections.pushops.securemail.tests.integration.running_ansible import Ansible, Run, Task
from ansible_collections.pushops.securemail.tests.integration.winrm_logins import Variables, over_http
from securemail_lab.exchange.winrm import mishaps, shells

LISTENER = "eu-west-1.mailboxlistener.xm.citrix.com"
ARGUMENTS = {
    "client_certificate_auth": True,
    "upload_read_ahead_size": 10485760,
    "proxy": "http://proxy.example.com:3128",
    "proxy_bypass": [{"fqdn": LISTENER}],
}
EWS: Task = {"name": "EWS", "pushops.securemail.exchange_ews_iis": ARGUMENTS}
#: Words of the command lines that change something.
WRITES = ("set config", "copy ")
Schedule = t.Sequence[t.Mapping[str, t.Any]]


class Site:
    """A host that answers, and what its WinRM service has begun."""

    def __init__(self, host: ExchangeHost) -> None:
        self.host = host
        self.begun: list[str] = []
        self._installed = host.files()

    def reinstall(self, schedule: Schedule) -> None:
        """The host as it was first, with a schedule that has not begun."""
        drive = self.host.machine.state / "C"
        for path in self.host.files().keys() - self._installed.keys():
            (drive / path).unlink()
        for path, content in self._installed.items():
            (drive / path).write_bytes(content)
        (self.host.machine.state / "winrm-mishaps.json").unlink(missing_ok=True)
        self.fail_by(schedule)

    def fail_by(self, schedule: Schedule) -> None:
        self.begun.clear()
        self.host.winrm_settings(faults={"schedule": list(schedule)})

    def settled(self) -> bool:
        """Whether the host is as asked for. What a lost command still does, it has done by then."""
        time.sleep(0.05)
        proxy = self.host.proxy_of_back_end().proxy_for(f"https://{LISTENER}/x", "http://192.0.2.31:3128")
        return (self.host.read_ahead(), proxy) == (ARGUMENTS["upload_read_ahead_size"], None)

    def reconcile(self, variables: Variables) -> bool:
        """What the module would say of ``changed``.

        :raises PushOpsError: it would fail.
        """
        connection = connect(self.host, variables)
        try:
            runner = WinrsRunner(connection, self.host.name, wait=lambda seconds: None)
            desired = parse_desired(ArgumentSpecValidator(ARGUMENT_SPEC).validate(ARGUMENTS).validated_parameters)
            with contextlib.closing(EwsIis(runner, desired, self.host.name)) as resource:
                return reconcile(resource, check_mode=False).changed
        finally:
            with contextlib.suppress(Exception):  # as Ansible's executor ends a connection
                connection.close()


def connect(host: ExchangeHost, variables: Variables) -> t.Any:
    """Ansible's winrm connection as a task of an inventory with these variables gets it."""
    inventory = host.inventory(ansible_winrm_operation_timeout_sec=2, ansible_winrm_read_timeout_sec=4, **variables)
    own = {name: value for name, value in inventory["all"]["hosts"][host.name].items() if "connection" not in name}
    extras = {name: value for name, value in own.items() if name.startswith("ansible_winrm_")}
    connection = connection_loader.get("winrm", PlayContext())
    connection.set_options(var_options={**own, "_extras": extras})
    return connection


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> t.Iterator[Site]:
    host = ExchangeHost.create(tmp_path_factory.mktemp("faults") / "lab")
    site = Site(host)
    real = shells.run_in

    def noted(session: t.Any, line: str, stdin: t.Any) -> t.Any:
        site.begun.append(line)
        return real(session, line, stdin)

    with pytest.MonkeyPatch.context() as patch, running_lab.serving(host.lab, "exchange", host.name):
        patch.setattr(shells, "run_in", noted)
        yield site


entries = st.fixed_dictionaries(
    {
        "kind": st.sampled_from(sorted(mishaps.KINDS)),
        "nth": st.integers(1, 5),
        "after": st.booleans(),
        "seconds": st.sampled_from([0.0, 0.1]),
    },
    optional={
        "on": st.sampled_from(["Create", "Command", "Receive", "Signal", "Delete"]),
        "line": st.sampled_from(["set config", "list config", "copy ", "type "]),
        "status": st.sampled_from([200, 403, 502]),
    },
)
logins = st.sampled_from(["ntlm over http", "ntlm over https", "basic over https"])


def login(host: ExchangeHost, name: str) -> Variables:
    transport, _over, scheme = name.split()
    return {"ansible_winrm_transport": transport, **(over_http(host) if scheme == "http" else {})}


def assert_true_and_then_converging(site: Site, schedule: Schedule, variables: Variables) -> None:
    """A run that fails, or ends with the host as asked for; no write twice; then a run that does just what is left."""
    site.reinstall(schedule)
    try:
        changed = site.reconcile(variables)
    except PushOpsError as problem:
        assert problem.what and problem.remedy and "\n" not in str(problem)
        assert site.host.password not in str(problem)
    else:
        assert changed and site.settled()
    written = [line for line in site.begun if any(word in line for word in WRITES)]
    assert len(written) == len(set(written)), "a write was begun twice"

    was_settled = site.settled()
    site.fail_by([])
    assert site.reconcile(variables) == (not was_settled)
    assert site.settled()
    assert not site.reconcile(variables)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(schedule=st.lists(entries, min_size=1, max_size=4), name=logins)
def test_whatever_fails_the_outcome_is_true_and_the_next_run_converges(
    site: Site, schedule: Schedule, name: str
) -> None:
    assert_true_and_then_converging(site, schedule, login(site.host, name))


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("on", ["Command", "Receive"])
@pytest.mark.parametrize("kind", sorted(mishaps.KINDS))
def test_whatever_fails_at_a_write(site: Site, kind: str, on: str, after: bool) -> None:
    entry = {"kind": kind, "on": on, "after": after, "line": "set config", "seconds": 0.1}
    assert_true_and_then_converging(site, [entry], login(site.host, "basic over https"))


# --- chosen schedules through ansible-playbook

READS, WRITE = {"on": "Receive", "line": "list config"}, {"on": "Command", "line": "set config"}


def play(ansible: Ansible, host: ExchangeHost, *schedule: t.Mapping[str, t.Any], transport: str = "ntlm") -> Run:
    host.winrm_settings(faults={"schedule": list(schedule)})
    login = {"ansible_winrm_transport": transport, "ansible_winrm_read_timeout_sec": 4}
    return ansible.play(host.inventory(**login, ansible_winrm_operation_timeout_sec=2), EWS, verbosity=4)


def assert_converged_with(ansible: Ansible, host: ExchangeHost, *changed: bool) -> None:
    """What the next runs, without faults, say of ``changed``."""
    assert [play(ansible, host).result().changed for _run in changed] == list(changed)
    assert host.read_ahead() == ARGUMENTS["upload_read_ahead_size"]


@pytest.mark.parametrize(
    "mishap",
    [
        {"kind": "reset", "after": True},
        {"kind": "half-close"},
        {"kind": "short"},
        {"kind": "truncated"},
        {"kind": "garbled"},
        {"kind": "http-500"},
        {"kind": "http-503"},
        {"kind": "proxy-page", "status": 200},
        {"kind": "timed-out"},
        {"kind": "slow", "seconds": 5},
        {"kind": "shell-lost"},
        {"kind": "quota-operations", "on": "Command", "line": "list config"},
    ],
    ids=lambda mishap: mishap["kind"],
)
def test_a_read_that_fails_once_is_not_noticed(
    ansible: Ansible, exchange_host: ExchangeHost, mishap: dict[str, t.Any]
) -> None:
    run = play(ansible, exchange_host, READS | mishap)
    assert (run.result().status, run.result().changed) == ("ok", True), run.output
    assert_converged_with(ansible, exchange_host, False)


@pytest.mark.parametrize("kind", ["shell-lost", "quota-operations"])
def test_a_write_that_the_host_did_not_begin_is_made_in_another_shell(
    ansible: Ansible, exchange_host: ExchangeHost, kind: str
) -> None:
    run = play(ansible, exchange_host, WRITE | {"kind": kind})
    assert (run.result().status, run.result().changed) == ("ok", True), run.output
    assert_converged_with(ansible, exchange_host, False)


@pytest.mark.parametrize(
    ("mishap", "made"),
    [
        (WRITE | {"kind": "reset", "nth": 1}, False),
        (WRITE | {"kind": "proxy-page"}, False),
        (WRITE | {"kind": "reset", "after": True}, True),
        (WRITE | {"on": "Receive", "kind": "shell-lost"}, True),
        (WRITE | {"on": "Receive", "kind": "access-denied", "after": True}, True),
    ],
    ids=["lost before", "answered by a proxy", "lost after", "shell lost after", "refused after"],
)
def test_a_write_that_was_not_confirmed_is_reported_and_the_next_run_finds_out(
    ansible: Ansible, exchange_host: ExchangeHost, mishap: dict[str, t.Any], made: bool
) -> None:
    """``made``: whether the one write of this run took effect although nobody was told."""
    one = {"client_certificate_auth": True, "upload_read_ahead_size": ARGUMENTS["upload_read_ahead_size"]}
    task = {"name": "EWS", "pushops.securemail.exchange_ews_iis": one}
    exchange_host.winrm_settings(faults={"schedule": [mishap]})
    result = ansible.play(exchange_host.inventory(), task, verbosity=4).result()
    assert result.status == "unreachable"
    assert "exch01 did not confirm a write, which may have been made" in result["msg"]
    assert "Run again" in result["msg"] and "\n" not in result["msg"]
    exchange_host.winrm_settings()
    runs = [ansible.play(exchange_host.inventory(), task).result().changed for _run in range(2)]
    assert runs == [not made, False]
    assert exchange_host.read_ahead() == ARGUMENTS["upload_read_ahead_size"]


@pytest.mark.parametrize(
    ("mishap", "status", "words"),
    [
        ({"kind": "quota-shells"}, "failed", ["quota", "MaxShellsPerUser"]),
        ({"kind": "access-denied"}, "failed", ["denied access", "Administrators"]),
        ({"kind": "http-503"}, "unreachable", ["503"]),
        ({"kind": "proxy-page"}, "unreachable", ["502", "web proxy"]),
        ({"kind": "proxy-page", "status": 200}, "unreachable", ["web proxy"]),
        ({"kind": "reset"}, "unreachable", ["ansible_port"]),
        ({"kind": "truncated"}, "unreachable", ["does not answer over WinRM"]),
    ],
    ids=lambda value: value["kind"] if isinstance(value, dict) else None,
)
def test_a_host_that_opens_no_shell(
    ansible: Ansible, exchange_host: ExchangeHost, mishap: dict[str, t.Any], status: str, words: list[str]
) -> None:
    before = exchange_host.files()
    result = (run := play(ansible, exchange_host, {"on": "Create"} | mishap)).result()
    assert result.status == status, run.output
    assert all(word in result["msg"] for word in ["exch01", *words]), result["msg"]
    assert "Traceback" not in run.stdout and exchange_host.password not in run.output
    assert exchange_host.files() == before

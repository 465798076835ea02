# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""exchange_ews_iis through Ansible, WinRM and appcmd, over an Exchange host's configuration files."""

from __future__ import annotations

import json
import typing as t

import pytest

from ansible_collections.pushops.securemail.tests.integration.exchange_host import (
    APPHOST_FILE,
    BACK,
    BACK_FILE,
    FRONT,
    FRONT_FILE,
    REAL_FILES,
    ExchangeHost,
)
from ansible_collections.pushops.securemail.tests.integration.running_ansible import Ansible, Run, Task, TaskResult

LISTENER = "eu-west-1.mailboxlistener.xm.citrix.com"
PATTERN = r"^https://eu-west-1\.mailboxlistener\.xm\.citrix\.com(:443)?$"
OTHER_PATTERN = r"^https://other\.example\.com$"
PROXY, SYSTEM_PROXY = "http://proxy.example.com:3128", "http://192.0.2.31:3128"
READ_AHEAD = 10485760

_LISTENERS = {"proxy": PROXY, "proxy_bypass": [{"fqdn": LISTENER}]}
PRESENT = {"client_certificate_auth": True, "upload_read_ahead_size": READ_AHEAD, **_LISTENERS}
ABSENT = {"state": "absent", "upload_read_ahead_size": 0, **_LISTENERS}


def ews(arguments: t.Mapping[str, t.Any] | None = None, **keywords: t.Any) -> Task:
    """The module's task; by default it asks for what push needs."""
    return {"name": "EWS", "pushops.securemail.exchange_ews_iis": {**(arguments or PRESENT)}, **keywords}


def proxies(host: ExchangeHost) -> dict[str, str | None]:
    """The proxy through which .NET calls the listener, and another host."""
    proxy = host.proxy_of_back_end()
    return {name: proxy.proxy_for(f"https://{name}/x", SYSTEM_PROXY) for name in (LISTENER, "www.example.com")}


def without_copies(files: dict[str, bytes]) -> dict[str, bytes]:
    return {path: content for path, content in files.items() if not path.endswith(".bak")}


def printed_diff(run: Run) -> str:
    return run.stdout.split("--- before", 1)[1].split("PLAY RECAP")[0]


@pytest.fixture(params=["seeded", "real Exchange 2019"])
def any_host(request: pytest.FixtureRequest, exchange_host: ExchangeHost) -> ExchangeHost:
    """The host with the lab's own configuration files, and with those of a real Exchange 2019."""
    if request.param != "seeded":
        if not REAL_FILES.is_dir():
            pytest.skip("no shared/data/exchange-2019 beside the project: the real Exchange 2019 files are not at hand")
        exchange_host.take_real_configuration()
    return exchange_host


# --- {absent, present} x {changed, idempotent} x {check, real}


def test_present_and_absent_changed_and_idempotent_check_and_real(ansible: Ansible, any_host: ExchangeHost) -> None:
    host, inventory = any_host, any_host.inventory()
    installed = host.files()
    assert (host.read_ahead(), proxies(host)[LISTENER]) == (0, SYSTEM_PROXY), "the host is not as freshly installed"

    predicted = ansible.play(inventory, ews(), check=True, diff=True)
    assert predicted.status == 0 and predicted.result().changed
    assert host.files() == installed, "check mode wrote"

    done = ansible.play(inventory, ews(), diff=True)
    assert_same(done, predicted)
    assert host.read_ahead() == READ_AHEAD
    assert proxies(host) == {LISTENER: None, "www.example.com": PROXY}
    assert f'uploadReadAheadSize="{READ_AHEAD}"' in host.read(FRONT_FILE)
    assert PATTERN in host.read(BACK_FILE)
    assert_copied_aside(host, done.result(), {FRONT_FILE, BACK_FILE}, installed)
    configured = without_copies(host.files())
    assert_differ(configured, installed, 2)

    assert_idempotent(ansible, host, PRESENT)

    predicted = ansible.play(inventory, ews(ABSENT), check=True, diff=True)
    assert without_copies(host.files()) == configured, "check mode wrote"
    done = ansible.play(inventory, ews(ABSENT), diff=True)
    assert_same(done, predicted)
    assert without_copies(host.files()) == installed, "a byte is not as Exchange ships it"

    assert_idempotent(ansible, host, ABSENT)


def assert_same(done: Run, predicted: Run) -> None:
    """Applying made exactly the changes that check mode has shown."""
    for run in (done, predicted):
        assert run.status == 0, run.output
        assert run.recap["exch01"]["changed"] == 1
    for name in ("changes", "diff", "commit_paths", "upload_read_ahead_size", "proxy_bypass", "defined_in"):
        assert done.result()[name] == predicted.result()[name]
    assert printed_diff(done) == printed_diff(predicted)
    assert predicted.result()["backups"] == []


def assert_idempotent(ansible: Ansible, host: ExchangeHost, arguments: t.Mapping[str, t.Any]) -> None:
    before = host.files()
    run = ansible.play(host.inventory(), ews(arguments), ews(arguments, check_mode=True), diff=True)
    assert (run.status, run.recap["exch01"]["ok"], run.recap["exch01"]["changed"]) == (0, 2, 0)
    assert [result["changes"] for result in run.tasks] == [[], []]
    assert host.files() == before


def assert_copied_aside(host: ExchangeHost, result: TaskResult, files: set[str], before: dict[str, bytes]) -> None:
    assert {copy.split(".pushops-")[0] for copy in result["backups"]} == files
    drive = host.machine.state / "C"
    for copy in result["backups"]:
        original = host.machine.path(copy.split(".pushops-")[0])
        assert host.machine.path(copy).read_bytes() == before[str(original.relative_to(drive))]


def assert_differ(files: dict[str, bytes], before: dict[str, bytes], count: int) -> None:
    assert files.keys() == before.keys()
    assert sum(files[path] != before[path] for path in files) == count


def test_the_diff_shows_both_sections_before_and_after(ansible: Ansible, exchange_host: ExchangeHost) -> None:
    printed = printed_diff(ansible.play(exchange_host.inventory(), ews(), check=True, diff=True))
    assert printed.startswith(f": exch01: {FRONT} and {BACK}\n+++ after: exch01: {FRONT} and {BACK}\n")
    lines = {line.strip().rstrip(",") for line in printed.splitlines()}
    assert f'-    "uploadReadAheadSize of {FRONT}": "0 (web.config of {FRONT})"' in lines
    assert f'+    "uploadReadAheadSize of {FRONT}": "{READ_AHEAD} (web.config of {FRONT})"' in lines
    assert f'+        "defined_in": "web.config of {BACK}"' in lines
    assert f'-    "system.net/defaultProxy of {BACK}": null' in lines
    assert any(line.endswith('mailboxlistener\\\\.xm\\\\.citrix\\\\.com(:443)?$"') for line in lines)


def test_basic_where_the_host_allows_unencrypted_traffic(ansible: Ansible, exchange_host: ExchangeHost) -> None:
    exchange_host.winrm_settings(basic=True, allow_unencrypted=True)
    run = ansible.play(exchange_host.inventory_with_basic(), ews(), ews(check_mode=True))
    assert [result.changed for result in run.tasks] == [True, False], run.output
    assert exchange_host.read_ahead() == READ_AHEAD


# --- what it costs on the wire


def test_a_run_without_changes_costs_five_requests(ansible: Ansible, any_host: ExchangeHost) -> None:
    """Signing in apart, which NTLM does once a connection; with the files of a real Exchange 2019, too."""
    host = any_host
    ansible.play(host.inventory(), ews())
    for check in (False, True):
        wire = host.machine.state / "winrm-wire.jsonl"
        wire.unlink()
        run = ansible.play(host.inventory(), ews(), check=check)
        assert not run.result().changed, run.output
        counted = json.loads(wire.read_text())["by_action"]
        signing_in = counted.pop("Authentication")
        actions = ("Create", "Command", "Receive", "Signal", "Delete")
        assert {action: one["requests"] for action, one in counted.items()} == dict.fromkeys(actions, 1)
        assert sum(one["bytes"] for one in (signing_in, *counted.values())) < 25_000


def test_one_server_under_two_names_is_changed_once(ansible: Ansible, exchange_host: ExchangeHost) -> None:
    host = exchange_host
    variables = host.inventory()["all"]["hosts"][host.name]
    names = {"all": {"hosts": {"exch01": variables, "exch01-by-another-name": variables}}}
    run = ansible.play(names, ews(throttle=1))
    assert run.status == 0, run.output
    assert [result.changed for result in run.tasks] == [True, False]


def test_a_disk_that_is_full_is_named_and_nothing_is_changed(ansible: Ansible, exchange_host: ExchangeHost) -> None:
    (exchange_host.machine.state / "machine.json").write_text('{"free_bytes": 10}', encoding="ascii")
    before = exchange_host.files()
    run = ansible.play(exchange_host.inventory(), ews())
    assert_one_error(
        run, exchange_host, "There is not enough space on the disk", "Nothing was changed", "disk has room"
    )
    assert exchange_host.files() == before


# --- the commit path that takes effect


def test_a_locked_server_runtime_takes_effect_from_applicationhost(
    ansible: Ansible, exchange_host: ExchangeHost
) -> None:
    host = exchange_host
    host.replace(FRONT_FILE, '<serverRuntime appConcurrentRequestLimit="65535" uploadReadAheadSize="0" />', "")
    lock(host, FRONT, '<system.webServer><serverRuntime uploadReadAheadSize="0" /></system.webServer>')
    assert host.read_ahead() == 0
    web_config = host.read(FRONT_FILE)

    run = ansible.play(host.inventory(), ews(), ews(check_mode=True))
    assert [result.changed for result in run.tasks] == [True, False], run.output
    assert run.tasks[0]["commit_paths"]["system.webServer/serverRuntime"] == "MACHINE/WEBROOT/APPHOST"
    assert (host.read_ahead(), host.read(FRONT_FILE)) == (READ_AHEAD, web_config)


def lock(host: ExchangeHost, path: str, section: str) -> None:
    location = f'<location path="{path}" overrideMode="Deny">{section}</location>'
    host.replace(APPHOST_FILE, "</configuration>", f"{location}</configuration>")


# --- drift


def test_drift_is_named_and_repaired_and_foreign_entries_stay(ansible: Ansible, any_host: ExchangeHost) -> None:
    host = any_host
    ansible.play(host.inventory(), ews())
    configured = without_copies(host.files())
    for file, old, new in (
        (FRONT_FILE, f'uploadReadAheadSize="{READ_AHEAD}"', 'uploadReadAheadSize="0"'),
        (BACK_FILE, PATTERN, OTHER_PATTERN),
    ):
        host.replace(file, old, new)
    assert proxies(host)[LISTENER] == PROXY

    repaired, settled = ansible.play(host.inventory(), ews(), ews(check_mode=True)).tasks
    assert {change["link"] for change in repaired["changes"]} == {"read-ahead", "proxy-bypass"}
    assert repaired["proxy_bypass"] == {"before": [OTHER_PATTERN], "after": [OTHER_PATTERN, PATTERN]}
    assert not settled.changed
    assert (host.read_ahead(), proxies(host)[LISTENER]) == (READ_AHEAD, None)
    assert_differ(without_copies(host.files()), configured, 1)  # the entry of somebody else has stayed


def test_a_cumulative_update_that_replaced_one_file_is_repaired_there_alone(
    ansible: Ansible, exchange_host: ExchangeHost
) -> None:
    host, shipped = exchange_host, exchange_host.read(BACK_FILE)
    ansible.play(host.inventory(), ews())
    configured = without_copies(host.files())
    host.machine.path(BACK_FILE).write_bytes(shipped.encode())

    result = ansible.play(host.inventory(), ews()).result()
    assert [change["link"] for change in result["changes"]] == ["proxy-bypass"]
    assert without_copies(host.files()) == configured


# --- bad input: one clear error, nothing changed, no traceback, no secret


def assert_one_error(run: Run, host: ExchangeHost, *words: str, status: str = "failed") -> None:
    result = run.result()
    assert (run.status != 0, result.status) == (True, status), run.output
    for word in words:
        assert word in result["msg"], result["msg"]
    assert "\n" not in result["msg"] and "push_" not in result["msg"], result["msg"]
    assert "Traceback" not in run.output and "Traceback" not in str(result.value)
    assert host.password not in run.output


def break_nothing(host: ExchangeHost) -> None:
    """The host is sound; the arguments or the inventory are not."""


def break_front_web_config(host: ExchangeHost) -> None:
    host.replace(FRONT_FILE, "</configuration>", "</configuratio>")


def break_back_web_config(host: ExchangeHost) -> None:
    host.replace(BACK_FILE, "</configuration>", "")


def break_application_host_config(host: ExchangeHost) -> None:
    host.replace(APPHOST_FILE, "<configuration>", "<configuration")


def lock_default_proxy(host: ExchangeHost) -> None:
    lock(host, BACK, "<system.net><defaultProxy /></system.net>")


def lock_what_the_web_config_holds(host: ExchangeHost) -> None:
    lock(host, FRONT, "<system.webServer><serverRuntime /></system.webServer>")


def remove_appcmd(host: ExchangeHost) -> None:
    host.machine.path(r"C:\Windows\System32\inetsrv\appcmd.exe").unlink()


def remove_back_web_config(host: ExchangeHost) -> None:
    host.machine.path(BACK_FILE).unlink()


@pytest.mark.parametrize(
    ("break_host", "changed", "words"),
    [
        (break_nothing, {"front_end": "No Such Site/EWS"}, ["No Such Site/EWS", "appcmd list app"]),
        (break_nothing, {"back_end": "Exchange Back End/EWZ"}, ["Exchange Back End/EWZ", "appcmd list app"]),
        (break_nothing, {"proxy": "ftp://proxy.example.com"}, ["'ftp://proxy.example.com', expected", "http://proxy"]),
        (lock_default_proxy, {}, ["system.net/defaultProxy is locked at Exchange Back End/EWS", "unlock config"]),
        (lock_what_the_web_config_holds, {}, ["the section is locked there", "appcmd unlock config"]),
        (break_front_web_config, {}, ["web.config", "malformed", "Repair it"]),
        (break_back_web_config, {}, ["web.config", "malformed", "Repair it"]),
        (break_application_host_config, {}, ["malformed", "Repair it"]),
        (remove_appcmd, {}, ["appcmd.exe does not start", "Install IIS's management tools"]),
        (remove_back_web_config, {}, ["web.config cannot be read", "Check that the file is there"]),
    ],
    ids=[
        "no such front end",
        "no such back end",
        "proxy",
        "locked section",
        "section written where it is locked",
        "malformed front end web.config",
        "malformed back end web.config",
        "malformed applicationHost.config",
        "appcmd missing",
        "back end web.config missing",
    ],
)
def test_bad_input_on_the_host(
    ansible: Ansible,
    exchange_host: ExchangeHost,
    break_host: t.Callable[[ExchangeHost], None],
    changed: dict[str, t.Any],
    words: list[str],
) -> None:
    break_host(exchange_host)
    before = exchange_host.files()
    run = ansible.play(exchange_host.inventory(), ews({**PRESENT, **changed}), verbosity=4)
    assert_one_error(run, exchange_host, *words)
    assert run.result()["remedy"]
    assert exchange_host.files() == before


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"ansible_password": "canary-wrong"}, ["exch01 rejected the user name or password", "Check ansible_user"]),
        ({"ansible_port": 1}, ["exch01 does not answer over WinRM", "Check ansible_host, ansible_port"]),
        (
            {"ansible_winrm_ca_trust_path": "legacy_requests"},
            ["certificate of exch01 cannot be verified", "ca_trust_path"],
        ),
    ],
    ids=["wrong password", "host down", "certificate of an unknown authority"],
)
def test_a_host_that_cannot_be_reached(
    ansible: Ansible, exchange_host: ExchangeHost, changed: dict[str, t.Any], words: list[str]
) -> None:
    before = exchange_host.files()
    run = ansible.play(exchange_host.inventory(**changed), ews(), verbosity=4)
    assert_one_error(run, exchange_host, *words, status="unreachable")
    assert "canary-wrong" not in run.output
    assert exchange_host.files() == before


def test_basic_is_refused_where_unencrypted_traffic_is_not_allowed(
    ansible: Ansible, exchange_host: ExchangeHost
) -> None:
    run = ansible.play(exchange_host.inventory_with_basic(), ews())
    assert_one_error(run, exchange_host, "exch01 ", "ansible_", status="unreachable")


def test_another_connection_is_named(ansible: Ansible, exchange_host: ExchangeHost) -> None:
    run = ansible.play(exchange_host.inventory(ansible_connection="local"), ews())
    assert_one_error(run, exchange_host, "ansible_connection is 'local', expected winrm", "Set ansible_connection")

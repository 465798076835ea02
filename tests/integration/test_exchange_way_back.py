# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The way back on an Exchange host: the health gate, the copies, and the rollback of a chosen copy."""

from __future__ import annotations

import contextlib
import json
import pathlib
import typing as t

import pytest

from ansible_collections.pushops.securemail.tests.integration import running_lab
from ansible_collections.pushops.securemail.tests.integration.exchange_host import (
    APPHOST_FILE,
    BACK,
    BACK_FILE,
    FRONT,
    FRONT_FILE,
    ExchangeHost,
)
from ansible_collections.pushops.securemail.tests.integration.running_ansible import Ansible, Run, Task
from securemail_lab.exchange.ews.starting import fail_after_next_change
from securemail_lab.exchange.pools import EWS_POOL, STOPPED, change_state, processes

LISTENER = "eu-west-1.mailboxlistener.xm.citrix.com"
READ_AHEAD = 10485760
FILES = {FRONT: FRONT_FILE, BACK: BACK_FILE}


def ews(host: ExchangeHost, health: dict[str, t.Any] | None = None, **arguments: t.Any) -> Task:
    asked = {
        "client_certificate_auth": True,
        "upload_read_ahead_size": READ_AHEAD,
        "proxy_bypass": [{"fqdn": LISTENER}],
        "health": health or host.health(),
        **arguments,
    }
    return {"name": "EWS", "pushops.securemail.exchange_ews_iis": asked}


def rollback(host: ExchangeHost, **arguments: t.Any) -> Task:
    return {
        "name": "Rollback",
        "pushops.securemail.exchange_ews_rollback": {"health": host.health(), **arguments},
    }


def failure(run: Run) -> str:
    result = run.result()
    assert (run.status != 0, result.status) == (True, "failed"), run.output
    assert "Traceback" not in run.output
    return str(result["msg"])


def copies(host: ExchangeHost) -> list[str]:
    return sorted(path for path in host.files() if path.endswith(".bak"))


# --- the gate


def test_a_healthy_host_is_changed_and_nothing_is_recycled(ansible: Ansible, exchange_host: ExchangeHost) -> None:
    first, second = ansible.play(exchange_host.inventory(), ews(exchange_host), ews(exchange_host)).tasks
    assert (first.status, first.changed, second.changed) == ("ok", True, False)
    assert (first["recycled"], processes(exchange_host.machine, EWS_POOL)) == (False, 0)
    assert exchange_host.read_ahead() == READ_AHEAD
    assert not first.value.get("warnings")


@pytest.mark.parametrize("application", FILES)
def test_a_failed_gate_puts_every_byte_back_and_says_both(
    ansible: Ansible, exchange_host: ExchangeHost, application: str
) -> None:
    host, before = exchange_host, exchange_host.files()
    fail_after_next_change(host.machine, application, FILES[application], "restore")
    message = failure(ansible.play(host.inventory(), ews(host)))
    assert "unhealthy after the change" in message and "HTTP 500" in message
    assert "The files are back" in message and "EWS is healthy again" in message
    assert host.files() == before
    assert processes(host.machine, EWS_POOL) == 2, "once for the change, once for the way back"


def test_a_recycled_pool_is_tried_before_the_way_back(ansible: Ansible, exchange_host: ExchangeHost) -> None:
    fail_after_next_change(exchange_host.machine, BACK, BACK_FILE, "recycle")
    result = ansible.play(exchange_host.inventory(), ews(exchange_host)).result()
    assert (result.status, result["recycled"]) == ("ok", True), result.value
    assert processes(exchange_host.machine, EWS_POOL) == 1
    assert exchange_host.read_ahead() == READ_AHEAD


def test_a_way_back_that_does_not_help_is_said(ansible: Ansible, exchange_host: ExchangeHost) -> None:
    before = exchange_host.files()
    fail_after_next_change(exchange_host.machine, FRONT, FRONT_FILE, "never")
    message = failure(ansible.play(exchange_host.inventory(), ews(exchange_host)))
    assert "unhealthy after the change" in message and "but EWS is still unhealthy" in message
    assert exchange_host.files() == before


def undeclared_section(host: ExchangeHost) -> None:
    host.replace(BACK_FILE, "<connectionStrings />", "<connectionStrings /><unknownSection />")


def stopped_pool(host: ExchangeHost) -> None:
    change_state(host.machine, EWS_POOL, STOPPED)


def stopped_site(host: ExchangeHost) -> None:
    host.replace(APPHOST_FILE, 'id="1"', 'id="1" serverAutoStart="false"')


@pytest.mark.parametrize(
    ("make_unhealthy", "words"),
    [(undeclared_section, "HTTP 500"), (stopped_pool, "HTTP 503"), (stopped_site, "HTTP 404")],
    ids=["a section that nobody declared", "a stopped pool", "a stopped site"],
)
def test_an_unhealthy_host_is_refused_before_anything_is_written(
    ansible: Ansible, exchange_host: ExchangeHost, make_unhealthy: t.Callable[[ExchangeHost], None], words: str
) -> None:
    make_unhealthy(exchange_host)
    before = exchange_host.files()
    message = failure(ansible.play(exchange_host.inventory(), ews(exchange_host)))
    assert "unhealthy before any change" in message and words in message and "Nothing was changed" in message
    assert exchange_host.files() == before

    predicted = ansible.play(exchange_host.inventory(), ews(exchange_host), check=True).result()
    assert any("unhealthy before any change" in warning for warning in predicted["warnings"])
    assert exchange_host.files() == before


def test_a_caller_may_change_an_unhealthy_host(ansible: Ansible, exchange_host: ExchangeHost) -> None:
    stopped_pool(exchange_host)
    result = ansible.play(exchange_host.inventory(), ews(exchange_host, require_healthy=False)).result()
    assert (result.status, result["recycled"]) == ("ok", True), result.value  # the stopped pool was started


def test_413_is_the_fault_that_the_change_mends(ansible: Ansible, exchange_host: ExchangeHost) -> None:
    assert exchange_host.read_ahead() == 0  # and certificates are asked for: a POST is refused with 413
    done, undone = ansible.play(
        exchange_host.inventory(), ews(exchange_host), ews(exchange_host, state="absent", upload_read_ahead_size=0)
    ).tasks
    assert (done.status, undone.status) == ("ok", "ok")
    assert exchange_host.read_ahead() == 0


def test_required_certificates_make_403_a_sound_answer(ansible: Ansible, exchange_host: ExchangeHost) -> None:
    exchange_host.replace(
        APPHOST_FILE, "Ssl, SslNegotiateCert, Ssl128", "Ssl, SslNegotiateCert, SslRequireCert, Ssl128"
    )
    result = ansible.play(exchange_host.inventory(), ews(exchange_host)).result()
    assert (result.status, result["recycled"]) == ("ok", False), result.value


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"ca_path": "/etc/ssl/certs/ca-certificates.crt"}, "certificate"),
        ({"server_name": "mail.other.example"}, "certificate"),
        ({"url": "https://127.0.0.1:1"}, "no answer"),
    ],
    ids=["unknown authority", "another name", "nobody there"],
)
def test_what_is_not_proved_to_be_the_host_is_not_healthy(
    ansible: Ansible, exchange_host: ExchangeHost, changed: dict[str, t.Any], words: str
) -> None:
    before = exchange_host.files()
    health = exchange_host.health(**changed)
    message = failure(ansible.play(exchange_host.inventory(), ews(exchange_host, health)))
    assert "unhealthy before any change" in message and words in message
    assert exchange_host.files() == before


def test_a_name_on_the_certificate_may_differ_from_the_address(ansible: Ansible, exchange_host: ExchangeHost) -> None:
    health = exchange_host.health(server_name=exchange_host.lab.name(exchange_host.name))
    assert ansible.play(exchange_host.inventory(), ews(exchange_host, health)).result().status == "ok"


def test_a_back_end_that_does_not_answer_is_a_warning(ansible: Ansible, exchange_host: ExchangeHost) -> None:
    health = exchange_host.health(back_end_url="https://127.0.0.1:1")
    result = ansible.play(exchange_host.inventory(), ews(exchange_host, health)).result()
    assert result.status == "ok" and any("back end" in warning for warning in result["warnings"])


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"health": {"url": "http://exch01.example.com"}}, "health.url"),
        ({"health": {"url": "https://exch01.example.com/owa"}}, "health.url"),
        ({"health": {"url": "https://exch01.example.com", "warm_up": -1}}, "health.warm_up"),
        ({"health": {"url": "https://exch01.example.com", "ca_path": "/nowhere.pem"}}, "health.ca_path"),
        ({"keep_backups": 0}, "keep_backups"),
    ],
)
def test_bad_input(ansible: Ansible, exchange_host: ExchangeHost, changed: dict[str, t.Any], words: str) -> None:
    assert words in failure(ansible.play(exchange_host.inventory(), ews(exchange_host, **changed)))


def test_the_second_host_is_untouched_when_the_first_fails_its_gate(ansible: Ansible, tmp_path: pathlib.Path) -> None:
    hosts = ExchangeHost.create_all(tmp_path / "lab", "exch01", "exch02")
    inventory = {
        "all": {
            "children": {
                "exchange": {
                    "hosts": {
                        host.name: {
                            **host.inventory()["all"]["hosts"][host.name],
                            "exchange_push_health_url": host.health()["url"],
                            "exchange_push_health_back_end_url": host.health()["back_end_url"],
                        }
                        for host in hosts
                    }
                }
            },
            "vars": {
                "push_region": "emea",
                "push_bundle_id": "com.contoso.securemail",
                "push_customer_id": "contoso-7Q2M4",
                "push_client_certificate_auth": True,
                "exchange_push_health_ca_path": str(hosts[0].lab.ca_path),
                "exchange_push_health_warm_up": 1,
            },
        }
    }
    before = [host.files() for host in hosts]
    fail_after_next_change(hosts[0].machine, BACK, BACK_FILE, "restore")
    with contextlib.ExitStack() as serving:
        for host in hosts:
            serving.enter_context(running_lab.serving(host.lab, "exchange", host.name))
        run = ansible.playbook("pushops.securemail.exchange", inventory)
        assert run.status != 0
        assert run.result("effective EWS settings", "exch01").status == "failed", run.output
        assert "exch02" not in run.recap
        assert [host.files() for host in hosts] == before

        (hosts[0].machine.state / "ews-start.json").unlink()
        done = ansible.playbook("pushops.securemail.exchange", inventory)
        assert {host: counts["changed"] for host, counts in done.recap.items()} == {"exch01": 2, "exch02": 2}, (
            done.output  # the settings, and the firewall's rule
        )

        listed = ansible.playbook("pushops.securemail.rollback", inventory)
        assert not any(counts["changed"] for counts in listed.recap.values()), listed.output
        assert len(listed.result("chosen copy", "exch02")["available"]) == 1
        back = ansible.playbook("pushops.securemail.rollback", inventory, variables={"exchange_push_backup": "latest"})
        assert {host: counts["changed"] for host, counts in back.recap.items()} == {"exch01": 1, "exch02": 1}, (
            back.output
        )
        assert [host.read_ahead() for host in hosts] == [0, 0]


# --- copies and retention


def test_the_oldest_copies_go_after_a_successful_write_alone(ansible: Ansible, exchange_host: ExchangeHost) -> None:
    host = exchange_host
    foreign = f"{FRONT_FILE}.pushops-mine.bak"
    host.machine.path(foreign).write_bytes(b"somebody else's")
    sizes = [READ_AHEAD + number for number in range(4)]
    run = ansible.play(
        host.inventory(),
        *(ews(host, upload_read_ahead_size=size, proxy_bypass=[], keep_backups=2) for size in sizes),
    )
    assert run.status == 0, run.output
    kept = [path for path in copies(host) if "pushops-2" in path]
    assert len(kept) == 2
    assert {
        host.machine.state.joinpath("C", path).read_text("utf-8-sig").count(str(size))
        for path, size in zip(kept, sizes[1:3], strict=True)
    } == {1}
    assert host.machine.path(foreign).read_bytes() == b"somebody else's"

    fail_after_next_change(host.machine, FRONT, FRONT_FILE, "restore")
    failure(ansible.play(host.inventory(), ews(host, upload_read_ahead_size=0, proxy_bypass=[], keep_backups=1)))
    assert [path for path in copies(host) if "pushops-2" in path] == kept


def test_a_folder_that_is_not_ascii(ansible: Ansible, exchange_host: ExchangeHost) -> None:
    host, folder = exchange_host, r"C:\Übergabe für Ωmega\EWS"
    installed, machine = FRONT_FILE.rpartition("\\")[0], host.machine
    machine.path(folder).mkdir(parents=True)
    machine.path(rf"{folder}\web.config").write_bytes(machine.path(FRONT_FILE).read_bytes())
    host.replace(APPHOST_FILE, f'"{installed}"', f'"{folder}"')
    before = host.read(rf"{folder}\web.config")

    done = ansible.play(host.inventory(), ews(host, keep_backups=1)).result()
    assert done.status == "ok" and any(copy.startswith(rf"{folder}\web.config.pushops-") for copy in done["backups"])
    assert host.read(rf"{folder}\web.config") != before
    back = ansible.play(host.inventory(), rollback(host, backup="latest", keep_backups=1)).result()
    assert back.changed and host.read(rf"{folder}\web.config") == before


# --- rollback


def test_rollback_of_the_latest_change_and_of_the_rollback(ansible: Ansible, exchange_host: ExchangeHost) -> None:
    host, installed = exchange_host, exchange_host.files()
    ansible.play(host.inventory(), ews(host))
    configured = host.files()
    listed = ansible.play(host.inventory(), rollback(host)).result()
    assert not listed.changed and [each["made_by"] for each in listed["available"]] == ["change"]
    assert set(listed["available"][0]["files"]) == {FRONT_FILE, BACK_FILE}

    predicted = ansible.play(host.inventory(), rollback(host, backup="latest"), check=True, diff=True).result()
    assert predicted.changed and host.files() == configured
    done = ansible.play(host.inventory(), rollback(host, backup="latest"), diff=True).result()
    assert (done.status, done["changes"], done["restored"]) == ("ok", predicted["changes"], predicted["restored"])
    assert done["diff"]["before"][FRONT_FILE]["uploadReadAheadSize"] == str(READ_AHEAD)
    assert done["diff"]["after"][FRONT_FILE]["uploadReadAheadSize"] == "0"
    assert {path: content for path, content in host.files().items() if not path.endswith(".bak")} == installed
    assert len(done["backups"]) == 2

    again = ansible.play(host.inventory(), rollback(host, backup="latest")).result()
    assert not again.changed

    undone = next(each for each in again["available"] if each["made_by"] == "rollback")
    forth = ansible.play(host.inventory(), rollback(host, backup=undone["backup"])).result()
    assert forth.changed and host.read_ahead() == READ_AHEAD


def test_rollback_mends_a_host_that_is_unhealthy(ansible: Ansible, exchange_host: ExchangeHost) -> None:
    host = exchange_host
    ansible.play(host.inventory(), ews(host))
    host.replace(FRONT_FILE, "</configuration>", "</configuratio>")
    result = ansible.play(host.inventory(), rollback(host, backup="latest")).result()
    assert (result.status, result.changed, host.read_ahead()) == ("ok", True, 0), result.value
    assert {"malformed": True} in [change["before"] for change in result["changes"]]


@pytest.mark.parametrize("left", [lambda content: content[:-40], None], ids=["malformed", "deleted"])
def test_rollback_mends_a_configuration_that_iis_cannot_read(
    ansible: Ansible, exchange_host: ExchangeHost, left: t.Callable[[bytes], bytes] | None
) -> None:
    host = exchange_host
    host.replace(FRONT_FILE, '<serverRuntime appConcurrentRequestLimit="65535" uploadReadAheadSize="0" />', "")
    section = '<system.webServer><serverRuntime uploadReadAheadSize="0" /></system.webServer>'
    location = f'<location path="{FRONT}" overrideMode="Deny">{section}</location>'
    host.replace(APPHOST_FILE, "</configuration>", f"{location}</configuration>")
    installed = host.files()
    made = ansible.play(host.inventory(), ews(host, proxy_bypass=[])).result()
    assert made.status == "ok" and "applicationHost.config" in str(made["backups"]), made.value
    apphost = host.machine.path(APPHOST_FILE)
    spoiled = [left(apphost.read_bytes())] if left else []
    apphost.unlink()
    for content in spoiled:
        apphost.write_bytes(content)

    before = host.files()
    predicted = ansible.play(host.inventory(), rollback(host, backup="latest"), check=True).result()
    assert predicted.changed and host.files() == before, predicted.value
    done = ansible.play(host.inventory(), rollback(host, backup="latest")).result()
    assert (done.status, done["restored"]) == ("ok", predicted["restored"]), done.value
    assert any("where Exchange's setup puts EWS" in warning for warning in done["warnings"])
    assert {path: content for path, content in host.files().items() if not path.endswith(".bak")} == installed
    assert [content for path, content in host.files().items() if path.endswith(".rollback.bak")] == spoiled


def test_rollback_finds_copies_of_web_configs_although_iis_cannot_name_their_folders(
    ansible: Ansible, exchange_host: ExchangeHost
) -> None:
    host, installed = exchange_host, exchange_host.files()
    ansible.play(host.inventory(), ews(host))
    apphost = host.machine.path(APPHOST_FILE)
    sound = apphost.read_bytes()
    apphost.write_bytes(sound[:-40])
    spoiled = host.files()
    message = failure(ansible.play(host.inventory(), rollback(host, backup="latest")))
    assert "The files are back" in message and "but EWS is still unhealthy" in message  # no copy mends that file
    assert host.files() == spoiled
    done = ansible.play(host.inventory(), rollback(host, backup="latest", health=None)).result()
    assert done.changed and len(done["restored"]) == 2, done.value
    apphost.write_bytes(sound)
    assert {path: content for path, content in host.files().items() if not path.endswith(".bak")} == installed


@pytest.mark.parametrize("deleted", [(FRONT_FILE,), (BACK_FILE,), (FRONT_FILE, BACK_FILE)])
def test_rollback_mends_a_web_config_that_was_deleted(
    ansible: Ansible, exchange_host: ExchangeHost, deleted: tuple[str, ...]
) -> None:
    host, installed = exchange_host, exchange_host.files()
    ansible.play(host.inventory(), ews(host))
    for file in deleted:
        host.machine.path(file).unlink()
    before = host.files()
    predicted = ansible.play(host.inventory(), rollback(host, backup="latest"), check=True, diff=True).result()
    assert predicted.changed and host.files() == before
    done, again = ansible.play(host.inventory(), rollback(host, backup="latest"), rollback(host, backup="latest")).tasks
    assert (done.status, done["changes"], again.changed) == ("ok", predicted["changes"], False), done.value
    assert [change["name"] for change in done["changes"] if change["before"] == {"absent": True}] == list(deleted)
    assert len(done["backups"]) == 2 - len(deleted)
    assert {path: content for path, content in host.files().items() if not path.endswith(".bak")} == installed


def test_a_rollback_of_a_deleted_web_config_that_fails_its_gate_leaves_it_deleted(
    ansible: Ansible, exchange_host: ExchangeHost
) -> None:
    host = exchange_host
    ansible.play(host.inventory(), ews(host))
    host.machine.path(BACK_FILE).unlink()
    before = host.files()
    fail_after_next_change(host.machine, FRONT, FRONT_FILE, "restore")
    assert "The files are back" in failure(ansible.play(host.inventory(), rollback(host, backup="latest")))
    assert host.files() == before


def test_a_copy_that_leaves_half_a_file_is_mended(ansible: Ansible, exchange_host: ExchangeHost) -> None:
    host = exchange_host
    ansible.play(host.inventory(), ews(host))
    back = ansible.play(host.inventory(), rollback(host, backup="latest")).result()
    before = host.files()
    taken = sum(len(host.machine.path(file).read_bytes()) for file in (FRONT_FILE, BACK_FILE))
    room = taken + 20  # both are copied aside, the front end's grows by 7 bytes, and the back end's does not fit
    (host.machine.state / "machine.json").write_text(
        json.dumps({"free_bytes": room, "torn_copies": True}), encoding="ascii"
    )
    stamp = back["backups"][0].split(".pushops-")[1].partition(".")[0]
    message = failure(ansible.play(host.inventory(), rollback(host, backup=stamp)))
    assert "not enough space" in message and "The files are back" in message, message
    assert f"Written before it: {FRONT_FILE}, {BACK_FILE}" in message
    assert host.files() == before


def test_a_rollback_that_fails_its_gate_is_taken_back(ansible: Ansible, exchange_host: ExchangeHost) -> None:
    host = exchange_host
    ansible.play(host.inventory(), ews(host))
    configured = host.files()
    fail_after_next_change(host.machine, BACK, BACK_FILE, "restore")
    message = failure(ansible.play(host.inventory(), rollback(host, backup="latest")))
    assert "unhealthy after the change" in message and "EWS is healthy again" in message
    assert host.files() == configured


def truncate(host: ExchangeHost, content: bytes) -> bytes:
    return content[: len(content) // 2]


def of_another_host(host: ExchangeHost, content: bytes) -> bytes:
    assert b'value="EXCH01"' in content
    return content.replace(b'value="EXCH01"', b'value="EXCH02"')


@pytest.mark.parametrize(
    ("spoil", "words"),
    [(truncate, "malformed"), (of_another_host, "belongs to another host: X-FEServer is EXCH02")],
)
def test_a_copy_that_must_not_be_put_back(
    ansible: Ansible, exchange_host: ExchangeHost, spoil: t.Callable[[ExchangeHost, bytes], bytes], words: str
) -> None:
    host = exchange_host
    copy = next(iter(ansible.play(host.inventory(), ews(host)).result()["backups"]))
    made = next(each for each in ansible.play(host.inventory(), rollback(host)).result()["available"])
    front = host.machine.path(f"{FRONT_FILE}.pushops-{made['backup']}.bak")
    front.write_bytes(spoil(host, front.read_bytes()))
    before = host.files()
    assert copy and words in failure(ansible.play(host.inventory(), rollback(host, backup=made["backup"])))
    assert host.files() == before


def test_an_unknown_copy_names_those_that_exist(ansible: Ansible, exchange_host: ExchangeHost) -> None:
    host = exchange_host
    assert "there are: none" in failure(ansible.play(host.inventory(), rollback(host, backup="latest")))
    ansible.play(host.inventory(), ews(host))
    (made,) = ansible.play(host.inventory(), rollback(host)).result()["available"]
    message = failure(ansible.play(host.inventory(), rollback(host, backup="20200101T000000Z")))
    assert "20200101T000000Z" in message and made["backup"] in message
    assert "backup is 'yesterday'" in failure(ansible.play(host.inventory(), rollback(host, backup="yesterday")))

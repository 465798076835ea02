# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""rotation_schedule on a host that systemd boots: its own timer fires the job, and the job's failure fires the hook."""

from __future__ import annotations

import datetime
import json
import pathlib
import time
import typing as t

import pytest

from ansible_collections.pushops.securemail.tests.integration.booted_host import BootedHost, booted_host
from ansible_collections.pushops.securemail.tests.integration.running_ansible import BIN, ROOT, Ansible, Run
from ansible_collections.pushops.securemail.tests.integration.unattended_site import SECRETS, UnattendedSite

pytestmark = pytest.mark.namespaces

PLAYBOOK = "pushops.securemail.schedule"
NAME, USER = "pushops-rotation", "pushops"
UNITS = [f"{NAME}.service", f"{NAME}.timer", f"{NAME}-notify@failure.service"]
ESTATE = pathlib.Path("/srv/estate")
STATE = f"/var/lib/{NAME}"


@pytest.fixture
def host(tmp_path: pathlib.Path) -> t.Iterator[BootedHost]:
    """A host on which the account of the job may read the project, and finds the site at a place of its own."""
    folder = tmp_path / "host"
    folder.mkdir()
    with booted_host(folder) as booted:
        booted.run("mkdir", "-p", str(ESTATE))
        booted.run("mount", "--bind", str(folder), str(ESTATE))
        booted.run("chmod", "a+x", "/root")
        yield booted


@pytest.fixture
def site(host: BootedHost) -> UnattendedSite:
    made = UnattendedSite(host.folder / "rotating", ESTATE / "rotating")
    made.letters.chmod(0o777)
    for path in (made.certificates.folder, *made.certificates.folder.iterdir(), host.folder):
        path.chmod(0o777 if path.is_dir() else 0o644)
    return made


def declared(site: UnattendedSite, **changed: t.Any) -> dict[str, t.Any]:
    values = {
        "inventories": [str(site.seen_at / "emea")],
        "directory": str(ROOT),
        "ansible_playbook": str(BIN / "ansible-playbook"),
        "stores": [str(site.seen_at / "site" / "store")],
        "writable_paths": [str(site.seen_at / "site")],
        "vault_password_file": str(site.seen_at / "vault-password"),
        "mail_to": ["push@contoso.com"],
        "mail_from": "pushops@contoso.com",
        "sendmail": str(site.seen_at / "sendmail"),
        "become": False,
        **changed,
    }
    return {f"rotation_schedule_{name}": value for name, value in values.items()}


def play(ansible: Ansible, host: BootedHost, variables: dict[str, t.Any], check: bool = False) -> Run:
    here = {"ansible_connection": "local", "ansible_python_interpreter": host.interpreter()}
    inventory = {
        "all": {
            "children": {
                "push_controller": {
                    "hosts": {"controller": {**here, "ansible_remote_tmp": str(host.folder / "ansible"), **variables}}
                }
            }
        }
    }
    return ansible.playbook(PLAYBOOK, inventory, check=check, diff=True)


def changed(run: Run) -> list[str]:
    assert run.status == 0, run.output
    return [result.task for result in run.tasks if result.changed]


def files(host: BootedHost) -> str:
    """All that a schedule could leave on the host."""
    return host.ask("sh", "-c", f"ls -ld /etc/systemd/system/{NAME}* /etc/systemd/system/*/{NAME}* /etc/cron.d/{NAME} "
                                f"/usr/local/lib/{NAME} /etc/pushops.securemail/{NAME}* {STATE} "
                                f"/var/lib/systemd/timers/stamp-{NAME}*")  # fmt: skip


def last(host: BootedHost) -> dict[str, t.Any]:
    text = host.ask("cat", f"{STATE}/last.json")
    return json.loads(text) if text else {}


def wait(condition: t.Callable[[], bool], host: BootedHost, seconds: float = 90) -> None:
    ends = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < ends, host.ask("journalctl", "--no-pager", "-n", "80")
        time.sleep(0.3)


def test_a_schedule_comes_stays_and_goes(host: BootedHost, ansible: Ansible, site: UnattendedSite) -> None:
    wanted = declared(site, on_calendar="*-*-* 04:00:00", jitter=1800)
    assert files(host) == ""
    predicted = changed(play(ansible, host, wanted, check=True))
    assert files(host) == "" and host.ask("getent", "passwd", USER) == "", "check mode wrote"
    done = changed(play(ansible, host, wanted))
    assert len(predicted) == len(done) == 7, (predicted, done)
    assert changed(play(ansible, host, wanted)) == changed(play(ansible, host, wanted, check=True)) == []

    for unit in UNITS:
        verified = host.run("sh", "-c", f"systemd-analyze verify {unit} 2>&1")
        assert verified == "", "systemd-analyze ends with 0 on what it only warns of"
    host.run("systemd-analyze", "security", "--offline=yes", "--threshold=25", f"/etc/systemd/system/{UNITS[0]}")
    assert host.run("systemctl", "is-enabled", f"{NAME}.timer").strip() == "enabled"

    drawn = set()
    for _turn in range(4):
        host.run("systemctl", "restart", f"{NAME}.timer")
        elapse = host.run("systemctl", "show", "-P", "NextElapseUSecRealtime", f"{NAME}.timer").split()
        at = datetime.datetime.fromisoformat(f"{elapse[1]} {elapse[2]}")
        assert datetime.time(4) <= at.time() <= datetime.time(4, 30), elapse
        drawn.add(at)
    assert len(drawn) > 1, "there is no jitter"

    later = changed(play(ansible, host, wanted | {"rotation_schedule_on_calendar": "Mon *-*-* 05:00:00"}))
    assert [task.rpartition(" : ")[2] for task in later] == ["Install the units", "Let the timer run"]
    assert " 05:" in host.run("systemctl", "show", "-P", "NextElapseUSecRealtime", f"{NAME}.timer")

    absent = wanted | {"rotation_schedule_state": "absent"}
    predicted = changed(play(ansible, host, absent, check=True))
    assert changed(play(ansible, host, absent)) == predicted != []
    assert files(host) == "" and NAME not in host.ask("systemctl", "list-units", "--all", f"{NAME}*")
    assert host.ask("getent", "passwd", USER), "the account owns the keys"
    assert (site.certificates.store).is_dir()
    assert changed(play(ansible, host, absent)) == []


def test_the_timer_fires_the_job_and_its_failure_fires_the_hook(
    host: BootedHost, ansible: Ansible, site: UnattendedSite
) -> None:
    site.declare(age=300)
    wanted = declared(site, on_calendar="*-*-* *:*:0/2", jitter=1)
    changed(play(ansible, host, wanted))
    reports: list[dict[str, t.Any]] = []

    def ended() -> bool:
        reports.append(last(host))  # the next run takes its place at once
        return bool(reports[-1].get("ended"))

    wait(ended, host)
    host.run("systemctl", "stop", f"{NAME}.timer")
    assert reports[-1]["exit_status"] == 0, (reports[-1], host.ask("journalctl", "--no-pager", "-u", NAME))
    assert reports[-1]["items"][0]["decision"] in ("rotated", "nothing to do")
    wait(lambda: "inactive" in host.ask("systemctl", "is-active", f"{NAME}.service"), host)
    assert "Result=success" in host.run("systemctl", "show", "-p", "Result", f"{NAME}.service")
    owner = host.run("stat", "-L", "-c", "%U %a", str(ESTATE / "rotating/site/store/com.contoso.securemail/current"))
    assert owner.split() == [USER, "700"]
    assert site.told_by_mail() == [], "success is silent"

    key = site.certificates.home / "versions" / "0001" / "key.pem"
    kept = key.read_bytes()
    key.unlink()
    host.ask("systemctl", "start", f"{NAME}.service")  # once: each new run takes the place of the last one's report
    wait(lambda: len(site.told_by_mail()) > 0, host)
    (letter,) = site.told_by_mail()
    assert letter.startswith("-i -f pushops@contoso.com -- push@contoso.com\n")
    assert "Subject: APNs rotation failed" in letter and "key.pem" in letter and f"journalctl -u {NAME}" in letter
    wait(lambda: "failed" in host.ask("systemctl", "is-failed", f"{NAME}.service"), host)
    key.write_bytes(kept)
    host.run("chown", USER, str(ESTATE / "rotating/site/store/com.contoso.securemail/versions/0001/key.pem"))

    # A gate that waits is no failure, and it is told once.
    written = len(site.told_by_mail())
    site.declare(apns_certificate_signing_command=[], apns_certificate_renew_before_days=120)
    for _turn in range(2):
        host.run("systemctl", "start", f"{NAME}.service")
        assert last(host)["exit_status"] == 75, last(host)
        wait(lambda: host.ask("systemctl", "is-active", f"{NAME}-notify@success.service").strip() == "inactive", host)
    (told,) = site.told_by_mail()[written:]
    assert "Subject: APNs rotation waits for you" in told and "SIGNING.txt" in told

    # What keeps the job from starting at all is told, too.
    host.run("mv", str(ESTATE / "rotating/vault-password"), str(ESTATE / "rotating/gone"))
    host.ask("systemctl", "start", f"{NAME}.service")
    wait(lambda: len(site.told_by_mail()) == written + 2, host)
    assert "Subject: APNs rotation did not run" in site.told_by_mail()[-1]

    journal = host.run("journalctl", "--no-pager", "-o", "cat")
    assert "item " in journal and "who must act" in journal, "the log has the table"
    settings = host.run("sh", "-c", f"cat /etc/pushops.securemail/* /etc/systemd/system/{NAME}* {STATE}/*.json")
    for secret in SECRETS:
        for place in (journal, settings, *site.told_by_mail()):
            assert secret not in place


def test_cron_where_it_is_declared_takes_the_place_of_systemd(
    host: BootedHost, ansible: Ansible, site: UnattendedSite
) -> None:
    wanted = declared(site)
    changed(play(ansible, host, wanted))
    secret = site.seen_at / "vault-password"
    by_cron = wanted | {"rotation_schedule_with": "cron", "rotation_schedule_jitter": 1}
    refused = play(ansible, host, by_cron)
    assert refused.status != 0 and f"{secret} is to be there" in refused.output, "it is root's"
    host.run("chown", USER, str(secret))
    assert changed(play(ansible, host, by_cron))
    assert changed(play(ansible, host, by_cron)) == []
    assert "timer" not in files(host) and NAME not in host.ask("systemctl", "list-units", "--all", f"{NAME}*")

    line = host.run("cat", f"/etc/cron.d/{NAME}").splitlines()[-1]
    *when, user, command = line.split(" ", 6)
    assert (when, user) == (["0", "4", "*", "*", "*"], USER) and "%" not in command
    job, _pipe, logger = command.rpartition(" 2>&1 | ")
    assert logger == f"logger -t {NAME}"
    host.run("setpriv", "--reuid", USER, "--regid", USER, "--clear-groups", "sh", "-c", job)
    assert last(host)["exit_status"] == 0 and site.told_by_mail() == []


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"on_calendar": "every so often"}, "rotation_schedule_on_calendar is 'every so often'"),
        ({"mail_to": []}, "Nobody would hear"),
        ({"writable_paths": ["/srv/with space"]}, "/srv/with space"),
        ({"vault_password_file": "/etc/passwd"}, "/etc/passwd is to be there with permissions 0600"),
        ({"stores": ["/etc"]}, "/etc belongs to root"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_what_cannot_be_right_is_named_before_anything_changes(
    host: BootedHost, ansible: Ansible, site: UnattendedSite, wrong: dict[str, t.Any], words: str
) -> None:
    run = play(ansible, host, declared(site, **wrong))
    assert run.status != 0 and words in run.output.replace("\n", " "), run.output
    assert not any(result.changed for result in run.tasks) and files(host) == ""

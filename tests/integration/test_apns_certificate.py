# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""apns_certificate through Ansible: both gates as site commands and as hand-off files, good and bad answers."""

from __future__ import annotations

import datetime
import json
import pathlib
import shutil
import stat
import sys
import typing as t

import pytest

from ansible_collections.pushops.securemail.tests.integration.certificate_site import (
    CUSTOMER_ID,
    KEY_PASSPHRASE,
    PKCS12_PASSPHRASE,
    CertificateSite,
)
from ansible_collections.pushops.securemail.tests.integration.running_ansible import CONTROLLER, Ansible, Run, Task
from ansible_collections.pushops.securemail.tests.unit.plugins.module_utils.apple import push_ca
from ansible_collections.pushops.securemail.tests.unit.plugins.module_utils.apple.push_ca import NOW, SANDBOX, Kind

DAY = datetime.timedelta(days=1)
RENEWAL = NOW + 370 * DAY
NEXT = Kind(not_before=RENEWAL - DAY)


@pytest.fixture
def site(tmp_path: pathlib.Path) -> CertificateSite:
    return CertificateSite.create(tmp_path / "site")


def play(ansible: Ansible, *tasks: Task, **options: t.Any) -> Run:
    run = ansible.play(CONTROLLER, *tasks, diff=True, **options)
    assert "Traceback" not in run.output
    assert KEY_PASSPHRASE not in run.output and PKCS12_PASSPHRASE not in run.output
    return run


# --- present x {changed, idempotent} x {check, real}


def test_both_gates_as_site_commands_changed_and_idempotent_check_and_real(
    ansible: Ansible, site: CertificateSite
) -> None:
    predicted = play(ansible, site.task(**site.commands()), check=True)
    assert predicted.status == 0 and not site.store.exists(), "check mode wrote"

    done = play(ansible, site.task(**site.commands()))
    for name in ("changed", "changes", "diff", "stage", "version", "paths", "gate"):
        assert done.result()[name] == predicted.result()[name]
    assert done.stdout.split("PLAY RECAP")[0] == predicted.stdout.split("PLAY RECAP")[0], "the diffs differ"
    assert (done.result()["stage"], done.result()["decision"]["reason"]) == ("in-service", "valid")
    assert [upload["sha256"] for upload in site.uploads] == [done.result()["certificate"]["sha256"]]
    assert (site.home / "current").resolve() == site.home / "versions" / "0001"

    before = site.snapshot()
    assert {stat.S_IMODE(mode) for mode, _rest in before.values() if not stat.S_ISLNK(mode)} == {0o700, 0o600}
    run = play(ansible, site.task(**site.commands()), site.task(check=True, **site.commands()))
    assert [(result.changed, result["changes"]) for result in run.tasks] == [(False, []), (False, [])]
    assert site.snapshot() == before
    assert len(site.uploads) == 1


def test_both_gates_as_hand_off_files(ansible: Ansible, site: CertificateSite) -> None:
    predicted, waits, again = play(ansible, site.task(check=True), site.task(), site.task()).tasks
    assert waits["changes"] == predicted["changes"] and waits["gate"] == predicted["gate"]
    assert (waits["stage"], waits["gate"]["name"], again.changed) == ("awaiting-signature", "signing", False)
    assert waits["gate"]["needed_by"] == ""

    request = (site.handed_out() / "request.csr").read_bytes()
    pathlib.Path(waits["gate"]["put_answer"]).write_bytes(site.authority.answer(request))
    predicted, waits, again = play(ansible, site.task(check=True), site.task(), site.task()).tasks
    assert waits["changes"] == predicted["changes"] and waits["gate"] == predicted["gate"]
    assert (waits["stage"], waits["gate"]["name"], again.changed) == ("awaiting-upload", "portal", False)

    form = pathlib.Path(waits["gate"]["put_answer"])
    form.write_text(json.dumps({**json.loads(form.read_text()), "customer_id": CUSTOMER_ID, "uploaded_by": "Alex"}))
    predicted, done, again = play(ansible, site.task(check=True), site.task(), site.task(check=True)).tasks
    assert done["changes"] == predicted["changes"]
    assert (done["stage"], done["gate"], again.changed) == ("in-service", None, False)
    assert not form.exists() and not (site.handed_out() / "bundle.p12").exists()


def test_lax_permissions_are_tightened(ansible: Ansible, site: CertificateSite) -> None:
    key = site.home / "versions" / "0001" / "key.pem"
    play(ansible, site.task(**site.commands()))
    before = site.snapshot()
    key.chmod(0o644)
    done, again = play(ansible, site.task(**site.commands()), site.task(check=True, **site.commands())).tasks
    assert [(change["before"], change["after"]) for change in done["changes"]] == [("0644", "0600")]
    assert not again.changed and site.snapshot() == before


# --- bad input: one clear error, key and certificate in service untouched


@pytest.fixture(scope="module")
def _renewing(tmp_path_factory: pytest.TempPathFactory) -> CertificateSite:
    """Version 1 is in service; version 2 waits at the signing gate."""
    folder = tmp_path_factory.mktemp("renewing")
    site = CertificateSite.create(folder / "site")
    tasks = site.task(**site.commands()), site.task(now=RENEWAL.isoformat())
    first, second = Ansible(folder / "ansible").play(CONTROLLER, *tasks).tasks
    assert (first["stage"], second["stage"]) == ("in-service", "awaiting-signature")
    assert second["gate"]["needed_by"] == first["certificate"]["not_after"]
    return site


@pytest.fixture
def renewing(_renewing: CertificateSite, tmp_path: pathlib.Path) -> CertificateSite:
    shutil.copytree(_renewing.folder, tmp_path / "site", symlinks=True)
    return CertificateSite(tmp_path / "site")


def another_key(site: CertificateSite, request: bytes) -> bytes:
    return push_ca.pem(site.authority.issue(push_ca.new_private_key().public_key(), NEXT))


def issued(**changed: t.Any) -> t.Callable[[CertificateSite, bytes], bytes]:
    kind = Kind(**{"not_before": NEXT.not_before, **changed})
    return lambda site, request: site.authority.answer(request, kind)


BAD_ANSWERS = {
    "key-mismatch": another_key,
    "wrong-bundle-id": issued(bundle_id="com.contoso.other"),
    "sandbox-only": issued(marks=(SANDBOX,)),
    "mdm-certificate": issued(bundle_id="com.apple.mgmt.External.4f1c", common_name="APSP:4f1c"),
    "expired": issued(not_before=RENEWAL - 400 * DAY),
    "not-yet-valid": issued(not_before=RENEWAL + DAY),
    "unreadable": lambda site, request: b"garbage \x00\xff",
}


def assert_one_error(run: Run, *words: str) -> None:
    result = run.result()
    assert (run.status != 0, result.status) == (True, "failed"), run.output
    for word in words:
        assert word in result["msg"], result["msg"]
    assert result["remedy"] in result["msg"]
    assert "Traceback" not in str(result.value)


@pytest.mark.parametrize("reason", BAD_ANSWERS)
def test_a_bad_certificate_in_the_hand_off_folder(ansible: Ansible, renewing: CertificateSite, reason: str) -> None:
    folder = renewing.handed_out(2)
    (folder / "aps.cer").write_bytes(BAD_ANSWERS[reason](renewing, (folder / "request.csr").read_bytes()))
    before = renewing.snapshot()
    run = play(ansible, renewing.task(now=RENEWAL.isoformat()), verbosity=4)
    assert_one_error(run, reason, "aps.cer")
    assert renewing.snapshot() == before


@pytest.mark.parametrize("reason", ["key-mismatch", "unreadable"])
def test_a_bad_certificate_from_the_signing_command(ansible: Ansible, renewing: CertificateSite, reason: str) -> None:
    before = renewing.snapshot()
    request = (renewing.handed_out(2) / "request.csr").read_bytes()
    answer = renewing.folder / "answer"
    answer.write_bytes(BAD_ANSWERS[reason](renewing, request))
    command = python("import shutil, sys; shutil.copyfile(*sys.argv[1:3])", str(answer), "{certificate}", "{csr}")
    task = renewing.task(**{**renewing.commands(), "signing_command": command}, now=RENEWAL.isoformat())

    run = play(ansible, task, verbosity=4)
    assert_one_error(run, reason, "signed.cer", "Take the file away")
    kept = renewing.home / "versions" / "0002" / "signed.cer"
    after = renewing.snapshot()
    assert after.pop(str(kept.relative_to(renewing.store)))[1] == answer.read_bytes(), "what Apple issued is lost"
    assert after == before

    kept.unlink()
    answer.write_bytes(renewing.authority.answer(request, NEXT))
    done = play(ansible, task).result()
    assert (done["stage"], done["version"]) == ("in-service", "0002")


def python(program: str, *words: str) -> list[str]:
    return [sys.executable, "-c", program, *words]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"signing_command": ["no-such-program", "{csr}", "{certificate}"]}, ["could not be started"]),
        ({"signing_command": python("", "{csr}", "{certificate}")}, ["signing command"]),
        ({"portal_command": python("print('<html>')", "{pkcs12}")}, ["portal command"]),
        ({"portal_command": python("""print('{"customer_id": "fabrikam-1"}')""", "{pkcs12}")}, ["fabrikam-1"]),
        (
            {"portal_command": python("import time; time.sleep(60)", "{pkcs12}"), "command_timeout": 1},
            ["had not ended after 1 s"],
        ),
        ({"portal_command": python("exit('refused ' + input())", "{pkcs12}")}, ["status 1", "refused REDACTED"]),
    ],
    ids=["no program", "no certificate", "no JSON", "another customer", "too slow", "echoes the password"],
)
def test_a_gate_whose_command_fails_leaves_the_certificate_in_service(
    ansible: Ansible, renewing: CertificateSite, arguments: dict[str, t.Any], words: list[str]
) -> None:
    before = renewing.snapshot()
    answer = renewing.authority.answer((renewing.handed_out(2) / "request.csr").read_bytes(), NEXT)
    if "portal_command" in arguments:
        (renewing.handed_out(2) / "aps.cer").write_bytes(answer)
    run = play(ansible, renewing.task(now=RENEWAL.isoformat(), **arguments), verbosity=4)
    assert_one_error(run, *words)
    after = renewing.snapshot()
    untouched = [path for path in before if "versions/0001" in path or path.endswith(("current", "0002/key.pem"))]
    assert len(untouched) > 5 and all(after[path] == before[path] for path in untouched)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"bundle_id": "com.contoso.*"}, ["bundle_id is 'com.contoso.*'", "explicit"]),
        ({"customer_id": ""}, ["customer_id is ''", "push portal"]),
        ({"pkcs12_passphrase": "two\nlines"}, ["pkcs12_passphrase is '(not shown)'"]),
    ],
    ids=lambda value: next(iter(value)),
)
def test_an_argument_that_cannot_be_right(
    ansible: Ansible, site: CertificateSite, arguments: dict[str, t.Any], words: list[str]
) -> None:
    run = play(ansible, site.task(**arguments))
    assert_one_error(run, *words)
    assert not run.result()["msg"].startswith("push_"), "named by the environment's variable"
    assert not site.store.exists()


def test_there_is_no_absent(ansible: Ansible, site: CertificateSite) -> None:
    run = play(ansible, site.task(state="absent"))
    assert run.status != 0 and "value of state must be one of: present" in run.result()["msg"]


def test_a_key_that_cannot_be_read_is_never_replaced(ansible: Ansible, renewing: CertificateSite) -> None:
    before = renewing.snapshot()
    run = play(ansible, renewing.task(key_passphrase="another one", now=RENEWAL.isoformat()))
    assert_one_error(run, "key.pem")
    assert renewing.snapshot() == before

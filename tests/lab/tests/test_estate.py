# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The whole lab as people start and stop it: what answers, what is left behind, and who disturbs whom."""

from __future__ import annotations

import json
import os
import pathlib
import signal
import socket
import subprocess
import sys
import typing as t

import pytest

from ansible_collections.pushops.securemail.tests.lab.tests import loopback
from securemail_lab import cli, faults
from securemail_lab import lab as plan
from securemail_lab.gateway import proxy
from securemail_lab.lab import Lab
from securemail_lab.launch import LabError, Launcher
from securemail_lab.network import topology
from securemail_lab.supervisor.answers import answers
from securemail_lab.supervisor.estate import PROGRAMS, Door

# One after the other: a whole lab is eight processes.

DOORS = [door for program in PROGRAMS for door in program.doors]
_ASK = """
import pathlib, sys
from securemail_lab.lab import Lab
from securemail_lab.supervisor.answers import answers
from securemail_lab.supervisor.estate import Door
lab = Lab(pathlib.Path(sys.argv[1]))
print([answers(lab, Door(host, service, greeting, "")) for host, service, greeting in eval(sys.argv[2])])
"""


def processes(directory: pathlib.Path) -> dict[int, str]:
    """Every process that was started for a lab's directory, by its words."""
    found = {}
    for entry in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            words = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except (FileNotFoundError, ProcessLookupError):
            continue
        if str(directory) in words and int(entry.name) != os.getpid():
            found[int(entry.name)] = words
    return found


def traces(directory: pathlib.Path) -> list[str]:
    """What a lab shows on the machine outside its directory, processes apart."""
    squid = proxy.command(Lab(directory))
    shared = pathlib.Path("/dev/shm").glob(f"{squid[squid.index('-n') + 1]}*")
    named = pathlib.Path("/run/netns")
    hosts = {topology.BRIDGE, topology.GATEWAY, topology.INTERNET, *topology.CORPORATE_HOSTS}
    links = {path.name for path in pathlib.Path("/sys/class/net").iterdir()}
    namespaces = {path.name for path in named.iterdir()} if named.exists() else set()
    mounts = pathlib.Path("/proc/self/mounts").read_text(encoding="utf-8").splitlines()
    names = pathlib.Path("/etc/hosts").read_text(encoding="utf-8").splitlines()
    return [
        *map(str, shared),
        *(f"link or namespace {name}" for name in sorted((links | namespaces) & hosts)),
        *(line for line in mounts if str(directory) in line),
        *(line for line in names if "contoso.com" in line),
    ]


def start(directory: pathlib.Path, kind: str) -> Launcher:
    launcher = Launcher(directory)
    try:
        launcher.up(kind)
    except LabError as problem:
        if "allows no namespaces" in str(problem):
            pytest.skip(str(problem))
        raise
    return launcher


def ask_inside(launcher: Launcher, host: str | None, *doors: Door) -> list[bool]:
    """Which doors answer, asked from a host's own network."""
    triples = repr([(door.host, door.service, door.greeting) for door in doors])
    words = [*launcher.entering(host), sys.executable, "-c", _ASK, str(launcher.directory), triples]
    finished = subprocess.run(words, capture_output=True, text=True, timeout=60, check=True)
    found: list[bool] = json.loads(finished.stdout.lower())
    return found


# --- kind loopback


@pytest.fixture
def own_loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    """Addresses that no lab of a person uses, nor one of another worker."""
    networks = {"corporate": 2, "internet": 113, "mobile": 100}
    own = {name: f"127.{100 + os.getpid() % 150}.{number}." for name, number in networks.items()}
    monkeypatch.setitem(plan.NETWORKS, "loopback", own)


def test_a_lab_comes_up_is_left_alone_and_goes_without_a_trace(
    tmp_path: pathlib.Path, own_loopback: None, capsys: pytest.CaptureFixture[str]
) -> None:
    directory = tmp_path / "lab"
    asked = ["--directory", str(directory)]
    assert cli.main([*asked, "status"]) == 3
    launcher = start(directory, "loopback")
    try:
        lab = launcher.lab
        assert "left out: the gateway" in capsys.readouterr().out
        assert [door for door in DOORS if not answers(lab, door)] == []
        assert _second_addresses_listen(lab)
        assert cli.main([*asked, "status"]) == 0
        shown = capsys.readouterr().out
        assert [door for door in DOORS if f"{lab.address(door.host)}:{lab.port(door.service)} " not in shown] == []
        running = processes(directory)
        assert len(running) == len(PROGRAMS) + 1
        launcher.up()
        assert capsys.readouterr().out == "lab: already running\n"
        assert processes(directory) == running
        assert launcher.entering() == []
    finally:
        launcher.down()
    assert processes(directory) == {}
    assert traces(directory) == []
    assert [door for door in DOORS if answers(lab, door)] == []
    assert not launcher.running and (directory / "state").exists() and (directory / "logs").exists()
    assert cli.main([*asked, "down", "--purge"]) == 0 and not directory.exists()


def _second_addresses_listen(lab: Lab) -> bool:
    for region in plan.REGIONS:
        for address in lab.addresses(f"listener-{region}"):
            socket.create_connection((address, lab.port("https")), 5).close()
    return True


def test_a_program_that_dies_ends_the_lab_and_is_named(tmp_path: pathlib.Path, own_loopback: None) -> None:
    launcher = start(tmp_path / "lab", "loopback")
    try:
        (victim,) = (pid for pid, words in processes(launcher.directory).items() if words.endswith("exchange exch02 "))
        os.kill(victim, signal.SIGKILL)
        loopback.wait(lambda: not processes(launcher.directory), "everything ends")
    finally:
        launcher.down()
    assert traces(launcher.directory) == []
    said = (launcher.directory / "logs" / "supervisor.log").read_text(encoding="utf-8")
    assert f"exch02 ended with status -9; see {launcher.directory}/logs/exch02.log" in said
    assert not launcher.running


def test_a_lab_that_cannot_start_says_why_and_goes(
    tmp_path: pathlib.Path, own_loopback: None, capsys: pytest.CaptureFixture[str]
) -> None:
    directory = tmp_path / "lab"
    with socket.create_server((f"{plan.NETWORKS['loopback']['corporate']}41", plan.PORTS["xms"])):
        assert cli.main(["--directory", str(directory), "up", "--kind", "loopback"]) == 1
    output = capsys.readouterr()
    assert f"failed: xms does not answer on xms; see {directory}/logs/xms.log" in output.out
    assert f"lab: The lab did not start. Its logs lie in {directory}/logs\n" == output.err
    assert "address already in use" in (directory / "logs" / "xms.log").read_text(encoding="utf-8")
    assert processes(directory) == {} and traces(directory) == [] and not Launcher(directory).running


def test_a_lab_keeps_its_kind(tmp_path: pathlib.Path) -> None:
    plan.create(tmp_path / "lab", "namespaces")
    before = (tmp_path / "lab" / "lab.json").read_bytes()
    with pytest.raises(LabError, match=r"of kind namespaces\. Remove it first"):
        Launcher(tmp_path / "lab").up("loopback")
    assert (tmp_path / "lab" / "lab.json").read_bytes() == before


# --- kind namespaces


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> t.Iterator[Launcher]:
    """A lab whose packets are real."""
    launcher = start(tmp_path_factory.mktemp("estate") / "lab", "namespaces")
    try:
        assert traces(launcher.directory) == [], "nothing of it is seen from outside"
        yield launcher
    finally:
        launcher.down()
    assert processes(launcher.directory) == {} and traces(launcher.directory) == []


@pytest.mark.namespaces
def test_every_door_answers_the_controller_under_its_name(real: Launcher) -> None:
    assert ask_inside(real, None, *DOORS) == [True] * len(DOORS)
    resolve = "import socket; print(socket.gethostbyname('us-east-1.pushreg.xm.citrix.com'))"
    words = [*real.entering(), sys.executable, "-c", resolve]
    found = subprocess.run(words, capture_output=True, text=True, timeout=20, check=True).stdout
    assert found.strip() in real.lab.addresses("registration-americas")


COURIER = Door("apns", "courier", "tls", "")
LISTENER, REGISTRATION = (Door(f"{service}-emea", "https", "tls", "") for service in ("listener", "registration"))


@pytest.mark.namespaces
def test_before_push_the_gateway_lets_neither_exchange_nor_devices_out(real: Launcher) -> None:
    mail_server = Door("exch02", "https", "tls", "")
    assert ask_inside(real, "exch01", LISTENER, mail_server) == [False, True]
    assert ask_inside(real, "devices", REGISTRATION, COURIER, mail_server) == [False, True, True]


@pytest.mark.namespaces
def test_the_fault_firewall_rule_deletes_the_listeners_rules_and_no_other(real: Launcher) -> None:
    nft = [*real.entering("gateway"), "nft"]

    def rules() -> list[str]:
        listed = subprocess.run([*nft, "list", "ruleset"], capture_output=True, text=True, timeout=20, check=True)
        return [line.strip() for line in listed.stdout.splitlines() if "counter packets" not in line]

    original = rules()
    exchange, devices = real.lab.address("exch01"), real.lab.address("devices")
    for source, flow in ((exchange, "listener emea"), (devices, "registration emea"), (exchange, "listener emea v6")):
        rule = f'insert rule inet filter forward ip saddr {source} accept comment "pushops.securemail {flow}"'
        subprocess.run([*nft, rule], timeout=20, check=True)
    opened = rules()
    assert ask_inside(real, "exch01", LISTENER) == ask_inside(real, "devices", REGISTRATION) == [True]
    fault = faults.FAULTS["firewall-rule"]
    fault.inflict(real.lab, real.entering)
    assert rules() == [rule for rule in opened if "listener" not in rule] != original
    assert ask_inside(real, "exch01", LISTENER) == [False]
    assert ask_inside(real, "devices", REGISTRATION) == [True]


@pytest.mark.namespaces
def test_two_labs_at_once_do_not_disturb_each_other(real: Launcher, tmp_path: pathlib.Path) -> None:
    with_rules = processes(real.directory)
    other = start(tmp_path / "lab", "namespaces")
    try:
        assert other.lab.address("exch01") == real.lab.address("exch01")
        assert other.lab.secret("winrm") != real.lab.secret("winrm")
        # Each CA is its own, so the other lab's server would not pass.
        assert ask_inside(other, None, *DOORS) == ask_inside(real, None, *DOORS) == [True] * len(DOORS)
    finally:
        other.down()
    assert processes(other.directory) == {}
    assert processes(real.directory) == with_rules
    assert ask_inside(real, None, *DOORS) == [True] * len(DOORS)


@pytest.mark.namespaces
def test_nothing_outlives_a_supervisor_that_is_killed(tmp_path: pathlib.Path) -> None:
    launcher = start(tmp_path / "lab", "namespaces")
    pid = json.loads((launcher.directory / "supervisor.json").read_bytes())["pid"]
    os.kill(pid, signal.SIGKILL)
    loopback.wait(lambda: not processes(launcher.directory), "everything ends")
    assert not launcher.running and traces(launcher.directory) == []
    with pytest.raises(LabError, match="not running"):
        launcher.entering()


@pytest.mark.namespaces
def test_a_command_runs_inside_and_its_status_comes_out(real: Launcher) -> None:
    def run(*words: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "securemail_lab.cli", "--directory", str(real.directory), *words]
        return subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)

    inside = run("exec", "--host", "exch02", "--", "ip", "-o", "-4", "address", "show", "corporate0")
    assert inside.returncode == 0 and f" {real.lab.address('exch02')}/24 " in inside.stdout
    assert run("exec", "--", "sh", "-c", "exit 7").returncode == 7
    assert run("exec", "--", "sh", "-c", 'echo "$@"', "sh", "--", "word").stdout == "-- word\n"
    nothing = run("exec")
    assert nothing.returncode == 1 and nothing.stderr.startswith("lab: Name a command")
    missing = run("exec", "--", "no-such-program-here")
    assert missing.returncode != 0 and "Traceback" not in missing.stderr
    probed = run(
        "exec",
        "--",
        sys.executable,
        "-m",
        "securemail_lab.cli",
        "--directory",
        str(real.directory),
        "probe",
        "--wait",
        "0.3",
    )
    assert probed.returncode == 0 and json.loads(probed.stdout)["arrived"] is False


def test_a_lab_that_is_not_there_is_said(tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]) -> None:
    asked = ["--directory", str(tmp_path / "lab")]
    for words in (["exec", "true"], ["break", "read-ahead"], ["probe"]):
        assert cli.main([*asked, *words]) == 1
        assert capsys.readouterr().err.startswith("lab: ")
    assert cli.main([*asked, "down"]) == 0 and not (tmp_path / "lab").exists()

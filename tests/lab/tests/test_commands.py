# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Programs of the lab's machines: files, filters, registry, firewall rules, event log."""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import json
import pathlib
import xml.etree.ElementTree as ET

import pytest

from securemail_lab.exchange.events import ERROR, WARNING, EventLog
from securemail_lab.exchange.firewall import GROUP_POLICY, LOCAL_POLICY, Rule, outbound_allowed
from securemail_lab.exchange.machine import Machine
from securemail_lab.exchange.registry import Registry
from securemail_lab.exchange.shell import run

TEMP = r"C:\Windows\Temp"
RULES = rf"{LOCAL_POLICY}\FirewallRules"
RULE = "netsh advfirewall firewall {} rule name=Push"
NAMESPACE = {"e": "http://schemas.microsoft.com/win/2004/08/events/event"}


@pytest.fixture
def machine(tmp_path: pathlib.Path) -> Machine:
    machine = Machine("exch01", tmp_path)
    machine.path(TEMP).mkdir(parents=True)
    return machine


def _out(machine: Machine, line: str, rc: int = 0) -> str:
    result = run(machine, line)
    assert result.rc == rc, result
    return (result.stdout or result.stderr).decode()


# --- files and filters


def test_copy_asks_before_it_overwrites(machine: Machine) -> None:
    file = machine.path(rf"{TEMP}\web.config")
    file.write_bytes(b"first")
    assert _out(machine, rf"copy /y {TEMP}\web.config {TEMP}\web.bak") == "        1 file(s) copied.\r\n"
    file.write_bytes(b"second")
    assert "0 file(s) copied" in _out(machine, rf"copy {TEMP}\web.config {TEMP}\web.bak", 1)
    assert _out(machine, rf"type {TEMP}\WEB.BAK") == "first"
    assert run(machine, rf"copy {TEMP}\web.config {TEMP}\web.bak", b"y\r\n").rc == 0
    assert _out(machine, rf"type {TEMP}\web.bak") == "second"


@pytest.mark.parametrize(("torn", "left"), [(False, b"old"), (True, b"new-5")])
def test_a_copy_onto_a_full_disk_leaves_the_old_file_or_a_part_of_the_new_one(
    machine: Machine, torn: bool, left: bytes
) -> None:
    machine.path(rf"{TEMP}\new").write_bytes(b"new-5-is-longer")
    machine.path(rf"{TEMP}\old").write_bytes(b"old")
    (machine.state / "machine.json").write_text(json.dumps({"free_bytes": 2, "torn_copies": torn}), encoding="ascii")
    assert "not enough space" in _out(machine, rf"copy /Y {TEMP}\new {TEMP}\old", 1)
    assert machine.path(rf"{TEMP}\old").read_bytes() == left


def test_files_come_and_go(machine: Machine) -> None:
    assert _out(machine, rf'mkdir "{TEMP}\a b\c"') == ""
    assert "already exists" in _out(machine, rf'md "{TEMP}\a b"', 1)
    assert _out(machine, rf'echo x>"{TEMP}\a b\c\one.txt"& move "{TEMP}\a b\c\one.txt" {TEMP}\two.txt') == (
        "        1 file(s) moved.\r\n"
    )
    assert _out(machine, rf"dir /b {TEMP}") == "a b\r\ntwo.txt\r\n"
    assert _out(machine, rf"dir /b /a:d {TEMP}\*") == "a b\r\n"
    assert _out(machine, rf"del {TEMP}\*.txt {TEMP}\none") == f"Could Not Find {TEMP}\\none\r\n"
    assert _out(machine, rf"dir /b {TEMP}\*.txt", 1) == "File Not Found\r\n"
    assert _out(machine, rf"type {TEMP}", 1) == "Access is denied.\r\n"


def test_names_outside_the_drive_are_refused(machine: Machine) -> None:
    (machine.state.parent / "outside").write_text("secret")
    assert "secret" not in _out(machine, r"type C:\..\..\outside", 1)


def test_the_machine_says_who_it_is(machine: Machine) -> None:
    assert _out(machine, "hostname") == "EXCH01\r\n"
    assert _out(machine, "ver").startswith("\r\nMicrosoft Windows [Version 10.0.")


@pytest.mark.parametrize(
    ("line", "rc", "stdout"),
    [
        ('find "Name=Push"', 0, "v|Name=Push|\r\n"),
        ('find /c /i "NAME="', 0, "2\r\n"),
        ('find /v "Name"', 1, ""),
        ('findstr /c:"Name=Push"', 0, "v|Name=Push|\r\n"),
        ("findstr /r P.sh$", 1, ""),
        ("findstr /r /n M.il", 0, "2:v|Name=Mail|\r\n"),
        ('findstr /r "^v.*Push.$"', 0, "v|Name=Push|\r\n"),
        (r'findstr /r "\<Ma[h-j]l\>"', 0, "v|Name=Mail|\r\n"),
        ("findstr /r [", 1, ""),
        ("findstr *", 1, ""),
        ("findstr [z-a]", 2, ""),
        ("findstr Name+", 1, ""),
    ],
)
def test_filters(machine: Machine, line: str, rc: int, stdout: str) -> None:
    result = run(machine, f"more | {line}", b"v|Name=Push|\nv|Name=Mail|\n")
    assert (result.rc, result.stdout.decode()) == (rc, stdout)


def test_certutil_hashes_and_decodes(machine: Machine) -> None:
    content = bytes(range(256))
    machine.path(rf"{TEMP}\in.b64").write_bytes(base64.encodebytes(content))
    assert "completed successfully" in _out(machine, rf"certutil -decode {TEMP}\in.b64 {TEMP}\out.bin")
    assert machine.path(rf"{TEMP}\out.bin").read_bytes() == content
    assert hashlib.sha256(content).hexdigest() in _out(machine, rf"certutil -hashfile {TEMP}\out.bin SHA256")
    assert run(machine, rf"certutil -decode {TEMP}\in.b64 {TEMP}\out.bin").rc == 0x80070050


# --- registry


def test_reg_query_prints_values_and_keys(machine: Machine) -> None:
    registry = Registry(machine)
    registry.set(r"HKLM\SOFTWARE\Contoso", "Port", 443, "REG_DWORD")
    registry.set(r"HKLM\SOFTWARE\Contoso", "", "main")
    registry.set(r"HKLM\SOFTWARE\Contoso\Push Mail", "Names", ["a", "b"], "REG_MULTI_SZ")
    assert _out(machine, r"reg query hklm\software\contoso") == (
        "\r\nHKEY_LOCAL_MACHINE\\SOFTWARE\\Contoso\r\n    (Default)    REG_SZ    main\r\n"
        "    Port    REG_DWORD    0x1bb\r\n\r\nHKEY_LOCAL_MACHINE\\SOFTWARE\\Contoso\\Push Mail\r\n"
    )
    assert "    Names    REG_MULTI_SZ    a\\0b\r\n" in _out(machine, r"reg query HKLM\SOFTWARE /s")
    assert "Port" not in _out(machine, r"reg query HKLM\SOFTWARE\Contoso /ve")
    found = _out(machine, r"reg query HKLM\SOFTWARE /s /f push")
    assert "Push Mail\r\n" in found
    assert found.endswith("End of search: 1 match(es) found.\r\n")


@pytest.mark.parametrize(
    "line", [r"reg query HKLM\No", r"reg query HKLM\SOFTWARE\Here /v No", r"reg delete HKLM\No /f"]
)
def test_reg_says_what_it_did_not_find(machine: Machine, line: str) -> None:
    Registry(machine).set(r"HKLM\SOFTWARE\Here", "x", "y")
    expected = "ERROR: The system was unable to find the specified registry key or value.\r\n"
    assert _out(machine, line, 1) == expected


def test_reg_add_and_delete(machine: Machine) -> None:
    done = "The operation completed successfully.\r\n"
    assert _out(machine, r'reg add "HKLM\SOFTWARE\A B" /v N /t REG_DWORD /d 0x10 /f') == done
    assert Registry(machine).get(r"hklm\software\a b", "n") == ("REG_DWORD", 16)
    assert "canceled" in _out(machine, r'reg add "HKLM\SOFTWARE\A B" /v N /d x', 1)
    assert Registry(machine).get(r"HKLM\SOFTWARE\A B", "N") == ("REG_DWORD", 16)
    assert _out(machine, r'reg delete "HKLM\SOFTWARE\A B" /v n /f') == done
    assert Registry(machine).values(r"HKLM\SOFTWARE\A B") == {}
    assert _out(machine, r'reg delete "HKLM\SOFTWARE\A B" /f') == done
    assert not Registry(machine).exists(r"HKLM\SOFTWARE\A B")
    assert "Invalid syntax" in _out(machine, r"reg add HKLM\SOFTWARE\X /v N /t REG_DWORD /d ten /f", 1)
    assert "Invalid key name" in _out(machine, r"reg query SOFTWARE\X", 1)


# --- firewall


def _rule(machine: Machine) -> Rule:
    ((_rest, (_rest, text)),) = Registry(machine).values(RULES).items()
    rule = Rule.parse(str(text))
    assert rule is not None
    assert str(rule) == text
    return rule


def test_netsh_writes_the_registrys_grammar(machine: Machine) -> None:
    line = RULE.format("add") + " dir=out action=allow protocol=TCP remoteport=443,5000-5010"
    assert _out(machine, f"{line} remoteip=203.0.113.21,203.0.113.0/28,localsubnet profile=domain") == "Ok.\r\n\r\n"
    ((name, (kind, text)),) = Registry(machine).values(RULES).items()
    assert (name[0], name[-1], len(name), kind) == ("{", "}", 38, "REG_SZ")
    assert text == (
        "v2.30|Action=Allow|Active=TRUE|Dir=Out|Protocol=6|Profile=Domain|RPort=443|RPort2_10=5000-5010|"
        "RA4=203.0.113.21|RA4=203.0.113.0/255.255.255.240|RA4=LocalSubnet|RA6=LocalSubnet|Name=Push|"
    )


def test_netsh_sets_shows_and_deletes(machine: Machine) -> None:
    _out(machine, RULE.format("add") + " dir=out action=allow protocol=TCP remoteport=443 remoteip=203.0.113.21")
    changed = _out(machine, RULE.format("set") + " new remoteip=203.0.113.22 enable=no")
    assert changed == "\r\nUpdated 1 rule(s).\r\nOk.\r\n\r\n"
    assert (_rule(machine).all("RA4"), _rule(machine).first("Active")) == (["203.0.113.22"], "FALSE")
    shown = _out(machine, RULE.format("show"))
    assert "\r\nRule Name:                            Push\r\n" + "-" * 70 in shown
    assert "RemoteIP:                             203.0.113.22/32\r\n" in shown
    assert "No rules match" in _out(machine, RULE.format("delete") + " dir=in", 1)
    assert _out(machine, RULE.format("delete")) == "\r\nDeleted 1 rule(s).\r\nOk.\r\n\r\n"
    assert _out(machine, RULE.format("show"), 1) == "\r\nNo rules match the specified criteria.\r\n\r\n"


def test_rule_names_need_not_be_unique(machine: Machine) -> None:
    for _turn in range(2):
        _out(machine, RULE.format("add") + " dir=out action=allow")
    assert "Updated 2 rule(s)." in _out(machine, RULE.format("set") + " new action=block")


@pytest.mark.parametrize(
    "rest",
    [
        "dir=out",
        "dir=sideways action=allow",
        "dir=out action=allow remoteip=listener.example.com",
        "dir=out action=allow protocol=tcp remoteport=https",
        "dir=out action=allow remoteport=443",
        "dir=out action=allow grouping=x",
    ],
)
def test_netsh_refuses(machine: Machine, rest: str) -> None:
    assert run(machine, f"{RULE.format('add')} {rest}").rc == 1
    assert Registry(machine).values(RULES) == {}


def test_netsh_speaks_german_with_the_same_exit_codes(machine: Machine) -> None:
    (machine.state / "machine.json").write_text(json.dumps({"language": "de"}))
    assert _out(machine, RULE.format("add") + " dir=out action=block") == "OK.\r\n\r\n"
    assert "Regelname:" in _out(machine, RULE.format("show"))
    assert "Rule Name" not in _out(machine, RULE.format("show"))


@pytest.mark.parametrize(
    ("rules", "default", "allowed"),
    [
        ([], 0, True),
        ([], 1, False),
        (["Action=Allow|Dir=Out|Protocol=6|RPort=443|RA4=203.0.113.21|"], 1, True),
        (["Action=Allow|Dir=Out|Protocol=6|RPort=80|"], 1, False),
        (["Action=Allow|Dir=In|"], 1, False),
        (["Action=Allow|Dir=Out|Profile=Public|"], 1, False),
        (["Action=Allow|Dir=Out|Profile=Public|Profile=Domain|"], 1, True),
        (["Action=Allow|Dir=Out|RA4=203.0.113.20-203.0.113.29|"], 1, True),
        (["Action=Allow|Dir=Out|RA4=203.0.113.0/255.255.255.0|"], 1, True),
        (["Action=Allow|Dir=Out|RA4=203.0.113.0/24|"], 1, True),
        (["Action=Allow|Dir=Out|RA4=LocalSubnet|"], 1, False),
        (["Action=Allow|Dir=Out|RA4=203.0.113.21,203.0.113.22|"], 1, False),
        (["Action=Allow|Dir=Out|RA6=2001:db8::1|"], 1, False),
        (["Action=Allow|Dir=Out|App=%SystemRoot%\\System32\\inetsrv\\w3wp.exe|"], 1, True),
        (["Action=Allow|Dir=Out|App=C:\\other.exe|"], 1, False),
        (["Action=Allow|Dir=Out|", "Action=Block|Dir=Out|RA4=203.0.113.21|"], 0, False),
        (["Action=Block|Dir=Out|Protocol=17|"], 0, True),
    ],
)
def test_outbound_decisions(machine: Machine, rules: list[str], default: int, allowed: bool) -> None:
    registry = Registry(machine)
    registry.set(rf"{LOCAL_POLICY}\DomainProfile", "DefaultOutboundAction", default, "REG_DWORD")
    for number, rule in enumerate(rules):
        registry.set(RULES, f"{{{number}}}", f"v2.30|Active=TRUE|{rule}Name=x|")
    assert outbound_allowed(machine, "203.0.113.21", 443) is allowed


def test_an_inactive_rule_counts_for_nothing_and_group_policy_counts(machine: Machine) -> None:
    registry = Registry(machine)
    registry.set(RULES, "{1}", "v2.30|Action=Block|Active=FALSE|Dir=Out|Name=x|")
    assert outbound_allowed(machine, "203.0.113.21", 443)
    registry.set(rf"{GROUP_POLICY}\FirewallRules", "{2}", "v2.30|Action=Block|Active=TRUE|Dir=Out|Name=x|")
    assert not outbound_allowed(machine, "203.0.113.21", 443)
    registry.set(rf"{LOCAL_POLICY}\DomainProfile", "EnableFirewall", 0, "REG_DWORD")
    assert outbound_allowed(machine, "203.0.113.21", 443)


def test_group_policy_has_the_last_word_on_local_rules(machine: Machine) -> None:
    registry = Registry(machine)
    registry.set(RULES, "{1}", "v2.30|Action=Block|Active=TRUE|Dir=Out|Name=x|")
    registry.set(rf"{GROUP_POLICY}\DomainProfile", "AllowLocalPolicyMerge", 0, "REG_DWORD")
    assert outbound_allowed(machine, "203.0.113.21", 443)
    registry.set(rf"{GROUP_POLICY}\DomainProfile", "AllowLocalPolicyMerge", 1, "REG_DWORD")
    assert not outbound_allowed(machine, "203.0.113.21", 443)


def test_group_policys_private_profile_has_a_key_of_its_own(machine: Machine) -> None:
    (machine.state / "machine.json").write_text(json.dumps({"profile": "Private"}))
    registry = Registry(machine)
    registry.set(rf"{GROUP_POLICY}\StandardProfile", "DefaultOutboundAction", 1, "REG_DWORD")
    assert outbound_allowed(machine, "203.0.113.21", 443)
    registry.set(rf"{GROUP_POLICY}\PrivateProfile", "DefaultOutboundAction", 1, "REG_DWORD")
    assert not outbound_allowed(machine, "203.0.113.21", 443)


@pytest.mark.parametrize("condition", ["Security=Authenticate|", "AppPkgId=S-1-15-2-1|", "Svc=dnscache|"])
def test_an_allow_rule_for_others_does_not_let_the_worker_out(machine: Machine, condition: str) -> None:
    registry = Registry(machine)
    registry.set(rf"{LOCAL_POLICY}\DomainProfile", "DefaultOutboundAction", 1, "REG_DWORD")
    registry.set(RULES, "{1}", f"v2.30|Action=Allow|Active=TRUE|Dir=Out|{condition}Name=x|")
    assert not outbound_allowed(machine, "203.0.113.21", 443)


@pytest.mark.parametrize(("language", "said"), [("en", "Line 2 is too long."), ("de", "Zeile 2 ist zu lang.")])
def test_findstr_takes_no_long_line_from_a_pipe(machine: Machine, language: str, said: str) -> None:
    (machine.state / "machine.json").write_text(json.dumps({"language": language}))
    file = machine.path(r"C:\Windows\Temp\long.txt")
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(b"short x\r\n" + b"x" * 8191 + b"\r\nlast x\r\n")
    result = run(machine, r"type C:\Windows\Temp\long.txt | findstr x")
    assert (result.rc, result.stdout, result.stderr) == (0, b"short x\r\nlast x\r\n", f"FINDSTR: {said}\r\n".encode())
    assert len(run(machine, r"findstr x C:\Windows\Temp\long.txt").stdout) > 8191


# --- event log

SOURCE = "MSExchange Web Services"


@pytest.fixture
def log(machine: Machine) -> EventLog:
    log = EventLog(machine)
    log.append(SOURCE, 6, WARNING, "couldn't be sent <1>\r\nDetails")
    log.append("Other", 6, ERROR, "another source")
    log.append(SOURCE, 7, ERROR, "gave up")
    log.append(SOURCE, 8, WARNING, "something else")
    return log


@pytest.mark.parametrize(
    ("query", "records"),
    [
        ("*", [1, 2, 3, 4]),
        ("*[System[Provider[@Name='MSExchange Web Services'] and (EventID=6 or EventID=7)]]", [1, 3]),
        ("*[System/Level=2]", [2, 3]),
        ("Event[System[(Level <= 2)]]", [2, 3]),
        ("*[System[Provider[@Name='Other' or @Name='None']]]", [2]),
        ("*[System[TimeCreated[timediff(@SystemTime) <= 3600000]]]", [1, 2, 3, 4]),
        ("*[System[TimeCreated[timediff(@SystemTime) > 3600000]]]", []),
        ("*[System[TimeCreated[@SystemTime>='2020-01-01T00:00:00.000Z'] and EventRecordID>3]]", [4]),
        ("*[EventData[Data='gave up']]", [3]),
    ],
)
def test_wevtutil_evaluates_the_query(machine: Machine, log: EventLog, query: str, records: list[int]) -> None:
    output = _out(machine, f'wevtutil qe Application /q:"{query}" /f:xml /e:Events')
    found = ET.fromstring(output).findall("e:Event/e:System/e:EventRecordID", NAMESPACE)
    assert [int(node.text or 0) for node in found] == records


def test_wevtutil_counts_from_the_newest(machine: Machine, log: EventLog) -> None:
    output = _out(machine, "wevtutil qe Application /c:1 /rd:true /f:xml")
    event = ET.fromstring(output)
    assert event.findtext("e:System/e:EventID", "", NAMESPACE) == "8"
    time = dt.datetime.fromisoformat(event.find("e:System/e:TimeCreated", NAMESPACE).attrib["SystemTime"])  # type: ignore[union-attr]
    assert abs(dt.datetime.now(dt.UTC) - time) < dt.timedelta(minutes=1)
    text = _out(machine, "wevtutil qe Application /c:1 /f:text")
    assert text.startswith(f"Event[0]\r\n  Log Name: Application\r\n  Source: {SOURCE}\r\n")
    assert "  Level: Warning\r\n" in text


def test_the_message_survives_xml(machine: Machine, log: EventLog) -> None:
    event = ET.fromstring(_out(machine, "wevtutil qe Application /c:1"))
    assert event.findtext("e:EventData/e:Data", "", NAMESPACE) == "couldn't be sent <1>\r\nDetails"


@pytest.mark.parametrize(
    "query",
    ["System/Level=2", "*[System[not(Level=2)]]", "*[System[Level=]]", "*[starts-with(Level,'2')]", "*[System", "*]"],
)
def test_wevtutil_refuses_other_queries(machine: Machine, query: str) -> None:
    assert "The specified query is invalid" in _out(machine, f'wevtutil qe Application /q:"{query}"', 15001)


def test_wevtutil_knows_one_channel(machine: Machine) -> None:
    assert run(machine, "wevtutil qe Nowhere").rc == 15007


def test_the_log_is_bounded_and_keeps_counting(machine: Machine) -> None:
    log = EventLog(machine, keep=8)
    for number in range(25):
        log.append(SOURCE, 6, WARNING, str(number))
    records = [event.record for event in log.read()]
    assert records[-1] == 25
    assert 8 <= len(records) <= 10
    assert records == list(range(records[0], 26))

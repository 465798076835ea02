# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""appcmd: what it prints, byte for byte, and the code it ends with."""

from __future__ import annotations

import json
import pathlib
import xml.etree.ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from securemail_lab.exchange import appcmd, shell
from securemail_lab.exchange.appcmd_arguments import Refused, parse
from securemail_lab.exchange.iis import Iis, IisError
from securemail_lab.exchange.iis.seed import APPCMD, seed
from securemail_lab.exchange.machine import Machine

FRONT = "Default Web Site/EWS"
BACK = "Exchange Back End/EWS"
APPHOST = "MACHINE/WEBROOT/APPHOST"
FRONT_FILE = r"C:\Program Files\Microsoft\Exchange Server\V15\FrontEnd\HttpProxy\EWS\web.config"
BACK_FILE = r"C:\Program Files\Microsoft\Exchange Server\V15\ClientAccess\exchweb\EWS\web.config"
RUNTIME = "/section:system.webServer/serverRuntime"
PROXY = "/section:system.net/defaultProxy"
ENTRY = r"^https://eu-west-1\.mailboxlistener\.xm\.citrix\.com(:443)?$"


@pytest.fixture
def machine(tmp_path: pathlib.Path) -> Machine:
    machine = Machine("exch01", tmp_path)
    seed(machine, "2019", client_certificates=False)
    return machine


def run(machine: Machine, *words: str) -> tuple[int, str]:
    result = appcmd.run(machine, list(words))
    assert result.stderr == b""
    return result.rc, result.stdout.decode()


def applied(section: str, path: str, commit: str) -> str:
    return (
        f'Applied configuration changes to section "{section}" for "{path}" at configuration commit path "{commit}"\r\n'
    )


def test_set_takes_effect_in_the_web_config(machine: Machine) -> None:
    path = f"{APPHOST}/{FRONT}"
    printed = applied("system.webServer/serverRuntime", path, path)
    assert run(machine, "set", "config", FRONT, RUNTIME, "/uploadReadAheadSize:10485760") == (0, printed)
    assert run(machine, "list", "config", FRONT, RUNTIME, "/text:uploadReadAheadSize") == (0, "10485760\r\n")


def test_dash_and_slash_and_case_are_the_same(machine: Machine) -> None:
    words = (
        "CONFIG",
        "SET",
        "default web site/ews/",
        "-Section:SYSTEM.WEBSERVER/SERVERRUNTIME",
        "-UPLOADREADAHEADSIZE:5",
    )
    assert run(machine, *words)[0] == 0
    assert Iis(machine).upload_read_ahead_size(FRONT) == 5


@pytest.mark.parametrize(
    ("words", "code", "printed"),
    [
        (["list", "site", "Nope"], 1, ""),
        (["list", "app", "/apppool.name:Nope"], 1, ""),
        (
            ["list", "config", "Nope", RUNTIME],
            1168,
            'ERROR ( message:Cannot find SITE object with identifier "Nope". )\r\n',
        ),
        (
            ["set", "config", FRONT, RUNTIME, "/nosuch:1"],
            87,
            'ERROR ( message:Unknown attribute "nosuch".  Replace with -? for help. )\r\n',
        ),
        (
            ["set", "config", FRONT, RUNTIME, "/uploadReadAheadSize:-1"],
            13,
            "ERROR ( hresult:8007000d, message:Command execution failed.\r\nThe data is invalid.\r\n )\r\n",
        ),
        (
            ["set", "config", BACK, PROXY, "/-bypasslist.[address='a']"],
            4312,
            "ERROR ( message:Cannot find requested collection element. )\r\n",
        ),
        (
            ["list", "config", FRONT, "/section:serverRuntime"],
            87,
            'ERROR ( message:Unknown config section "serverRuntime".  Replace with -? for help. )\r\n',
        ),
        (["recycle", "apppool"], 87, "ERROR ( message:Must specify the APPPOOL object with identifier. )\r\n"),
        (
            ["recycle", "apppool", "Nope"],
            1168,
            'ERROR ( message:Cannot find APPPOOL object with identifier "Nope". )\r\n',
        ),
        (
            ["list", "nope"],
            87,
            "Object 'NOPE' is not supported.  Run 'appcmd.exe /?' to display supported objects.\r\n",
        ),
        (
            ["add", "site"],
            87,
            "Command 'ADD' is not supported on object 'SITE'. Run 'appcmd.exe SITE /?' to display supported "
            "commands.\r\n",
        ),
    ],
)
def test_errors(machine: Machine, words: list[str], code: int, printed: str) -> None:
    assert run(machine, *words) == (code, printed)


def test_a_locked_section_says_applied_and_fails(machine: Machine) -> None:
    before = machine.path(FRONT_FILE).read_bytes()
    code, printed = run(machine, "set", "config", FRONT, "-section:access", "-sslFlags:Ssl,SslNegotiateCert")
    path = f"{APPHOST}/{FRONT}"
    assert code == 33
    assert printed.startswith(
        applied("system.webServer/security/access", path, path)
        + "ERROR ( hresult:80070021, message:Failed to commit configuration changes.  \r\n"
        "This configuration section cannot be used"
    )
    assert printed.endswith('allowOverride="false".\r\n )\r\n')
    assert machine.path(FRONT_FILE).read_bytes() == before
    words = ("set", "config", FRONT, "-section:access", "-sslFlags:Ssl,SslNegotiateCert", "-commit:APPHOST")
    assert run(machine, *words)[0] == 0
    assert Iis(machine).ssl_flags(FRONT) == 8 | 32


def test_a_held_file(machine: Machine) -> None:
    machine.path(FRONT_FILE).with_name("web.config.held").touch()
    path = f"{APPHOST}/{FRONT}"
    assert run(machine, "set", "config", FRONT, RUNTIME, "/uploadReadAheadSize:1") == (
        32,
        applied("system.webServer/serverRuntime", path, path)
        + "ERROR ( hresult:80070020, message:Failed to commit configuration changes.  \r\n"
        "The process cannot access the file because it is being used by another process.\r\n )\r\n",
    )

    code, printed = run(machine, "clear", "config", FRONT, RUNTIME)
    assert (code, printed.startswith("Cleared section"), "hresult:80070020" in printed) == (32, True, True)


@pytest.mark.parametrize("verb", ["list", "set", "clear", "search"])
def test_a_malformed_file(machine: Machine, verb: str) -> None:
    machine.path(FRONT_FILE).write_bytes(b"<configuration>\r\n<a>\r\n</configuration>")
    extra = ["/enabled:true"] if verb == "set" else []
    assert run(machine, verb, "config", FRONT, RUNTIME, *extra) == (
        13,
        f"ERROR ( message:Configuration error\r\nFilename: \\\\?\\{FRONT_FILE}\r\nLine Number: 3\r\n"
        "Description: Configuration file is not well-formed XML\r\n. )\r\n",
    )


def test_collection_edits_in_one_call_are_atomic(machine: Machine) -> None:
    before = machine.path(BACK_FILE).read_bytes()
    good = [PROXY, "/proxy.usesystemdefault:true", f"/+bypasslist.[address='{ENTRY}']"]
    assert run(machine, "set", "config", BACK, *good, "/-bypasslist.[address='nosuch']")[0] == 4312
    assert machine.path(BACK_FILE).read_bytes() == before
    assert run(machine, "set", "config", BACK, *good)[0] == 0
    assert run(machine, "list", "config", BACK, PROXY) == (
        0,
        "<system.net>\r\n  <defaultProxy>\r\n    <bypasslist>\r\n"
        f'      <add address="{ENTRY}" />\r\n'
        '    </bypasslist>\r\n    <proxy usesystemdefault="true" />\r\n  </defaultProxy>\r\n</system.net>\r\n',
    )
    assert run(machine, "set", "config", BACK, PROXY, f"/-bypasslist.[address='{ENTRY}']")[0] == 0
    assert run(machine, "clear", "config", BACK, PROXY) == (
        0,
        f'Cleared section "system.net/defaultProxy" at configuration path "{APPHOST}/{BACK}"\r\n',
    )
    assert machine.path(BACK_FILE).read_bytes() == before


def test_an_attribute_is_cleared_to_what_is_inherited(machine: Machine) -> None:
    assert run(machine, "clear", "config", FRONT, RUNTIME, "/uploadReadAheadSize")[0] == 0
    assert Iis(machine).upload_read_ahead_size(FRONT) == 49152


def test_xml_of_a_section(machine: Machine) -> None:
    assert run(machine, "list", "config", FRONT, RUNTIME, "/xml") == (
        0,
        '<?xml version="1.0" encoding="UTF-8"?>\r\n<appcmd>\r\n'
        f'    <CONFIG CONFIG.SECTION="system.webServer/serverRuntime" path="{APPHOST}/{FRONT}" overrideMode="Inherit"'
        ' locked="false">\r\n        <system.webServer-serverRuntime appConcurrentRequestLimit="65535"'
        ' uploadReadAheadSize="0" />\r\n    </CONFIG>\r\n</appcmd>\r\n',
    )
    code, printed = run(machine, "list", "config", BACK, RUNTIME, "/xml", "/config:*")
    values = ET.fromstring(printed).find("CONFIG/system.webServer-serverRuntime")
    assert code == 0 and values is not None
    assert (values.get("uploadReadAheadSize"), values.get("appConcurrentRequestLimit")) == ("49152", "50000")
    access = ET.fromstring(run(machine, "list", "config", FRONT, "/section:access", "/xml")[1]).find("CONFIG")
    assert access is not None and access.get("locked") == "true"


def test_a_section_with_nothing_in_it(machine: Machine) -> None:
    assert run(machine, "list", "config", BACK, PROXY) == (0, "<system.net>\r\n  <defaultProxy />\r\n</system.net>\r\n")


def test_search_tells_where(machine: Machine) -> None:
    assert run(machine, "search", "config", RUNTIME, "/uploadReadAheadSize:0") == (
        0,
        f'CONFIGSEARCH "{APPHOST}/Default Web Site"\r\nCONFIGSEARCH "{APPHOST}/{FRONT}"\r\n',
    )
    assert run(machine, "search", "config", BACK, PROXY) == (1, "")
    run(machine, "set", "config", BACK, PROXY, "/enabled:false", "/commit:apphost")
    printed = run(machine, "search", "config", BACK, PROXY, "/xml")[1]
    found = ET.fromstring(printed).find("CONFIGSEARCH")
    assert found is not None and found.attrib == {"path": f"{APPHOST}/{BACK}", "locationPath": BACK}


def test_objects(machine: Machine) -> None:
    site = 'SITE "Exchange Back End" (id:2,bindings:http/*:81:,https/*:444:,state:Started)\r\n'
    assert run(machine, "list", "sites", "/id:2") == (0, site)
    app = f'APP "{BACK}" (applicationPool:MSExchangeServicesAppPool)\r\n'
    assert run(machine, "list", "app", BACK) == (0, app)
    folder = BACK_FILE.removesuffix(r"\web.config")
    assert run(machine, "list", "vdir", f"/app.name:{BACK}") == (0, f'VDIR "{BACK}/" (physicalPath:{folder})\r\n')
    assert run(machine, "list", "vdir", f"{BACK}/", "/text:physicalPath") == (0, f"{folder}\r\n")
    assert run(machine, "list", "apppool", "DefaultAppPool") == (
        0,
        'APPPOOL "DefaultAppPool" (MgdVersion:v4.0,MgdMode:Integrated,state:Started)\r\n',
    )
    apps = ET.fromstring(run(machine, "list", "app", "/xml")[1])
    pool = "MSExchangeServicesAppPool"
    assert [each.get("APP.NAME") for each in apps if each.get("APPPOOL.NAME") == pool] == [FRONT, BACK, f"{BACK}/bin"]


def test_recycling_counts(machine: Machine) -> None:
    pool = "MSExchangeServicesAppPool"
    for _turn in range(2):
        assert run(machine, "recycle", "apppool", f"/apppool.name:{pool}") == (0, f'"{pool}" successfully recycled\r\n')
    assert json.loads((machine.state / "apppools.json").read_bytes()) == {pool: 2}


def test_a_backup_holds_the_servers_file_and_no_web_config(machine: Machine) -> None:
    assert run(machine, "list", "backup") == (1, "")
    assert run(machine, "add", "backup", "before") == (0, 'BACKUP object "before" added\r\n')
    assert run(machine, "add", "backup", "before")[0] == 183
    assert run(machine, "list", "backups") == (0, 'BACKUP "before"\r\n')
    run(machine, "set", "config", FRONT, "/section:access", "/sslFlags:None", "/commit:apphost")
    run(machine, "set", "config", FRONT, RUNTIME, "/uploadReadAheadSize:5")
    assert Iis(machine).ssl_flags(FRONT) == 0
    assert run(machine, "restore", "backup", "before") == (0, 'Restored configuration from backup "before"\r\n')
    assert (Iis(machine).ssl_flags(FRONT), Iis(machine).upload_read_ahead_size(FRONT)) == (264, 5)
    assert run(machine, "restore", "backup", "nosuch")[0] == 1168
    assert run(machine, "add", "backup", "..\\up")[0] == 13


def test_from_cmd_and_only_where_it_is_installed(machine: Machine) -> None:
    line = (
        rf'%windir%\system32\inetsrv\appcmd.exe set config "{BACK}" {PROXY} /+"bypasslist.[address=' + f"'{ENTRY}']\""
    )
    assert shell.run(machine, line).rc == 0
    section = Iis(machine).effective(BACK, "system.net/defaultProxy")
    assert [item.attributes for item in section.items("bypasslist")] == [{"address": ENTRY}]
    machine.path(APPCMD).unlink()
    assert shell.run(machine, line).rc == 1


@given(st.lists(st.text("/-+abc:.[]'=@ ", max_size=8), max_size=5))
def test_any_words_are_parsed_or_refused(words: list[str]) -> None:
    try:
        arguments = parse(words)
    except (Refused, IisError) as error:
        assert error.code
    else:
        assert arguments.object in ("site", "app", "vdir", "apppool", "config", "backup")


@given(
    st.dictionaries(st.sampled_from(["address", "name"]), st.text(st.characters(exclude_characters="'")), min_size=1)
)
def test_an_indexer_is_read_back(keys: dict[str, str]) -> None:
    text = ",".join(f"{name}='{value}'" for name, value in keys.items())
    (sign, indexer), *others = parse(["set", "config", f"/+bypasslist.[{text}]"]).edits
    assert (sign, indexer.collection, indexer.keys, others) == ("+", "bypasslist", keys, [])

# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""IIS's configuration system: hierarchy, locking, location tags, commits."""

from __future__ import annotations

import pathlib
import tempfile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from securemail_lab.exchange.iis import (
    ACCESS,
    DEFAULT_PROXY,
    SERVER_RUNTIME,
    AddItem,
    ClearSection,
    CommitFault,
    DataFault,
    Edit,
    FileFault,
    Iis,
    IisError,
    RemoveItem,
    SetAttribute,
)
from securemail_lab.exchange.iis.hierarchy import APPHOST_FILE
from securemail_lab.exchange.iis.seed import VERSIONS, seed
from securemail_lab.exchange.machine import Machine

FRONT = "Default Web Site/EWS"
BACK = "Exchange Back End/EWS"
EXCHANGE = r"C:\Program Files\Microsoft\Exchange Server\V15"
FRONT_FILE = rf"{EXCHANGE}\FrontEnd\HttpProxy\EWS\web.config"
BACK_FILE = rf"{EXCHANGE}\ClientAccess\exchweb\EWS\web.config"
ROOT_FILE = r"C:\inetpub\wwwroot\web.config"

#: A stock server: serverRuntime is locked below applicationHost.config unless the test unlocks it.
STOCK = """<configuration>
  <configSections>
    <sectionGroup name="system.webServer">
      <section name="serverRuntime" overrideModeDefault="Deny" />
    </sectionGroup>
  </configSections>
  <system.applicationHost>
    <sites>
      <site name="S" id="1">
        <application path="/"><virtualDirectory path="/" physicalPath="C:\\s" /></application>
        <application path="/a"><virtualDirectory path="/" physicalPath="C:\\a" />
          <virtualDirectory path="/v" physicalPath="C:\\v" /></application>
        <bindings />
      </site>
    </sites>
  </system.applicationHost>
  <system.webServer>{base}</system.webServer>
  {locations}
</configuration>
"""
READ_AHEAD = '<serverRuntime uploadReadAheadSize="{}" />'
FILES = {
    "S": r"C:\s\web.config",
    "S/a": r"C:\a\web.config",
    "S/a/v": r"C:\v\web.config",
    "S/a/v/d": r"C:\v\d\web.config",
}


@pytest.fixture
def machine(tmp_path: pathlib.Path) -> Machine:
    machine = Machine("exch01", tmp_path)
    seed(machine, "2019", client_certificates=False)
    return machine


def write(machine: Machine, file: str, text: str) -> None:
    machine.path(file).parent.mkdir(parents=True, exist_ok=True)
    machine.path(file).write_text(text, encoding="utf-8")


def web_config(size: int | None, attributes: str = "", inside: str = "") -> str:
    body = f"<system.webServer>{inside or READ_AHEAD.format(size)}</system.webServer>"
    return (
        f"<configuration><location{attributes}>{body}</location></configuration>"
        if attributes
        else (f"<configuration>{body}</configuration>")
    )


def stock(folder: pathlib.Path, base: str = "", locations: str = "") -> Machine:
    machine = Machine("stock", folder)
    write(machine, APPHOST_FILE, STOCK.replace("{base}", base).replace("{locations}", locations))
    for file in FILES.values():
        machine.path(file).parent.mkdir(parents=True, exist_ok=True)
    return machine


def location(path: str, size: int | None, attributes: str = "") -> str:
    runtime = READ_AHEAD.format(size) if size is not None else "<serverRuntime />"
    return f'<location path="{path}"{attributes}><system.webServer>{runtime}</system.webServer></location>'


@pytest.mark.parametrize("generation", VERSIONS)
@pytest.mark.parametrize("client_certificates", [False, True])
def test_a_fresh_exchange(tmp_path: pathlib.Path, generation: str, client_certificates: bool) -> None:
    machine = Machine("exch02", tmp_path)
    seed(machine, generation, client_certificates)
    iis = Iis(machine)
    assert iis.upload_read_ahead_size(FRONT) == 0
    assert iis.upload_read_ahead_size(BACK) == 49152
    assert iis.ssl_flags(FRONT) == (8 | 32 | 256 if client_certificates else 8 | 256)
    assert iis.ssl_flags(BACK) == 8 | 256
    assert iis.effective(FRONT, SERVER_RUNTIME).root.attributes["appConcurrentRequestLimit"].value == 65535
    assert iis.effective(BACK, SERVER_RUNTIME).root.attributes["appConcurrentRequestLimit"].value == 50000
    assert not iis.effective(BACK, DEFAULT_PROXY).root.explicit
    assert b'"X-FEServer" value="EXCH02"' in machine.path(FRONT_FILE).read_bytes()
    assert VERSIONS[generation].encode() in machine.path(APPHOST_FILE).read_bytes()
    assert machine.path(r"C:\Windows\System32\inetsrv\appcmd.exe").is_file()


def test_seeding_again_keeps_what_is_there(machine: Machine) -> None:
    machine.path(FRONT_FILE).write_bytes(b"<configuration />")
    seed(machine, "2019", client_certificates=True)
    assert machine.path(FRONT_FILE).read_bytes() == b"<configuration />"
    assert Iis(machine).ssl_flags(FRONT) == 264


def test_a_value_knows_where_it_is_written(machine: Machine) -> None:
    iis = Iis(machine)
    attribute = iis.effective("default web site/ews/", SERVER_RUNTIME).attribute("UPLOADREADAHEADSIZE")
    assert attribute is not None and attribute.origin is not None
    assert attribute.origin.config_path == "MACHINE/WEBROOT/APPHOST/Default Web Site/EWS"
    assert attribute.origin.location is None
    flags = iis.effective(FRONT, ACCESS).attribute("sslFlags")
    assert flags is not None and flags.origin is not None
    assert (flags.origin.config_path, flags.origin.location) == ("MACHINE/WEBROOT/APPHOST", "Default Web Site")


def test_values_kept_from_child_applications_act_in_folders_only(machine: Machine) -> None:
    iis = Iis(machine)
    assert iis.upload_read_ahead_size("Default Web Site/any/folder") == 0
    assert iis.upload_read_ahead_size("Default Web Site/owa") == 49152


def test_the_commit_of_apphost_does_not_reach_past_the_web_config(machine: Machine) -> None:
    iis = Iis(machine)
    edit = SetAttribute("uploadReadAheadSize", "10485760")
    assert iis.commit(FRONT, SERVER_RUNTIME, [edit], "apphost")
    assert iis.upload_read_ahead_size(FRONT) == 0
    assert [place.origin.location for place in iis.places(FRONT, SERVER_RUNTIME)] == [FRONT, None]
    assert iis.commit(FRONT, SERVER_RUNTIME, [edit])
    assert iis.upload_read_ahead_size(FRONT) == 10485760


def test_access_is_locked_below_apphost(machine: Machine) -> None:
    iis = Iis(machine)
    before = machine.path(FRONT_FILE).read_bytes()
    edit = SetAttribute("sslFlags", "ssl,SslNegotiateCert")
    with pytest.raises(CommitFault) as caught:
        iis.commit(FRONT, ACCESS, [edit])
    assert caught.value.hresult == 0x80070021
    assert machine.path(FRONT_FILE).read_bytes() == before
    assert iis.commit(FRONT, ACCESS, [edit], "MACHINE/WEBROOT/APPHOST")
    assert iis.ssl_flags(FRONT) == 8 | 32
    assert iis.ssl_flags("Default Web Site") == 264
    assert iis.effective(FRONT, ACCESS).locked and not iis.effective("", ACCESS).locked


def test_a_locked_section_in_a_web_config_cannot_be_read(machine: Machine) -> None:
    write(machine, FRONT_FILE, web_config(None, inside='<security><access sslFlags="None" /></security>'))
    with pytest.raises(FileFault) as caught:
        Iis(machine).ssl_flags(FRONT)
    assert (caught.value.hresult, caught.value.file, caught.value.line) == (0x80070021, FRONT_FILE, 1)
    assert Iis(machine).ssl_flags("Default Web Site") == 264


@pytest.mark.parametrize(
    ("attribute", "value"),
    [
        ("uploadReadAheadSize", "2147483648"),
        ("uploadReadAheadSize", "-1"),
        ("uploadReadAheadSize", "64k"),
        ("uploadReadAheadSize", ""),
        ("frequentHitThreshold", "0"),
        ("enabled", "yes"),
        ("frequentHitTimePeriod", "10"),
        ("authenticatedUserOverride", "Nobody"),
        ("alternateHostName", "\x07"),
    ],
)
def test_values_outside_the_schema_are_refused(machine: Machine, attribute: str, value: str) -> None:
    before = machine.path(FRONT_FILE).read_bytes()
    with pytest.raises(DataFault):
        Iis(machine).commit(FRONT, SERVER_RUNTIME, [SetAttribute("enabled", "false"), SetAttribute(attribute, value)])
    assert machine.path(FRONT_FILE).read_bytes() == before


@pytest.mark.parametrize("mark", ["held", "read-only"])
def test_a_file_in_use_stays_as_it_is(machine: Machine, mark: str) -> None:
    path = machine.path(FRONT_FILE)
    if mark == "held":
        path.with_name("web.config.held").touch()
    else:
        path.chmod(0o400)
    before = path.read_bytes()
    with pytest.raises(CommitFault) as caught:
        Iis(machine).commit(FRONT, SERVER_RUNTIME, [SetAttribute("uploadReadAheadSize", "1")])
    assert (caught.value.code, caught.value.hresult, path.read_bytes()) == (32, 0x80070020, before)


def test_a_change_that_is_none_touches_nothing(machine: Machine) -> None:
    path = machine.path(FRONT_FILE)
    path.with_name("web.config.held").touch()
    before = path.stat()
    assert not Iis(machine).commit(FRONT, SERVER_RUNTIME, [SetAttribute("uploadReadAheadSize", "0")])
    assert path.stat() == before


@pytest.mark.parametrize(
    ("content", "line"),
    [
        ("<configuration>\n<system.webServer>\n</configuration>", 3),
        ("", 1),
        (web_config(None, inside='<serverRuntime nosuch="1" />'), 1),
        (web_config(None, inside='<serverRuntime uploadReadAheadSize="many" />'), 1),
        (web_config(None, inside="<serverRuntime><add /></serverRuntime>"), 1),
    ],
)
def test_a_bad_web_config_is_named_with_its_line(machine: Machine, content: str, line: int) -> None:
    write(machine, FRONT_FILE, content)
    for act in (
        lambda: Iis(machine).upload_read_ahead_size(FRONT),
        lambda: Iis(machine).commit(FRONT, SERVER_RUNTIME, [SetAttribute("enabled", "true")]),
    ):
        with pytest.raises(FileFault) as caught:
            act()
        assert (caught.value.hresult, caught.value.file, caught.value.line) == (0x8007000D, FRONT_FILE, line)
    assert machine.path(FRONT_FILE).read_text(encoding="utf-8") == content


def test_a_section_stands_once(tmp_path: pathlib.Path) -> None:
    locations = location("S", 1) + location("S", 2)
    with pytest.raises(FileFault) as caught:
        Iis(stock(tmp_path, locations=locations)).upload_read_ahead_size("S")
    assert caught.value.code == 183


def test_no_site_and_no_way_to_commit(machine: Machine) -> None:
    with pytest.raises(IisError) as caught:
        Iis(machine).upload_read_ahead_size("Nope/EWS")
    assert caught.value.code == 1168
    with pytest.raises(IisError, match="Invalid commit path"):
        Iis(machine).commit(FRONT, SERVER_RUNTIME, [SetAttribute("enabled", "true")], "Exchange Back End")


@pytest.mark.parametrize(
    ("commit", "file"),
    [
        (None, r"C:\v\d\web.config"),
        ("url", r"C:\v\d\web.config"),
        ("parent", r"C:\v\web.config"),
        ("app", r"C:\a\web.config"),
        ("s/A", r"C:\a\web.config"),
        ("site", r"C:\s\web.config"),
        ("MACHINE/WEBROOT/APPHOST/S", r"C:\s\web.config"),
        ("apphost", APPHOST_FILE),
    ],
)
def test_commit_paths(tmp_path: pathlib.Path, commit: str | None, file: str) -> None:
    machine = stock(tmp_path, locations=location("", None, ' overrideMode="Allow"'))
    iis = Iis(machine)
    before = machine.path(APPHOST_FILE).read_bytes()
    assert iis.commit("S/a/v/d", SERVER_RUNTIME, [SetAttribute("uploadReadAheadSize", "7")], commit)
    assert iis.upload_read_ahead_size("S/a/v/d") == 7
    assert iis.upload_read_ahead_size("S/a/v") == 49152
    written = [each for each in FILES.values() if machine.path(each).exists()]
    assert written == ([] if file == APPHOST_FILE else [file])
    assert (machine.path(APPHOST_FILE).read_bytes() == before) == (file != APPHOST_FILE)


@pytest.mark.parametrize(
    ("locations", "locked"),
    [
        ("", True),
        (location("", None, ' overrideMode="Allow"'), False),
        (location("S/a", None, ' overrideMode="Allow"'), False),
        (location("S/a", None, ' allowOverride="true"'), False),
        (location("S/b", None, ' overrideMode="Allow"'), True),
        (location("", None, ' overrideMode="Allow"') + location("S", None, ' overrideMode="Deny"'), True),
        (location("", None, ' overrideMode="Allow"') + location("S", None, ' allowOverride="false"'), True),
        (location("S", None, ' overrideMode="Deny"') + location("S/a", None, ' overrideMode="Allow"'), False),
    ],
)
def test_locks(tmp_path: pathlib.Path, locations: str, locked: bool) -> None:
    iis = Iis(stock(tmp_path, locations=locations))
    assert iis.effective("S/a", SERVER_RUNTIME).locked is locked
    if locked:
        with pytest.raises(CommitFault) as caught:
            iis.commit("S/a", SERVER_RUNTIME, [SetAttribute("enabled", "false")])
        assert caught.value.code == 33
    else:
        assert iis.commit("S/a", SERVER_RUNTIME, [SetAttribute("enabled", "false")])


@settings(max_examples=60, deadline=None)
@given(
    st.dictionaries(st.sampled_from(["", "S", "S/a", "S/a/v", "S/a/v/d"]), st.integers(0, 2147483647)),
    st.dictionaries(st.sampled_from(list(FILES)), st.integers(0, 2147483647)),
)
def test_the_deepest_definition_wins(locations: dict[str, int], files: dict[str, int]) -> None:
    """By depth of the path; for one path, its own file stands over the location tags above."""
    with tempfile.TemporaryDirectory() as folder:
        tags = "".join(location(path, size) for path, size in locations.items() if path)
        unlock = location("", locations.get(""), ' overrideMode="Allow"')
        machine = stock(pathlib.Path(folder), locations=unlock + tags)
        for path, size in files.items():
            write(machine, FILES[path], web_config(size))
        expected = locations.get("", 49152)
        for path in FILES:
            expected = files.get(path, locations.get(path, expected))
            assert Iis(machine).upload_read_ahead_size(path) == expected


PLACES = st.sampled_from(
    [(FRONT, None), (FRONT, "apphost"), (FRONT, "site"), (BACK, None), (BACK, "apphost"), ("", None)]
)


@settings(max_examples=40, deadline=None)
@given(PLACES, st.integers(0, 2147483647), st.booleans())
def test_a_commit_is_read_back_and_then_is_none(place: tuple[str, str | None], size: int, enabled: bool) -> None:
    path, commit = place
    edits: list[Edit] = [SetAttribute("uploadReadAheadSize", str(size)), SetAttribute("enabled", str(enabled))]
    with tempfile.TemporaryDirectory() as folder:
        machine = Machine("exch01", pathlib.Path(folder))
        seed(machine, "2016", client_certificates=True)
        iis = Iis(machine)
        iis.commit(path, SERVER_RUNTIME, edits, commit)
        values = iis.effective(path, SERVER_RUNTIME).root.attributes
        assert values["enabled"].value is enabled
        overridden = path == FRONT and commit is not None
        assert values["uploadReadAheadSize"].value == (0 if overridden else size)
        before = {each: each.read_bytes() for each in machine.state.rglob("*.config")}
        assert not iis.commit(path, SERVER_RUNTIME, edits, commit)
        assert before == {each: each.read_bytes() for each in machine.state.rglob("*.config")}


ADDRESSES = st.lists(st.text("^$\\.*ab&<>\"' ", min_size=1, max_size=8), max_size=4)


@settings(max_examples=40, deadline=None)
@given(ADDRESSES, st.sampled_from([None, "apphost", "site"]))
def test_a_collection_grows_and_clears_without_trace(addresses: list[str], commit: str | None) -> None:
    with tempfile.TemporaryDirectory() as folder:
        machine = Machine("exch01", pathlib.Path(folder))
        seed(machine, "2019", client_certificates=False)
        iis = Iis(machine)
        before = {each: each.read_bytes() for each in machine.state.rglob("*.config")}
        edits: list[Edit] = [AddItem("bypasslist", {"address": address}) for address in addresses]
        iis.commit(BACK, DEFAULT_PROXY, [SetAttribute("proxy.usesystemdefault", "TRUE"), *edits], commit)
        section = iis.effective(BACK, DEFAULT_PROXY)
        assert [item.attributes["address"] for item in section.items("bypasslist")] == addresses
        assert section.root.elements["proxy"].attributes["usesystemdefault"].value == "true"
        iis.commit(BACK, DEFAULT_PROXY, [ClearSection()], commit)
        after = {each: each.read_bytes() for each in machine.state.rglob("*.config")}
        assert {each: content for each, content in after.items() if each in before} == before
        assert not iis.effective(BACK, DEFAULT_PROXY).root.explicit


def test_an_inherited_item_is_removed_by_name_and_its_own_by_deletion(machine: Machine) -> None:
    iis = Iis(machine)
    iis.commit(BACK, DEFAULT_PROXY, [AddItem("bypasslist", {"address": "a"})], "site")
    iis.commit(BACK, DEFAULT_PROXY, [AddItem("bypasslist", {"address": "b"})])
    iis.commit(BACK, DEFAULT_PROXY, [RemoveItem("bypasslist", {"address": each}) for each in "ab"])
    assert iis.effective(BACK, DEFAULT_PROXY).items("bypasslist") == []
    assert b'<remove address="a" />' in machine.path(BACK_FILE).read_bytes()
    assert b'"b"' not in machine.path(BACK_FILE).read_bytes()
    with pytest.raises(IisError) as caught:
        iis.commit(BACK, DEFAULT_PROXY, [RemoveItem("bypasslist", {"address": "b"})])
    assert caught.value.code == 4312


def test_an_edit_by_hand_acts_at_once(machine: Machine) -> None:
    iis = Iis(machine)
    assert iis.upload_read_ahead_size(FRONT) == 0
    path = machine.path(FRONT_FILE)
    path.write_bytes(path.read_bytes().replace(b'uploadReadAheadSize="0"', b'uploadReadAheadSize="5"'))
    assert iis.upload_read_ahead_size(FRONT) == 5

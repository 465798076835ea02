# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A small Exchange host behind the runner: cmd.exe's rules, appcmd over real XML files, and .NET's view of them."""

from __future__ import annotations

import fnmatch
import re
import typing as t
import xml.etree.ElementTree as ET

import pytest

from ansible_collections.pushops.securemail.plugins.module_utils.windows.runner import CommandResult

APPCMD = r"%windir%\system32\inetsrv\appcmd.exe"
APPHOST = r"%windir%\system32\inetsrv\config\applicationHost.config"
POOL = "MSExchangeServicesAppPool"
FRONT_END, BACK_END = "Default Web Site/EWS", "Exchange Back End/EWS"
FOLDERS = {FRONT_END: r"C:\Exchange\FrontEnd\EWS", BACK_END: r"C:\Exchange\ClientAccess\exchweb\EWS"}
SITE, ACCESS = "Default Web Site", "system.webServer/security/access"
SITE_ROOT = r"C:\inetpub\wwwroot"
DEFAULTS = {
    "system.webServer/serverRuntime": {"enabled": "true", "uploadReadAheadSize": "49152"},
    "system.webServer/security/access": {"sslFlags": "None"},
    "system.net/defaultProxy": {"enabled": "true", "useDefaultCredentials": "false"},
}
WEB_CONFIG = '\ufeff<?xml version="1.0" encoding="utf-8"?>\r\n<configuration>{}</configuration>\r\n'


def split_arguments(line: str) -> list[str]:
    """CommandLineToArgvW, by its documentation; refuses what cmd.exe would act on before."""
    outside = re.sub(r'"[^"]*"', "", line)
    assert '"' not in outside and not re.search(r"[&|<>^()\r\n]", outside), line
    arguments, current, quoted, seen = [], "", False, False
    for token in re.findall(r'\\*"|\\+|\s|[^\s\\"]+', line):
        if token.endswith('"'):
            slashes = len(token) - 1
            current += "\\" * (slashes // 2)
            seen = True
            if slashes % 2:
                current += '"'
            else:
                quoted = not quoted
        elif token.isspace() and not quoted:
            if current or seen:
                arguments.append(current)
            current, seen = "", False
        else:
            current += token
    return [*arguments, current] if current or seen else arguments


class FakeHost:
    """Answers lines as a host would. ``faults`` maps a word of a line to results given before the real one."""

    def __init__(self) -> None:
        self.files = {
            rf"{FOLDERS[FRONT_END]}\web.config": WEB_CONFIG.format(
                '<system.webServer><serverRuntime uploadReadAheadSize="0" /></system.webServer>'
            ),
            rf"{FOLDERS[BACK_END]}\web.config": WEB_CONFIG.format(""),
            APPHOST: "<configuration />",
        }
        self.locations: dict[str, dict[str, ET.Element]] = {FRONT_END: {}, BACK_END: {}, SITE: {}}
        self.put_apphost(SITE, ACCESS, '<access sslFlags="Ssl, SslNegotiateCert, Ssl128" />')
        self.locked: set[str] = {ACCESS}
        self.name = "EXCH01"
        self.pool: dict[str, t.Any] = {"state": "Started", "recycled": 0, "started": 0}
        self.faults: dict[str, list[CommandResult]] = {}
        self.variables = {"%ExchangeInstallPath%": "C:\\Exchange\\"}
        self.commands = 0
        self.reads: list[str] = []
        self.writes: list[str] = []

    def web_config(self, application: str) -> str:
        return self.files[rf"{FOLDERS[application]}\web.config"]

    def put_web_config(self, application: str, content: str) -> None:
        self.files[rf"{FOLDERS[application]}\web.config"] = WEB_CONFIG.format(content)

    def put_apphost(self, application: str, section: str, element: str) -> None:
        self.locations[application][section] = ET.fromstring(element)

    def run(self, command_line: str, *, writes: bool = False) -> CommandResult:
        (self.writes if writes else self.reads).append(command_line)
        for word, results in self.faults.items():
            if word in command_line and results:
                return results.pop(0)
        program, *arguments = split_arguments(command_line)
        for name, value in self.variables.items():
            arguments = [argument.replace(name, value) for argument in arguments]
        if program == "echo":
            return CommandResult(0, f'"{arguments[0]}"\r\n')
        if program == "dir":
            assert arguments[:2] == ["/b", "/a:-d"]
            folder, _separator, pattern = arguments[2].rpartition("\\")
            names = [path.rpartition("\\") for path in self.files]
            found = [name for parent, _slash, name in names if parent == folder and fnmatch.fnmatch(name, pattern)]
            return CommandResult(0 if found else 1, "".join(f"{name}\r\n" for name in found))
        if program == "del":
            assert writes and arguments[:2] == ["/F", "/Q"]
            self.files.pop(arguments[2], None)
            return CommandResult(0)
        if program == "hostname":
            return CommandResult(0, f"{self.name}\r\n")
        if program == "type":
            text = self.files.get(arguments[0])
            return CommandResult(1, "", "cannot find") if text is None else CommandResult(0, text)
        if program == "copy":
            assert writes and arguments[0] == "/Y"
            if arguments[1] not in self.files:
                return CommandResult(1, "", "cannot find")
            self.files[arguments[2]] = self.files[arguments[1]]
            return CommandResult(0)
        assert program == APPCMD, command_line
        assert writes == (arguments[0] in ("set", "clear", "recycle", "start")), command_line
        try:
            output = getattr(self, f"_{arguments[0]}_{arguments[1]}")(*arguments[2:])
            return CommandResult(0, output) if output else CommandResult(1)
        except ET.ParseError:
            return _error(13, "8007000d", "The data is invalid.")
        except KeyError:
            return CommandResult(1168, 'ERROR ( message:Cannot find SITE object with identifier "X". )\r\n')
        except PermissionError:
            return _error(33, "80070021", "Cette section de configuration ne peut pas ...")

    def _list_apppool(self, name: str, text: str) -> str:
        assert (name, text) == (POOL, "/text:state")
        return f"{self.pool['state']}\r\n"

    def _recycle_apppool(self, name: str) -> str:
        assert name == f"/apppool.name:{POOL}" and self.pool["state"] == "Started"
        self.pool["recycled"] += 1
        return "recycled\r\n"

    def _start_apppool(self, name: str) -> str:
        assert name == f"/apppool.name:{POOL}" and self.pool["state"] == "Stopped"
        self.pool |= {"state": "Started", "started": self.pool["started"] + 1}
        return "started\r\n"

    def read_all(self, lines: t.Sequence[str]) -> list[CommandResult]:
        self.commands += 1
        return [self.run(line) for line in lines]

    def _list_vdir(self, name: str, text: str) -> str:
        assert name.endswith("/") and text == "/text:physicalPath"
        folder = FOLDERS[name.rstrip("/")] if name.count("/") > 1 else SITE_ROOT
        return f"{folder}\r\n"

    def _list_config(self, *words: str) -> str:
        *paths, section, complete, xml = words
        assert (complete, xml) == ("/config:*", "/xml")
        path, name = "".join(paths), section.removeprefix("/section:")
        if path and path not in self.locations and not any(known.startswith(f"{path}/") for known in FOLDERS):
            raise KeyError
        merged = ET.Element(name.replace("/", "-"), DEFAULTS[name])
        inherited = self._sources(path.partition("/")[0], name) if path.startswith(f"{SITE}/") else {}
        for source in (inherited | self._sources(path, name)).values():
            for child in [] if source is None else source:
                into = merged.find(child.tag)
                into = ET.SubElement(merged, child.tag) if into is None else into
                into.attrib |= child.attrib
                into.extend(child)
            merged.attrib |= {} if source is None else source.attrib
        locked = str(name in self.locked).lower()
        return (
            f'<?xml version="1.0" encoding="UTF-8"?>\r\n<appcmd>\r\n  <CONFIG CONFIG.SECTION="{name}"'
            f' path="MACHINE/WEBROOT/APPHOST/{path}" overrideMode="Inherit" locked="{locked}">'
            f"{ET.tostring(merged, 'unicode')}</CONFIG>\r\n</appcmd>\r\n"
        )

    def _sources(self, path: str, name: str) -> dict[tuple[str, str], ET.Element | None]:
        """A section for exactly this path, by file and location tag."""
        own = ET.fromstring(self.web_config(path)[1:]).find(name) if path in FOLDERS else None
        return {("", path): self.locations.get(path, {}).get(name), (f"/{path}", ""): own}

    def _search_config(self, *words: str) -> str:
        *paths, section, attribute, xml = words
        assert xml == "/xml"
        wanted, _separator, value = attribute.removeprefix("/").partition(":")
        known = [path for path in ("", *self.locations) if path.startswith("".join(paths))]
        found = [
            f'<CONFIGSEARCH path="MACHINE/WEBROOT/APPHOST{"/" * bool(path)}{path}" locationPath="{location}" />'
            for path in known
            for (_file, location), element in self._sources(path, section.removeprefix("/section:")).items()
            if element is not None and element.get(wanted) and value in ("", element.get(wanted))
        ]
        return f"<appcmd>{''.join(found)}</appcmd>" if found else ""

    def _set_config(self, path: str, section: str, *settings: str) -> str:
        name = section.removeprefix("/section:")
        edits = [setting for setting in settings if not setting.startswith("/commit:")]
        if len(edits) < len(settings):
            assert settings[-1] == "/commit:apphost"
            self._edit(self.locations[path].setdefault(name, ET.Element("section")), edits)
            return "Applied\r\n"
        if name in self.locked:
            raise PermissionError
        root = ET.fromstring(self.web_config(path)[1:])
        element = root
        for step in name.split("/"):
            found = element.find(step)
            element = ET.SubElement(element, step) if found is None else found
        self._edit(element, edits)
        self._store(path, root)
        return "Applied\r\n"

    def _edit(self, section: ET.Element, edits: t.Iterable[str]) -> None:
        for edit in edits:
            if listed := re.fullmatch(r"/([+-])(\w+)\.\[(\w+)='([^']*)'\]", edit):
                sign, collection, key, value = listed.groups()
                found = section.find(collection)
                into = ET.SubElement(section, collection) if found is None else found
                if sign == "+":
                    ET.SubElement(into, "add", {key: value})
                else:
                    into.remove(next(item for item in into if item.get(key) == value))
                continue
            attribute, _separator, value = edit.removeprefix("/").partition(":")
            child, _separator, attribute = attribute.rpartition(".")
            into = section
            if child:
                found = section.find(child)
                into = ET.SubElement(section, child) if found is None else found
            into.set(attribute, value)

    def _clear_config(self, path: str, section: str, attribute: str = "") -> str:
        root = ET.fromstring(self.web_config(path)[1:])
        group, name = section.removeprefix("/section:").rsplit("/", 1)
        parent = root.find(group)
        assert parent is not None
        element = parent.find(name)
        assert element is not None
        if attribute:
            child, _separator, attribute = attribute.removeprefix("/").rpartition(".")
            holder = element.find(child) if child else element
            assert holder is not None
            del holder.attrib[attribute]
        else:
            parent.remove(element)
        self._store(path, root)
        return "Cleared\r\n"

    def _store(self, path: str, root: ET.Element) -> None:
        self.files[rf"{FOLDERS[path]}\web.config"] = "\ufeff" + ET.tostring(root, "unicode")


def _error(rc: int, hresult: str, words: str) -> CommandResult:
    return CommandResult(rc, f"ERROR ( hresult:{hresult}, message:Command execution failed.\r\n{words}\r\n )\r\n")


@pytest.fixture
def host() -> FakeHost:
    return FakeHost()


@pytest.fixture(name="split_arguments")
def split_arguments_fixture() -> t.Callable[[str], list[str]]:
    return split_arguments

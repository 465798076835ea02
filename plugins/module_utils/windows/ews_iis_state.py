# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The effective EWS settings of one host and where each is defined, read with one command where all is as usual."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

from ..core.errors import UnexpectedState
from . import proxy_bypass
from .appcmd_reads import Question, Section, ask, folder, places, section
from .backups import listed as copies_of
from .cmdline import Expanded, command_line
from .files import printed, type_line
from .place import APPHOST, Place, place_at, relative
from .proxy_bypass import DefaultProxy, Former, parse_web_config
from .runner import CommandResult, Runner

SERVER_RUNTIME, READ_AHEAD = "system.webServer/serverRuntime", "uploadReadAheadSize"
ACCESS, SSL_FLAGS = "system.webServer/security/access", "sslFlags"
#: The value where no file sets one (IIS's schema).
DEFAULT_READ_AHEAD = 49152
APPHOST_FILE = Expanded(r"%windir%\system32\inetsrv\config\applicationHost.config")

#: Where Exchange puts the back end's EWS; asked for beside the folder that IIS names, which decides.
_USUAL_BACK_END = "Exchange Back End/EWS"
_EXCHANGE = Expanded("%ExchangeInstallPath%")
_USUAL_FOLDER = r"ClientAccess\exchweb\EWS"
#: .NET's own files above every site (64 bit, as Exchange's pools are), the nearest first.
_FRAMEWORK = tuple(
    Expanded(rf"%windir%\Microsoft.NET\Framework64\v4.0.30319\Config\{name}")
    for name in ("web.config", "machine.config")
)
#: So many copies of a file are looked through for what stood in it before.
_COPIES = 20


@dataclass(frozen=True)
class EwsState:
    """The effective settings of one host.

    :param read_ahead_place: where the value is written; ``None``: nowhere, it is the schema's default.
    :param read_ahead_file: the file at that place, or the one that a write goes to.
    :param ssl_flags: as IIS lists them, such as ``Ssl, SslNegotiateCert``.
    :param default_proxy: what stands in the back end's own web.config; ``None``: no section there.
    :param inherited_proxy: what .NET reads above it, and in which file, where the own file has no section.
    :param listed_bypass: what appcmd lists for the back end, from every file that it merges.
    :param former_proxy: what a copy of the back end's file shows from before the entries came.
    """

    read_ahead: int
    read_ahead_place: Place | None
    read_ahead_file: str
    read_ahead_locked: bool
    ssl_flags: str
    ssl_flags_place: Place | None
    front_end_file: str
    default_proxy: DefaultProxy | None
    default_proxy_locked: bool
    inherited_proxy: tuple[DefaultProxy, str] | None
    listed_bypass: tuple[str, ...]
    back_end_file: str
    former_proxy: Former | None = None

    @property
    def acting_proxy(self) -> DefaultProxy | None:
        """The section that .NET acts by; ``None``: the machine's own settings."""
        if self.default_proxy is None and self.inherited_proxy:
            return self.inherited_proxy[0]
        return self.default_proxy


def read_state(runner: Runner, front_end: str, back_end: str, gone: t.Collection[str] = ()) -> EwsState:
    """Ask a host.

    :param front_end: such as ``Default Web Site/EWS``.
    :param back_end: such as ``Exchange Back End/EWS``.
    :param gone: entries of the bypass list that are to go: what stood before them is looked for in copies.
    :raises PushOpsError: something cannot be read.
    """
    site = front_end.partition("/")[0]
    front_folder, back_folder, runtime, access, site_access, listed, of_runtime, of_access, *usual = ask(
        runner,
        folder(front_end),
        folder(back_end),
        section(front_end, SERVER_RUNTIME),
        section(front_end, ACCESS),
        section(site, ACCESS),  # where Exchange sets it
        section(back_end, proxy_bypass.SECTION),
        places(front_end, SERVER_RUNTIME, READ_AHEAD),
        places(site, ACCESS, SSL_FLAGS),
        *(_usual_back_end() if back_end == _USUAL_BACK_END else ()),
    )
    back_end_file = Expanded(rf"{back_folder}\web.config")
    own = parse_web_config(_own_text(runner, back_end_file, usual), back_end_file)
    size = runtime.attributes.get(READ_AHEAD, str(DEFAULT_READ_AHEAD))
    flags = access.attributes.get(SSL_FLAGS, "")
    place = place_at(of_runtime, front_end) or _above(runner, front_end, SERVER_RUNTIME, READ_AHEAD, size)
    flags_place = place_at(of_access, front_end)
    if flags_place is None and site_access.attributes.get(SSL_FLAGS) == flags:
        flags_place = place_at(of_access, site)
    front_end_file = Expanded(rf"{front_folder}\web.config")
    return EwsState(
        read_ahead=_number(size, front_end),
        read_ahead_place=place,
        read_ahead_file=_file_of(runner, place, front_end, front_end_file, runtime.locked),
        read_ahead_locked=runtime.locked,
        ssl_flags=flags,
        ssl_flags_place=flags_place or _above(runner, front_end, ACCESS, SSL_FLAGS, flags),
        front_end_file=front_end_file,
        default_proxy=own,
        default_proxy_locked=listed.locked,
        inherited_proxy=_inherited(runner, back_end) if own is None and _is_set(listed) else None,
        listed_bypass=_listed_bypass(listed),
        back_end_file=back_end_file,
        former_proxy=_former(runner, back_end_file, own, gone),
    )


def _usual_back_end() -> tuple[Question[str], Question[CommandResult]]:
    file = Expanded(rf"{_EXCHANGE}{_USUAL_FOLDER}\web.config")
    return (
        Question(command_line("echo", _EXCHANGE), lambda result: result.stdout.strip().strip('"')),
        Question(type_line(file), lambda result: result),
    )


def _own_text(runner: Runner, file: str, usual: t.Sequence[t.Any]) -> str:
    if usual and rf"{usual[0]}{_USUAL_FOLDER}\web.config".lower() == file.lower():
        return printed(file, usual[1])
    return printed(file, runner.run(type_line(file)))


def _above(runner: Runner, path: str, name: str, attribute: str, value: str) -> Place | None:
    """Where a value comes from that is not set for the path itself: the nearest path above that has it.

    A location tag can keep a value from the applications below it, which a search does not show; so only places with
    the very value that acts are asked for. Of two that hold it, one of them kept so, the nearer is named.
    """
    steps = path.split("/")
    (found,) = ask(runner, places("", name, f"{attribute}:{value}"))
    above = ("/".join(steps[:count]) for count in range(len(steps) - 1, -1, -1))
    return next((place for each in above if (place := place_at(found, each))), None)


def _file_of(runner: Runner, place: Place | None, path: str, own: str, locked: bool) -> str:
    """The file that holds the path's value, or that a write for it goes to."""
    if place is None or place_at([place], path) is None:
        return APPHOST_FILE if locked else own
    if place.commit_path == APPHOST:
        return APPHOST_FILE
    if not place.location:
        return own
    (directory,) = ask(runner, folder(relative(place.commit_path)))
    return Expanded(rf"{directory}\web.config")


def _is_set(listed: Section) -> bool:
    """Whether any file that appcmd merges sets something in the section; what is left are the schema's defaults."""
    defaults = {"", "unspecified"}
    attributes = {
        name: value.lower()
        for name, value in listed.attributes.items()
        if (name, value.lower()) not in (("enabled", "true"), ("useDefaultCredentials", "false"))
    }
    return bool(listed.collections) or any(value not in defaults for value in attributes.values())


def _inherited(runner: Runner, back_end: str) -> tuple[DefaultProxy, str] | None:
    """What .NET reads above the application: the site's web.config, then the framework's files."""
    site = back_end.partition("/")[0]
    (directory,) = ask(runner, folder(site))
    files = (Expanded(rf"{directory}\web.config"), *_FRAMEWORK)
    for file, result in zip(files, runner.read_all([type_line(file) for file in files]), strict=True):
        found = parse_web_config(result.stdout, file, below=True) if result.rc == 0 else None  # most hosts lack some
        if found is not None:
            return found, file
    return None


def _listed_bypass(listed: Section) -> tuple[str, ...]:
    return tuple(entry.get("address", "") for entry in listed.collections.get(proxy_bypass.BYPASS_LIST, ()))


def _former(runner: Runner, file: str, own: DefaultProxy | None, gone: t.Collection[str]) -> Former | None:
    """The section in the newest copy that has none of the entries."""
    if own is None or not set(own.bypass) & set(gone):
        return None
    made = [copy.path for copy in reversed(copies_of(runner, file))][:_COPIES]
    for copy, result in zip(made, runner.read_all([type_line(copy) for copy in made]), strict=True):
        if result.rc == 0:
            found = parse_web_config(result.stdout, copy)
            if found is None or not set(found.bypass) & set(gone):
                return Former(found)
    return None


def _number(text: str, path: str) -> int:
    if not text.isdecimal():
        raise UnexpectedState(f"{READ_AHEAD} of {path} reads {text!r}, expected a number", "Correct it on the host")
    return int(text)

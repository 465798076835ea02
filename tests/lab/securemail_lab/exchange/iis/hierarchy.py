# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sites, applications and virtual directories of applicationHost.config; the files behind a config path."""

from __future__ import annotations

import dataclasses
import typing as t

from ..machine import Machine
from .document import Document, Element, NotWellFormed
from .errors import ALREADY_EXISTS, INVALID_DATA, INVALID_PARAMETER, NOT_FOUND, PATH_NOT_FOUND, FileFault, IisError

APPHOST = "MACHINE/WEBROOT/APPHOST"
APPHOST_FILE = r"C:\Windows\System32\inetsrv\config\applicationHost.config"
_FRAMEWORK = r"C:\Windows\Microsoft.NET\Framework64\v4.0.30319\Config"
_GLOBAL = (
    ("MACHINE", rf"{_FRAMEWORK}\machine.config"),
    ("MACHINE/WEBROOT", rf"{_FRAMEWORK}\web.config"),
    (APPHOST, APPHOST_FILE),
)


@dataclasses.dataclass(frozen=True)
class VirtualDirectory:
    """``path`` is whole (``/EWS/bin``); ``physical_path`` as the file says, variables not expanded."""

    path: str
    physical_path: str


@dataclasses.dataclass(frozen=True)
class Application:
    path: str
    pool: str
    directories: tuple[VirtualDirectory, ...]


@dataclasses.dataclass(frozen=True)
class Site:
    """``bindings`` as appcmd prints them: ``https/*:443:``. ``started``: unless ``serverAutoStart`` is false."""

    name: str
    id: int
    bindings: tuple[str, ...]
    applications: tuple[Application, ...]
    started: bool = True


@dataclasses.dataclass(frozen=True)
class ApplicationPool:
    name: str
    runtime: str
    pipeline: str


@dataclasses.dataclass(frozen=True)
class Level:
    """One step of a config path: ``MACHINE`` to ``MACHINE/WEBROOT/APPHOST/<site>/<folder>``.

    ``file`` is the configuration file of this step, which may be absent; ``application`` the path of its application
    inside the site, empty above a site.
    """

    path: str
    file: str
    application: str = ""


class Configuration:
    """The configuration files of a machine, each parsed once: a view of one moment.

    :raises FileFault: from every method, where a file that is needed is missing or not well-formed.
    """

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        self._documents: dict[str, Document | None] = {}

    def document(self, file: str) -> Document | None:
        """A file by its Windows path; none where it is absent."""
        if file not in self._documents:
            try:
                self._documents[file] = Document(self.machine.path(file).read_bytes())
            except (FileNotFoundError, NotADirectoryError):
                self._documents[file] = None
            except NotWellFormed as error:
                raise FileFault(INVALID_DATA, "Configuration file is not well-formed XML", file, error.line) from None
        return self._documents[file]

    def apphost(self) -> Element:
        """The root of applicationHost.config."""
        document = self.document(APPHOST_FILE)
        if document is None:
            raise FileFault(PATH_NOT_FOUND, "Cannot read configuration file", APPHOST_FILE, 0)
        return document.root

    def sites(self) -> list[Site]:
        """In the order of the file."""
        parent = self.apphost().descendant(("system.applicationHost", "sites"))
        if parent is None:
            return []
        defaults = parent.child("applicationDefaults")
        pool = (defaults.attributes if defaults else {}).get("applicationPool", "DefaultAppPool")
        found: dict[str, Site] = {}
        for element in _named(parent, "site"):
            site = _site(element, pool)
            if site.name.lower() in found:
                text = (
                    "Cannot add duplicate collection entry of type 'site' with unique key attribute 'name' set to"
                    f" '{site.name}'"
                )
                raise FileFault(ALREADY_EXISTS, text, APPHOST_FILE, element.line)
            found[site.name.lower()] = site
        return list(found.values())

    def pools(self) -> list[ApplicationPool]:
        """Application pools, with the defaults of the file and of the schema."""
        parent = self.apphost().descendant(("system.applicationHost", "applicationPools"))
        if parent is None:
            return []
        defaults = parent.child("applicationPoolDefaults")
        runtime = (defaults.attributes if defaults else {}).get("managedRuntimeVersion", "v2.0")
        return [
            ApplicationPool(
                element.attributes["name"],
                element.attributes.get("managedRuntimeVersion", runtime),
                element.attributes.get("managedPipelineMode", "Integrated"),
            )
            for element in _named(parent, "add")
        ]

    def section_modes(self) -> dict[str, str]:
        """Full name of every registered section, with its ``overrideModeDefault``."""
        parent = self.apphost().child("configSections")
        return dict(_sections(parent, "")) if parent else {}

    def levels(self, config_path: str) -> list[Level]:
        """The steps from MACHINE to a config path: empty, ``Default Web Site/EWS``, or whole from ``MACHINE`` on.

        Names take the case of the file; a trailing slash is dropped.

        :raises IisError: there is no such site.
        """
        path = config_path.strip("/")
        for index, (name, _rest) in reversed(list(enumerate(_GLOBAL))):
            if path.lower() == name.lower():
                return [Level(*each) for each in _GLOBAL[: index + 1]]
        if path.lower().startswith(f"{APPHOST}/".lower()):
            path = path[len(APPHOST) + 1 :]
        levels = [Level(*each) for each in _GLOBAL]
        if not path:
            return levels
        name, *folders = path.split("/")
        site = next((site for site in self.sites() if site.name.lower() == name.lower()), None)
        if site is None:
            raise IisError(NOT_FOUND, f'Cannot find SITE object with identifier "{name}".')
        return [*levels, *_inside(site, folders)]


def commit_level(levels: list[Level], commit_path: str | None) -> Level:
    """The level that a commit path names: none for the path itself, a word of appcmd's, or a config path above it.

    :raises IisError: it does not lie on the way to the path.
    """
    word = (commit_path or "url").strip("/").lower()
    below = levels[len(_GLOBAL) :]
    candidates = {level.path.lower().rpartition("/")[2]: level for level in levels[: len(_GLOBAL)]}
    candidates |= {level.path.lower(): level for level in levels}
    candidates |= {level.path.lower().removeprefix(f"{APPHOST.lower()}/"): level for level in below}
    candidates["url"] = levels[-1]
    if len(levels) > 1:
        candidates["parent"] = levels[-2]
    if below:
        candidates["site"] = below[0]
        candidates["app"] = next(level for level in below if level.application == below[-1].application)
    if word not in candidates:
        raise IisError(INVALID_PARAMETER, f'Invalid commit path "{commit_path}".')
    return candidates[word]


def _inside(site: Site, folders: list[str]) -> t.Iterator[Level]:
    directories = {
        directory.path.lower(): (application.path, directory)
        for application in site.applications
        for directory in application.directories
    }
    application, root = directories.get("/", ("/", VirtualDirectory("/", "")))
    physical, path = root.physical_path, f"{APPHOST}/{site.name}"
    yield Level(path, rf"{physical}\web.config", application)
    url = ""
    for folder in folders:
        url += f"/{folder}"
        physical = rf"{physical}\{folder}"
        if url.lower() in directories:
            application, directory = directories[url.lower()]
            physical, folder = directory.physical_path, directory.path.rpartition("/")[2]
        path += f"/{folder}"
        yield Level(path, rf"{physical}\web.config", application)


def _site(element: Element, default_pool: str) -> Site:
    bindings = element.child("bindings")
    return Site(
        element.attributes["name"],
        int(element.attributes["id"]),
        tuple(
            f"{binding.attributes['protocol']}/{binding.attributes['bindingInformation']}"
            for binding in (_named(bindings, "binding") if bindings else ())
        ),
        tuple(
            Application(
                application.attributes["path"],
                application.attributes.get("applicationPool", default_pool),
                tuple(
                    VirtualDirectory(
                        application.attributes["path"].rstrip("/") + directory.attributes["path"].rstrip("/") or "/",
                        directory.attributes["physicalPath"],
                    )
                    for directory in _named(application, "virtualDirectory")
                ),
            )
            for application in _named(element, "application")
        ),
        element.attributes.get("serverAutoStart", "true").lower() != "false",
    )


def _named(parent: Element, name: str) -> list[Element]:
    return [child for child in parent.children if child.name == name]


def _sections(parent: Element, prefix: str) -> t.Iterator[tuple[str, str]]:
    for child in parent.children:
        name = prefix + child.attributes.get("name", "")
        if child.name == "section":
            yield name, child.attributes.get("overrideModeDefault", "Allow")
        else:
            yield from _sections(child, f"{name}/")

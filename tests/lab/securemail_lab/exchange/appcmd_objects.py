# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""appcmd's SITE, APP, VDIR, APPPOOL and BACKUP objects: list, recycle, and copies of the server's configuration."""

from __future__ import annotations

import dataclasses
import datetime
import pathlib
import re
import shutil

from .appcmd_arguments import Arguments
from .appcmd_config import Outcome
from .appcmd_text import NEWLINE
from .iis import ApplicationPool, DataFault, Iis, IisError, Site
from .iis.document import escape
from .iis.errors import ALREADY_EXISTS, INVALID_PARAMETER, NOT_FOUND
from .pools import STARTED, STOPPED, change_state, restart, state_of

_CONFIG = r"C:\Windows\System32\inetsrv\config"
_BACKUP = r"C:\Windows\System32\inetsrv\backup"
#: Win32 errors of a service that is, or is not, running: 1062 is from a transcript of stopping a stopped pool.
ALREADY_RUNNING, NOT_ACTIVE = 1056, 1062
_SAVED = ("applicationHost.config", "administration.config", "redirection.config")


@dataclasses.dataclass(frozen=True)
class Row:
    """One object: its identifier, its short form, and its properties by the names of appcmd's XML."""

    kind: str
    name: str
    summary: str
    properties: dict[str, str]

    def value(self, name: str) -> str | None:
        """A property in any case, with or without the object's own prefix: ``name``, ``APP.NAME``, ``physicalPath``."""
        known = {key.lower(): value for key, value in self.properties.items()}
        return known.get(name.lower(), known.get(f"{self.kind}.{name}".lower()))


def run(iis: Iis, arguments: Arguments) -> Outcome | None:
    """Run a verb; none where the object does not have it."""
    if arguments.verb == "list":
        return _list(iis, arguments)
    if arguments.object == "apppool" and arguments.verb in ("recycle", "start", "stop"):
        return _recycle(iis, arguments) if arguments.verb == "recycle" else _start_or_stop(iis, arguments)
    if arguments.object == "backup" and arguments.verb in ("add", "restore"):
        return _add_backup(iis, arguments) if arguments.verb == "add" else _restore_backup(iis, arguments)
    return None


def _list(iis: Iis, arguments: Arguments) -> Outcome:
    xml, text = arguments.take("xml"), arguments.take("text")
    rows = [row for row in _rows(iis, arguments.object) if _matches(row, arguments)]
    if not rows:
        return 1, ""
    if xml is not None:
        lines = [f"    <{row.kind} {_attributes(row.properties)} />" for row in rows]
        return 0, NEWLINE.join(['<?xml version="1.0" encoding="UTF-8"?>', "<appcmd>", *lines, "</appcmd>", ""])
    if text == "*":
        return 0, "".join(_detail(row) for row in rows)
    if text:
        return 0, "".join((row.value(text) or "") + NEWLINE for row in rows)
    return 0, "".join(f'{row.kind} "{row.name}"{row.summary}{NEWLINE}' for row in rows)


def _matches(row: Row, arguments: Arguments) -> bool:
    asked = arguments.identifier.lower()
    if asked and asked.rstrip("/") != row.name.lower().rstrip("/"):
        return False
    return all(
        value is None or (row.value(name) or "").lower() == value.lower() for name, value in arguments.parameters
    )


def _attributes(properties: dict[str, str]) -> str:
    return " ".join(f'{name}="{escape(value)}"' for name, value in properties.items())


def _detail(row: Row) -> str:
    return "".join(
        f"{line}{NEWLINE}" for line in (row.kind, *(f"  {key}: {text}" for key, text in row.properties.items()))
    )


def _rows(iis: Iis, kind: str) -> list[Row]:
    if kind == "backup":
        folder = iis.machine.path(_BACKUP)
        names = sorted(each.name for each in folder.iterdir()) if folder.is_dir() else []
        return [Row("BACKUP", name, "", {"BACKUP.NAME": name}) for name in names]
    if kind == "apppool":
        return [_pool_row(pool, state_of(iis.machine, pool.name)) for pool in iis.pools()]
    return [row for site in iis.sites() for row in _site_rows(site, kind)]


def _pool_row(pool: ApplicationPool, state: str) -> Row:
    summary = f" (MgdVersion:{pool.runtime},MgdMode:{pool.pipeline},state:{state})"
    properties = {
        "APPPOOL.NAME": pool.name,
        "PipelineMode": pool.pipeline,
        "RuntimeVersion": pool.runtime,
        "state": state,
    }
    return Row("APPPOOL", pool.name, summary, properties)


def _site_rows(site: Site, kind: str) -> list[Row]:
    if kind == "site":
        bindings = ",".join(site.bindings)
        state = "Started" if site.started else "Stopped"
        properties = {"SITE.NAME": site.name, "SITE.ID": str(site.id), "bindings": bindings, "state": state}
        return [Row("SITE", site.name, f" (id:{site.id},bindings:{bindings},state:{state})", properties)]
    rows = []
    for application in site.applications:
        name = site.name + application.path
        if kind == "app":
            properties = {
                "path": application.path,
                "APP.NAME": name,
                "APPPOOL.NAME": application.pool,
                "SITE.NAME": site.name,
            }
            rows.append(Row("APP", name, f" (applicationPool:{application.pool})", properties))
            continue
        for directory in application.directories:
            is_root = directory.path == application.path
            vdir = name.rstrip("/") + "/" if is_root else site.name + directory.path
            properties = {
                "VDIR.NAME": vdir,
                "physicalPath": directory.physical_path,
                "path": "/" if is_root else directory.path[len(application.path.rstrip("/")) :],
                "APP.NAME": name,
            }
            rows.append(Row("VDIR", vdir, f" (physicalPath:{directory.physical_path})", properties))
    return rows


def _named_pool(iis: Iis, arguments: Arguments) -> str:
    name = arguments.take("apppool.name", "name") or arguments.identifier
    if not name:
        raise IisError(INVALID_PARAMETER, "Must specify the APPPOOL object with identifier.")
    pool = next((pool for pool in iis.pools() if pool.name.lower() == name.lower()), None)
    if pool is None:
        raise IisError(NOT_FOUND, f'Cannot find APPPOOL object with identifier "{name}".')
    return pool.name


def _recycle(iis: Iis, arguments: Arguments) -> Outcome:
    name = _named_pool(iis, arguments)
    if state_of(iis.machine, name) == STOPPED:
        raise IisError(NOT_ACTIVE, f'Cannot recycle APPPOOL object "{name}": it is stopped.')
    restart(iis.machine, [name])
    return 0, f'"{name}" successfully recycled{NEWLINE}'


def _start_or_stop(iis: Iis, arguments: Arguments) -> Outcome:
    name, starts = _named_pool(iis, arguments), arguments.verb == "start"
    state, said = (STARTED, "started") if starts else (STOPPED, "stopped")
    if state_of(iis.machine, name) == state:
        code = ALREADY_RUNNING if starts else NOT_ACTIVE
        raise IisError(code, f'APPPOOL object "{name}" is already {said}.')
    change_state(iis.machine, name, state)
    return 0, f'"{name}" successfully {said}{NEWLINE}'


def _add_backup(iis: Iis, arguments: Arguments) -> Outcome:
    name = arguments.take("name", "backup.name") or arguments.identifier
    name = name or datetime.datetime.now().strftime("%Y%m%dT%H%M%S")
    folder = _backup(iis, name)
    if folder.exists():
        raise IisError(ALREADY_EXISTS, f'Failed to add duplicate collection element "{name}".')
    folder.mkdir(parents=True)
    for file in _SAVED:
        source = iis.machine.path(rf"{_CONFIG}\{file}")
        if source.is_file():
            shutil.copyfile(source, folder / file)
    return 0, f'BACKUP object "{name}" added{NEWLINE}'


def _restore_backup(iis: Iis, arguments: Arguments) -> Outcome:
    """The server stops and starts again with the saved files; web.config files are not part of a backup."""
    name = arguments.take("name", "backup.name") or arguments.identifier
    folder = _backup(iis, name)
    if not name or not folder.is_dir():
        raise IisError(NOT_FOUND, f'Cannot find BACKUP object with identifier "{name}".')
    for file in _SAVED:
        if (folder / file).is_file():
            shutil.copyfile(folder / file, iis.machine.path(rf"{_CONFIG}\{file}"))
    restart(iis.machine, [pool.name for pool in iis.pools()])
    return 0, f'Restored configuration from backup "{name}"{NEWLINE}'


def _backup(iis: Iis, name: str) -> pathlib.Path:
    if re.search(r'[\\/:*?"<>|]|^\.+$', name):
        raise DataFault
    return iis.machine.path(rf"{_BACKUP}\{name}")

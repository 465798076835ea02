# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a value of IIS's configuration is written, told from what ``appcmd search config`` finds. No I/O.

The deepest path wins, and for one path the file nearest to it (Microsoft's "Deep Dive into IIS Configuration").
"""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

#: applicationHost.config; what it holds for a path below stands under a location tag.
APPHOST = "MACHINE/WEBROOT/APPHOST"


@dataclass(frozen=True)
class Place:
    """A configuration file, and the location tag in it.

    :param commit_path: the config path of the file, such as ``MACHINE/WEBROOT/APPHOST/Default Web Site``.
    :param location: the path of the location tag; empty without one.
    """

    commit_path: str
    location: str = ""

    @property
    def target(self) -> str:
        """The config path that the value is for."""
        return f"{self.commit_path}/{self.location}" if self.location else self.commit_path

    @property
    def commit(self) -> str:
        """The same for appcmd's ``/commit``."""
        return "apphost" if self.commit_path == APPHOST else self.commit_path

    def shown(self) -> dict[str, str]:
        return {"commit_path": self.commit_path, "location": self.location}

    def __str__(self) -> str:
        """As an administrator names it."""
        file = (
            "applicationHost.config" if self.commit_path == APPHOST else f"web.config of {relative(self.commit_path)}"
        )
        return f'{file}, location "{self.location}"' if self.location else file


def whole(path: str) -> str:
    """A path such as ``Default Web Site/EWS`` from MACHINE on; empty means the server."""
    return f"{APPHOST}/{path}" if path else APPHOST


def relative(commit_path: str) -> str:
    """The same without what every path begins with."""
    return commit_path.removeprefix(f"{APPHOST}/")


def found_place(path: str, location: str) -> Place:
    """A result of the search: ``path`` may be the file's own, or end with the location tag's."""
    location = "" if location == "." else location.strip("/")
    if location and path.lower().endswith(f"/{location}".lower()):
        path = path[: -len(location) - 1]
    return Place(path, location)


def place_at(places: t.Iterable[Place], path: str) -> Place | None:
    """The place that wins among those that are for exactly this path."""
    own = [place for place in places if place.target.lower() == whole(path).lower()]
    return max(own, key=lambda place: place.commit_path.count("/"), default=None)

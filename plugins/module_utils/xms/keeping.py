# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an app held before an upload, kept on the controller until it is known what the upload cost.

A process may be killed, or the server may fall silent, between an upload that resets values and their restoring. Then
nobody but this file knows them, and the next run begins with it.
"""

from __future__ import annotations

import datetime
import json
import pathlib
import re
import typing as t
from dataclasses import dataclass

from ..core import files
from ..core.errors import UnexpectedState
from .apps import App

#: Later, somebody may have changed values on purpose since.
LONGEST = datetime.timedelta(days=1)
_LARGEST = 16 << 20  # policies of every platform, with their labels and help
_SCHEMA = 1


@dataclass(frozen=True)
class Kept:
    """
    :param app: as the server showed it before the upload.
    :param platform: what was uploaded, and which ``version``.
    """

    app: App
    platform: str
    version: str


class Keeping:
    """One file for each app of one server, mode 0600.

    :param folder: made where it is missing, with mode 0700.
    :param server: URL of the server.
    """

    def __init__(
        self,
        folder: pathlib.Path,
        server: str,
        now: t.Callable[[], datetime.datetime] = lambda: datetime.datetime.now(datetime.UTC),
    ) -> None:
        self._folder = folder
        self._server = re.sub(r"[^A-Za-z0-9.-]", "_", server.partition("://")[2])
        self._now = now

    def path(self, identifier: int) -> pathlib.Path:
        return self._folder / f"xms-{self._server}-{identifier}.json"

    def keep(self, kept: Kept) -> None:
        """
        :raises Refused: it cannot be written, so nothing must be uploaded.
        """
        app = kept.app
        document = {
            "schema": _SCHEMA,
            "at": self._now().isoformat(timespec="seconds"),
            "platform": kept.platform,
            "version": kept.version,
            "app": {"id": app.id, "name": app.name, "root_key": app.root_key, "content": app.content},
        }
        files.make_folder(self._folder)
        files.replace(self.path(app.id), (json.dumps(document) + "\n").encode())

    def find(self, identifier: int) -> Kept | None:
        """What an earlier run kept and did not come to an end with.

        :raises UnexpectedState: it is too old to be put back unseen, or it is not what was written.
        """
        path = self.path(identifier)
        content = files.read(path, _LARGEST)
        if content is None:
            return None
        remedy = f"Compare it with the app in the server's console (Configure > Apps), then remove {path}"
        try:
            document = json.loads(content)
            kept = Kept(App(**document["app"]), document["platform"], document["version"])
            age = self._now() - datetime.datetime.fromisoformat(document["at"])
        except (ValueError, KeyError, TypeError):
            raise UnexpectedState(f"{path} is not what an unfinished upload keeps", remedy) from None
        if age > LONGEST:
            raise UnexpectedState(
                f"An upload of {kept.version} was begun {age.days} days ago and never finished: {path} has the values"
                " from before it, and somebody may have changed them on purpose since",
                remedy,
            )
        return kept

    def forget(self, identifier: int) -> None:
        files.remove(self.path(identifier))

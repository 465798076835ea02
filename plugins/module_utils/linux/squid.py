# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Flows through Squid: one file of our own, tried on a copy of the whole configuration before it is live."""

from __future__ import annotations

import os
import pathlib
import tempfile
from dataclasses import dataclass

from ..core import files
from ..core.errors import Refused, UnexpectedState
from ..core.flows import Flow
from ..core.path import LINKS
from ..core.reconcile import Change, Plan, Resource
from ..core.redact import redact
from . import squid_access, squid_conf
from .host import Host
from .squid_conf import Configuration

#: Directives whose arguments are no secrets.
_PUBLIC = ("acl", "http_access", "http_port", "include")
_MEANT = ("FATAL", "ERROR", "Bungled", "unrecognized", "aclParse", "pushops_")


@dataclass(frozen=True)
class ProxyState:
    """Our file, and what Squid reads beside it; ``None`` for no file of ours."""

    content: str | None
    configuration: Configuration


class Proxy(Resource[ProxyState]):
    """The flows of one Squid.

    :param main: Squid's own configuration file, which is only read.
    :param ours: the file that is written; something in ``main`` must include it.
    :param service: the service name that Squid was started with (``squid -n``).
    """

    def __init__(self, host: Host, flows: tuple[Flow, ...], main: str, ours: str, service: str) -> None:
        self._host, self._flows = host, flows
        self._main, self._ours, self._service = main, ours, service
        self._configuration: Configuration | None = None
        self.reloaded = False
        self.header = ours

    def read(self) -> ProxyState:
        content = files.read(pathlib.Path(self._ours))
        self._configuration = squid_conf.read(self._main, self._ours, _text)
        return ProxyState(None if content is None else content.decode("utf-8", "replace"), self._configuration)

    def plan(self, present: ProxyState) -> Plan:
        wanted = squid_access.render(self._flows) if self._flows else None
        if self._flows:
            squid_access.expect_effective(present.configuration, self._ours, self._main, self._flows)
        if present.content == wanted:
            return Plan()
        links = [f"{flow.name}-egress" for flow in self._flows if f"{flow.name}-egress" in LINKS]
        return Plan((Change(self._ours, present.content, wanted, wanted, links[0] if links else ""),))

    def validate(self, plan: Plan) -> None:
        """Let Squid parse a copy of the whole configuration as it will be.

        :raises Refused: Squid's own message. Nothing was changed.
        """
        configuration = self._configuration or self.read().configuration
        staged = configuration.staged("".join(change.action or "" for change in plan.changes))
        handle, name = tempfile.mkstemp(prefix="pushops-", suffix=".conf")
        try:
            with os.fdopen(handle, "w", encoding="utf-8", errors="surrogateescape") as stream:
                stream.write(staged)
            status, output, errors = self._squid("parse", name)
        finally:
            os.unlink(name)
        # A line that it cannot use, Squid drops with a message and exit code 0.
        if status != 0 or any("pushops_" in line and "Processing:" not in line for line in errors.splitlines()):
            told = _complaint(output + errors, self._configuration)
            raise Refused(
                f"Squid refuses the configuration and nothing was changed: {told}",
                f"Correct it: 'squid -k parse -f {self._main}' shows what is wrong without this change",
            )

    def apply(self, plan: Plan) -> None:
        self.validate(plan)
        path = pathlib.Path(self._ours)
        before = files.read(path)
        for change in plan.changes:
            if change.action is None:
                files.remove(path)
            else:
                files.replace(path, change.action.encode(), 0o644)
        try:
            self._reconfigure()
        except Refused:
            if before is None:
                files.remove(path)
            else:
                files.replace(path, before, 0o644)
            raise

    def _reconfigure(self) -> None:
        """Have a running Squid read its configuration again; tunnels that are open stay open."""
        status, _output, _errors = self._squid("check", self._main)
        if status != 0:  # it does not run, so it will read the file when it starts
            return
        status, output, errors = self._squid("reconfigure", self._main)
        if status != 0:
            told = _complaint(output + errors, self._configuration)
            raise Refused(
                f"Squid did not take the new configuration, and {self._ours} is as it was: {told}",
                "Look at Squid's cache log, then run this again",
            )
        self.reloaded = True

    def _squid(self, word: str, path: str) -> tuple[int, str, str]:
        program = self._host.get_bin_path("squid", opt_dirs=["/usr/sbin", "/usr/local/squid/sbin"])
        if program is None:
            raise Refused("The host has no squid", "Install the package squid on the host")
        return self._host.run_command(
            [program, "-n", self._service, "-k", word, "-f", path], environ_update={"LC_ALL": "C"}
        )


def _text(path: str) -> str:
    content = files.read(pathlib.Path(path))
    if content is None:
        raise UnexpectedState(f"There is no {path}", "Name Squid's own configuration file in config_path")
    return content.decode("utf-8", "surrogateescape")


def _complaint(text: str, configuration: Configuration | None) -> str:
    """The lines that say what is wrong, without Squid's account of what it did before.

    Squid repeats what it cannot use, and the host's own lines may hold passwords of parents, helpers and keys.
    """
    lines = [line.strip() for line in text.splitlines() if line.strip() and "Processing" not in line]
    told = [line for line in lines if any(word in line for word in _MEANT)]
    hidden = [
        part
        for line in (configuration.lines if configuration else ())
        if line.words and line.words[0] not in _PUBLIC
        for word in line.words[1:]
        for part in (word, word.partition("=")[2])
        if len(part) > 3
    ]
    return redact("; ".join(told[:3] or lines[-1:]), hidden) or "no message"

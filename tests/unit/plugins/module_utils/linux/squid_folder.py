# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A folder with a Squid configuration, and a host whose squid takes or refuses it."""

from __future__ import annotations

import pathlib
import typing as t

from ansible_collections.pushops.securemail.plugins.module_utils.core.flows import Flow
from ansible_collections.pushops.securemail.plugins.module_utils.linux import squid_conf
from ansible_collections.pushops.securemail.plugins.module_utils.linux.squid import Proxy


class Host:
    """Answers for ``AnsibleModule``: an exit code and an error text for each word after ``-k``."""

    def __init__(self, **answers: tuple[int, str]) -> None:
        self.asked: list[str] = []
        self.parsed = ""
        self._answers = answers

    def get_bin_path(self, arg: str, required: bool = False, opt_dirs: t.Any = None) -> str | None:
        return "/usr/sbin/squid"

    def run_command(self, args: list[str], **options: t.Any) -> tuple[int, str, str]:
        word = args[args.index("-k") + 1]
        self.asked.append(word)
        if word == "parse":
            self.parsed = pathlib.Path(args[-1]).read_text(encoding="utf-8", errors="replace")
        status, errors = self._answers.get(word, (0, ""))
        return status, "", errors


class Folder(t.NamedTuple):
    path: pathlib.Path

    @property
    def main(self) -> pathlib.Path:
        return self.path / "squid.conf"

    @property
    def ours(self) -> pathlib.Path:
        return self.path / "conf.d" / "00-ours.conf"

    def write(self, *before: str) -> None:
        text = [*before, f"include {self.path}/conf.d/*.conf", "http_access deny all"]
        self.main.write_text("\n".join(text) + "\n", encoding="utf-8")

    def configuration(self) -> squid_conf.Configuration:
        return squid_conf.read(str(self.main), str(self.ours), lambda name: pathlib.Path(name).read_text("utf-8"))

    def proxy(self, host: Host, *flows: Flow) -> Proxy:
        return Proxy(host, flows, str(self.main), str(self.ours), "squid")

# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Commands on an Exchange host: the collection's one shell a task, against a connection and a shell for each command.

Both sides speak NTLM over HTTPS to the same simulated host on loopback, so what differs is the number of round trips;
over a real network each of them costs more.
"""

from __future__ import annotations

import pathlib
import tempfile
import time
import typing as t

import winrm
from ansible.playbook.play_context import PlayContext
from ansible.plugins.loader import connection_loader, init_plugin_loader

from ansible_collections.pushops.securemail.plugins.plugin_utils.winrs import WinrsRunner
from ansible_collections.pushops.securemail.tests.integration import running_lab
from ansible_collections.pushops.securemail.tests.integration.exchange_host import ExchangeHost

COMMAND = (
    r'%windir%\system32\inetsrv\appcmd.exe list config "Default Web Site/EWS"'
    " /section:system.webServer/serverRuntime /xml"
)
COMMANDS, ROUNDS = 8, 3


def one_shell(variables: dict[str, t.Any]) -> None:
    """As ``exchange_ews_iis`` works: Ansible's own connection, its one shell."""
    connection = connection_loader.get("ansible.builtin.winrm", PlayContext(), None)
    extras = {name: variables[name] for name in ["ansible_winrm_ca_trust_path"]}
    connection.set_options(var_options={**variables, "_extras": extras})
    runner = WinrsRunner(connection, "exch01")
    for _command in range(COMMANDS):
        assert runner.run(COMMAND).rc == 0
    connection.close()


def shell_each(variables: dict[str, t.Any]) -> None:
    """As separate tasks work: each command opens a connection and a shell of its own."""
    for _command in range(COMMANDS):
        session = winrm.Session(
            f"https://{variables['ansible_host']}:{variables['ansible_port']}/wsman",
            (variables["ansible_user"], variables["ansible_password"]),
            transport="ntlm",
            ca_trust_path=variables["ansible_winrm_ca_trust_path"],
        )
        assert session.run_cmd(COMMAND).status_code == 0


def seconds(side: t.Callable[[dict[str, t.Any]], None], variables: dict[str, t.Any]) -> float:
    """The best of some rounds, after one that counts for nothing."""
    side(variables)
    taken = []
    for _round in range(ROUNDS):
        began = time.perf_counter()
        side(variables)
        taken.append(time.perf_counter() - began)
    return min(taken)


def main() -> None:
    init_plugin_loader([])
    with tempfile.TemporaryDirectory() as folder:
        host = ExchangeHost.create(pathlib.Path(folder) / "lab")
        variables = host.inventory()["all"]["hosts"][host.name]
        with running_lab.serving(host.lab, "exchange", host.name):
            each, one = seconds(shell_each, variables), seconds(one_shell, variables)
    print(f"{COMMANDS} commands on one Exchange host, best of {ROUNDS} rounds")
    print(f"  a connection and a shell for each: {each:.2f} s")
    print(f"  one shell for all:                 {one:.2f} s")
    print(f"  ratio: {each / one:.1f}")


if __name__ == "__main__":
    main()

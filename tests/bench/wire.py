# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a converge that changes nothing costs on the wire of an Exchange host: this collection, and general modules.

The lab's WinRM counts requests and bytes of both. It runs the native commands of the one side on its files. PowerShell
cannot be had here, so a stand-in takes what the other side sends and answers that nothing changed: measured there is
what travels to the host, and nothing of what PowerShell would cost on it.
"""

from __future__ import annotations

import json
import pathlib
import subprocess
import sys
import tempfile
import typing as t

from ansible_collections.pushops.securemail.tests.integration import running_lab
from ansible_collections.pushops.securemail.tests.integration.exchange_host import ExchangeHost
from ansible_collections.pushops.securemail.tests.integration.running_ansible import ROOT, Ansible, Task, run_bounded
from securemail_lab.exchange.commands import programs
from securemail_lab.exchange.commands.session import Session, Stdin
from securemail_lab.exchange.machine import CommandResult

PEERS = ROOT / ".cache" / "bench-peers"
LISTENER = "eu-west-1.mailboxlistener.xm.citrix.com"
ADDRESSES = ["203.0.113.21", "203.0.113.22"]
#: WinRM requests of a task, and bytes of them for a host. NTLM's legs stand apart: other logins have none.
MOST_REQUESTS, MOST_BYTES = 5, 25_000
COLUMNS = ("requests", "bytes", "NTLM legs", "NTLM bytes")

OURS: list[Task] = [
    {
        "name": "exchange_ews_iis",
        "pushops.securemail.exchange_ews_iis": {"client_certificate_auth": True, "proxy_bypass": [{"fqdn": LISTENER}]},
    },
    {
        "name": "push_firewall_windows",
        "pushops.securemail.push_firewall_windows": {
            "flows": [{"name": "listener", "fqdn": LISTENER, "destinations": ADDRESSES, "ports": [443]}]
        },
    },
]

_WEB_CONFIG = r"C:\Program Files\Microsoft\Exchange Server\V15\ClientAccess\exchweb\EWS\web.config"
_READ_AHEAD = """
$at = @{ PSPath = 'MACHINE/WEBROOT/APPHOST/Default Web Site/EWS'
         Filter = 'system.webServer/serverRuntime'; Name = 'uploadReadAheadSize' }
if ((Get-WebConfigurationProperty @at).Value -ge 49152) { $Ansible.Changed = $false }
else { Set-WebConfigurationProperty @at -Value 49152 }
"""
PEER_TASKS: list[Task] = [
    {"name": "ansible.windows.win_powershell", "ansible.windows.win_powershell": {"script": _READ_AHEAD}},
    {
        "name": "community.windows.win_xml (proxy)",
        "community.windows.win_xml": {
            "path": _WEB_CONFIG,
            "xpath": "/configuration/system.net/defaultProxy",
            "fragment": '<proxy usesystemdefault="true" bypassonlocal="true" />',
        },
    },
    {
        "name": "community.windows.win_xml (bypasslist)",
        "community.windows.win_xml": {
            "path": _WEB_CONFIG,
            "xpath": "/configuration/system.net/defaultProxy/bypasslist",
            "fragment": rf'<add address="^https://{LISTENER.replace(".", chr(92) + ".")}(:443)?$" />',
        },
    },
    {
        "name": "community.windows.win_firewall_rule",
        "community.windows.win_firewall_rule": {
            "name": "Push listener",
            "direction": "out",
            "action": "allow",
            "protocol": "tcp",
            "remoteport": "443",
            "remoteip": ",".join(ADDRESSES),
        },
    },
    {
        "name": "microsoft.iis.web_app_pool",
        "microsoft.iis.web_app_pool": {"name": "MSExchangeServicesAppPool", "state": "started"},
    },
]


def powershell(session: Session, _arguments: list[str], stdin: Stdin) -> CommandResult:
    """Take all that is sent, and say that nothing changed."""
    stdin()
    return session.done(json.dumps({"changed": False, "failed": False}) + "\r\n")


class Wire:
    """The counter of one host's WinRM."""

    def __init__(self, host: ExchangeHost) -> None:
        self._file = host.machine.state / "winrm-wire.jsonl"

    def cost(self, act: t.Callable[[], object]) -> dict[str, int]:
        """WinRM requests and bytes sent to the host meanwhile, those that only sign in apart."""
        self._file.unlink(missing_ok=True)
        act()
        counted = json.loads(self._file.read_bytes())
        legs = counted["by_action"].get("Authentication", {"requests": 0, "bytes": 0})
        sent = [counted[key] - legs[key] for key in ("requests", "bytes")]
        return dict(zip(COLUMNS, [*sent, legs["requests"], legs["bytes"]], strict=True))


def install_peers() -> None:
    """The general modules, in an environment of their own."""
    wanted = ROOT / "requirements" / "peers.txt"
    stamp = PEERS / "requirements.txt"
    if not stamp.exists() or stamp.read_bytes() != wanted.read_bytes():
        print("setup: the general modules, into .cache/bench-peers (about 500 MB)", flush=True)
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(PEERS)], check=True)
        pip = [str(PEERS / "bin" / "pip"), "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*pip, "-r", str(wanted)], check=True, stderr=subprocess.DEVNULL)
        stamp.write_bytes(wanted.read_bytes())


class Peers:
    """The general modules, run by an ansible-playbook of their own environment."""

    def __init__(self, folder: pathlib.Path) -> None:
        self._folder = folder
        self._program = PEERS / "bin" / "ansible-playbook"
        install_peers()

    def play(self, host: ExchangeHost, task: Task) -> None:
        play = {"hosts": "all", "gather_facts": False, "tasks": [task]}
        for name, document in (("inventory.json", host.inventory()), ("play.json", [play])):
            (self._folder / name).write_text(json.dumps(document), encoding="utf-8")
        environment = {"PATH": f"{PEERS / 'bin'}:/usr/bin:/bin", "HOME": str(self._folder), "LC_ALL": "C.UTF-8"}
        command = [str(self._program), "-i", str(self._folder / "inventory.json"), str(self._folder / "play.json")]
        status, stdout, stderr = run_bounded(command, environment, self._folder)
        assert status == 0 and "changed=0" in stdout, stdout + stderr


def table(rows: dict[str, dict[str, int]]) -> dict[str, int]:
    """Print a cost a line, and return their sum."""
    total = {column: sum(row[column] for row in rows.values()) for column in COLUMNS}
    for name, row in {**rows, "sum": total}.items():
        requests, size, legs, leg_size = row.values()
        print(f"    {name:<40} {requests:>8} {size / 1000:>9.1f} {legs:>9} {leg_size / 1000:>9.1f}")
    return total


def main() -> None:
    programs.PROGRAMS["powershell.exe"] = powershell
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        host, ansible, peers = ExchangeHost.create(folder / "lab"), Ansible(folder / "ansible"), Peers(folder)
        wire = Wire(host)

        def ours(task: Task) -> None:
            run = ansible.play(host.inventory(), task)
            assert run.status == 0 and not run.result().changed, run.output

        with running_lab.serving(host.lab, "exchange", host.name):
            assert ansible.play(host.inventory(), *OURS).status == 0
            native = {task["name"]: wire.cost(lambda task=task: ours(task)) for task in OURS}
            general = {task["name"]: wire.cost(lambda task=task: peers.play(host, task)) for task in PEER_TASKS}

    print("One Exchange host, everything as asked: what a run that changes nothing sends over WinRM (NTLM, HTTPS)")
    print(f"    {'task':<40} {'requests':>8} {'kB sent':>9} {'NTLM legs':>9} {'kB sent':>9}")
    print("  this collection")
    one = table(native)
    print("  general modules (PowerShell itself is played by a stand-in that answers at once)")
    other = table(general)
    requests, size = (other[key] / one[key] for key in ("requests", "bytes"))
    print(f"  ratio: {requests:.1f} in requests, {size:.1f} in bytes")
    kept = all(row["requests"] <= MOST_REQUESTS for row in native.values()) and one["bytes"] < MOST_BYTES
    budget = f"{MOST_REQUESTS} requests a task, {MOST_BYTES / 1000:.0f} kB a host"
    print(f"  budget ({budget}): {'kept' if kept else 'EXCEEDED'}")
    if not kept:
        sys.exit(1)


if __name__ == "__main__":
    main()

# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Network namespaces for tests, without a route out; everything in them ends with the test."""

from __future__ import annotations

import contextlib
import ipaddress
import json
import os
import pathlib
import re
import subprocess
import sys
import typing as t

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
MODULE = "pushops.securemail.push_firewall_nftables"


class Result(t.NamedTuple):
    status: int
    output: str
    value: dict[str, t.Any]


class Namespaces:
    """Network and mount namespaces of their own; everything in them ends with the test."""

    def __init__(self, holder: int, user: bool) -> None:
        self.user = user
        self._enter = ["nsenter", "-t", str(holder), "-n", "-m", *(["-U", "--preserve-credentials"] if user else [])]

    def words(self, *command: str, at: str = "") -> list[str]:
        return [*self._enter, *(["ip", "netns", "exec", at] if at else []), *command]

    def run(self, *command: str, at: str = "", text: str = "") -> str:
        finished = subprocess.run(
            self.words(*command, at=at), input=text, capture_output=True, text=True, timeout=60, check=False
        )
        assert finished.returncode == 0, (command, finished.stderr)
        return finished.stdout

    def module(self, *, at: str = "", check: bool = False, name: str = MODULE, **arguments: t.Any) -> Result:
        """Run a module as a user would, nftables without a revert and a next boot; its result as a mapping."""
        if name == MODULE:
            arguments = {"persist": False, "confirm_timeout": 0, **arguments}
        command = ["ansible", "localhost", "-i", "localhost,", "-c", "local", "-m", name, "-a", json.dumps(arguments)]
        command += ["-e", f"ansible_python_interpreter={sys.executable}", "--diff", *(["--check"] if check else [])]
        environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("ANSIBLE_")},
            "ANSIBLE_COLLECTIONS_PATH": str(ROOT / ".ansible" / "collections"),
            "ANSIBLE_HOME": str(ROOT / ".ansible"),
            "ANSIBLE_NOCOLOR": "1",
            "PATH": f"{pathlib.Path(sys.executable).parent}:{os.environ['PATH']}:/usr/sbin:/sbin",
        }
        finished = subprocess.run(
            self.words(*command, at=at),
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
            env=environment,
            cwd=ROOT / "tests",  # away from the project's ansible.cfg, whose inventory is the lab
        )
        found = re.search(r"^localhost \| \w+!? => (\{.*)", finished.stdout, re.DOTALL | re.MULTILINE)
        assert found, finished.stdout + finished.stderr
        value, _end = json.JSONDecoder().raw_decode(found[1])
        return Result(finished.returncode, finished.stdout + finished.stderr, value)

    def network(self, clients: t.Sequence[str], servers: t.Sequence[str]) -> None:
        """Namespaces ``client``, ``gateway`` and ``server``, the one in the middle routing; no route leads out.

        :param clients, servers: their addresses, the first one with the length of its network; the gateway is the
            address before the last of it.
        """
        self.run("mount", "-t", "tmpfs", "tmpfs", "/run")
        self.run("mkdir", "/run/netns")
        for name in ("client", "gateway", "server"):
            self.run("ip", "netns", "add", name)
            # Routers ask for neighbors from link-local addresses, which would first be tried for a second or two.
            self.run("tee", "/proc/sys/net/ipv6/conf/default/accept_dad", at=name, text="0")
        steps = [f"-n {name} link set lo up" for name in ("client", "gateway", "server")]
        for name, addresses in (("client", clients), ("server", servers)):
            steps += [
                f"-n gateway link add {name} type veth peer name net0 netns {name}",
                f"-n gateway link set {name} up",
                f"-n {name} link set net0 up",
            ]
            for version in (4, 6):
                mine = [each for each in map(ipaddress.ip_interface, addresses) if each.version == version]
                if mine:
                    network, nodad = mine[0].network, " nodad" if version == 6 else ""
                    router = network[-2]
                    steps += [
                        f"-n gateway address add {router}/{network.prefixlen} dev {name}{nodad}",
                        f"-n {name} address add {mine[0]} dev net0{nodad}",
                        *(f"-n {name} address add {each.ip} dev lo{nodad}" for each in mine[1:]),
                        f"-n {name} -{version} route add default via {router}",
                        *(f"-n gateway route add {each.ip} via {mine[0].ip}" for each in mine[1:]),
                    ]
        for step in steps:
            self.run("ip", *step.split())
        for switch in ("ipv4/ip_forward", "ipv6/conf/all/forwarding"):
            self.run("tee", f"/proc/sys/net/{switch}", at="gateway", text="1")

    def listing(self) -> str:
        return self.run("nft", "list", "ruleset")

    def foreign(self) -> str:
        """The rule set without what the module keeps, byte for byte."""
        text = re.sub(r"^\tset pushops_(?:.|\n)*?^\t}\n\n", "", self.listing(), flags=re.MULTILINE)
        return "".join(line for line in text.splitlines(True) if 'comment "pushops.securemail ' not in line)


@contextlib.contextmanager
def entered() -> t.Iterator[Namespaces]:
    """Fresh namespaces; the test is skipped where the kernel allows none."""
    user = os.geteuid() != 0
    command = [
        "unshare",
        "-nm",
        "--propagation",
        "private",
        *(["-Ur"] if user else []),
        "sh",
        "-c",
        "echo up; read end",
    ]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdin and holder.stdout
        if holder.stdout.readline() != "up\n":
            pytest.skip("this kernel allows no network namespaces")
        try:
            yield Namespaces(holder.pid, user)
        finally:
            holder.stdin.close()

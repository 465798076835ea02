# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Verify over many environments in one run: what a host costs when there are 4 of them, and when there are 200.

Every Exchange host is one of the lab's, with files, WinRM and EWS of its own; all of them run in one process, on
addresses of the loopback network. A few are broken, and each environment's evidence has to name its own broken hosts
and no other. Gateways, NetScaler, XenMobile Server and certificates are left out: they are asked from the controller,
one or two of them for an environment.
"""

from __future__ import annotations

import asyncio
import json
import os
import pathlib
import resource
import shutil
import subprocess
import sys
import tempfile
import time
import typing as t

from ansible_collections.pushops.securemail.tests.integration import running_lab
from ansible_collections.pushops.securemail.tests.integration.exchange_host import BACK_FILE, ExchangeHost
from ansible_collections.pushops.securemail.tests.integration.running_ansible import ROOT, Ansible, run_bounded
from securemail_lab.exchange import host as exchange
from securemail_lab.lab import Lab
from securemail_lab.pki import Authority

#: Environments, each of four Exchange hosts.
SIZES = (1, 10, 50)
HOSTS_EACH = 4
#: One host in every fifth environment has lost its bypass list.
BROKEN_EVERY = 5
LINKS = "read-ahead,ews-health,proxy-bypass,listener-egress"
MOST_SECONDS = 1800.0


def hosts_of(environment: int) -> list[str]:
    return [f"exch{environment:02d}{number}" for number in range(1, HOSTS_EACH + 1)]


def build(folder: pathlib.Path) -> Lab:
    """A lab of as many hosts as the largest size has, all of them with the state of one that is configured."""
    names = [name for environment in range(max(SIZES)) for name in hosts_of(environment)]
    first = ExchangeHost.create(folder)
    plan_file = folder / "lab.json"
    plan = json.loads(plan_file.read_bytes())
    for number, name in enumerate(names):
        plan["addresses"][name] = [f"127.78.{number // 200}.{number % 200 + 1}"]
        plan["names"][name] = [f"{name}.corp.contoso.com"]
    plan_file.write_text(json.dumps(plan), encoding="ascii")
    lab = Lab(folder)
    configure(ExchangeHost(lab), folder)
    authority = Authority(lab)
    for name in names:
        authority.issue_server(name)
        shutil.copytree(lab.state(first.name), lab.state(name))
    for environment in range(0, max(SIZES), BROKEN_EVERY):
        broken = ExchangeHost(lab, hosts_of(environment)[-1])
        text = broken.read(BACK_FILE)
        before, found, after = text.partition("<system.net>")
        assert found
        broken.machine.path(BACK_FILE).write_text(before + after.partition("</system.net>")[2], encoding="utf-8")
    return lab


def configure(host: ExchangeHost, folder: pathlib.Path) -> None:
    """Let the collection put one host right; the others are copies of it."""
    ansible = Ansible(folder / "configure")
    with running_lab.serving(host.lab, "exchange", host.name):
        run = ansible.playbook("pushops.securemail.exchange", inventory(host.lab, 1, folder, [host.name]))
    assert run.status == 0, run.output


def inventory(lab: Lab, environments: int, folder: pathlib.Path, only: t.Sequence[str] = ()) -> dict[str, t.Any]:
    """One inventory of all of them: each host carries the name of its environment."""
    shared = {
        "push_region": "emea",
        "push_bundle_id": "com.contoso.securemail",
        "push_customer_id": "contoso-7Q2M4",
        "push_client_certificate_auth": True,
        "push_endpoints": {
            "source": "the bench's own",
            "date": "2026-01-01",
            "special_purpose": ["127.77.113.0/24"],
            "regions": {
                "emea": {
                    service: {"fqdn": lab.name(f"{service}-emea"), "addresses": lab.addresses(f"{service}-emea")}
                    for service in ("listener", "registration")
                }
            },
        },
    }
    local = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}
    controllers, servers = {}, {}
    for environment in range(environments):
        name = f"env{environment:02d}"
        own = {"push_environment_name": name, "push_verify_evidence_path": str(folder / f"{name}.json")}
        controllers[f"controller-{name}"] = {**local, **own}
        for host in only or hosts_of(environment):
            address = lab.address(host)
            servers[host] = {
                **ExchangeHost(lab, host).inventory()["all"]["hosts"][host],
                "push_environment_name": name,
                "exchange_push_egress": False,  # no listener is in this lab
                "exchange_push_health_url": f"https://{address}:{lab.port('https')}",
                "exchange_push_health_back_end_url": f"https://{address}:{lab.port('exchange-backend')}",
                "exchange_push_health_ca_path": str(lab.ca_path),
            }
    groups = {"push_controller": {"hosts": controllers}, "exchange": {"hosts": servers}}
    return {"all": {"vars": shared, "children": groups}}


async def serve(lab: Lab) -> None:
    """All hosts in this process, until it is ended."""
    names = [name for environment in range(max(SIZES)) for name in hosts_of(environment)]
    for name in names:
        await exchange.serve(lab, name)
    print("ready", flush=True)
    await asyncio.Event().wait()


def verify(lab: Lab, environments: int, folder: pathlib.Path) -> tuple[float, int]:
    """Seconds, and the environments that are judged as they are."""
    ansible = Ansible(folder / "ansible")
    path = folder / "inventory.json"
    path.write_text(json.dumps(inventory(lab, environments, folder)), encoding="utf-8")
    began = time.monotonic()
    command = ["ansible-playbook", "-i", str(path), "--forks", "10", "--tags", LINKS, "pushops.securemail.verify"]
    command[0] = str(pathlib.Path(sys.executable).with_name("ansible-playbook"))
    environment = ansible.environment()
    environment.pop("ANSIBLE_CALLBACKS_ENABLED")
    status, output, errors = run_bounded(command, environment, folder, MOST_SECONDS)
    seconds = time.monotonic() - began
    assert status == 2, output[-3000:] + errors[-3000:]  # some are broken
    right = 0
    for number in range(environments):
        document = json.loads((folder / f"env{number:02d}.json").read_bytes())
        failed = {(check["link"], check["host"]) for check in document["checks"] if check["state"] == "fail"}
        expected = {("proxy-bypass", hosts_of(number)[-1])} if number % BROKEN_EVERY == 0 else set()
        asked = {check["host"] for check in document["checks"]} - {f"controller-env{number:02d}"}
        right += (failed, document["not_tested"], asked) == (expected, [], set(hosts_of(number)))
    return seconds, right


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        lab = build(folder / "lab")
        environment = {**os.environ, "PYTHONPATH": str(ROOT / ".ansible" / "collections")}
        with subprocess.Popen(
            [sys.executable, __file__, "serve", str(folder / "lab")], stdout=subprocess.PIPE, env=environment
        ) as servers:
            try:
                assert servers.stdout is not None and servers.stdout.readline() == b"ready\n"
                print("Verify over many environments in one run, 4 Exchange hosts each, 10 forks")
                columns = f"{'s':>7} {'s a host':>9} {'MB at most':>11} {'judged right':>13}"
                print(f"    {'environments':>12} {'hosts':>6} {columns}")
                rows = []
                for size in SIZES:
                    place = folder / f"of-{size}"
                    place.mkdir()
                    seconds, right = verify(lab, size, place)
                    most = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
                    hosts = size * HOSTS_EACH
                    rows.append((hosts, seconds / hosts, most, right == size))
                    shown = f"{seconds:>7.1f} {seconds / hosts:>9.2f} {most:>11.0f} {f'{right} of {size}':>13}"
                    print(f"    {size:>12} {hosts:>6} {shown}", flush=True)
            finally:
                servers.terminate()
    first, last = rows[0], rows[-1]
    print(
        f"  ratio of {last[0]} hosts to {first[0]}: {last[1] / first[1]:.2f} in seconds a host, "
        f"{last[2] / first[2]:.2f} in memory of the largest process"
    )
    if not all(row[-1] for row in rows):
        sys.exit(1)


if __name__ == "__main__":
    if sys.argv[1:2] == ["serve"]:
        asyncio.run(serve(Lab(pathlib.Path(sys.argv[2]))))
    else:
        main()

# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lab's NetScaler for tests: its configuration, and the modules' tasks against it."""

from __future__ import annotations

import pathlib
import typing as t
from dataclasses import dataclass

from ansible_collections.pushops.securemail.tests.integration import running_lab
from ansible_collections.pushops.securemail.tests.integration.running_ansible import CONTROLLER, Ansible, Run
from securemail_lab.lab import USER, Lab
from securemail_lab.netscaler.authorization import Sessions
from securemail_lab.netscaler.seed import GROUP, LOGIN, seed
from securemail_lab.netscaler.store import Store
from securemail_lab.state import JsonFile

POLICY = "pushops_registration"
DESTINATIONS = ["203.0.113.23", "203.0.113.24"]
RULE = "(CLIENT.IP.DST.EQ(203.0.113.23) || CLIENT.IP.DST.EQ(203.0.113.24)) && CLIENT.TCP.DSTPORT.EQ(443)"
BINDINGS = "aaagroup_authorizationpolicy_binding"


@dataclass(frozen=True)
class NetScaler:
    """A freshly installed NetScaler that answers while it is served."""

    lab: Lab

    @classmethod
    def create(cls, folder: pathlib.Path) -> NetScaler:
        lab = running_lab.create(folder, "netscaler", "vpn")
        seed(lab)
        return cls(lab)

    @property
    def store(self) -> Store:
        return Store(self.lab)

    def arguments(self, **changed: t.Any) -> dict[str, t.Any]:
        """Options of the module; those that are ``None`` are left out."""
        arguments = {
            "url": f"https://{self.lab.address('netscaler')}:{self.lab.port('https')}",
            "username": LOGIN,
            "password": self.lab.secret("netscaler"),
            "ca_path": str(self.lab.ca_path),
            "timeout": 5,
            "groups": [GROUP],
            "destinations": DESTINATIONS,
            **changed,
        }
        return {name: value for name, value in arguments.items() if value is not None}

    def run(
        self, ansible: Ansible, *, module: str = "access", check: bool = False, diff: bool = False, **changed: t.Any
    ) -> Run:
        task = {
            "name": "Push",
            f"pushops.securemail.netscaler_push_{module}": self.arguments(**changed),
            "environment": {"no_proxy": "*"},
        }
        done = ansible.play(CONTROLLER, task, check=check, diff=diff)
        assert "canary" not in done.output
        return done

    def bound(self, group: str = GROUP) -> dict[str, int]:
        """Policies of a group with their priorities."""
        found = self.store.running["bindings"][BINDINGS]
        return {each["policy"]: each["priority"] for each in found if each["groupname"] == group}

    def add_acl(self, name: str, applied: bool = True, **fields: t.Any) -> None:
        with self.store.running_file.edit() as running:
            running["objects"].setdefault("nsacl", {})[name] = {"aclname": name, **fields}
        self.store.save()
        if applied:
            self.store.apply_acls()

    def leave_something_unsaved(self) -> None:
        """Somebody else adds a group, and goes to lunch."""
        with self.store.running_file.edit() as running:
            running["objects"]["aaagroup"]["Trial"] = {"groupname": "Trial"}

    def faults(self, **fault: t.Any) -> None:
        JsonFile(self.lab.state("netscaler") / "faults.json").write(fault)

    def reaches(self, address: str, port: int = 443) -> bool:
        """What the Gateway itself decides about a connection of the lab's user."""
        return not Sessions(self.store).refusal(USER, "192.0.2.61", address, port)

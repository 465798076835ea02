# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an operator copies works: every example inventory loads, and its model is sound."""

from __future__ import annotations

import json
import pathlib

import pytest

from ansible_collections.pushops.securemail.tests.integration.running_ansible import BIN, ROOT, Ansible, run_bounded

EXAMPLES = sorted(path for path in (ROOT / "inventories" / "example").iterdir() if path.is_dir())
GROUPS = {"push_controller", "exchange", "push_gateways", "netscalers", "xms"}


@pytest.mark.parametrize("inventory", EXAMPLES, ids=lambda path: path.name)
def test_the_model_of_an_example_is_sound(ansible: Ansible, inventory: pathlib.Path) -> None:
    run = ansible.playbook("pushops.securemail.environment", inventory)
    assert run.status == 0, run.output
    assert set(run.recap) == {"controller"}


@pytest.mark.parametrize("inventory", EXAMPLES, ids=lambda path: path.name)
def test_an_example_names_its_own_region_and_every_group(ansible: Ansible, inventory: pathlib.Path) -> None:
    command = [str(BIN / "ansible-inventory"), "-i", str(inventory), "--list"]
    status, stdout, stderr = run_bounded(command, ansible.environment(), ansible.given)
    assert status == 0, stderr
    listed = json.loads(stdout)
    assert set(listed["all"]["children"]) >= GROUPS
    assert all(listed[group]["hosts"] for group in GROUPS)
    assert listed["_meta"]["hostvars"]["controller"]["push_region"] == inventory.name


@pytest.mark.parametrize("inventory", EXAMPLES, ids=lambda path: path.name)
def test_every_secret_of_an_example_stands_in_its_vault(inventory: pathlib.Path) -> None:
    vault = (inventory / "group_vars" / "all" / "vault.yml.example").read_text(encoding="utf-8")
    named = {line.partition(":")[0] for line in vault.splitlines() if line.startswith("vault_")}
    used = {
        word.strip("{} \"'")
        for path in inventory.rglob("*.yml")
        for word in path.read_text(encoding="utf-8").split()
        if word.startswith("vault_")
    }
    assert named == used

# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The action plugins for Windows hosts: their documentation, their arguments, and what Ansible is told of failures."""

from __future__ import annotations

import importlib
import pathlib
import types
import typing as t

import pytest
import yaml
from ansible.errors import AnsibleActionFail, AnsibleConnectionFailure

from ansible_collections.pushops.securemail.plugins.action import (
    exchange_egress_info,
    exchange_push_info,
    push_firewall_windows,
)
from ansible_collections.pushops.securemail.plugins.doc_fragments.flows import ModuleDocFragment
from ansible_collections.pushops.securemail.plugins.module_utils.core.errors import Unreachable

ACTIONS = {
    "push_firewall_windows": push_firewall_windows,
    "exchange_push_info": exchange_push_info,
    "exchange_egress_info": exchange_egress_info,
}
FLOWS = [{"name": "listener", "fqdn": "l.example.com", "destinations": ["203.0.113.21"]}]


def action(name: str, transport: str = "winrm", **arguments: t.Any) -> t.Any:
    task = types.SimpleNamespace(
        args=arguments, check_mode=True, async_val=0, action=f"pushops.securemail.{name}", diff=False, _uuid="task"
    )
    connection = types.SimpleNamespace(transport=transport, _shell=types.SimpleNamespace(tmpdir=None))
    return ACTIONS[name].ActionModule(task, connection, types.SimpleNamespace(), None, None, None)


def run(plugin: t.Any) -> dict[str, t.Any]:
    result: dict[str, t.Any] = plugin.run(task_vars={"inventory_hostname": "exch01"})
    return result


def _spec(options: dict[str, t.Any]) -> dict[str, t.Any]:
    kept = ("type", "elements", "choices", "default", "required", "aliases")
    spec = {}
    for name, option in options.items():
        spec[name] = {key: option[key] for key in kept if key in option}
        if "suboptions" in option or "options" in option:
            spec[name]["options"] = _spec(option.get("suboptions") or option["options"])
    return spec


def _documented(name: str) -> dict[str, t.Any]:
    module = importlib.import_module(f"ansible_collections.pushops.securemail.plugins.modules.{name}")
    options = yaml.safe_load(module.DOCUMENTATION)["options"]
    shared = yaml.safe_load(ModuleDocFragment.DOCUMENTATION)["options"]
    merged = {key: {**shared.get(key, {}), **options.get(key, {})} for key in {*shared, *options}}
    return _spec(merged)


@pytest.mark.parametrize("name", ACTIONS)
def test_the_documentation_says_what_the_action_takes(name: str) -> None:
    assert _documented(name) == _spec(ACTIONS[name].ActionModule.ARGUMENTS)


@pytest.mark.parametrize("name", ACTIONS)
@pytest.mark.parametrize("arguments", [{"flow": []}, {"flows": [{"name": "x"}]}, {"flows": FLOWS, "profile": "home"}])
def test_arguments_are_validated_before_anything_connects(name: str, arguments: dict[str, t.Any]) -> None:
    with pytest.raises(AnsibleActionFail):
        run(action(name, **arguments))


@pytest.mark.parametrize("name", ACTIONS)
def test_an_operators_error_has_a_remedy_and_other_connections_are_refused(name: str) -> None:
    result = run(action(name, flows=[{**FLOWS[0], "destinations": ["203.0.113.300"]}]))
    assert result["failed"] and "flows[0].destinations[0]" in result["msg"] and result["remedy"]
    result = run(action(name, transport="psrp", flows=FLOWS))
    assert result["failed"] and "ansible_connection=winrm" in result["msg"] and "changed" not in result


@pytest.mark.parametrize("name", ACTIONS)
def test_a_host_that_does_not_answer_is_unreachable(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def unreachable(*_: t.Any) -> t.NoReturn:
        raise Unreachable("exch01 does not answer", "Check ansible_host")

    plugin = action(name, flows=FLOWS)
    monkeypatch.setattr(plugin, "_work", unreachable)
    with pytest.raises(AnsibleConnectionFailure, match="Check ansible_host"):
        run(plugin)


def test_every_action_has_a_module_of_its_name() -> None:
    plugins = pathlib.Path(push_firewall_windows.__file__).parents[1]
    assert {path.stem for path in (plugins / "action").glob("*.py")} <= {
        path.stem for path in (plugins / "modules").glob("*.py")
    }

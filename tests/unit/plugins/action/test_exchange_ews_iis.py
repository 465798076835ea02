# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The action plugin: its arguments, and what Ansible is told when something fails."""

from __future__ import annotations

import types
import typing as t

import pytest
import yaml
from ansible.errors import AnsibleActionFail, AnsibleConnectionFailure

from ansible_collections.pushops.securemail.plugins.action import exchange_ews_iis
from ansible_collections.pushops.securemail.plugins.doc_fragments import way_back
from ansible_collections.pushops.securemail.plugins.module_utils.core.errors import Refused, Unreachable
from ansible_collections.pushops.securemail.plugins.module_utils.windows.ews_iis_spec import ARGUMENT_SPEC
from ansible_collections.pushops.securemail.plugins.modules import exchange_ews_iis as module
from ansible_collections.pushops.securemail.plugins.plugin_utils import windows_action


def action(transport: str = "winrm", **arguments: t.Any) -> exchange_ews_iis.ActionModule:
    task = types.SimpleNamespace(
        args=arguments,
        check_mode=True,
        async_val=0,
        action="pushops.securemail.exchange_ews_iis",
        diff=False,
        _uuid="task",
    )
    connection = types.SimpleNamespace(transport=transport, _shell=types.SimpleNamespace(tmpdir=None))
    return exchange_ews_iis.ActionModule(task, connection, types.SimpleNamespace(), None, None, None)


def run(plugin: exchange_ews_iis.ActionModule) -> dict[str, t.Any]:
    return plugin.run(task_vars={"inventory_hostname": "exch01"})


def _spec(options: dict[str, t.Any]) -> dict[str, t.Any]:
    spec = {}
    for name, option in options.items():
        kept = {key: option[key] for key in ("type", "elements", "choices", "default", "required") if key in option}
        if "suboptions" in option or "options" in option:
            kept["options"] = _spec(option.get("suboptions") or option["options"])
        spec[name] = kept
    return spec


def test_the_documentation_says_what_the_action_takes() -> None:
    shared = yaml.safe_load(way_back.ModuleDocFragment.DOCUMENTATION)["options"]
    assert _spec({**yaml.safe_load(module.DOCUMENTATION)["options"], **shared}) == _spec(ARGUMENT_SPEC)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"state": "gone"}, "state"),
        ({"proxy_bypas": []}, "proxy_bypas"),
        ({"proxy_bypass": [{"port": 443}]}, "fqdn"),
        ({"upload_read_ahead_size": "many"}, "many"),
    ],
)
def test_arguments_are_validated_before_anything_connects(arguments: dict[str, t.Any], words: str) -> None:
    with pytest.raises(AnsibleActionFail, match=words):
        run(action(**arguments))


def test_an_operators_error_becomes_a_failed_result_with_its_remedy() -> None:
    result = run(action(upload_read_ahead_size=-1))
    assert result["failed"] and "upload_read_ahead_size" in result["msg"]
    assert result["remedy"] and "changed" not in result


def test_other_connections_are_refused() -> None:
    result = run(action(transport="psrp"))
    assert result["failed"] and "ansible_connection=winrm" in result["msg"]


def test_a_host_that_does_not_answer_is_unreachable(monkeypatch: pytest.MonkeyPatch) -> None:
    def unreachable(*_: t.Any) -> t.NoReturn:
        raise Unreachable("exch01 does not answer", "Check ansible_host")

    monkeypatch.setattr(windows_action, "reconcile", unreachable)
    with pytest.raises(AnsibleConnectionFailure, match="Check ansible_host"):
        run(action())


def test_a_refusal_is_not_unreachable(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: t.Any) -> t.NoReturn:
        raise Refused("access was denied", "Connect as an administrator")

    monkeypatch.setattr(windows_action, "reconcile", refused)
    result = run(action())
    assert result["failed"] and result["remedy"] == "Connect as an administrator"


@pytest.mark.parametrize("check", [True, False])
def test_check_mode_reaches_the_reconciliation(monkeypatch: pytest.MonkeyPatch, check: bool) -> None:
    seen: list[bool] = []

    def reconcile(resource: t.Any, check_mode: bool) -> t.NoReturn:
        seen.append(check_mode)
        raise Refused("enough", "Stop here")

    monkeypatch.setattr(windows_action, "reconcile", reconcile)
    plugin = action()
    plugin._task.check_mode = check
    run(plugin)
    assert seen == [check]

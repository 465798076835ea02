# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""May a tunneled session reach it? Certain where it is certain, and the one who decides is named."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.pushops.securemail.plugins.module_utils.netscaler.desired import parse_networks
from ansible_collections.pushops.securemail.plugins.module_utils.netscaler.gateway import read
from ansible_collections.pushops.securemail.plugins.module_utils.netscaler.report import report
from ansible_collections.pushops.securemail.tests.unit.plugins.module_utils.netscaler.fake_netscaler import (
    GROUP,
    FakeNetScaler,
)

NETWORKS = parse_networks(["203.0.113.23"])
UNKNOWN = 'HTTP.REQ.HEADER("User-Agent").CONTAINS("x")'
Scene = t.Callable[[FakeNetScaler], None]


def _judged(arrange: Scene) -> tuple[bool | None, str]:
    fake = FakeNetScaler()
    arrange(fake)
    (group,) = report(read(fake.client(), "ours", [GROUP], compare_saved=False), NETWORKS, 443)["groups"]
    return group["passes"], group["because"]["203.0.113.23/32"]


def _policies(*policies: tuple[str, str]) -> Scene:
    def arrange(fake: FakeNetScaler) -> None:
        for number, (rule, action) in enumerate(policies, 1):
            fake.deny(f"p{number}", rule, number, action)

    return arrange


def _default(action: str) -> Scene:
    return lambda fake: fake.tables["vpnparameter"][0].update(defaultauthorizationaction=action)


def _acls(*acls: tuple[str, dict[str, t.Any]]) -> Scene:
    def arrange(fake: FakeNetScaler) -> None:
        _default("ALLOW")(fake)
        for number, (action, fields) in enumerate(acls, 1):
            fake.acl(f"a{number}", action, number, **fields)

    return arrange


@pytest.mark.parametrize(
    ("arrange", "passes", "because"),
    [
        (_default("DENY"), False, "the default authorization action says DENY"),
        (_default("ALLOW"), True, "the default authorization action says ALLOW"),
        (lambda fake: fake.tables.pop("vpnparameter"), False, "the default authorization action says DENY"),
        (_policies(("false", "DENY"), ("true", "ALLOW"), ("true", "DENY")), True, "authorization policy p2 says ALLOW"),
        (_policies(("CLIENT.TCP.DSTPORT.EQ(443)", "deny")), False, "authorization policy p1 says DENY"),
        (_policies((UNKNOWN, "DENY")), False, "authorization policy p1 says DENY"),
        (
            _policies((UNKNOWN, "DENY"), ("true", "ALLOW")),
            None,
            "authorization policy p1 may say DENY; authorization policy p2 may say ALLOW",
        ),
        (
            _policies((UNKNOWN, "ALLOW")),
            None,
            "authorization policy p1 may say ALLOW; the default authorization action may say DENY",
        ),
        (_acls(("DENY", {})), False, "ACL a1 denies it"),
        (_acls(("DENY", {"srcip": True, "srcipval": "192.0.2.1"})), None, "ACL a1 may deny it"),
        (_acls(("ALLOW", {"vlan": "5"}), ("DENY", {})), None, "ACL a2 may deny it"),
        (_acls(("BRIDGE", {}), ("DENY", {})), True, "the default authorization action says ALLOW"),
        (_acls(("DENY", {"td": "7"})), None, "ACL a1 may deny it"),
        (lambda fake: fake.tables.pop("vpnvserver"), None, "no Gateway virtual server is there"),
    ],
)
def test_who_decides(arrange: Scene, passes: bool | None, because: str) -> None:
    assert _judged(arrange) == (passes, because)


def test_an_acl_that_is_not_applied_decides_nothing_yet() -> None:
    def arrange(fake: FakeNetScaler) -> None:
        _acls(("DENY", {}))(fake)
        fake.applied = []

    assert _judged(arrange)[0] is True


def test_a_binding_that_goes_on_leaves_the_last_word_to_others() -> None:
    def arrange(fake: FakeNetScaler) -> None:
        _policies(("true", "ALLOW"), ("true", "DENY"))(fake)
        fake.table("aaagroup_authorizationpolicy_binding")[0]["gotopriorityexpression"] = "NEXT"

    assert _judged(arrange)[0] is None


def test_reading_for_a_report_takes_no_right_to_read_configurations() -> None:
    fake = FakeNetScaler()
    fake.deny("p", "true", 1)
    read(fake.client(), "ours", None, compare_saved=False)
    assert not [line for line in fake.lines if "runningconfig" in line or "savedconfig" in line]
    read(fake.client(), "ours", None)
    assert "GET nsrunningconfig" in fake.lines

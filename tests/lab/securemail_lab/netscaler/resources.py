# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which resources there are, what they hold, and what the command line calls them ("NITRO API reference")."""

from __future__ import annotations

import dataclasses


@dataclasses.dataclass(frozen=True)
class Kind:
    """Objects with a name.

    :param noun: what commands call it: ``show <noun>``, ``add <noun> <name>``.
    :param optional: fields that may be left out; empty together with ``required`` where nothing can be written here.
    """

    key: str
    noun: str
    required: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()

    @property
    def is_writable(self) -> bool:
        return bool(self.required)


@dataclasses.dataclass(frozen=True)
class Bond:
    """Bindings of a child to a parent, or to everything (``parent`` empty).

    :param parent, child: resources whose names ``parent_field`` and ``child_field`` hold; a child may be none.
    """

    parent: str
    parent_field: str
    child: str
    child_field: str
    noun: str
    optional: tuple[str, ...] = ()
    is_writable: bool = False


_ACL_FIELDS = (
    *("srcip", "srcipop", "srcipval", "srcport", "srcportop", "srcportval", "destip", "destipop", "destipval"),
    *("destport", "destportop", "destportval", "protocol", "protocolnumber", "established", "interface", "vlan"),
    *("priority", "state", "logstate", "td"),
)

KINDS = {
    "authorizationpolicy": Kind("name", "authorization policy", ("name", "rule", "action")),
    "nsacl": Kind("aclname", "ns acl", ("aclname", "aclaction"), _ACL_FIELDS),
    "aaagroup": Kind("groupname", "aaa group", ("groupname",), ("weight",)),
    "vpnvserver": Kind("name", "vpn vserver"),
    "vpnsessionpolicy": Kind("name", "vpn sessionPolicy"),
    "vpnsessionaction": Kind("name", "vpn sessionAction"),
}
BONDS = {
    "aaagroup_authorizationpolicy_binding": Bond(
        *("aaagroup", "groupname", "authorizationpolicy", "policy", "aaa group"),
        ("priority", "gotopriorityexpression", "type"),
        is_writable=True,
    ),
    "aaagroup_vpnsessionpolicy_binding": Bond("aaagroup", "groupname", "vpnsessionpolicy", "policy", "aaa group"),
    "aaagroup_aaauser_binding": Bond("aaagroup", "groupname", "", "username", "aaa group"),
    "vpnvserver_vpnsessionpolicy_binding": Bond("vpnvserver", "name", "vpnsessionpolicy", "policy", "vpn vserver"),
    "vpnvserver_staserver_binding": Bond("vpnvserver", "name", "", "staserver", "vpn vserver"),
    "vpnglobal_vpnsessionpolicy_binding": Bond("", "", "vpnsessionpolicy", "policyname", "vpn global"),
    "vpnglobal_staserver_binding": Bond("", "", "", "staserver", "vpn global"),
}
SETTINGS = {"vpnparameter": "vpn parameter", "nsversion": "ns version", "nshostname": "ns hostName"}

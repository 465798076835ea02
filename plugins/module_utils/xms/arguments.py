# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options that every module for XenMobile Server takes (``doc_fragments/xms``), and what is made of them."""

from __future__ import annotations

import typing as t

from ansible.module_utils.basic import AnsibleModule

from ..core.https import Transport
from .client import XmsClient
from .logins import FORMS, LOCAL, login_of

PLATFORMS = ("ios", "android")
OPTIONS: dict[str, dict[str, t.Any]] = {
    "url": {"type": "str", "required": True},
    "login": {"type": "str", "choices": list(FORMS), "default": LOCAL},
    "username": {"type": "str"},
    "password": {"type": "str", "no_log": True},
    "bearer_token": {"type": "str", "no_log": True},
    "service_key": {"type": "str", "no_log": True},
    "cloud_customer": {"type": "str"},
    "ca_path": {"type": "path"},
    "validate_certs": {"type": "bool", "default": True},
    "use_proxy": {"type": "bool", "default": True},
    "timeout": {"type": "int", "default": 30},
}
REQUIRED_IF: list[tuple[str, str, tuple[str, ...]]] = [("login", form, needed) for form, needed in FORMS.items()]


def transport_options(params: t.Mapping[str, t.Any]) -> tuple[t.Any, ...]:
    """What the transport is made with, in its order."""
    return params["ca_path"], params["validate_certs"], params["timeout"], params["use_proxy"]


def client(module: AnsibleModule, transport: Transport) -> XmsClient:
    """A client whose session tokens are kept out of the module's output.

    :raises InvalidInput: a URL or secret that cannot be one.
    """
    return XmsClient(module.params["url"], login_of(module.params), transport, module.no_log_values.add)

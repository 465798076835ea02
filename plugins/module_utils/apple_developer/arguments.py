# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Options that both modules for Apple's developer API take, and the client that they describe."""

from __future__ import annotations

import pathlib
import typing as t

from ..core import files
from ..core.errors import InvalidInput
from ..core.https import HttpsTransport
from ..core.text import check_line
from .client import PROGRAMS, DeveloperClient
from .tokens import ApiKey

SPEC: dict[str, t.Any] = {
    "api": {"type": "str", "choices": list(PROGRAMS), "default": "enterprise"},
    "key_id": {"type": "str", "required": True, "no_log": False},
    "issuer_id": {"type": "str", "required": True},
    "private_key": {"type": "str", "no_log": True},
    "private_key_path": {"type": "path"},
    "bundle_id": {"type": "str", "required": True},
    "renew_before_days": {"type": "int", "default": 30},
    "now": {"type": "str"},
    "url": {"type": "str"},
    "ca_path": {"type": "path"},
    "validate_certs": {"type": "bool", "default": True},
    "timeout": {"type": "int", "default": 30},
}
#: For AnsibleModule: one source of the key.
ONE_KEY: dict[str, t.Any] = {
    "mutually_exclusive": [("private_key", "private_key_path")],
    "required_one_of": [("private_key", "private_key_path")],
}


def make_client(params: t.Mapping[str, t.Any], on_secret: t.Callable[[str], None]) -> DeveloperClient:
    """
    :param on_secret: called with what must not be shown: the key's lines, and every token.
    :raises InvalidInput: names the field.
    """
    content = params["private_key"] or _read(params["private_key_path"])
    on_secret(content)
    for line in content.splitlines():
        if line and not line.startswith("-----"):
            on_secret(line)
    api_key = ApiKey(
        check_line("issuer_id", params["issuer_id"], "the team's issuer id"),
        check_line("key_id", params["key_id"], "the id of the API key"),
        content,
    )
    transport = HttpsTransport(params["ca_path"], params["validate_certs"], params["timeout"])
    return DeveloperClient(PROGRAMS[params["api"]], api_key, transport, params["url"], on_secret)


def _read(path: str) -> str:
    content = files.read(pathlib.Path(path))
    if content is None:
        raise InvalidInput("private_key_path", path, "a file that exists", "Name the AuthKey_<key id>.p8 on this host")
    return content.decode("ascii", "replace")

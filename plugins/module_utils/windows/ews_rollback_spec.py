# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which copy of Exchange's EWS configuration is put back: the arguments of exchange_ews_rollback, checked."""

from __future__ import annotations

import typing as t

from ..core.errors import InvalidInput
from .backups import STAMP
from .ews_iis_spec import ARGUMENT_SPEC as EWS_IIS
from .ews_iis_spec import application_path
from .way_back_spec import ARGUMENT_SPEC as WAY_BACK

#: The newest copy that a change made, not a rollback: choosing it twice does nothing the second time.
LATEST = "latest"

ARGUMENT_SPEC: dict[str, dict[str, t.Any]] = {
    "backup": {"type": "str", "default": ""},
    "front_end": EWS_IIS["front_end"],
    "back_end": EWS_IIS["back_end"],
    **WAY_BACK,
}


def parse_choice(params: t.Mapping[str, t.Any]) -> tuple[str, str, str]:
    """The time stamp (``latest``, or empty: list alone), and both applications.

    :raises InvalidInput: names the option, its value and the remedy.
    """
    backup = params["backup"]
    if backup and backup != LATEST and not STAMP.fullmatch(backup):
        raise InvalidInput("backup", backup, "YYYYMMDDThhmmssZ or latest", "Leave it out to list what is there")
    front_end, back_end = (application_path(option, params[option]) for option in ("front_end", "back_end"))
    return backup, front_end, back_end

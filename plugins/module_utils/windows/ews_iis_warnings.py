# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is not wrong enough to fail, in sentences.

A declared client_certificate_auth that IIS contradicts is a warning and no error: the flags are Exchange's and their
owner's, nothing that is written here depends on what was declared, and a run must not stand still for a change that
somebody else makes before or after it.
"""

from __future__ import annotations

import typing as t

from . import proxy_bypass
from .dotnet_regex import Verdict, judge
from .ews_iis_spec import Desired
from .ews_iis_state import DEFAULT_READ_AHEAD, READ_AHEAD, EwsState
from .ssl_flags import asks_for_certificate

#: Above this Microsoft advises against it on a site that takes requests without a client certificate.
LARGE_READ_AHEAD = 65536


def warnings(desired: Desired, state: EwsState, read_ahead: int) -> list[str]:
    """Sentences for whoever runs the module.

    :param read_ahead: the size that acts, or would act after check mode.
    """
    return [*_of_read_ahead(desired, state, read_ahead), *_of_proxy(desired, state)]


def _of_read_ahead(desired: Desired, state: EwsState, size: int) -> t.Iterator[str]:
    path, asks, declared = desired.front_end, asks_for_certificate(state.ssl_flags), desired.client_certificate_auth
    flags = f"sslFlags {state.ssl_flags or 'None'}"
    if declared is not None and declared is not asks and not desired.absent:
        does = "asks for" if asks else "asks for no"
        follows = (
            f"{READ_AHEAD} follows the flags"
            if asks
            else f"without a declared size, {READ_AHEAD} is raised only once SslNegotiateCert or SslRequireCert is in"
            " force. Set it, and run again"
        )
        yield (
            f"client_certificate_auth is {str(declared).lower()}, but {path} {does} client certificate{'s' * asks}"
            f" ({flags}): {follows}."
        )
    if size > LARGE_READ_AHEAD and not asks:
        yield (
            f"{READ_AHEAD} is {size} on {path}, which asks for no client certificate: more than {LARGE_READ_AHEAD}"
            " bytes let anonymous clients fill the host's memory."
        )
    if size < DEFAULT_READ_AHEAD and asks:
        yield (
            f"{READ_AHEAD} is {size} on {path}, which asks for client certificates ({flags}): IIS answers larger"
            " requests with HTTP 413."
        )


def _of_proxy(desired: Desired, state: EwsState) -> t.Iterator[str]:
    acting = state.acting_proxy.bypass if state.acting_proxy else ()
    for address in acting:
        verdict = judge(address, "")
        if verdict is Verdict.INVALID:
            yield (
                f"The bypass list of {desired.back_end} holds '{address}', which is no regular expression:"
                " .NET refuses the whole section for it."
            )
        elif verdict is Verdict.UNKNOWN:
            yield (
                f"The bypass list of {desired.back_end} holds '{address}', which only .NET can judge: whether it lets"
                " the listener through was not counted."
            )
    for address in state.listed_bypass:
        if address not in acting:
            yield (
                f"appcmd lists '{address}' for {desired.back_end}, but it does not stand in {state.back_end_file},"
                f" where .NET looks for {proxy_bypass.SECTION}."
            )

# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A listener of the push service, and the entry of a bypass list that lets it, and it alone, past the proxy."""

from __future__ import annotations

import re
from dataclasses import dataclass

from ..core.endpoints import is_fqdn
from .dotnet_regex import Verdict, judge

_OWN = re.compile(r"\^https://(?P<host>[a-z0-9.\\-]+?)(?:(?P<default>\(:443\)\?)|:(?P<port>\d+))\$")


@dataclass(frozen=True)
class Listener:
    """Host name and TCP port."""

    fqdn: str
    port: int = 443

    @property
    def pattern(self) -> str:
        """The entry that this collection writes: anchored and escaped, because .NET matches anywhere."""
        host = self.fqdn.lower().replace(".", r"\.")
        return f"^https://{host}{'(:443)?' if self.port == 443 else f':{self.port}'}$"

    @property
    def subject(self) -> str:
        """The text that .NET matches: scheme, host, and the port where it is not the scheme's own."""
        return f"https://{self.fqdn.lower()}{'' if self.port == 443 else f':{self.port}'}"

    @property
    def domain(self) -> str:
        """The domain that the listeners of all regions share: the name without its first label."""
        return self.fqdn.lower().partition(".")[2]

    def passes(self, entry: str) -> bool:
        """Whether an entry, whoever wrote it, lets the listener through."""
        return judge(entry, self.subject) is Verdict.MATCHES


def written_for(entry: str) -> Listener | None:
    """The listener whose own entry this is, to the letter; ``None`` for every other entry."""
    found = _OWN.fullmatch(entry)
    if found is None:
        return None
    listener = Listener(found["host"].replace(r"\.", "."), int(found["port"] or 443))
    return listener if is_fqdn(listener.fqdn) and listener.pattern == entry else None

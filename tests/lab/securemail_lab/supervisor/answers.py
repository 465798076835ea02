# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a service really answers: a greeting in its own protocol, never a bare connect."""

from __future__ import annotations

import socket
import time
import typing as t

import dns.exception
import dns.message
import dns.query
import dns.rcode

from ..lab import Lab
from .estate import Door

_ATTEMPT = 2.0
_PAUSE = 0.05


def answers(lab: Lab, door: Door) -> bool:
    """One attempt, at most a few seconds long."""
    if door.greeting == "dns":
        return _resolves(lab, door)
    try:
        with socket.create_connection((lab.address(door.host), lab.port(door.service)), _ATTEMPT) as connection:
            connection.settimeout(_ATTEMPT)
            if door.greeting == "tls":
                with lab.client_tls().wrap_socket(connection, server_hostname=lab.name(door.host)):
                    return True
            if door.greeting == "http":
                connection.sendall(f"GET / HTTP/1.0\r\nHost: {lab.name(door.host)}\r\n\r\n".encode())
                return connection.recv(5) == b"HTTP/"
            return connection.recv(3) == b"220"
    except OSError:
        return False


def _resolves(lab: Lab, door: Door) -> bool:
    """Whether a resolver knows its own name."""
    query = dns.message.make_query(f"{lab.name(door.host)}.", "A")
    try:
        response = dns.query.udp(query, lab.address(door.host), _ATTEMPT, lab.port(door.service))
    except (dns.exception.DNSException, OSError):
        return False
    return response.rcode() == dns.rcode.NOERROR and bool(response.answer)


def wait_for(lab: Lab, door: Door, deadline: float, alive: t.Callable[[], bool]) -> bool:
    """Try until the door answers, its program ends, or the monotonic clock reaches ``deadline``."""
    while not answers(lab, door):
        if not alive() or time.monotonic() > deadline:
            return False
        time.sleep(_PAUSE)
    return True

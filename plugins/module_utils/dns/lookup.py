# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The one place that asks resolvers, with dnspython: bounded in time, all questions at once."""

from __future__ import annotations

import concurrent.futures
import ipaddress
import traceback
import typing as t

from .answers import FAMILIES, MALFORMED, NOERROR, TIMEOUT, UNREACHABLE, Answer, Resolver

try:
    import dns.exception
    import dns.message
    import dns.query
    import dns.rcode
    import dns.resolver

    DNSPYTHON_IMPORT_ERROR = ""
except ImportError:
    DNSPYTHON_IMPORT_ERROR = traceback.format_exc()

_AT_ONCE = 16


def system_resolvers() -> tuple[Resolver, ...]:
    """The resolvers that the system is configured with; none where it has none."""
    try:
        configured = dns.resolver.Resolver()
    except (dns.resolver.NoResolverConfiguration, OSError):
        return ()
    return tuple(Resolver(str(server), configured.port) for server in configured.nameservers)


def ask_all(
    resolvers: t.Sequence[Resolver], names: t.Iterable[str], timeout: float, retries: int
) -> dict[str, tuple[Answer, ...]]:
    """Ask every resolver for both families of every name.

    :param timeout: seconds for each attempt; an answer that UDP cuts short is asked for again over TCP.
    :param retries: further attempts where one timed out.
    """
    questions = [
        (name, resolver, family) for name in dict.fromkeys(names) for resolver in resolvers for family in FAMILIES
    ]
    answers: dict[str, tuple[Answer, ...]] = dict.fromkeys(names, ())
    with concurrent.futures.ThreadPoolExecutor(_AT_ONCE) as pool:
        asked = [pool.submit(_ask, resolver, name, family, timeout, retries) for name, resolver, family in questions]
        for (name, _resolver, _family), answer in zip(questions, asked, strict=True):
            answers[name] += (answer.result(),)
    return answers


def _ask(resolver: Resolver, name: str, family: str, timeout: float, retries: int) -> Answer:
    status = TIMEOUT
    for _attempt in range(1 + retries):
        query = dns.message.make_query(f"{name}.", family)
        try:
            response, _over_tcp = dns.query.udp_with_fallback(
                query, resolver.address, timeout, resolver.port, ignore_unexpected=True
            )
            return _read(resolver, family, response)
        except dns.exception.Timeout:
            status = TIMEOUT
        except dns.exception.DNSException:
            return Answer(resolver, family, MALFORMED)
        except OSError:
            status = UNREACHABLE
    return Answer(resolver, family, status)


def _read(resolver: Resolver, family: str, response: dns.message.Message) -> Answer:
    status = dns.rcode.to_text(response.rcode())
    result = t.cast(dns.message.QueryMessage, response).resolve_chaining()
    chain = tuple(str(record[0].target).rstrip(".").lower() for record in result.cnames)
    found = sorted({ipaddress.ip_address(record.address) for record in result.answer or ()}, key=int)
    addresses = tuple(map(str, found)) if status == NOERROR else ()
    return Answer(resolver, family, status, addresses, result.minimum_ttl, chain)

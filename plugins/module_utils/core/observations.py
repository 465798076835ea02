# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the systems say besides being as declared, as findings: names, way to the listener, events, health, certificate.

Each function takes what one info module returned. A result that is none (the host was not asked, or did not answer)
yields what can be said of it and no more.
"""

from __future__ import annotations

import datetime
import typing as t

from .evidence import FAIL, LEFT_OUT, NOT_TESTED, PASS, WARNING, Finding, unanswered
from .path import LINKS

Result = t.Mapping[str, t.Any]
Findings = t.Iterator[Finding]

#: Every check of a host, so that one that falls silent lacks none of them.
_OF_EXCHANGE = (
    ("read-ahead", "client-certificates"),
    ("ews-health", "app-pool"),
    ("ews-health", "answers"),
    ("ews-health", "clock"),
    ("proxy-bypass", "effective"),
    ("listener-egress", "events"),
)
_DAY = 86400.0
#: A clock that is further ahead than this is wrong.
_CLOCK_SECONDS = 3600.0
#: Kerberos' tolerance (Microsoft, "Maximum tolerance for computer clock synchronization"); certificates go by it, too.
_HOST_CLOCK_SECONDS = 300


def of_exchange(host: str, result: Result | None, client_certificates: bool | None) -> Findings:
    """From exchange_push_info of one host.

    :param client_certificates: what ``push_client_certificate_auth`` declares; ``None``: nothing to compare with.
    """
    silent = unanswered(result)
    if silent or result is None:
        for link, word in _OF_EXCHANGE:
            yield Finding(link, word, host, *(silent or (LEFT_OUT, "")))
        return
    if client_certificates is not None:
        yield _client_certificates(host, result, client_certificates)
    yield from _health(host, result)
    for flow in result["flows"]:
        yield _way(host, flow, result)
        yield _events(host, flow)


def _client_certificates(host: str, result: Result, declared: bool) -> Finding:
    front = result["front_end"]
    asks = bool(front["asks_for_client_certificate"])
    measured = {"upload_read_ahead_size": front["upload_read_ahead_size"], "ssl_flags": front["ssl_flags"]}
    said = f"{front['application']} {'asks' if asks else 'does not ask'} for client certificates"
    if asks is declared:
        return Finding("read-ahead", "client-certificates", host, PASS, said, measured=measured)
    sentence = f"{said}, and push_client_certificate_auth says that it {'does' if declared else 'does not'}"
    return Finding("read-ahead", "client-certificates", host, WARNING, sentence, measured=measured)


def _health(host: str, result: Result) -> Findings:
    pool, health = result["app_pool"], result.get("health") or {"lives": None, "sentence": "nobody asked"}
    state = PASS if pool["state"] == "Started" else FAIL
    said = f"{pool['name']} is {pool['state'] or 'absent'}"
    yield Finding("ews-health", "app-pool", host, state, said, measured={"state": pool["state"]})
    lives = {True: PASS, False: FAIL, None: LEFT_OUT}[health["lives"]]
    yield Finding("ews-health", "answers", host, lives, health["sentence"])
    yield _clock(host, health.get("clock_ahead"))


def _clock(host: str, ahead: int | None) -> Finding:
    if ahead is None:
        return Finding("ews-health", "clock", host, LEFT_OUT, "no answer of EWS named the time")
    measured = {"clock_ahead": ahead}
    if abs(ahead) <= _HOST_CLOCK_SECONDS:
        return Finding("ews-health", "clock", host, PASS, "it goes with the controller's", measured=measured)
    span = datetime.timedelta(seconds=abs(ahead))
    said = f"it is {span} {'ahead of' if ahead > 0 else 'behind'} the controller's, and Kerberos allows 0:05:00"
    return Finding("ews-health", "clock", host, WARNING, said, measured=measured)


def _way(host: str, flow: Result, result: Result) -> Finding:
    invalid = result["back_end"]["invalid_entries"]
    if invalid:
        return Finding(
            "proxy-bypass", "effective", host, FAIL, f".NET refuses the whole section for {', '.join(invalid)}"
        )
    if flow["proxy"] is None:
        return Finding("proxy-bypass", "effective", host, WARNING, "a proxy script decides, which is not read")
    if flow["proxy"]:
        return Finding("proxy-bypass", "effective", host, FAIL, f"{flow['fqdn']} is called through {flow['proxy']}")
    return Finding("proxy-bypass", "effective", host, PASS, f"{flow['fqdn']} is called directly")


def _events(host: str, flow: Result) -> Finding:
    events = flow["events"]
    measured = {key: events[key] for key in ("failed_sends", "subscriptions_given_up", "last_time", "last_status")}
    if not events["last_time"]:
        said = f"no event 6 or 7 names {flow['fqdn']}"
        return Finding("listener-egress", "events", host, PASS, said, measured=measured)
    status = f" ({events['last_status']})" if events["last_status"] else ""
    said = (
        f"{events['failed_sends']} x event 6, {events['subscriptions_given_up']} x event 7 against {flow['fqdn']},"
        f" the last at {events['last_time']}{status}"
    )
    return Finding("listener-egress", "events", host, WARNING, said, measured=measured)


def of_ews_probe(host: str, result: Result) -> Finding:
    """From exchange_push_probe: whether Exchange told of a change."""
    silent = unanswered(result)
    if silent:
        return Finding("ews-health", "push", host, *silent)
    measured = {name: result[name] for name in ("reason", "status_seconds", "change_seconds", "ended")}
    left = result["left_behind"]
    state = FAIL if not result["delivered"] else WARNING if left else PASS
    said = "; ".join([result["sentence"], *left])
    return Finding("ews-health", "push", host, state, said, result["remedy"], measured=measured)


def of_names(host: str, result: Result | None) -> Findings:
    """From push_endpoints_info; a flow that is no link of the path stays among the warnings of the run."""
    silent = unanswered(result)
    if silent or result is None:
        for link in ("registration-egress", "listener-egress"):
            state, said = silent or (LEFT_OUT, "")
            # Nobody could look: the firewalls hold what is declared, so this breaks nothing.
            yield Finding(link, "names", host, WARNING if state == NOT_TESTED else state, said)
        return
    for name in result["names"]:
        link = f"{name['name']}-egress"
        if link in LINKS:
            state = PASS if name["state"] == "as pinned" else WARNING
            said = "; ".join(reason["sentence"] for reason in name["reasons"]) or name["state"]
            measured = {"added": name["added"], "removed": name["removed"]}
            yield Finding(link, "names", host, state, f"{name['fqdn']} {said}", measured=measured)


def of_bundle(host: str, bundle: Result) -> Findings:
    """From apns_certificate_info: how long the certificate in service lasts."""
    days = bundle.get("days_left")
    if days is None:
        yield Finding("apns-certificate", "lifetime", host, LEFT_OUT, "no certificate is in service")
        return
    measured = {"days_left": days, "needed_by": bundle["needed_by"], "next_due": bundle["next_due"]}
    if days < 0:
        yield Finding("apns-certificate", "lifetime", host, FAIL, f"it ended {-days} days ago", measured=measured)
        return
    due = bundle["must_act"] != "nobody"
    said = f"{days} days left" + (f", and {bundle['decision']['sentence'].rstrip('.')}" if due else "")
    yield Finding("apns-certificate", "lifetime", host, WARNING if due else PASS, said, measured=measured)


def of_journal(host: str, bundle: Result) -> Finding:
    """From apns_certificate_info: whether what lies in the key store is what the journal says was put there."""
    wrong = [sentence.rstrip(".") for sentence in bundle.get("contradictions", [])]
    said = "; ".join(wrong) or "what lies there is what the journal says"
    return Finding("apns-certificate", "journal", host, WARNING if wrong else PASS, said)


def of_rotation(host: str, result: Result | None) -> Findings:
    """From the check-mode run of apns_certificate: what APNs and the consumer said of what is in service."""
    if unanswered(result) or result is None:
        return
    proof, consumer = result.get("proof"), result.get("consumer")
    if proof:
        state = {"accepted": PASS, "not-reachable": WARNING, "no-verdict": WARNING}.get(proof["reason"], FAIL)
        yield Finding("apns-certificate", "apns", host, state, proof["sentence"], measured={"reason": proof["reason"]})
    if consumer:
        state = {"in-use": PASS, "not-observed": LEFT_OUT}.get(consumer["status"], WARNING)
        measured = {"status": consumer["status"], "version": consumer.get("version", "")}
        yield Finding("apns-certificate", "consumer", host, state, consumer["sentence"], measured=measured)


def of_schedule(host: str, last: float | None, most_days: float, now: datetime.datetime) -> Finding:
    """Whether a rotation ended well lately.

    :param last: Unix seconds, as the rotation's metrics have it; ``None``: they say nothing.
    """
    if not last:
        said = "no rotation has written that it ended well"
        return Finding("apns-certificate", "schedule", host, WARNING, said, measured={"last_success": ""})
    when = datetime.datetime.fromtimestamp(last, datetime.UTC)
    measured = {"last_success": when.isoformat(timespec="seconds")}
    age = now.timestamp() - last
    if age < -_CLOCK_SECONDS:
        said = f"the last rotation ended at {measured['last_success']}, which is yet to come: a clock is wrong"
        return Finding("apns-certificate", "schedule", host, WARNING, said, measured=measured)
    late = age > most_days * _DAY
    said = f"the last rotation ended well at {measured['last_success']}"
    said += f", more than {most_days:g} days ago" if late else ""
    return Finding("apns-certificate", "schedule", host, WARNING if late else PASS, said, measured=measured)

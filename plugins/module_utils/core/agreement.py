# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether the systems hold the region and customer ID of one environment, as each of them really has them.

A check-mode result says that a system differs. This says for which region it is set instead, which is how somebody sees
that the estate was moved half-way.
"""

from __future__ import annotations

import typing as t

from .evidence import FAIL, PASS, Finding, unanswered

Result = t.Mapping[str, t.Any]
Findings = t.Iterator[Finding]

_REGION, _CUSTOMER = "push notifications region", "push notifications customer id"


def of_xms(host: str, result: Result | None, environment: t.Mapping[str, str]) -> Findings:
    """From the check-mode run of xms_mdx_push_policy: what the app is told."""
    if unanswered(result) or result is None or "policies" not in result:
        return
    # Where several platforms are asked for, theirs stands before the title.
    changes = {change["name"].lower().rpartition(": ")[2]: change for change in result.get("changes", [])}
    held = {}
    for title, key in ((_REGION, "region"), (_CUSTOMER, "customer_id")):
        change = changes.get(title)
        held[key] = environment[key] if change is None else str(change["before"] or "")
    yield _compare("xms-policies", host, held, environment)


def of_upload(host: str, bundle: Result, environment: t.Mapping[str, str], regions: t.Mapping[str, Result]) -> Findings:
    """From apns_certificate_info: for whom the certificate in service was uploaded."""
    for version in bundle["versions"]:
        uploaded = version.get("uploaded")
        if uploaded and version["version"] == bundle["in_service"]:
            region = str(uploaded.get("region", ""))
            label = regions.get(region, {}).get("label", region)
            held = {"region": label, "customer_id": uploaded.get("customer_id", "")}
            yield _compare("apns-certificate", host, held, environment)


def of_bypass(
    host: str, result: Result | None, environment: t.Mapping[str, str], regions: t.Mapping[str, Result]
) -> Findings:
    """From exchange_push_info: whose listeners stand on the bypass list. A list without any is no contradiction."""
    if unanswered(result) or result is None:
        return
    plain = [entry.replace("\\", "").lower() for entry in result["back_end"]["proxy_bypass"]]
    labels = [
        region.get("label", key)
        for key, region in regions.items()
        if any(region["listener"]["fqdn"].lower() in entry for entry in plain)
    ]
    if labels:
        declared = environment["region"]
        held = {"region": declared if declared in labels else ", ".join(labels)}
        yield _compare("proxy-bypass", host, held, environment)


def _compare(link: str, host: str, held: dict[str, str], environment: t.Mapping[str, str]) -> Finding:
    words = {"region": "region", "customer_id": "customer ID"}
    wrong = [
        f"{words[key]} is {value or 'not set'}, expected {environment[key]}"
        for key, value in held.items()
        if value.lower() != environment[key].lower()
    ]
    said = "; ".join(wrong) or ", ".join(f"{words[key]} {value}" for key, value in held.items())
    return Finding(link, "model", host, FAIL if wrong else PASS, said, measured=held)


def sentences(findings: t.Iterable[Finding]) -> list[str]:
    """One line for people where systems hold different regions or customer IDs: who holds what."""
    lines = []
    for key, word in (("region", "Region"), ("customer_id", "Customer ID")):
        holders: dict[str, list[str]] = {}
        for finding in findings:
            if finding.asked == "model" and key in finding.measured:
                value = str(finding.measured[key]) or "not set"
                holders.setdefault(value, []).append(f"{finding.host} ({finding.check.systems[0]})")
        if len(holders) > 1:
            lines.append(f"{word}: " + "; ".join(f"{value} on {', '.join(who)}" for value, who in holders.items()))
    return lines

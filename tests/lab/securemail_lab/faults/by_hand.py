# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The hands that break things: each edits the state that the estate acts on, nothing else."""

from __future__ import annotations

import datetime as dt
import json
import pathlib
import re
import subprocess
import typing as t

from cryptography import x509
from cryptography.hazmat.primitives import serialization

from ..apple import authority
from ..exchange import pools
from ..exchange.firewall import LOCAL_POLICY, PROFILES, RULES
from ..exchange.machine import Machine
from ..exchange.registry import Registry
from ..lab import BUNDLE_ID, EXCHANGE_HOSTS, REGIONS, Lab
from ..netscaler import console as netscaler
from ..network.topology import GATEWAY
from ..state import JsonFile, write_atomically
from ..xms import console

Entering = t.Callable[[str | None], list[str]]

_RULE = "pushops.securemail {flow} "
_POOL = "MSExchangeServicesAppPool"
_FRONT_END = "FrontEnd/HttpProxy/EWS/web.config"
_BACK_END = "ClientAccess/exchweb/EWS/web.config"


def remove_listener_rules(_lab: Lab, entering: Entering) -> None:
    """Delete the gateway's rules of the listener flow, as somebody with a shell would."""
    _remove_rules(entering, "listener")


def remove_registration_rules(_lab: Lab, entering: Entering) -> None:
    """Delete those of the registration flow. A device that has registered goes on."""
    _remove_rules(entering, "registration")


def _remove_rules(entering: Entering, flow: str) -> None:
    nft = [*entering(GATEWAY), "nft"]
    listed = subprocess.run([*nft, "--json", "list", "ruleset"], capture_output=True, check=True).stdout
    for entry in json.loads(listed)["nftables"]:
        rule = entry.get("rule", {})
        if rule.get("comment", "").startswith(_RULE.format(flow=flow)):
            where = [rule["family"], rule["table"], rule["chain"], "handle", str(rule["handle"])]
            subprocess.run([*nft, "delete", "rule", *where], check=True)


def unbind_netscaler_policy(lab: Lab, _entering: Entering) -> None:
    """Unbind and save, as somebody in the console would. What is registered already goes on."""
    netscaler.unbind_authorization(lab, "pushops_")


def remove_proxy_bypass(lab: Lab, _entering: Entering) -> None:
    """Take ``system.net`` out of exch01's back-end web.config, as a cumulative update's new file has none."""
    path = _web_config(lab, "exch01", _BACK_END)
    content = re.sub(rb"\s*<system\.net>.*</system\.net>", b"", path.read_bytes(), flags=re.DOTALL)
    write_atomically(path, content, 0o644)


def bypass_for_americas(lab: Lab, _entering: Entering) -> None:
    """Put the listener of Americas in the place of the region's on exch01's bypass list."""
    path = _web_config(lab, "exch01", _BACK_END)
    own, other = (lab.name(f"listener-{region}").replace(".", r"\.").encode() for region in ("emea", "americas"))
    write_atomically(path, path.read_bytes().replace(own, other), 0o644)


def stop_pool(lab: Lab, _entering: Entering) -> None:
    """Stop EWS's application pool on exch01, as rapid-fail protection does after five crashes in five minutes."""
    pools.change_state(Machine("exch01", lab.state("exch01")), _POOL, pools.STOPPED)


def start_pool(lab: Lab) -> None:
    """Start it again."""
    pools.change_state(Machine("exch01", lab.state("exch01")), _POOL, pools.STARTED)


def apply_firewall_baseline(lab: Lab, _entering: Entering) -> None:
    """Block outbound by default on exch01 and drop the rules that somebody added, as an imported policy does."""
    registry = Registry(Machine("exch01", lab.state("exch01")))
    registry.set(rf"{LOCAL_POLICY}\{PROFILES['Domain']}", "DefaultOutboundAction", 1, "REG_DWORD")
    for name in registry.values(rf"{LOCAL_POLICY}\{RULES}"):
        if name.startswith("{"):  # rules of Windows and of Exchange's setup have names of their own
            registry.delete(rf"{LOCAL_POLICY}\{RULES}", name)


def reset_read_ahead(lab: Lab, _entering: Entering) -> None:
    """Set every front end back to 0, as a cumulative update does; it restarts the worker processes, too."""
    for host in EXCHANGE_HOSTS:
        path = _web_config(lab, host, _FRONT_END)
        content = re.sub(rb'uploadReadAheadSize="\d+"', b'uploadReadAheadSize="0"', path.read_bytes())
        write_atomically(path, content, 0o644)
        with JsonFile(lab.state(host) / "apppools.json").edit() as counters:
            counters[_POOL] = counters.get(_POOL, 0) + 1


def choose_wrong_region(lab: Lab, _entering: Entering) -> None:
    """Choose Americas for the app, as in the console."""
    console.set_policy(lab, "Push notifications region", REGIONS["americas"])


def mistype_customer_id(lab: Lab, _entering: Entering) -> None:
    """Type another customer ID for the app, as in the console."""
    console.set_policy(lab, "Push notifications customer ID", "contoso-7Q2N4")


def revoke_certificate(lab: Lab, _entering: Entering) -> None:
    """Revoke the certificate in service at the developer portal: nothing changes on the controller."""
    certificate = (lab.directory / "certificates" / BUNDLE_ID / "current" / "certificate.pem").read_bytes()
    authority.revoke(lab, x509.load_pem_x509_certificate(certificate).serial_number)


def expire_certificate(lab: Lab, _entering: Entering) -> None:
    """Let a year pass for the certificate in service: on the controller, at the portal and in Apple's books."""
    version = (lab.directory / "certificates" / BUNDLE_ID / "current").resolve(strict=True)
    request = x509.load_pem_x509_csr((version / "request.csr").read_bytes())
    now = dt.datetime.now(dt.UTC)
    expired = authority.issue(
        lab, BUNDLE_ID, request.public_key(), now - authority.LIFETIME, now - dt.timedelta(hours=1)
    )
    pem = expired.public_bytes(serialization.Encoding.PEM)
    write_atomically(version / "certificate.pem", pem, 0o644)
    for region in REGIONS:
        stored = lab.state("portal") / region / f"{BUNDLE_ID}.pem"
        if stored.exists():
            key, marker, _certificate = stored.read_bytes().partition(b"-----END PRIVATE KEY-----\n")
            write_atomically(stored, key + marker + pem)
    with authority.issued(lab).edit() as record:
        for one in record:
            one["not_after"] = expired.not_valid_after_utc.isoformat()


def _web_config(lab: Lab, host: str, ending: str) -> pathlib.Path:
    (path,) = (each for each in lab.state(host).rglob("web.config") if each.as_posix().lower().endswith(ending.lower()))
    return path

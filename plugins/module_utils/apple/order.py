# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""From the arguments of ``apns_certificate`` to a rotation, and from its outcome to the return values."""

from __future__ import annotations

import dataclasses
import datetime
import functools
import os
import typing as t

from ..core import files
from ..core.environment import check_bundle_id, check_customer_id
from ..core.errors import InvalidInput
from ..core.reconcile import Outcome
from ..core.text import check_now, check_positive
from ..core.textfile import check_metrics_path
from . import gates, key_store
from .apns import Apns
from .consumer import Observer
from .course import Wish
from .endpoint import check_endpoint
from .handoff import HandOff
from .key_store import KeyStore
from .metrics import render
from .prover import Prover
from .rotation import Rotation
from .state import State
from .steps import Means
from .survey import Survey

_LONGEST_PASSPHRASE = 1023  # bytes, the limit of OpenSSL's PEM password buffer


class Order:
    """One task's arguments. Nothing is checked before ``rotation`` is asked for.

    :param params: the module's parameters, by the names that its documentation gives.
    """

    def __init__(self, params: t.Mapping[str, t.Any]) -> None:
        self._params = params

    @functools.cached_property
    def rotation(self) -> Rotation:
        """The checked order as a resource.

        :raises InvalidInput: an argument that cannot be right; never shows a passphrase.
        """
        params = self._params
        bundle_id = check_bundle_id(params["bundle_id"], "bundle_id")
        secrets = tuple(check_passphrase(name, params[name]) for name in ("key_passphrase", "pkcs12_passphrase"))
        check_metrics_path(params["metrics_path"])
        hand_off = HandOff(params["handoff_path"] or os.path.join(params["path"], "handoff"), bundle_id)
        signing = gates.check_command(gates.SIGNING, params["signing_command"])
        portal = gates.check_command(gates.PORTAL, params["portal_command"])
        consumer = gates.check_command(gates.CONSUMER, params["consumer_command"])
        wish = Wish(
            bundle_id=bundle_id,
            region=check_line("region", params["region"]),
            customer_id=check_customer_id(params["customer_id"], "customer_id"),
            now=check_now(params["now"]),
            renew_before=datetime.timedelta(days=check_positive("renew_before_days", params["renew_before_days"])),
            encryption=params["pkcs12_encryption"],
            signed_by_command=bool(signing),
            uploaded_by_command=bool(portal),
            handoff=hand_off.folder,
            proof_required=params["proof_required"],
            revoked=frozenset(check_serial(serial) for serial in params["revoked_serials"]),
            observed=bool(consumer),
        )
        means = Means(
            email=check_email(params["email"]),
            common_name=check_line("common_name", params["common_name"], 64),
            signing_command=signing,
            portal_command=portal,
            pkcs12_passphrase=secrets[1],
            secrets=secrets,
            timeout=check_positive("command_timeout", params["command_timeout"]),
        )
        apns = Apns(check_endpoint(params["proof"])) if params["proof"] is not None else None
        store = KeyStore(params["path"], bundle_id, secrets[0], secrets[1], check_lock_timeout(params["lock_timeout"]))
        values = {"bundle_id": bundle_id, "region": wish.region}
        observer = Observer(consumer, values, means.timeout, secrets)
        return Rotation(store, hand_off, wish, means, Prover(apns, store, bundle_id), observer)

    @property
    def observes(self) -> bool:
        """Whether the consumer is looked at."""
        return self.rotation.wish.observed

    def report(self, outcome: Outcome[State]) -> None:
        """Note what was seen of the consumer, and write the metrics where they are asked for.

        :raises Refused: one of them cannot be written.
        """
        self.rotation.note_use(outcome.after)
        path = check_metrics_path(self._params["metrics_path"])
        if path is None:
            return
        store, wish = self.rotation.store, self.rotation.wish
        proof = outcome.after.proofs.get(outcome.after.current or 0)
        use = self.rotation.use(outcome.after)
        survey = Survey(wish.now, wish.renew_before, (lambda *_version: proof) if proof else None, use)
        (standing,) = survey.store(self._params["path"], [wish.bundle_id])
        files.replace(path, render(standing, store.home / "versions", wish.now), 0o644)

    def describe(self, outcome: Outcome[State]) -> dict[str, t.Any]:
        """The return values that are this module's own."""
        rotation = self.rotation
        course = rotation.course(outcome.after)
        folder = rotation.store.folder(course.target.number)
        serving = outcome.after.serving
        proof, use = outcome.after.proofs.get(outcome.after.current or 0), rotation.use(outcome.after)
        return {
            "stage": course.stage,
            "gate": dataclasses.asdict(course.gate) if course.gate else None,
            "decision": {"reason": course.decision.reason, "sentence": course.decision.sentence},
            "certificate": serving.shown(rotation.wish.now) if serving else None,
            "proof": dataclasses.asdict(proof) if proof else None,
            "consumer": dataclasses.asdict(use) if use else None,
            "contradictions": rotation.contradictions(outcome.before),
            "version": course.target.name,
            "paths": {
                "version": str(folder),
                "key": str(folder / key_store.KEY),
                "request": str(folder / key_store.REQUEST),
                "certificate": str(folder / key_store.CERTIFICATE),
                "pkcs12": str(folder / key_store.BUNDLE),
                "record": str(folder / key_store.RECORD),
                "journal": str(rotation.store.journal_path),
                "handoff": str(rotation.wish.handoff(course.target.number)),
            },
        }


def check_passphrase(name: str, value: str) -> str:
    """One line that the formats can carry."""
    expected = f"1 to {_LONGEST_PASSPHRASE} bytes in one line"
    try:
        size = len(value.encode())
    except UnicodeEncodeError:
        size = 0
    if not 0 < size <= _LONGEST_PASSPHRASE or any(end in value for end in "\0\r\n"):
        shown = "(empty)" if not value else "(not shown)"
        raise InvalidInput(name, shown, expected, "Choose another one; mind a line break at the end of a file")
    return value


def check_line(name: str, value: str, longest: int = 128) -> str:
    if not 0 < len(value.strip()) <= longest or not value.isprintable():
        raise InvalidInput(name, value, f"one line of 1 to {longest} characters", "Correct it")
    return value


def check_email(value: str) -> str:
    local, at, domain = value.rpartition("@")
    if not (at and local and domain and value.isascii() and value.isprintable()) or " " in value:
        raise InvalidInput("email", value, "an e-mail address in ASCII", "Name the mailbox of those who renew")
    return check_line("email", value)


def check_lock_timeout(value: int) -> int:
    if not 0 <= value <= 86400:
        raise InvalidInput("lock_timeout", value, "seconds from 0 to 86400", "Leave it out to not wait")
    return value


def check_serial(value: str) -> str:
    """A serial number in hex as certificates are shown with, upper or lower case, with or without colons."""
    serial = value.replace(":", "").replace(" ", "").lower().lstrip("0")
    if not serial or any(digit not in "0123456789abcdef" for digit in serial):
        raise InvalidInput("revoked_serials", value, "a serial number in hex", "Copy it from the result's certificate")
    return serial

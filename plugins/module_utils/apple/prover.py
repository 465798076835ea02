# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Proofs of a store's versions, each asked for once in a run: every plan of the run sees the same answers."""

from __future__ import annotations

from .apns import Apns
from .key_store import KeyStore
from .proof import Proof


class Prover:
    """Asks APNs about the versions of one bundle id.

    :param apns: ``None``: nothing is asked, and there is no proof.
    """

    def __init__(self, apns: Apns | None, store: KeyStore, topic: str) -> None:
        self._apns = apns
        self._store = store
        self._topic = topic
        self._known: dict[int, Proof] = {}

    def prove(self, number: int, again: bool = False) -> Proof | None:
        """What APNs says of a version, which has key and certificate.

        :param again: ask anew, whatever it said before.
        """
        if self._apns is None:
            return None
        if again or number not in self._known:
            self._known[number] = self._apns.prove(self._store.identity(number), self._topic)
        return self._known[number]

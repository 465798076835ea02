# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a key store holds, bundle id by bundle id: read without a passphrase, judged by the policies of the rotation.

One bundle id that cannot be read is one finding, and the others are still read.
"""

from __future__ import annotations

import dataclasses
import datetime
import pathlib
import typing as t
from dataclasses import dataclass

from ..core import files
from ..core.environment import check_bundle_id
from ..core.errors import InvalidInput, PushOpsError, UnexpectedState
from . import consumer, key_store, keys, ledger, renewal_policy, standing
from .apns import Apns
from .certificates import UNREADABLE, Certificate, NotACertificate, parse_certificate
from .consumer import Use
from .journal import KEY, RETIRED, Journal
from .key_store import CERTIFICATE, REQUEST, KeyStore
from .proof import Proof
from .renewal_policy import Decision, Subject, assess
from .standing import Kept, Standing
from .state import State
from .versions import Record, Version, worked_on

#: Asks APNs about a version of a bundle id.
Prove = t.Callable[[KeyStore, str, int], Proof]


@dataclass(frozen=True)
class Survey:
    """How to look.

    :param prove: asks APNs about certificates in service; ``None``: nobody is asked.
    :param use: what a run saw of the consumer; ``None``: what the journal says of it counts.
    """

    now: datetime.datetime
    renew_before: datetime.timedelta
    prove: Prove | None = None
    use: Use | None = None

    def store(self, path: str, bundle_ids: t.Sequence[str]) -> list[Standing]:
        """Every bundle id of a store in alphabetical order.

        :param bundle_ids: those to look at, also where the store has none of them; empty for all that are there.
        :raises InvalidInput: a bundle id, or a path that is no folder.
        """
        for number, bundle_id in enumerate(bundle_ids):
            check_bundle_id(bundle_id, f"bundle_ids[{number}]")
        return [self._bundle(path, bundle_id) for bundle_id in sorted(bundle_ids or _found(path))]

    def _bundle(self, path: str, bundle_id: str) -> Standing:
        try:
            return self._read(KeyStore(path, bundle_id, "", ""), bundle_id)
        except PushOpsError as problem:
            return standing.unreadable(bundle_id, str(problem))

    def _read(self, store: KeyStore, bundle_id: str) -> Standing:
        current, journal = store.current(), store.journal()
        kept = [_kept(store, number, journal) for number in store.numbers()]
        alone = {each.number: self._judge(each.certificate, bundle_id, each.key_sha256, "") for each in kept}
        number = worked_on([*alone], current, lambda one: alone[one].reason == renewal_policy.VALID)
        working = next((each for each in kept if each.number == number), None)
        follows = working.name if working and working.number != current and working.certificate else ""
        judged = [
            (each, self._judge(each.certificate, bundle_id, each.key_sha256, follows))
            if each.number == current
            else (each, alone[each.number])
            for each in kept
        ]
        serves = any(each.number == current and decision.serves for each, decision in judged)
        proof = self.prove(store, bundle_id, current) if serves and current and self.prove else None
        found = standing.stand(bundle_id, judged, current, working, proof, self.renew_before)
        serving = found.serving.certificate if found.serving else None
        remembered = consumer.remembered(current, serving.sha256, journal) if current and serving else None
        found = dataclasses.replace(found, use=self.use or remembered, journal=journal)
        try:
            return dataclasses.replace(found, contradictions=_contradictions(store, working, found.serving, journal))
        except UnexpectedState as problem:  # it stops the rotation, too
            return dataclasses.replace(found, must_act=standing.OPERATOR, contradictions=(str(problem),))

    def _judge(self, certificate: Certificate | None, bundle_id: str, key_sha256: str, successor: str) -> Decision:
        return assess(Subject(certificate, bundle_id, self.now, self.renew_before, key_sha256, successor))

    def file(self, path: str) -> tuple[Certificate | None, Decision]:
        """A certificate that lies anywhere, judged for the bundle id that it names itself."""
        try:
            content = files.read(pathlib.Path(path))
        except UnexpectedState as problem:
            return None, Decision(UNREADABLE, str(problem))
        if content is None:
            return None, Decision(renewal_policy.MISSING, f"{path} does not exist")
        try:
            certificate = parse_certificate(content)
        except NotACertificate as problem:
            return None, Decision(problem.reason, f"{path} is no certificate: {problem.sentence}")
        return certificate, self._judge(certificate, certificate.user_id, "", "")


def proving(apns: Apns, key_passphrase: str) -> Prove:
    """Asks APNs with the keys of the store, which this passphrase opens."""
    return lambda store, bundle_id, number: apns.prove(
        dataclasses.replace(store.identity(number), passphrase=key_passphrase), bundle_id
    )


def _contradictions(store: KeyStore, last: Kept | None, serving: Kept | None, journal: Journal) -> tuple[str, ...]:
    """What the journal says otherwise than what lies there, the keys left closed.

    :raises UnexpectedState: a key that the journal knows is gone.
    """
    newest = None
    if last is not None:
        known, there = journal.last(last.number, KEY), (store.folder(last.number) / key_store.KEY).exists()
        unseen = known.facts.get("key_sha256", "") if known and there else ""
        newest = Version(last.number, last.key_sha256 or unseen, None, last.certificate, record=last.record)
    state = State(
        newest=newest,
        current=serving.number if serving else None,
        serving=serving.certificate if serving else None,
        record=serving.record if serving else None,
        journal=journal,
        numbers=store.numbers(),
    )
    return tuple(note.contradiction for note in ledger.notes(state) if note.contradiction)


def _kept(store: KeyStore, number: int, journal: Journal) -> Kept:
    """A version by what it holds; the key itself stays closed, the request says which one it is."""
    folder = store.folder(number)
    request = files.read(folder / REQUEST)
    record: Record | None = store.record(number)
    certificate = store.certificate(number)
    return Kept(
        number=number,
        key_sha256=keys.read_request(str(folder / REQUEST), request) if request is not None else "",
        certificate=certificate,
        record=record,
        waiting_since=_written(folder / (CERTIFICATE if certificate else REQUEST)),
        retired=journal.last(number, RETIRED),
    )


def _written(path: pathlib.Path) -> str:
    """When a file was last written, ISO 8601; empty where there is none."""
    try:
        seconds = path.stat().st_mtime
    except OSError:
        return ""
    return datetime.datetime.fromtimestamp(seconds, datetime.UTC).isoformat(timespec="seconds")


def _found(path: str) -> list[str]:
    root = pathlib.Path(path)
    try:
        return [entry.name for entry in root.iterdir() if (entry / "versions").is_dir()]
    except OSError as problem:
        raise InvalidInput(
            "path",
            path,
            f"the folder of a key store ({problem.strerror or problem})",
            "Name the one that apns_certificate has, and run as the account that owns it",
        ) from None

# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What was read of one bundle id, as plain values: everything that the plan may look at."""

from __future__ import annotations

from dataclasses import dataclass, field

from .certificates import Certificate
from .journal import Journal
from .proof import Proof
from .versions import Answer, Record, Version


@dataclass(frozen=True)
class HandedOut:
    """What stands in the hand-off folder of one version.

    :param files: name -> content of what this product put there.
    :param certificates: files that may be the signed certificate.
    :param portal: the filled-in record of the upload.
    """

    files: dict[str, bytes] = field(default_factory=dict, repr=False)
    certificates: tuple[Answer, ...] = ()
    portal: Answer | None = None


@dataclass(frozen=True)
class Sighting:
    """What the site's command saw the consumer use.

    :param sha256: of the certificate; empty where it was seen to use none.
    :param why: why nothing is known; empty where something is.
    """

    sha256: str = ""
    why: str = ""


@dataclass(frozen=True)
class State:
    """The present state of one bundle id.

    :param newest: the version that is worked on, most often the one with the highest number.
    :param current: number of the version in service.
    :param serving: certificate of the version in service.
    :param record: of the upload of the version in service.
    :param handed_out: for the newest version.
    :param proofs: version -> what APNs says of its certificate; empty where no proof is asked for.
    :param certificates: version -> certificate, of all versions that have one; unreadable ones of old left out.
    :param numbers: of all versions, in rising order.
    :param sighting: what the consumer was seen to use; ``None`` where nobody looks.
    :param lax: path, present and desired permissions of what others than the owner may touch.
    """

    newest: Version | None = None
    current: int | None = None
    serving: Certificate | None = None
    record: Record | None = None
    handed_out: HandedOut = field(default_factory=HandedOut)
    proofs: dict[int, Proof] = field(default_factory=dict)
    journal: Journal = field(default_factory=Journal)
    certificates: dict[int, Certificate] = field(default_factory=dict)
    numbers: tuple[int, ...] = ()
    sighting: Sighting | None = None
    lax: tuple[tuple[str, int, int], ...] = ()

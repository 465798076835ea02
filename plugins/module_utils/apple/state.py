# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What was read of one bundle id, as plain values: everything that the plan may look at."""

from __future__ import annotations

from dataclasses import dataclass, field

from .certificates import Certificate
from .keys import Bundle
from .proof import Proof


def version_name(number: int) -> str:
    """``0001`` for 1: how folders and people name a version."""
    return f"{number:04d}"


@dataclass(frozen=True)
class Answer:
    """A file that came back through a gate."""

    path: str
    content: bytes = field(repr=False)


@dataclass(frozen=True)
class Record:
    """The evidence of one upload.

    :param sha256: of the certificate that was uploaded.
    :param recorded_at: ISO 8601.
    :param uploaded_by: who did it: a name, or the site command.
    """

    customer_id: str
    region: str
    sha256: str
    recorded_at: str
    uploaded_by: str


@dataclass(frozen=True)
class Version:
    """One numbered version of the store; parts that are not made yet are empty.

    :param signed: what the signing command made and nobody has taken in yet.
    """

    number: int
    key_sha256: str = ""
    request: bytes | None = field(default=None, repr=False)
    certificate: Certificate | None = None
    bundle: Bundle | None = None
    bundle_bytes: bytes | None = field(default=None, repr=False)
    record: Record | None = None
    signed: Answer | None = None

    @property
    def name(self) -> str:
        return version_name(self.number)


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
class State:
    """The present state of one bundle id.

    :param newest: the version with the highest number.
    :param current: number of the version in service.
    :param serving: certificate of the version in service.
    :param uploaded_for: region for which the version in service was uploaded; empty where no upload is recorded.
    :param handed_out: for the newest version.
    :param proofs: version -> what APNs says of its certificate; empty where no proof is asked for.
    :param lax: path, present and desired permissions of what others than the owner may touch.
    """

    newest: Version | None = None
    current: int | None = None
    serving: Certificate | None = None
    uploaded_for: str = ""
    handed_out: HandedOut = field(default_factory=HandedOut)
    proofs: dict[int, Proof] = field(default_factory=dict)
    lax: tuple[tuple[str, int, int], ...] = ()

# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a bundle id stands, as metrics for the textfile collector of Prometheus' node exporter. Pure.

The names ``x509_cert_*`` are those that exporters of certificates use. Times are Unix seconds; 0 where there is none.
"""

from __future__ import annotations

import datetime
import pathlib
import typing as t

from ..core.textfile import Sample, textfile
from .certificates import Certificate
from .consumer import IN_USE, NOT_OBSERVED
from .gates import PORTAL, SIGNING
from .key_store import CERTIFICATE
from .standing import RETIRED, Standing

_HELP = {
    "x509_cert_not_after": "End of the validity of a certificate that is in service or follows it.",
    "x509_cert_not_before": "Start of the validity of a certificate that is in service or follows it.",
    "pushops_apns_serves": "Whether the certificate in service can sign in to APNs, as of the last run.",
    "pushops_apns_in_service_version": "Number of the version in service.",
    "pushops_apns_in_use_version": "Version that the consumer was seen to use, 0 for none; absent where not observed.",
    "pushops_apns_in_use_since_timestamp_seconds": "When the version in service was first seen in use; 0 until then.",
    "pushops_apns_issued_version": "Highest number of a version that Apple has issued a certificate for.",
    "pushops_apns_in_service_not_after_timestamp_seconds": "When the certificate in service ends.",
    "pushops_apns_renewal_due_timestamp_seconds": "When the renewal of the certificate in service starts.",
    "pushops_apns_gate_waiting_since_timestamp_seconds": "Since when a gate waits for a person.",
    "pushops_apns_proof_accepted": "Whether APNs accepted the certificate in service; absent where it said nothing.",
    "pushops_rotation_last_success_timestamp_seconds": "When a rotation last ended without failure.",
}


def render(standing: Standing, folder: pathlib.Path, now: datetime.datetime) -> bytes:
    """The content of a textfile.

    :param folder: where the versions of the bundle id are.
    """
    return textfile(_HELP, _samples(standing, folder, now))


def _samples(standing: Standing, folder: pathlib.Path, now: datetime.datetime) -> t.Iterator[Sample]:
    bundle = {"bundle_id": standing.bundle_id}
    issued = [version.number for version, _state, _decision in standing.versions if version.certificate]
    for version, state, _decision in standing.versions:
        if version.certificate and state != RETIRED:  # whose end concerns nobody
            yield from _validity(version.name, version.certificate, folder, bundle)
    serving = standing.serving
    yield "pushops_apns_serves", bundle, float(bool(standing.needed_by))
    yield "pushops_apns_in_service_version", bundle, serving.number if serving else 0
    yield "pushops_apns_issued_version", bundle, max(issued, default=0)
    use = standing.use
    if use and use.status != NOT_OBSERVED:
        yield "pushops_apns_in_use_version", bundle, float(use.version or 0)
        yield "pushops_apns_in_use_since_timestamp_seconds", bundle, _seconds(use.since if use.status == IN_USE else "")
    ends = serving.certificate.not_after.timestamp() if serving and serving.certificate else 0
    yield "pushops_apns_in_service_not_after_timestamp_seconds", bundle, ends
    yield "pushops_apns_renewal_due_timestamp_seconds", bundle, _seconds(standing.next_due)
    for gate in (SIGNING, PORTAL):
        since = _seconds(standing.waiting_since) if gate == standing.gate else 0
        yield "pushops_apns_gate_waiting_since_timestamp_seconds", {**bundle, "gate": gate}, since
    if standing.proof and not standing.proof.inconclusive:
        yield "pushops_apns_proof_accepted", bundle, float(not standing.proof.refused)
    yield "pushops_rotation_last_success_timestamp_seconds", bundle, now.timestamp()


def _validity(
    version: str, certificate: Certificate, folder: pathlib.Path, bundle: dict[str, str]
) -> t.Iterator[Sample]:
    labels = {
        **bundle,
        "filepath": str(folder / version / CERTIFICATE),
        "serial_number": certificate.serial,
        "subject_CN": certificate.common_name,
        "version": version,
    }
    yield "x509_cert_not_after", labels, certificate.not_after.timestamp()
    yield "x509_cert_not_before", labels, certificate.not_before.timestamp()


def _seconds(text: str) -> float:
    return datetime.datetime.fromisoformat(text).timestamp() if text else 0

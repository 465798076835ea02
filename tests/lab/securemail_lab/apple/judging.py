# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What APNs answers to one request: Apple's documented statuses and reasons, in the order in which they are found.

Source: Apple, "Sending notification requests to APNs" and "Handling notification responses from APNs".
"""

from __future__ import annotations

import dataclasses
import json
import re
import typing as t
import uuid

from cryptography import x509
from cryptography.x509.oid import NameOID

from . import topics
from .authority import PRODUCTION, SANDBOX

LARGEST_PAYLOAD = 4096
PUSH_TYPES = ("alert", "background", "location", "voip", "complication", "fileprovider", "mdm", "liveactivity")
_PATH = re.compile(r"/3/device/(?P<token>[^/]*)")
_TOKEN = re.compile(r"[0-9a-f]{64,160}", re.IGNORECASE)


@dataclasses.dataclass(frozen=True)
class Sender:
    """Who signed in: what his certificate allows."""

    topics: tuple[str, ...]
    production: bool
    sandbox: bool

    @classmethod
    def of(cls, encoded: bytes) -> Sender:
        """The sender behind a certificate in DER; one without a topic list has the bundle id in its UID."""
        certificate = x509.load_der_x509_certificate(encoded)
        found = {extension.oid.dotted_string: extension.value for extension in certificate.extensions}
        listed = found.get(topics.OID)
        if isinstance(listed, x509.UnrecognizedExtension):
            allowed = tuple(topics.decode(listed.value))
        else:
            allowed = tuple(str(each.value) for each in certificate.subject.get_attributes_for_oid(NameOID.USER_ID))
        return cls(allowed, PRODUCTION in found, SANDBOX in found)


class Refusal(Exception):
    """A request that APNs does not accept: HTTP status and reason."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason


@dataclasses.dataclass(frozen=True)
class Accepted:
    """One notification that may be brought."""

    token: str
    topic: str
    payload: dict[str, t.Any]


def judge(sender: Sender, headers: dict[str, str], body: bytes, bundle_of: t.Callable[[str], str | None]) -> Accepted:
    """Accept a request, or say why not.

    :param headers: names in lower case, pseudo-headers included.
    :param bundle_of: the app of a known token, none for an unknown one.
    :raises Refusal: with Apple's reason.
    """
    path = _PATH.fullmatch(headers.get(":path", ""))
    if path is None:
        raise Refusal(404, "BadPath")
    if headers.get(":method") != "POST":
        raise Refusal(405, "MethodNotAllowed")
    if not sender.production:
        raise Refusal(403, "BadCertificateEnvironment" if sender.sandbox else "BadCertificate")
    if not path["token"]:
        raise Refusal(400, "MissingDeviceToken")
    _check_headers(headers)
    topic = _topic(sender, headers.get("apns-topic"))
    payload = _payload(body)
    token = path["token"].lower()
    bundle_id = bundle_of(token) if _TOKEN.fullmatch(token) else None
    if bundle_id is None:
        raise Refusal(400, "BadDeviceToken")
    if bundle_id != topic:
        raise Refusal(400, "DeviceTokenNotForTopic")
    return Accepted(token, topic, payload)


def _check_headers(headers: dict[str, str]) -> None:
    try:
        uuid.UUID(headers.get("apns-id", str(uuid.UUID(int=0))))
    except ValueError:
        raise Refusal(400, "BadMessageId") from None
    if not headers.get("apns-expiration", "0").isdigit():
        raise Refusal(400, "BadExpirationDate")
    if headers.get("apns-priority", "10") not in ("1", "5", "10"):
        raise Refusal(400, "BadPriority")
    if headers.get("apns-push-type", "alert") not in PUSH_TYPES:
        raise Refusal(400, "InvalidPushType")


def _topic(sender: Sender, topic: str | None) -> str:
    if topic is None:
        if len(sender.topics) != 1:
            raise Refusal(400, "MissingTopic")
        return sender.topics[0]
    if not re.fullmatch(r"[A-Za-z0-9.-]+", topic):
        raise Refusal(400, "BadTopic")
    if topic not in sender.topics:
        raise Refusal(400, "TopicDisallowed")
    return topic


def _payload(body: bytes) -> dict[str, t.Any]:
    if not body:
        raise Refusal(400, "PayloadEmpty")
    if len(body) > LARGEST_PAYLOAD:
        raise Refusal(413, "PayloadTooLarge")
    try:
        payload = json.loads(body)
    except ValueError:
        payload = None
    if not isinstance(payload, dict):
        raise Refusal(400, "PayloadEmpty")
    return payload

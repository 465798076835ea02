# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A developer team on disk: its API keys, and one JSON file with every resource as the API shows it."""

from __future__ import annotations

import base64
import dataclasses
import datetime as dt
import pathlib
import secrets
import typing as t

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from ...lab import Lab
from ...state import Faults, JsonFile, write_atomically
from .. import authority

Resource = dict[str, t.Any]
KINDS = ("bundleIds", "bundleIdCapabilities", "devices", "certificates", "profiles")


@dataclasses.dataclass(frozen=True)
class Api:
    """One of the two APIs.

    :param profile_types: what the program may distribute.
    """

    host: str
    audience: str
    key_id: str
    issuer_id: str
    profile_types: tuple[str, ...]


APIS = (
    Api(
        "asc-api",
        "appstoreconnect-v1",
        "LABASC0001",
        "5a1f0c7e-0000-4000-8000-00000000a5c1",
        ("IOS_APP_DEVELOPMENT", "IOS_APP_STORE", "IOS_APP_ADHOC"),
    ),
    Api(
        "enterprise-api",
        "apple-developer-enterprise-v1",
        "LABENT0001",
        "5a1f0c7e-0000-4000-8000-00000000e001",
        ("IOS_APP_DEVELOPMENT", "IOS_APP_INHOUSE", "IOS_APP_ADHOC"),
    ),
)


class Team:
    """The state of one API's team in ``state/<host>/``."""

    def __init__(self, lab: Lab, api: Api) -> None:
        self.lab, self.api = lab, api
        self._folder = lab.state(api.host)
        self.file = JsonFile(self._folder / "team.json", {kind: [] for kind in KINDS})
        #: key id -> {issuer_id, public_key (PEM), role}; a revoked key is taken out.
        self.keys = JsonFile(self._folder / "keys.json")
        self.faults = Faults(JsonFile(self._folder / "faults.json"))

    @property
    def private_key_path(self) -> pathlib.Path:
        """The key file as the team's administrator downloaded it."""
        return self._folder / f"AuthKey_{self.api.key_id}.p8"

    def seed(self) -> None:
        """One API key and one distribution certificate, unless there are any."""
        if self.keys.path.exists():
            return
        self.add_certificate("Contoso Ltd", dt.datetime.now(dt.UTC) + dt.timedelta(days=365 * 2))
        self.add_key(self.api.key_id, "ADMIN", self.private_key_path)

    def add_key(self, key_id: str, role: str, path: pathlib.Path) -> None:
        """Make an API key with a role (``ADMIN``, ``APP_MANAGER``, ``DEVELOPER``, ...), and its file."""
        key = ec.generate_private_key(ec.SECP256R1())
        pem = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        public = key.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        write_atomically(path, pem)
        with self.keys.edit() as keys:
            keys[key_id] = {"issuer_id": self.api.issuer_id, "public_key": public.decode(), "role": role}

    def add_certificate(self, name: str, ends: dt.datetime, kind: str = "IOS_DISTRIBUTION") -> str:
        """A distribution certificate, as Xcode or a person makes one; returns its id."""
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        issued = authority.issue(
            self.lab,
            f"iPhone Distribution {name}",
            key.public_key(),
            min(dt.datetime.now(dt.UTC), ends) - dt.timedelta(days=1),
            ends,
            authority.Kind("iPhone Distribution: Contoso Ltd", (), ()),
        )
        resource = self.resource(
            "certificates",
            {
                "name": f"iOS Distribution: {name}",
                "certificateType": kind,
                "displayName": name,
                "serialNumber": f"{issued.serial_number:X}",
                "platform": "IOS",
                "expirationDate": shown(issued.not_valid_after_utc),
                "certificateContent": encoded(issued),
            },
        )
        with self.file.edit() as team:
            team["certificates"].append(resource)
        return str(resource["id"])

    @staticmethod
    def resource(kind: str, attributes: dict[str, t.Any], **relationships: t.Any) -> Resource:
        """A new resource; ``relationships`` are name -> id or list of ids."""
        made: Resource = {"type": kind, "id": secrets.token_hex(5).upper(), "attributes": attributes}
        if relationships:
            made["relationships"] = relationships
        return made


def shown(moment: dt.datetime) -> str:
    """A time as the API writes it."""
    return moment.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%S.000+00:00")


def encoded(certificate: x509.Certificate) -> str:
    return base64.b64encode(certificate.public_bytes(serialization.Encoding.DER)).decode()

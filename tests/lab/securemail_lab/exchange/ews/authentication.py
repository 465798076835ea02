# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who asks: users at the front end (certificate, NTLM, Basic), front ends at the back end (machine account)."""

from __future__ import annotations

import asyncio
import base64
import binascii
import hmac
import ssl
import typing as t
import weakref

from aiohttp import web
from cryptography import x509
from cryptography.x509.oid import NameOID, ObjectIdentifier

from ...lab import EXCHANGE_HOSTS, USER, Lab
from ..accounts import Accounts, Denied
from ..machine import Machine
from ..mailbox import Mailboxes
from ..signing_in import Connection

_UPN = ObjectIdentifier("1.3.6.1.4.1.311.20.2.3")
_UTF8_STRING = 0x0C
#: Header by which a front end says for whom it asks, after Exchange's X-CommonAccessToken.
USER_HEADER = "X-CommonAccessToken"


def client_certificate(request: web.Request) -> x509.Certificate | None:
    """The certificate that the client presented; the TLS layer has verified it."""
    connection: ssl.SSLObject | None = request.get_extra_info("ssl_object")
    encoded = connection.getpeercert(binary_form=True) if connection else None
    return x509.load_der_x509_certificate(encoded) if encoded else None


def certificate_user(certificate: x509.Certificate, mailboxes: Mailboxes) -> str | None:
    """The mailbox whose owner the certificate names: by user principal name, else by the subject's common name."""
    names = [str(each.value) for each in certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)]
    try:
        alternatives = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        pass
    else:
        names = [
            _text(each.value) for each in alternatives if isinstance(each, x509.OtherName) and each.type_id == _UPN
        ]
    return next((name.lower() for name in names if mailboxes.exists(name)), None)


def _text(encoded: bytes) -> str:
    """A short DER UTF8String's text; empty for anything else."""
    if len(encoded) < 2 or encoded[0] != _UTF8_STRING or encoded[1] != len(encoded) - 2:
        return ""
    return encoded[2:].decode("utf-8", "replace")


class SignIn:
    """The users of a front end: Windows authentication proves a connection, Basic one request."""

    def __init__(self, lab: Lab, machine: Machine) -> None:
        alias, _separator, domain = USER.partition("@")
        password = lab.secret("mailbox")
        users = {USER: password, f"{domain.partition('.')[0].upper()}\\{alias}": password}
        self._accounts = Accounts(machine, users, "ews-users")
        self._connections: weakref.WeakKeyDictionary[asyncio.Transport, Connection] = weakref.WeakKeyDictionary()

    def user(self, request: web.Request, offered: t.Iterable[str]) -> tuple[str, str]:
        """The mailbox's user, and what WWW-Authenticate says beside success.

        :param offered: schemes that IIS is configured to take.
        :raises Denied: nobody has signed in (yet).
        """
        by_name = {scheme.lower(): scheme for scheme in offered}
        name, _separator, token = request.headers.get("Authorization", "").partition(" ")
        scheme = by_name.get(name.lower(), "")
        if scheme == "Basic":
            self._accounts.basic(token)
            return USER, ""
        if request.transport is None or not by_name.keys() - {"basic"}:
            raise Denied
        connection = self._connections.setdefault(request.transport, Connection(self._accounts))
        answer = connection.negotiate(scheme, token.strip()) if scheme else ""
        if not self._accounts.knows(connection.user):
            raise Denied
        return USER, answer


def machine_authorization(lab: Lab, host: str) -> str:
    """The Authorization header of a host's machine account, for a request to a back end."""
    return "Basic " + base64.b64encode(f"{_machine_account(host)}:{lab.secret('machine')}".encode()).decode()


def is_front_end(request: web.Request, lab: Lab) -> bool:
    """Whether the machine account of an Exchange host asks."""
    credentials = _basic(request)
    if credentials is None:
        return False
    login, password = credentials
    known = login in [_machine_account(host) for host in EXCHANGE_HOSTS]
    return _same(password, lab.secret("machine")) and known


def _machine_account(host: str) -> str:
    return f"CONTOSO\\{host.upper()}$"


def _basic(request: web.Request) -> tuple[str, str] | None:
    scheme, _separator, encoded = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        login, colon, password = base64.b64decode(encoded, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return None
    return (login, password) if colon else None


def _same(given: str, expected: str) -> bool:
    return hmac.compare_digest(given.encode(), expected.encode())

# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who a machine knows: accounts and passwords, Kerberos principals of its realm, certificates mapped to accounts."""

from __future__ import annotations

import base64
import binascii
import contextlib
import hmac
import os
import pathlib
import threading
import typing as t

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes

from ..state import JsonFile, write_atomically
from .machine import Machine

#: User principal name in a certificate's subject alternative name, where smart-card log-on puts it, too.
_UPN = x509.ObjectIdentifier("1.3.6.1.4.1.311.20.2.3")
#: GSSAPI and pyspnego find their files through the process environment: one machine at a time.
_ENVIRONMENT = threading.Lock()


class Denied(Exception):
    """Not authenticated (yet). ``challenge`` is the token to send back, if the exchange goes on."""

    def __init__(self, challenge: str = "", scheme: str = "Negotiate") -> None:
        super().__init__("not authenticated")
        self.challenge = f"{scheme} {challenge}" if challenge else ""


class Accounts:
    """Users that a service of a machine knows: ``DOMAIN\\user``, ``user`` and ``user@DOMAIN`` are one, in any case.

    A machine that has joined a realm (``kerberos.json``: ``realm``, ``domain``) knows ``user@REALM``, too.
    """

    def __init__(self, machine: Machine, users: t.Mapping[str, str], file: str = "ntlm-users") -> None:
        self._machine = machine
        self._passwords: dict[str, str] = {}
        self._names: dict[str, str] = {}
        joined = JsonFile(machine.state / "kerberos.json").read()
        lines = []
        for account, password in users.items():
            domain, _separator, user = account.rpartition("\\")
            if ":" in f"{account}{password}" or len(f"{account}{password}".splitlines()) != 1:
                raise ValueError(f"the account {account} has a colon or a line break, which the NTLM file cannot hold")
            names = [user, *([f"{domain}\\{user}", f"{user}@{domain}"] if domain else [])]
            if joined and joined["domain"].lower() == domain.lower():
                names.append(f"{user}@{joined['realm']}")
            for name in dict.fromkeys(names):
                self._passwords[name.lower()] = password
                self._names[name.lower()] = account
                lines.append(":".join([*name.rpartition("\\")[::2], password]))
        self._ntlm_file = machine.state / file
        write_atomically(self._ntlm_file, "\n".join([*lines, ""]).encode(), mode=0o600)

    def canonical(self, name: str) -> str:
        return self._names.get(name.lower(), name)

    def knows(self, account: str) -> bool:
        """Whether an authenticated user is one of these; others of the realm are not."""
        return account in self._names.values()

    def basic(self, credentials: str) -> str:
        """The account of Basic credentials.

        :raises Denied: malformed, unknown or wrong.
        """
        try:
            name, _separator, password = base64.b64decode(credentials, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            raise Denied from None
        expected = self._passwords.get(name.lower())
        if expected is None or not hmac.compare_digest(expected.encode(), password.encode()):
            raise Denied
        return self.canonical(name)

    def of_certificate(
        self, der: bytes | None, authorities: t.Iterable[bytes], mappings: t.Iterable[t.Mapping[str, str]]
    ) -> str:
        """The account that a verified client certificate is mapped to.

        :param authorities: certificates (DER) that the TLS listener trusts.
        :param mappings: MS-WSMV 2.2.4.3: ``subject``, a pattern of the user principal name with at most one ``*``, at
            an end of it; ``issuer``, the SHA-1 thumbprint of what has signed the certificate; and ``account``. All
            are enabled, and for any resource.
        :raises Denied: no certificate, no mapping, or one to an account that is not there.
        """
        if der is None:
            raise Denied
        certificate = x509.load_der_x509_certificate(der)
        thumbprints = {
            authority.fingerprint(hashes.SHA1()).hex()  # the name that Windows gives a certificate
            for authority in map(x509.load_der_x509_certificate, authorities)
            if _issued(certificate, authority)
        }
        subject = _user_principal_name(certificate).lower()
        for mapping in mappings:
            if mapping["issuer"].lower() in thumbprints and _fits(mapping["subject"].lower(), subject):
                account = self.canonical(mapping["account"])
                if self.knows(account):
                    return account
        raise Denied

    @contextlib.contextmanager
    def environment(self) -> t.Iterator[None]:
        """Where the acceptors find NTLM accounts, the machine's keytab and its realm; never the system's own."""
        state = self._machine.state
        configuration = state / "krb5.conf"
        wanted = {
            "NTLM_USER_FILE": str(self._ntlm_file),
            "KRB5_CONFIG": str(configuration if configuration.exists() else pathlib.Path(os.devnull)),
            "KRB5_KTNAME": f"FILE:{state / 'krb5.keytab'}",
            "KRB5RCACHENAME": f"file2:{state / 'krb5.rcache'}",
        }
        with _ENVIRONMENT:
            before = {name: os.environ.get(name) for name in wanted}
            os.environ.update(wanted)
            try:
                yield
            finally:
                for name, value in before.items():
                    if value is None:
                        del os.environ[name]
                    else:
                        os.environ[name] = value


def _issued(certificate: x509.Certificate, authority: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(authority)
    except (ValueError, TypeError, InvalidSignature):
        return False
    return True


def _fits(pattern: str, subject: str) -> bool:
    if pattern.startswith("*"):
        return subject.endswith(pattern[1:])
    if pattern.endswith("*"):
        return subject.startswith(pattern[:-1])
    return subject == pattern


def _user_principal_name(certificate: x509.Certificate) -> str:
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return ""
    found = [name.value for name in names.get_values_for_type(x509.OtherName) if name.type_id == _UPN]
    return found[0][2:].decode(errors="replace") if found else ""  # a DER UTF8String under 128 bytes

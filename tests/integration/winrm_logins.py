# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""How an inventory logs in to an Exchange host, by each transport of Ansible's winrm connection."""

from __future__ import annotations

import pathlib
import typing as t

from cryptography import x509
from cryptography.hazmat.primitives import hashes

from ansible_collections.pushops.securemail.tests.integration.exchange_host import ExchangeHost
from securemail_lab.exchange.host import ADMINISTRATOR
from securemail_lab.kerberos.realm import NAME as REALM
from securemail_lab.lab import Lab
from securemail_lab.pki import Authority

HOST = "exch01.corp.contoso.com"
USER = ADMINISTRATOR.rpartition("\\")[2]
PRINCIPAL = f"{USER}@{REALM}"
UPN = f"{USER}@localhost"

Variables = dict[str, t.Any]


def over_http(host: ExchangeHost) -> Variables:
    """Plain HTTP: what is not encrypted by the message itself is refused."""
    return {"ansible_winrm_scheme": "http", "ansible_port": host.lab.port("winrm")}


def kerberos(**changed: t.Any) -> Variables:
    """A password, from which Ansible gets a ticket with kinit; the lab's host is reached by its address."""
    return {
        "ansible_winrm_transport": "kerberos",
        "ansible_user": PRINCIPAL,
        "ansible_winrm_kerberos_hostname_override": HOST,
        "ansible_winrm_kinit_env_vars": ["KRB5_CONFIG"],
        **changed,
    }


def certificate(folder: pathlib.Path) -> Variables:
    """The certificate ``client.pem`` of a folder; no password."""
    return {
        "ansible_winrm_transport": "certificate",
        "ansible_winrm_cert_pem": str(folder / "client.pem"),
        "ansible_winrm_cert_key_pem": str(folder / "client.key"),
        "ansible_password": "",
    }


def mapping(lab: Lab, account: str = ADMINISTRATOR) -> dict[str, str]:
    """What maps the certificate of ``UPN`` to an account, as winrm/config/service/certmapping does."""
    authority = x509.load_pem_x509_certificate(lab.ca_path.read_bytes())
    return {"subject": UPN, "issuer": authority.fingerprint(hashes.SHA1()).hex().upper(), "account": account}


def issue(lab: Lab, folder: pathlib.Path, days: int = 365) -> pathlib.Path:
    """A client certificate of the lab's authority for ``UPN``, which ends in so many days."""
    Authority(lab).issue_client(folder, UPN, days)
    return folder

# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fixtures of the integration tests: a runner of Ansible, hosts of the lab, and a Kerberos realm."""

from __future__ import annotations

import pathlib
import typing as t

import pytest

from ansible_collections.pushops.securemail.tests.integration import running_lab
from ansible_collections.pushops.securemail.tests.integration.exchange_host import ExchangeHost
from ansible_collections.pushops.securemail.tests.integration.running_ansible import Ansible
from ansible_collections.pushops.securemail.tests.integration.winrm_logins import HOST, USER
from securemail_lab.kerberos import Realm


@pytest.fixture
def ansible(tmp_path: pathlib.Path) -> Ansible:
    return Ansible(tmp_path / "ansible")


@pytest.fixture
def exchange_host(tmp_path: pathlib.Path) -> t.Iterator[ExchangeHost]:
    """exch01 as it is freshly installed; it answers."""
    host = ExchangeHost.create(tmp_path / "lab")
    with running_lab.serving(host.lab, "exchange", host.name):
        yield host


@pytest.fixture
def realm(tmp_path: pathlib.Path) -> t.Iterator[Realm]:
    """A realm with the collection's account, whose KDC answers."""
    realm = Realm(tmp_path / "kdc", "127.77.2.5", running_lab.free_ports(1)[0])
    with realm.serving():
        yield realm


@pytest.fixture
def member(tmp_path: pathlib.Path, realm: Realm) -> t.Iterator[ExchangeHost]:
    """exch01, which has joined the realm."""
    host = ExchangeHost.create(tmp_path / "lab")
    realm.add_user(USER, host.password)
    realm.join(host.machine.state, HOST, host.lab.address(host.name))
    with running_lab.serving(host.lab, "exchange", host.name):
        yield host

# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fixtures of the integration tests: a runner of Ansible, and hosts of the lab."""

from __future__ import annotations

import pathlib
import typing as t

import pytest

from ansible_collections.pushops.securemail.tests.integration import running_lab
from ansible_collections.pushops.securemail.tests.integration.exchange_host import ExchangeHost
from ansible_collections.pushops.securemail.tests.integration.running_ansible import Ansible


@pytest.fixture
def ansible(tmp_path: pathlib.Path) -> Ansible:
    return Ansible(tmp_path / "ansible")


@pytest.fixture
def exchange_host(tmp_path: pathlib.Path) -> t.Iterator[ExchangeHost]:
    """exch01 as it is freshly installed; it answers."""
    host = ExchangeHost.create(tmp_path / "lab")
    with running_lab.serving(host.lab, "exchange", host.name):
        yield host

# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Passphrases are variables: out of ansible-vault, or out of any lookup plugin, as docs/certificate.md shows."""

from __future__ import annotations

import pathlib
import subprocess
import typing as t

import pytest
import yaml
from cryptography.hazmat.primitives import serialization

from ansible_collections.pushops.securemail.tests.integration.certificate_site import (
    KEY_PASSPHRASE,
    PKCS12_PASSPHRASE,
    CertificateSite,
)
from ansible_collections.pushops.securemail.tests.integration.running_ansible import BIN, CONTROLLER, Ansible

ODD = "two words, 'quotes\" and Zürich"


def _vault(ansible: Ansible, folder: pathlib.Path) -> dict[str, t.Any]:
    """A file of variables that ansible-vault encrypted."""
    password = folder / "vault-password"
    password.write_text("canary-vault-password")
    (ansible.given / "ansible.cfg").write_text(f"[defaults]\nvault_password_file = {password}\n")
    path = folder / "vault.yml"
    path.write_text(yaml.safe_dump({"vault_key": KEY_PASSPHRASE + ODD, "vault_pkcs12": PKCS12_PASSPHRASE + ODD}))
    subprocess.run(
        [BIN / "ansible-vault", "encrypt", "--vault-password-file", password, path],
        check=True,
        capture_output=True,
        env=ansible.environment(),
    )
    assert path.read_text().startswith("$ANSIBLE_VAULT;")
    return {"name": "Read the vault", "ansible.builtin.include_vars": {"file": str(path)}, "no_log": True}


def _lookup(ansible: Ansible, folder: pathlib.Path) -> dict[str, t.Any]:
    """A program that prints a secret, as the command lines of secret managers do."""
    manager = folder / "secret-manager"
    manager.write_text(f"#!/bin/sh\ncase $1 in key) cat {folder}/one;; *) cat {folder}/two;; esac\n")
    manager.chmod(0o700)
    (folder / "one").write_text(KEY_PASSPHRASE + ODD)
    (folder / "two").write_text(PKCS12_PASSPHRASE + ODD)
    facts = {name: f"{{{{ lookup('ansible.builtin.pipe', '{manager} {which}') }}}}" for name, which in _NAMES.items()}
    return {"name": "Ask the secret manager", "ansible.builtin.set_fact": facts, "no_log": True}


_NAMES = {"vault_key": "key", "vault_pkcs12": "pkcs12"}


@pytest.mark.parametrize("source", [_vault, _lookup], ids=["ansible-vault", "lookup"])
def test_passphrases_come_from(
    ansible: Ansible, tmp_path: pathlib.Path, source: t.Callable[[Ansible, pathlib.Path], dict[str, t.Any]]
) -> None:
    site = CertificateSite.create(tmp_path / "site")
    secrets: dict[str, t.Any] = {"key_passphrase": "{{ vault_key }}", "pkcs12_passphrase": "{{ vault_pkcs12 }}"}
    task = site.task(**site.commands(), **secrets)
    run = ansible.play(CONTROLLER, source(ansible, tmp_path), task, task, verbosity=4)
    assert run.status == 0, run.output
    _asked, done, again = run.tasks
    assert (done["stage"], again.changed) == ("in-service", False)
    key = (site.home / "versions/0001/key.pem").read_bytes()
    assert serialization.load_pem_private_key(key, (KEY_PASSPHRASE + ODD).encode())
    for secret in (KEY_PASSPHRASE, PKCS12_PASSPHRASE, "canary-vault-password"):
        assert secret not in run.output

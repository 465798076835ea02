# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The role mdx_wrap as users run it: ansible-playbook against a Mac of the lab, with the lab's MDX Toolkit."""

from __future__ import annotations

import json
import pathlib
import shutil
import sys
import typing as t
import zipfile
from dataclasses import dataclass

import pytest
import yaml

from ansible_collections.pushops.securemail.plugins.module_utils.core.mdx.package import read_package
from ansible_collections.pushops.securemail.tests.integration.namespaces import entered
from ansible_collections.pushops.securemail.tests.integration.running_ansible import ROOT, Ansible, Inventory, Run
from securemail_lab.lab import BUNDLE_ID
from securemail_lab.mac import app
from securemail_lab.mac.keychain import IDENTITY, Keychain, install
from securemail_lab.mac.toolkit import CREATED

ENVIRONMENT = {
    "push_region": "emea",
    "push_bundle_id": BUNDLE_ID,
    "push_customer_id": "contoso-7Q2M4",
    "push_client_certificate_auth": True,
}


@dataclass(frozen=True)
class Mac:
    """A Mac, and the folder on the controller where the app's files lie."""

    folder: pathlib.Path
    ansible: Ansible

    @property
    def keychain(self) -> Keychain:
        return Keychain(self.folder / "mac")

    @property
    def mdx(self) -> pathlib.Path:
        return self.folder / "files" / "SecureMail.mdx"

    @property
    def files(self) -> set[str]:
        return {path.name for path in self.mdx.parent.iterdir()}

    def give(self, name: str, content: bytes) -> None:
        (self.mdx.parent / name).write_bytes(content)

    def inventory(self, **changed: t.Any) -> Inventory:
        variables = {
            **ENVIRONMENT,
            "ansible_connection": "local",
            "ansible_python_interpreter": sys.executable,
            "mdx_wrap_ipa": str(self.mdx.parent / "SecureMail.ipa"),
            "mdx_wrap_profile": str(self.mdx.parent / "inhouse.mobileprovision"),
            "mdx_wrap_mdx": str(self.mdx),
            "mdx_wrap_identity": IDENTITY,
            "mdx_wrap_tool": str(self.folder / "mac" / "CGAppCLPrepTool"),
            "mdx_wrap_security": str(self.folder / "mac" / "security"),
            **changed,
        }
        return {"all": {"children": {"macs": {"hosts": {"mac": variables}}}}}

    def run(self, *, check: bool = False, diff: bool = False, **changed: t.Any) -> Run:
        done = self.ansible.playbook("pushops.securemail.wrap", self.inventory(**changed), check=check, diff=diff)
        assert not list(self.mdx.parent.glob(".mdx-wrap-*")), "a temporary folder stayed"
        return done

    def changes(self, **given: t.Any) -> bool:
        done = self.run(**given)
        assert done.status == 0, done.output
        return done.recap["mac"]["changed"] > 0


def _made(folder: pathlib.Path, ansible: Ansible | None = None) -> Mac:
    (folder / "files").mkdir()
    made = Mac(folder, ansible or Ansible(folder / "ansible"))
    install(folder / "mac")
    certificate = made.keychain.add()
    made.give("SecureMail.ipa", app.ipa())
    made.give("inhouse.mobileprovision", app.profile(certificate))
    return made


@pytest.fixture
def mac(tmp_path: pathlib.Path) -> Mac:
    return _made(tmp_path)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Mac:
    made = _made(tmp_path_factory.mktemp("shared"))
    assert made.changes()
    return made


@pytest.fixture
def wrapped(shared: Mac) -> t.Iterator[Mac]:
    """A Mac on which the app is wrapped; what goes in is put back after the test."""
    inputs = {name: (shared.mdx.parent / name).read_bytes() for name in ("SecureMail.ipa", "inhouse.mobileprovision")}
    yield shared
    shared.keychain.unlock()
    for name, content in inputs.items():
        shared.give(name, content)


def _fails(done: Run, *words: str) -> None:
    assert done.status != 0, done.output
    failed = [one for one in done.tasks if one.status == "failed"]
    text = " ".join(str(one.value.get("msg", "")) + str(one.value.get("results", "")) for one in failed)
    assert all(word in text for word in words), text


def test_check_apply_apply_drift(mac: Mac) -> None:
    assert mac.changes(check=True) and mac.files == {"SecureMail.ipa", "inhouse.mobileprovision"}
    assert mac.changes()
    package = read_package(str(mac.mdx))
    assert package.application is not None and package.application.profile is not None
    assert package.bundle_id == BUNDLE_ID
    assert [one.common_name for one in package.application.profile.certificates] == [IDENTITY]
    assert not mac.changes() and not mac.changes(check=True)
    # Somebody puts another file there.
    mac.mdx.write_bytes(b"no .mdx any more")
    assert mac.changes(check=True) and mac.changes()
    assert read_package(str(mac.mdx)) == package and not mac.changes()
    assert mac.mdx.with_name("SecureMail.mdx.previous").read_bytes() == b"no .mdx any more"
    # It is gone.
    mac.mdx.unlink()
    assert mac.changes() and not mac.changes() and read_package(str(mac.mdx)) == package


@pytest.mark.namespaces
def test_over_ssh_as_on_a_real_mac(tmp_path: pathlib.Path) -> None:
    """A server of OpenSSH at the other end of a pipe: nothing listens."""
    sshd = shutil.which("sshd", path="/usr/sbin:/usr/local/sbin")
    if sshd is None:
        pytest.skip("no sshd on this machine")
    with entered() as namespaces:
        if namespaces.user:
            pytest.skip("sshd needs root to sign users in")
        namespaces.run("mount", "-t", "tmpfs", "-o", "mode=755", "tmpfs", "/run")
        namespaces.run("mkdir", "/run/sshd")
        for key in ("host", "user"):
            namespaces.run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(tmp_path / key))
        options = [f"HostKey={tmp_path / 'host'}", f"AuthorizedKeysFile={tmp_path / 'user.pub'}", "StrictModes=no"]
        options += ["PermitRootLogin=prohibit-password", "UsePAM=no", "UseDNS=no"]
        server = " ".join([sshd, "-i", "-f", "/dev/null", *(f"-o {option}" for option in options)])
        ssh = "-o UserKnownHostsFile=/dev/null -o StrictHostKeyChecking=no -F /dev/null"
        over_ssh = {
            "ansible_connection": "ssh",
            "ansible_user": "root",
            "ansible_ssh_private_key_file": str(tmp_path / "user"),
            "ansible_ssh_common_args": f"{ssh} -o 'ProxyCommand={server}'",
            "ansible_control_path_dir": "/run/control",
        }
        mac = _made(tmp_path, Ansible(tmp_path / "ansible", within=namespaces.words()))
        assert mac.changes(check=True, **over_ssh) and mac.files == {"SecureMail.ipa", "inhouse.mobileprovision"}
        assert mac.changes(**over_ssh) and not mac.changes(**over_ssh)
        assert read_package(str(mac.mdx)).bundle_id == BUNDLE_ID


def test_each_input_counts(mac: Mac) -> None:
    assert mac.changes()
    mac.give("SecureMail.ipa", app.ipa(version="10.8.70"))
    assert mac.changes() and read_package(str(mac.mdx)).version == "10.8.70" and not mac.changes()
    mac.give("inhouse.mobileprovision", app.profile(*mac.keychain.identities.values()))
    assert mac.changes() and not mac.changes()
    policies = mac.mdx.parent / "policies.xml"
    policies.write_text("<PolicyMetadata><Policies/></PolicyMetadata>")
    given = {"mdx_wrap_policy_xml": str(policies)}
    assert mac.changes(**given) and read_package(str(mac.mdx)).policies == () and not mac.changes(**given)
    given["mdx_wrap_options"] = {"appName": "Contoso Mail", "atsOn": True, "upgrade": False}  # type: ignore[assignment]
    assert mac.changes(**given) and not mac.changes(**given)
    manifest = read_package(str(mac.mdx)).manifest
    assert manifest is not None and manifest.name == "Contoso Mail"
    record = json.loads(mac.mdx.with_name("SecureMail.mdx.inputs.json").read_text())
    assert set(record["inputs"]["sha256"]) == {"ipa", "profile", "policy_xml"}


def _without_push(mac: Mac) -> dict[str, t.Any]:
    certificate = mac.keychain.identities[IDENTITY]
    mac.give("inhouse.mobileprovision", app.profile(certificate, aps_environment=None))
    return {}


def _sandbox(mac: Mac) -> dict[str, t.Any]:
    certificate = mac.keychain.identities[IDENTITY]
    mac.give("inhouse.mobileprovision", app.profile(certificate, aps_environment="development"))
    return {}


def _wildcard(mac: Mac) -> dict[str, t.Any]:
    mac.give("inhouse.mobileprovision", app.profile(mac.keychain.identities[IDENTITY], bundle_id="com.contoso.*"))
    return {}


def _locked(mac: Mac) -> dict[str, t.Any]:
    mac.give("SecureMail.ipa", app.ipa(version="10.8.71"))
    mac.keychain.lock()
    return {}


def _wrapped_already(mac: Mac) -> dict[str, t.Any]:
    with zipfile.ZipFile(mac.mdx) as archive:
        mac.give("SecureMail.ipa", archive.read("SecureMail.ipa"))
    return {}


def _no_ipa(mac: Mac) -> dict[str, t.Any]:
    mac.give("SecureMail.ipa", b"<html>Sign in</html>")
    return {}


def _other_identity(_mac: Mac) -> dict[str, t.Any]:
    return {"mdx_wrap_identity": "iPhone Distribution: Fabrikam"}


def _unknown_option(_mac: Mac) -> dict[str, t.Any]:
    return {"mdx_wrap_options": {"out": "/tmp/elsewhere.mdx"}}


def _tool(mac: Mac, script: str) -> dict[str, t.Any]:
    path = mac.folder / "mac" / "other-tool"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    mac.give("SecureMail.ipa", app.ipa(version="10.8.72"))
    return {"mdx_wrap_tool": str(path)}


def _says_so_and_writes_garbage(mac: Mac) -> dict[str, t.Any]:
    return _tool(mac, f'while [ "$1" != -out ]; do shift; done; echo garbage > "$2"; echo "{CREATED}"')


def _says_so_and_writes_nothing(mac: Mac) -> dict[str, t.Any]:
    return _tool(mac, f'echo "{CREATED}"')


def _says_so_and_exits_otherwise(mac: Mac) -> dict[str, t.Any]:
    return _tool(mac, f'"{mac.folder}/mac/CGAppCLPrepTool" "$@"; exit 3')


def _says_nothing(mac: Mac) -> dict[str, t.Any]:
    return _tool(mac, f'"{mac.folder}/mac/CGAppCLPrepTool" "$@" > /dev/null')


def _is_not_there(mac: Mac) -> dict[str, t.Any]:
    mac.give("SecureMail.ipa", app.ipa(version="10.8.73"))
    return {"mdx_wrap_tool": str(mac.folder / "none")}


@pytest.mark.parametrize(
    ("mishap", "words"),
    [
        (_without_push, ["no aps-environment", "stays as it was"]),
        (_sandbox, ["aps-environment is development", "stays as it was"]),
        (_wildcard, ["wildcard App ID", "stays as it was"]),
        (_locked, ["User interaction is not allowed", "unlock the keychain"]),
        (_wrapped_already, ["already wrapped, and cannot be re-wrapped"]),
        (_no_ipa, ["is no .mdx or .ipa"]),
        (_other_identity, ["mdx_wrap_identity is iPhone Distribution: Fabrikam", IDENTITY]),
        (_unknown_option, ["mdx_wrap_options", "appName"]),
        (_says_so_and_writes_garbage, ["is no .mdx or .ipa"]),
        (_says_so_and_writes_nothing, ["and no file", "stays as it was"]),
        (_says_so_and_exits_otherwise, ["exit code 3"]),
        (_says_nothing, ["Expected exit code 0", "stays as it was"]),
        (_is_not_there, ["Expected exit code 0", "stays as it was"]),
    ],
)
def test_a_good_mdx_is_never_lost(wrapped: Mac, mishap: t.Callable[[Mac], dict[str, t.Any]], words: list[str]) -> None:
    names = ("SecureMail.mdx", "SecureMail.mdx.inputs.json")
    before = [wrapped.mdx.with_name(name).read_bytes() for name in names]
    given = mishap(wrapped)
    _fails(wrapped.run(**given), *words)
    assert [wrapped.mdx.with_name(name).read_bytes() for name in names] == before


def test_the_warning_of_the_toolkit_is_shown(wrapped: Mac) -> None:
    _without_push(wrapped)
    assert "Missing a required entitlement (aps-environment)" in wrapped.run().output


def test_the_role_names_every_argument_of_its_specification() -> None:
    role = ROOT / "roles" / "mdx_wrap"
    documented = yaml.safe_load((role / "meta" / "argument_specs.yml").read_text())["argument_specs"]["main"]["options"]
    assert set(documented) == set(yaml.safe_load((role / "defaults" / "main.yml").read_text()))

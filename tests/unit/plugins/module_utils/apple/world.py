# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A bench whose world remembers on disk what Apple issued and the portal took, and so outlives a killed process."""

from __future__ import annotations

import datetime
import functools
import json
import os
import pathlib
import signal
import typing as t

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, pkcs12

from ansible_collections.pushops.securemail.plugins.module_utils.apple import gates, keys
from ansible_collections.pushops.securemail.plugins.module_utils.apple.certificates import Certificate
from ansible_collections.pushops.securemail.plugins.module_utils.core.errors import Refused
from ansible_collections.pushops.securemail.plugins.module_utils.core.redact import fingerprint
from ansible_collections.pushops.securemail.tests.unit.plugins.module_utils.apple.bench import (
    CUSTOMER_ID,
    PKCS12_PASSPHRASE,
    Bench,
    certificate_key,
    encrypted,
    private_key,
    request_key,
    spki,
)
from ansible_collections.pushops.securemail.tests.unit.plugins.module_utils.apple.push_ca import NOW, Kind, PushCa

HOUR = datetime.timedelta(hours=1)
MOST_LIVE = 2

#: What changes a disk. ``write`` and ``pwrite`` may be cut short as well.
CALLS = (
    "open",
    "write",
    "pwrite",
    "fsync",
    "link",
    "replace",
    "symlink",
    "mkdir",
    "unlink",
    "chmod",
    "fchmod",
    "ftruncate",
)


class World(Bench):
    """Apple and the push portal, with real rules.

    :ivar time: the true time, whatever the controller's clock says.
    :ivar consumer: SHA-256 of the certificate that the listener signs in with.
    """

    def __init__(self, tmp_path: pathlib.Path, patch: pytest.MonkeyPatch) -> None:
        super().__init__(tmp_path, patch)
        self.time = NOW
        self.consumer = ""
        self._folder = tmp_path / "world"
        self._folder.mkdir(parents=True)
        patch.setattr(keys, "new_bundle", _new_bundle)

    def _new_key(self, passphrase: str) -> bytes:
        return encrypted(len(list(self.home.glob("versions/*"))), passphrase)  # a child's own count is lost with it

    def _gate(self, gate: str, argv: list[str], timeout: int, secrets: t.Iterable[str], stdin: str = "") -> str:
        self.calls.append((gate, list(argv), stdin))
        if gate == gates.CONSUMER:
            return json.dumps({"sha256": self.consumer})
        if gate == gates.PORTAL:
            self.upload(pathlib.Path(argv[3]), stdin)
            return json.dumps({"customer_id": CUSTOMER_ID})
        pathlib.Path(argv[3]).write_bytes(self.issue(pathlib.Path(argv[2]).read_bytes()))
        return ""

    def issue(self, request: bytes) -> bytes:
        """What Apple makes of a request, under its limit."""
        live = [one for one in self.issued if datetime.datetime.fromisoformat(one["not_after"]) > self.time]
        if len(live) >= MOST_LIVE:
            raise Refused("The developer portal has two live certificates for the App ID already", "Revoke one")
        answer = _answer(self.ca, request, self.time)
        made = x509.load_pem_x509_certificate(answer)
        key = fingerprint(spki(made.public_key()))
        self._append("issued", {"key": key, "not_after": made.not_valid_after_utc.isoformat()})
        return answer

    def upload(self, path: pathlib.Path, password: str = PKCS12_PASSPHRASE) -> None:
        """What the portal takes: a PKCS#12 that opens."""
        self._append("uploads", {"pem": _opened(path.read_bytes(), password), "at": self.time.isoformat()})

    @property
    def issued(self) -> list[dict[str, str]]:
        return self._read("issued")

    @property
    def uploads(self) -> list[dict[str, str]]:
        return self._read("uploads")

    def _append(self, name: str, line: dict[str, str]) -> None:
        with (self._folder / name).open("a") as stream:
            stream.write(json.dumps(line) + "\n")

    def _read(self, name: str) -> list[dict[str, str]]:
        path = self._folder / name
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    def act(self, gate: dict[str, str]) -> None:
        """What a person does at a gate that waits."""
        folder = self.handed_out(int(gate["version"]))
        if gate["name"] == "signing":
            (folder / "aps.cer").write_bytes(self.issue((folder / "request.csr").read_bytes()))
            return
        self.upload(folder / "bundle.p12")
        form = folder / "portal.json"
        form.write_text(
            json.dumps({**json.loads(form.read_bytes()), "customer_id": CUSTOMER_ID, "uploaded_by": "Alex"})
        )

    def keys(self) -> dict[str, bytes]:
        return {str(path): path.read_bytes() for path in self.home.glob("versions/*/key.pem")}

    def assert_sound(self) -> None:
        """What holds at every moment, also right after a kill."""
        owned = set()
        for folder in self.home.glob("versions/*"):
            if (folder / "key.pem").exists():
                key = private_key(folder / "key.pem")
                owned.add(fingerprint(key))
                assert not (folder / "request.csr").exists() or request_key(folder / "request.csr") == key
                assert not (folder / "certificate.pem").exists() or certificate_key(folder / "certificate.pem") == key
            else:
                assert not (folder / "request.csr").exists() and not (folder / "certificate.pem").exists()
        asked = [one["key"] for one in self.issued]
        assert set(asked) <= owned, "no certificate without its key"
        assert len(asked) == len(set(asked)), "no request is answered twice"
        if (self.home / "current").is_symlink():
            serving = self.home / (self.home / "current").readlink()
            pem = (serving / "certificate.pem").read_text()
            assert pem in [one["pem"] for one in self.uploads], "nothing half-uploaded is called done"
            assert json.loads((serving / "portal.json").read_bytes())["customer_id"] == CUSTOMER_ID


class Disk:
    """Lets the first ``allowed`` calls pass that change the disk, then does ``then`` instead of the next ones.

    :param then: gets the real call; what it returns is the call's result.
    """

    def __init__(self, patch: pytest.MonkeyPatch, allowed: int, then: t.Callable[..., t.Any]) -> None:
        self.left = allowed
        self.struck = False
        self._then = then
        for name in CALLS:
            patch.setattr(os, name, self._guarded(name, getattr(os, name)))

    def _guarded(self, name: str, real: t.Callable[..., t.Any]) -> t.Callable[..., t.Any]:
        def guarded(*arguments: t.Any, **options: t.Any) -> t.Any:
            if name == "open" and not arguments[1] & os.O_CREAT:
                return real(*arguments, **options)
            if self.left > 0:
                self.left -= 1
                return real(*arguments, **options)
            self.struck = True
            return self._then(name, lambda: real(*arguments, **options), real, arguments)

        return guarded


def killed_after(calls: int, task: t.Callable[[], object]) -> bool:
    """Run a task in a process of its own, killed instead of its next write, of which half is done; whether it was."""

    def die(name: str, _whole: object, real: t.Callable[..., t.Any], arguments: tuple[t.Any, ...]) -> None:
        if name in ("write", "pwrite"):
            descriptor, content, *rest = arguments
            real(descriptor, content[: len(content) // 2], *rest)
        os.kill(os.getpid(), signal.SIGKILL)

    child = os.fork()
    if child == 0:
        status = 1
        try:
            with pytest.MonkeyPatch.context() as patch:
                Disk(patch, calls, die)
                task()
            status = 0
        finally:
            os._exit(status)
    _pid, status = os.waitpid(child, 0)
    code = os.waitstatus_to_exitcode(status)
    assert code in (0, -signal.SIGKILL), code
    return code != 0


# The same key, certificate and PKCS#12 in every world that comes to them: making them costs more than all else.
_real_new_bundle = keys.new_bundle
_BUNDLES: dict[tuple[bytes, str, str], bytes] = {}
_ANSWERS: dict[tuple[bytes, datetime.datetime], bytes] = {}


def _new_bundle(key: t.Any, certificate: Certificate, name: str, encryption: str, passphrase: str) -> bytes:
    at = (certificate.pem, encryption, passphrase)
    if at not in _BUNDLES:
        _BUNDLES[at] = _real_new_bundle(key, certificate, name, encryption, passphrase)
    return _BUNDLES[at]


def _answer(ca: PushCa, request: bytes, time: datetime.datetime) -> bytes:
    at = (request, time)
    if at not in _ANSWERS:
        _ANSWERS[at] = ca.answer(request, Kind(not_before=time - HOUR))
    return _ANSWERS[at]


@functools.lru_cache
def _opened(content: bytes, password: str) -> str:
    key, certificate, _more = pkcs12.load_key_and_certificates(content, password.encode())
    assert key is not None and certificate is not None
    return certificate.public_bytes(Encoding.PEM).decode()

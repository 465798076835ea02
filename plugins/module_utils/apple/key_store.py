# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where keys and certificates of one bundle id live: numbered versions and one pointer to the one in service.

``<path>/<bundle id>/versions/0001/`` holds ``key.pem``, ``request.csr``, ``certificate.pem``, ``bundle.p12`` and
``portal.json``. Beside ``versions``, ``current`` points to the version in service, and ``journal.jsonl`` says who did
what, and when. Folders 0700, files 0600.
"""

from __future__ import annotations

import contextlib
import json
import os
import pathlib
import re
import stat
import typing as t

from ..core import files
from ..core.errors import UnexpectedState
from . import journal, keys
from .certificates import Certificate, NotACertificate, parse_certificate
from .journal import Journal
from .lock import Lock
from .versions import Answer, Record, Version, version_name

KEY, REQUEST, CERTIFICATE, BUNDLE, RECORD = "key.pem", "request.csr", "certificate.pem", "bundle.p12", "portal.json"
#: What the signing command made: while it runs, and once it has ended well.
SIGNED_PART, SIGNED = "signed.part", "signed.cer"

_VERSION = re.compile(r"^[0-9]{4,}$")
_PRIVATE = 0o077


class KeyStore:
    """The folder of one bundle id.

    :param path: root folder of the store, which may hold other bundle ids as well.
    :param lock_timeout: seconds to wait for another run.
    """

    def __init__(
        self, path: str, bundle_id: str, key_passphrase: str, pkcs12_passphrase: str, lock_timeout: float = 0
    ) -> None:
        self.home = pathlib.Path(os.path.abspath(path)) / bundle_id
        self._versions = self.home / "versions"
        self._current = self.home / "current"
        self._key_passphrase = key_passphrase
        self._pkcs12_passphrase = pkcs12_passphrase
        self._lock = Lock(self.home / "lock", lock_timeout)
        self.journal_path = self.home / "journal.jsonl"

    def folder(self, number: int) -> pathlib.Path:
        return self._versions / version_name(number)

    def open(self) -> None:
        """Lock the store for writing; makes its folders first.

        :raises Refused: another run holds the lock.
        """
        files.make_folder(self._versions)
        self._lock.acquire()
        files.tidy(self.home)

    def close(self) -> None:
        self._lock.release()

    def numbers(self) -> tuple[int, ...]:
        """Numbers of the versions that exist, in rising order."""
        try:
            found = [int(entry.name) for entry in self._versions.iterdir() if _VERSION.match(entry.name)]
        except FileNotFoundError:
            return ()
        except OSError as problem:
            raise UnexpectedState(
                f"{self._versions} cannot be listed: {problem.strerror or problem}",
                "Run as the account that owns the key store",
            ) from None
        return tuple(sorted(found))

    def current(self) -> int | None:
        """Number of the version in service.

        :raises UnexpectedState: the pointer is none of this store's making, or points nowhere.
        """
        try:
            target = os.readlink(self._current)
        except FileNotFoundError:
            return None
        except OSError:
            target = "no symbolic link"
        parent, _slash, name = target.rpartition("/")
        if parent != "versions" or not _VERSION.match(name) or not (self._versions / name).is_dir():
            raise UnexpectedState(
                f"Expected {self._current} to be a link to a version such as versions/0001, but it is {target!r}",
                "Point it to the version that was uploaded last, or remove it if none was",
            )
        return int(name)

    def journal(self) -> Journal:
        return journal.read(self.journal_path)

    def certificates(self, numbers: t.Iterable[int]) -> dict[int, Certificate]:
        """The certificates of versions. One that cannot be read is left out: an old one holds up nobody."""
        found = {}
        for number in numbers:
            with contextlib.suppress(UnexpectedState):
                certificate = self.certificate(number)
                if certificate is not None:
                    found[number] = certificate
        return found

    def lax(self) -> tuple[tuple[str, int, int], ...]:
        """What others than the owner may touch: path, permissions as they are, permissions as they should be."""
        found = []
        for path in (self.home, *sorted(self.home.rglob("*"))):
            if path.name.startswith(".") or path.name == SIGNED_PART:
                continue
            with contextlib.suppress(FileNotFoundError):
                status = path.lstat()
                mode = stat.S_IMODE(status.st_mode)
                if mode & _PRIVATE and not stat.S_ISLNK(status.st_mode):
                    found.append((str(path), mode, mode & 0o700))
        return tuple(found)

    def version(self, number: int) -> Version:
        """One version with everything in it.

        :raises UnexpectedState: a part that cannot be read, or that does not belong to the others.
        """
        folder = self.folder(number)
        key = files.read(folder / KEY)
        request = files.read(folder / REQUEST)
        certificate = self.certificate(number)
        if key is None and (request is not None or certificate is not None):
            raise UnexpectedState(
                f"{folder} has lost its key: {KEY} is missing beside what was made from it",
                "Restore it from a backup, or move the folder aside to start anew",
            )
        key_sha256 = self.key_sha256(number) if key is not None else ""
        if request is not None and keys.read_request(str(folder / REQUEST), request) != key_sha256:
            raise UnexpectedState(
                f"{folder / REQUEST} was made with another key than {KEY}",
                "Restore the two that belong together, or move the folder aside to start anew",
            )
        bundle = files.read(folder / BUNDLE)
        signed = files.read(folder / SIGNED)
        return Version(
            number=number,
            key_sha256=key_sha256,
            request=request,
            certificate=certificate,
            bundle=keys.read_bundle(bundle, self._pkcs12_passphrase) if bundle is not None else None,
            bundle_bytes=bundle,
            record=self.record(number),
            signed=Answer(str(folder / SIGNED), signed) if signed is not None else None,
        )

    def certificate(self, number: int) -> Certificate | None:
        """The certificate of a version.

        :raises UnexpectedState: it is there but is no certificate.
        """
        path = self.folder(number) / CERTIFICATE
        content = files.read(path)
        if content is None:
            return None
        try:
            return parse_certificate(content)
        except NotACertificate as problem:
            raise UnexpectedState(
                f"{path} cannot be read ({problem.reason}): {problem.sentence}", "Restore it from a backup"
            ) from None

    def key(self, number: int) -> t.Any:
        """The private key of a version (an ``RSAPrivateKey``)."""
        path = self.folder(number) / KEY
        return keys.read_key(str(path), files.read(path) or b"", self._key_passphrase)

    def identity(self, number: int) -> keys.Identity:
        """What to sign in with as a version."""
        folder = self.folder(number)
        return keys.Identity(folder / CERTIFICATE, folder / KEY, self._key_passphrase)

    def encrypted_key(self) -> bytes:
        """A new private key, which is nowhere in the store yet."""
        return keys.new_key(self._key_passphrase)

    def key_sha256(self, number: int) -> str:
        return keys.key_fingerprint(self.key(number).public_key())

    def record(self, number: int) -> Record | None:
        """The evidence of a version's upload.

        :raises UnexpectedState: it is there but is no such record.
        """
        path = self.folder(number) / RECORD
        content = files.read(path)
        if content is None:
            return None
        try:
            document = json.loads(content)
            return Record(**{name: str(document[name]) for name in Record.__dataclass_fields__})
        except (ValueError, TypeError, KeyError):
            raise UnexpectedState(
                f"{path} is not the record of an upload",
                "Restore it from a backup, or remove it: the certificate is then uploaded again",
            ) from None

    def begin(self, number: int) -> pathlib.Path:
        """The folder of a version, made if need be and free of leftovers."""
        folder = self.folder(number)
        files.make_folder(folder)
        files.tidy(folder)
        if (folder / CERTIFICATE).exists():
            for taken_in in (SIGNED, SIGNED_PART):
                files.remove(folder / taken_in)
        return folder

    def put_in_service(self, number: int) -> None:
        files.point(self._current, f"versions/{version_name(number)}")

# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A zip archive of unknown origin: judged before anything is read, and never unpacked to its own names.

Only stored and deflated entries are read: of the others, the standard library would hold the whole content at once.
"""

from __future__ import annotations

import contextlib
import io
import pathlib
import tempfile
import types
import typing as t
import zipfile
import zlib

from . import errors
from .errors import UnreadablePackage

#: Far above any real .mdx, which has some dozens of entries, and any real app, which has some thousands.
MOST_ENTRIES, MOST_APP_ENTRIES = 2_000, 50_000
#: The list of entries is read at once: this bounds what it may take.
LARGEST_DIRECTORY = 8 << 20
#: Real text shrinks to a thirtieth, zeros to a thousandth. Small entries may be anything.
HIGHEST_RATIO, SMALLEST_JUDGED = 200, 1 << 20
#: XenMobile Server takes apps of up to 500 MB.
LARGEST_MEMBER = 1 << 30
_CHUNK = 1 << 20
_READ = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
#: What zipfile raises over damage, in the directory or in an entry.
_DAMAGE = (zipfile.BadZipFile, NotImplementedError, OSError, RuntimeError, EOFError, ValueError, OverflowError)


class _Bounded(io.RawIOBase):
    """A file that refuses a single read as large as no honest directory is."""

    def __init__(self, stream: t.BinaryIO) -> None:
        super().__init__()
        self._stream = stream

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        return self._stream.seek(offset, whence)

    def tell(self) -> int:
        return self._stream.tell()

    def read(self, size: int | None = -1) -> bytes:
        wanted = LARGEST_DIRECTORY + 1 if size is None or size < 0 else size
        content = self._stream.read(wanted) if wanted <= LARGEST_DIRECTORY + 1 else b""
        if wanted > LARGEST_DIRECTORY + 1 or len(content) > LARGEST_DIRECTORY:
            raise zipfile.BadZipFile(f"its list of entries is larger than {LARGEST_DIRECTORY} bytes")
        return content


class Archive:
    """The entries of one zip.

    :param stream: seekable; whoever opened it closes it.
    :param name: how errors call the file.
    :raises UnreadablePackage: no zip, or one whose list of entries is no honest one.
    """

    def __init__(self, stream: t.BinaryIO, name: str, most_entries: int = MOST_APP_ENTRIES) -> None:
        self.name = name
        try:
            self._zip = zipfile.ZipFile(t.cast(t.IO[bytes], _Bounded(stream)))
        except _DAMAGE as problem:
            raise UnreadablePackage(
                errors.NOT_A_ZIP,
                f"{name} is no .mdx or .ipa, or was cut off: {problem}",
                "Name the app's own file, such as the .mdx that was uploaded to the server",
            ) from None
        self._check_entries(most_entries)

    def __enter__(self) -> t.Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        trace: types.TracebackType | None,
    ) -> None:
        self._zip.close()

    @property
    def names(self) -> list[str]:
        """The names of all entries, in the order of the directory."""
        return self._zip.namelist()

    @property
    def entries(self) -> list[zipfile.ZipInfo]:
        """All entries; their claims about sizes are not proved until they are read."""
        return self._zip.infolist()

    def read(self, entry: str, largest: int) -> bytes:
        """The content of an entry that must be there.

        :raises UnreadablePackage: it is absent, damaged, encrypted, or larger than ``largest`` bytes.
        """
        content = bytearray()
        for chunk in self._chunks(entry, largest):
            content += chunk
        return bytes(content)

    def spool(self, entry: str, largest: int = LARGEST_MEMBER) -> t.BinaryIO:
        """An entry as a nameless file on disk, for what cannot be read in one go. The caller closes it.

        :raises UnreadablePackage: as ``read``.
        """
        with contextlib.ExitStack() as held:
            spooled = held.enter_context(tempfile.TemporaryFile())
            for chunk in self._chunks(entry, largest):
                spooled.write(chunk)
            spooled.seek(0)
            held.pop_all()
        return t.cast(t.BinaryIO, spooled)

    def _chunks(self, entry: str, largest: int) -> t.Iterator[bytes]:
        info = self._info(entry, largest)
        try:
            with self._zip.open(info) as stream:
                while chunk := stream.read(_CHUNK):
                    yield chunk
        except (*_DAMAGE, zlib.error) as problem:
            raise UnreadablePackage(errors.DAMAGED, f"{entry} in {self.name} is damaged: {problem}") from None

    def _info(self, entry: str, largest: int) -> zipfile.ZipInfo:
        try:
            info = self._zip.getinfo(entry)
        except KeyError:
            raise UnreadablePackage(errors.MISSING_ENTRY, f"{self.name} has no {entry} in it") from None
        where = f"{entry} in {self.name}"
        if info.flag_bits & 0x41:
            raise UnreadablePackage(errors.ENCRYPTED, f"{where} is encrypted", "Take the file without a password")
        if info.compress_type not in _READ:
            raise UnreadablePackage(
                errors.UNKNOWN_COMPRESSION,
                f"{where} is packed with method {info.compress_type}, expected 0 (stored) or 8 (deflated)",
            )
        # zipfile gives out no more than the size that the directory names, and then compares the checksum.
        if info.file_size > largest:
            raise UnreadablePackage(errors.TOO_LARGE, f"{where} is larger than any real one ({info.file_size} bytes)")
        if info.file_size > max(SMALLEST_JUDGED, HIGHEST_RATIO * info.compress_size):
            raise UnreadablePackage(
                errors.TOO_LARGE,
                f"{where} unpacks from {info.compress_size} to {info.file_size} bytes, as a zip bomb does",
            )
        return info

    def _check_entries(self, most: int) -> None:
        names = self.names
        if len(names) > most:
            raise UnreadablePackage(
                errors.TOO_MANY_ENTRIES, f"{self.name} has {len(names)} entries, expected at most {most}"
            )
        seen: set[str] = set()
        for name in names:
            if name in seen:
                raise UnreadablePackage(errors.DUPLICATE_NAME, f"{self.name} has the entry {name!r} twice")
            seen.add(name)
            if name.startswith("/") or "\\" in name or ".." in pathlib.PurePosixPath(name).parts or ":" in name[:2]:
                raise UnreadablePackage(errors.UNSAFE_NAME, f"{self.name} has the entry {name!r}, which leads outside")

# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A zip in which one entry has another content, and every other byte is as it was, in the order in which it was.

Format: PKWARE, APPNOTE.TXT 6.3.
"""

from __future__ import annotations

import os
import struct
import typing as t
import zlib
from dataclasses import dataclass

from . import errors
from .archive import LARGEST_DIRECTORY
from .errors import UnreadablePackage

_END = struct.Struct("<4s4H2LH")
_ENTRY = struct.Struct("<4s6H3L5H2L")
_LOCAL = struct.Struct("<4s5H3L2H")
_DEFLATED = 8
#: Without ZIP64 an offset ends at 4 GiB; the new entry needs some room below it.
_LARGEST = (1 << 32) - (64 << 20)
#: In the flags: sizes stand behind the content. The new entry has them in front.
_SIZES_BEHIND = 0x08


@dataclass(frozen=True)
class Rewrite:
    """Where the parts of a zip lie whose one entry is replaced. Offsets are in bytes from the start of the file.

    :param starts: where the entry begins, with its header.
    :param ends: where what follows it begins.
    :param directory: the list of entries at the end.
    :param listed_at: where the entry stands in that list.
    """

    starts: int
    ends: int
    directory_at: int
    directory: bytes
    listed_at: int
    name: bytes
    comment: bytes

    @classmethod
    def of(cls, source: t.BinaryIO, path: str, entry: str) -> t.Self:
        """
        :param source: the archive.
        :param path: how errors call it.
        :param entry: name of the entry that is replaced.
        :raises UnreadablePackage: ZIP64, several volumes, or something in front of the archive.
        """
        size = source.seek(0, os.SEEK_END)
        tail_at = max(0, size - _END.size - 0xFFFF)
        source.seek(tail_at)
        tail = source.read()
        at = tail.rfind(b"PK\5\6")
        if at < 0 or at + _END.size > len(tail):
            raise UnreadablePackage(errors.NOT_A_ZIP, f"{path} has no end of its list of entries")
        _signature, disk, disk_of_list, here, count, length, directory_at, _comment = _END.unpack_from(tail, at)
        plain = disk == disk_of_list == 0 and here == count and directory_at + length == tail_at + at
        if not plain or length > LARGEST_DIRECTORY or size > _LARGEST:
            raise UnreadablePackage(
                errors.NOT_A_ZIP,
                f"{path} is a zip in a form that cannot be edited in place (ZIP64, several volumes, or a prefix)",
                "Wrap the app again, with the policy file that you want",
            )
        source.seek(directory_at)
        directory = source.read(length)
        records = list(_records(directory, path))
        if any(offset >= directory_at for _at, _name, offset in records):
            raise UnreadablePackage(errors.DAMAGED, f"{path} lists an entry behind its end")
        listed = [(listed_at, offset) for listed_at, name, offset in records if name == entry.encode()]
        if len(listed) != 1:
            raise UnreadablePackage(errors.MISSING_ENTRY, f"{path} has {len(listed)} entries {entry}, expected one")
        listed_at, starts = listed[0]
        ends = min([directory_at, *(offset for _at, _name, offset in records if offset > starts)])
        return cls(starts, ends, directory_at, directory, listed_at, entry.encode(), tail[at + _END.size :])

    def write(self, source: t.BinaryIO, target: t.BinaryIO, content: bytes) -> None:
        """Copy the archive with another content of the entry."""
        record, crc, packed = self._record(content)
        source.seek(0)
        _copy(source, target, self.starts)
        target.write(record)
        source.seek(self.ends)
        _copy(source, target, self.directory_at - self.ends)
        moved = len(record) - (self.ends - self.starts)
        directory = bytearray(self.directory)
        records = list(_records(self.directory, ""))
        for at, _name, offset in records:
            if offset > self.starts:
                struct.pack_into("<L", directory, at + 42, offset + moved)
        flags, _method = struct.unpack_from("<2H", directory, self.listed_at + 8)
        struct.pack_into("<2H", directory, self.listed_at + 8, flags & ~_SIZES_BEHIND, _DEFLATED)
        struct.pack_into("<3L", directory, self.listed_at + 16, crc, packed, len(content))
        target.write(directory)
        count, directory_at = len(records), self.directory_at + moved
        end = _END.pack(b"PK\5\6", 0, 0, count, count, len(directory), directory_at, len(self.comment))
        target.write(end + self.comment)

    def _record(self, content: bytes) -> tuple[bytes, int, int]:
        """The new entry with its header, its checksum, and its packed size; name, time and marks are the old one's."""
        packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
        packed = packer.compress(content) + packer.flush()
        crc = zlib.crc32(content)
        listed = _ENTRY.unpack_from(self.directory, self.listed_at)
        needed, flags, time, date = listed[2], listed[3] & ~_SIZES_BEHIND, listed[5], listed[6]
        header = _LOCAL.pack(
            b"PK\3\4", max(needed, 20), flags, _DEFLATED, time, date, crc, len(packed), len(content), len(self.name), 0
        )
        return header + self.name + packed, crc, len(packed)


def _records(directory: bytes, path: str) -> t.Iterator[tuple[int, bytes, int]]:
    """Offset in the list, name, and offset in the file, of every entry."""
    at = 0
    while at + _ENTRY.size <= len(directory):
        found = _ENTRY.unpack_from(directory, at)
        name, extra, comment = found[10:13]
        yield at, directory[at + _ENTRY.size : at + _ENTRY.size + name], found[16]
        at += _ENTRY.size + name + extra + comment
    if at != len(directory):
        raise UnreadablePackage(errors.DAMAGED, f"{path} has a damaged list of entries")


def _copy(source: t.BinaryIO, target: t.BinaryIO, length: int) -> None:
    while length > 0:
        chunk = source.read(min(length, 1 << 20))
        if not chunk:
            raise UnreadablePackage(errors.DAMAGED, "The file became shorter while it was copied")
        target.write(chunk)
        length -= len(chunk)

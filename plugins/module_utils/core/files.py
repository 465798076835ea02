# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files that are written whole or not at all, and stay after a crash or a power cut."""

from __future__ import annotations

import contextlib
import errno
import os
import pathlib
import secrets
import stat
import typing as t

from .errors import Refused, UnexpectedState

_LARGEST = 1 << 20
_TEMPORARY = ".pushops-*.tmp"


@contextlib.contextmanager
def _explained(deed: str, path: pathlib.Path) -> t.Iterator[None]:
    try:
        yield
    except OSError as problem:
        raise Refused(
            f"Could not {deed} {path}: {problem.strerror or problem}",
            "Check permissions, owner and free space of the folder, then run again: nothing is lost",
        ) from None


def read(path: pathlib.Path, largest: int = _LARGEST) -> bytes | None:
    """The content of a file, or ``None`` where there is none.

    :raises UnexpectedState: there is something that cannot be read, or no regular file, or one above ``largest`` bytes.
    """
    remedy = "Look at what it is, and move it away if it does not belong there"
    try:
        # Without O_NONBLOCK a named pipe in a hand-off folder would hold the run for ever.
        with os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as stream:
            regular = stat.S_ISREG(os.fstat(stream.fileno()).st_mode)
            content = stream.read(largest + 1) if regular else b""
    except FileNotFoundError:
        return None
    except OSError as problem:
        raise UnexpectedState(
            f"{path} is there but cannot be read: {problem.strerror or problem}",
            "Run as the account that owns it, or correct its owner and permissions",
        ) from None
    if not regular:
        raise UnexpectedState(f"{path} is not a regular file", remedy)
    if len(content) > largest:
        raise UnexpectedState(f"{path} is larger than {largest} bytes", remedy)
    return content


def write_new(path: pathlib.Path, content: bytes, mode: int = 0o600) -> None:
    """Write a file that does not exist yet.

    :raises UnexpectedState: it exists; what is there stays as it is.
    """
    with _explained("write", path):
        temporary = _write_temporary(path, content, mode)
        try:
            os.link(temporary, path)
        except FileExistsError:
            raise UnexpectedState(f"{path} exists already", "Look at what it is: it is never overwritten") from None
        except OSError as problem:
            if problem.errno in (errno.EPERM, errno.EOPNOTSUPP):
                raise OSError(problem.errno, "the file system knows no hard links, use a local one") from None
            raise
        finally:
            os.unlink(temporary)
        sync_folder(path.parent)


def replace(path: pathlib.Path, content: bytes, mode: int = 0o600) -> None:
    """Write a file, in place of whatever stands there."""
    with _explained("write", path):
        os.replace(_write_temporary(path, content, mode), path)
        sync_folder(path.parent)


def append_line(path: pathlib.Path, line: bytes, mode: int = 0o600) -> None:
    """Append one line and make it durable. What a crash tore before stays, as a line of its own."""
    with _explained("append to", path):
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, mode)
        try:
            size = os.fstat(descriptor).st_size
            torn = size > 0 and os.pread(descriptor, 1, size - 1) != b"\n"
            _write_all(descriptor, (b"\n" if torn else b"") + line + b"\n")
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        sync_folder(path.parent)


@contextlib.contextmanager
def replacing(path: pathlib.Path, mode: int = 0o600) -> t.Iterator[t.BinaryIO]:
    """A stream to write and to read back; its file takes the place of what stands there if the block ends well."""
    with _explained("write", path):
        temporary = _temporary_name(path)
        descriptor = os.open(temporary, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            with os.fdopen(descriptor, "w+b") as stream:
                yield stream
                stream.flush()
                os.fchmod(stream.fileno(), mode)
                os.fsync(stream.fileno())
            os.replace(temporary, path)
        except BaseException:
            os.unlink(temporary)
            raise
        sync_folder(path.parent)


def point(link: pathlib.Path, target: str) -> None:
    """Let a symbolic link point to a target, in one step."""
    with _explained("switch", link):
        temporary = _temporary_name(link)
        os.symlink(target, temporary)
        os.replace(temporary, link)
        sync_folder(link.parent)


def make_folder(path: pathlib.Path, mode: int = 0o700) -> None:
    """Make a folder, and those above it with the same permissions; a folder that exists stays as it is."""
    if path.is_dir():
        return
    if path.parent != path:
        make_folder(path.parent, mode)
    with _explained("make", path):
        os.mkdir(path, mode)
        os.chmod(path, mode)
        sync_folder(path.parent)


def remove(path: pathlib.Path) -> None:
    """Remove a file, if it is there."""
    with _explained("remove", path), contextlib.suppress(FileNotFoundError):
        os.unlink(path)
        sync_folder(path.parent)


def set_mode(path: pathlib.Path, mode: int) -> None:
    with _explained("set the permissions of", path):
        os.chmod(path, mode)


def tidy(folder: pathlib.Path) -> None:
    """Remove what an interrupted write left behind. None of it was ever in use."""
    with _explained("tidy", folder):
        for leftover in folder.glob(_TEMPORARY):
            os.unlink(leftover)


def sync_folder(path: pathlib.Path) -> None:
    """Make the names in a folder durable."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _temporary_name(path: pathlib.Path) -> pathlib.Path:
    return path.with_name(_TEMPORARY.replace("*", secrets.token_hex(8)))


def _write_temporary(path: pathlib.Path, content: bytes, mode: int) -> pathlib.Path:
    temporary = _temporary_name(path)
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        try:
            _write_all(descriptor, content)
            os.fchmod(descriptor, mode)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    except OSError:
        os.unlink(temporary)
        raise
    return temporary


def _write_all(descriptor: int, content: bytes) -> None:
    while content:
        content = content[os.write(descriptor, content) :]

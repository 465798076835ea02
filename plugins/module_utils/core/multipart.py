# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A ``multipart/form-data`` body (RFC 7578) that is read from disk while it is sent, however large the file is."""

from __future__ import annotations

import os
import re
import secrets
import typing as t

from .errors import InvalidInput

CHUNK = 1 << 20


class Multipart:
    """Text fields and one file, as an iterable of bytes that can be begun anew for another attempt.

    :param fields: name -> text; sent first and without a content type of their own.
    :param file: name of the file's field, and the file's path.
    :param patience: seconds that the receiver may take to answer: it reads and unpacks the file first.
    :ivar begun: whether any of it was handed out.
    :ivar complete: whether the last attempt handed out the body to its end. Where it did not, the receiver cannot have
        taken the file: the closing boundary is missing.
    """

    def __init__(self, fields: t.Mapping[str, str], file: tuple[str, str], patience: int) -> None:
        self._boundary = f"pushops-{secrets.token_hex(16)}"
        name, self._path = file
        self.patience = patience
        self.begun = self.complete = False
        heads = [self._head(f'name="{field}"') + text.encode() + b"\r\n" for field, text in fields.items()]
        shown = re.sub(r"[^A-Za-z0-9._-]", "_", os.path.basename(self._path))
        heads.append(self._head(f'name="{name}"; filename="{shown}"', "application/octet-stream"))
        self._before = b"".join(heads)
        self._after = f"\r\n--{self._boundary}--\r\n".encode()
        self.file_size = os.path.getsize(self._path)

    @property
    def content_type(self) -> str:
        return f"multipart/form-data; boundary={self._boundary}"

    def __len__(self) -> int:
        return len(self._before) + self.file_size + len(self._after)

    def __iter__(self) -> t.Iterator[bytes]:
        self.begun, self.complete = True, False
        yield self._before
        left = self.file_size
        with open(self._path, "rb") as stream:
            while left and (chunk := stream.read(min(CHUNK, left))):
                left -= len(chunk)
                yield chunk
        if left:
            raise InvalidInput(
                "path", self._path, "a file that stays as it is while it is sent", "Copy it to a place of its own"
            )
        yield self._after
        self.complete = True

    def _head(self, disposition: str, content_type: str = "") -> bytes:
        lines = [f"--{self._boundary}", f"Content-Disposition: form-data; {disposition}"]
        if content_type:
            lines.append(f"Content-Type: {content_type}")
        return ("\r\n".join(lines) + "\r\n\r\n").encode()

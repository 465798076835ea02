# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Multipart uploads: a part of JSON and the file, which goes to disk piece by piece.

Parts: ``appInfo`` and ``uploadFile`` (3.15 of "Public API for REST Services", April 2021), ``certImportData`` and
``uploadFile`` (3.5.3). The JSON part comes without a content type in public scripts (ArnaudPain's XenMobile scripts).
A request that ends early leaves nothing behind.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import pathlib
import tempfile
import typing as t

from aiohttp import BodyPartReader, web
from aiohttp.http_exceptions import HttpProcessingError

from .body import expect_object, parse
from .envelope import Refusal
from .store import Json

FILE = "uploadFile"
_PIECE = 1 << 18
_MOST_JSON = 1 << 20


@dataclasses.dataclass
class Upload:
    """What one request brought; ``file`` is gone when it ends, unless it was moved away."""

    info: Json
    file: pathlib.Path


@contextlib.asynccontextmanager
async def received(request: web.Request, folder: pathlib.Path, info: str) -> t.AsyncIterator[Upload]:
    """The upload in a request.

    :param folder: where files are while they come in.
    :param info: name of the JSON part.
    :raises Refusal: not multipart, a part missing or there twice, JSON of another form.
    """
    if request.content_type != "multipart/form-data":
        raise Refusal("The request is not multipart/form-data")
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle, path = tempfile.mkstemp(dir=folder)
    file = pathlib.Path(path)
    try:
        with os.fdopen(handle, "wb") as stream:
            described = await _parts(request, info, stream)
        yield Upload(expect_object(described, info), file)
    finally:
        file.unlink(missing_ok=True)


async def _parts(request: web.Request, info: str, stream: t.BinaryIO) -> t.Any:
    described: t.Any = None
    seen: list[str] = []
    try:
        async for part in await request.multipart():
            if not isinstance(part, BodyPartReader) or part.name not in (info, FILE) or part.name in seen:
                raise Refusal(f"Expected the parts {info} and {FILE}, once each")
            seen.append(part.name)
            if part.name == FILE:
                while piece := await part.read_chunk(_PIECE):
                    stream.write(piece)
            else:
                described = parse(await _small(part))
    except (ValueError, AssertionError, HttpProcessingError):
        raise Refusal("The multipart body is malformed") from None
    if sorted(seen) != sorted((info, FILE)):
        raise Refusal(f"Expected the parts {info} and {FILE}, once each")
    return described


async def _small(part: BodyPartReader) -> bytes:
    content = b""
    while piece := await part.read_chunk():
        content += piece
        if len(content) > _MOST_JSON:
            raise Refusal(f"The part {part.name} is too long")
    return content

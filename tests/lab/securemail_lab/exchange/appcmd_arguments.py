# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The words after appcmd: verb, object, identifier, and parameters that begin with ``/`` or ``-``."""

from __future__ import annotations

import dataclasses
import re

from .iis.errors import INVALID_PARAMETER, IisError

_INDEXER = re.compile(r"(?P<collection>[^\[\]]*?)\.?\[(?P<keys>.*)\](?P<rest>.*)", re.S)
_KEY = re.compile(r"\s*(?P<name>[\w.]+)\s*=\s*(?:'(?P<single>[^']*)'|\"(?P<double>[^\"]*)\")\s*(?:,|$)", re.S)
_OBJECTS = ("site", "app", "vdir", "apppool", "config", "backup")
_MALFORMED = (
    "Malformed collection indexer; format is [@position,name='value',name2='value2',...].  The @position specifier is "
    "optional, and be '@start', '@end', or '@N' where N is a numeric index into the collection."
)


class Refused(Exception):
    """appcmd ends before it does anything: exit code and the whole line it prints."""

    def __init__(self, code: int, line: str) -> None:
        super().__init__(line)
        self.code = code
        self.line = line


@dataclasses.dataclass(frozen=True)
class Indexer:
    """``bypasslist.[address='...']``: the collection element and the attributes of one item."""

    collection: str
    keys: dict[str, str]


@dataclasses.dataclass
class Arguments:
    """A parsed command line. ``parameters`` keeps order and spelling; a parameter without a colon has no value."""

    verb: str
    object: str
    identifier: str = ""
    parameters: list[tuple[str, str | None]] = dataclasses.field(default_factory=list)
    edits: list[tuple[str, Indexer]] = dataclasses.field(default_factory=list)

    def take(self, *names: str) -> str | None:
        """Remove a parameter, by any of its names in any case, and give its value (empty where it has none)."""
        for index, (name, value) in enumerate(self.parameters):
            if name.lower() in names:
                del self.parameters[index]
                return value or ""
        return None


def parse(words: list[str]) -> Arguments:
    """Verb and object stand in any order, the object in singular or plural.

    :raises Refused: no verb and object, or a further word that begins with neither ``/`` nor ``-``.
    :raises IisError: a malformed collection indexer.
    """
    plain = [word for word in words if word[:1] not in ("/", "-")]
    if len(plain) < 2:
        raise Refused(1, USAGE)
    verb, noun = (plain[1], plain[0]) if _object(plain[0]) else (plain[0], plain[1])
    target = _object(noun)
    if target is None:
        line = f"Object '{noun.upper()}' is not supported.  Run 'appcmd.exe /?' to display supported objects."
        raise Refused(INVALID_PARAMETER, line)
    arguments = Arguments(verb.lower(), target, plain[2] if len(plain) > 2 else "")
    if len(plain) > 3:
        line = f"Failed to process input: The parameter '{plain[3]}' must begin with a / or - (HRESULT=80070057)."
        raise Refused(INVALID_PARAMETER, line)
    for word in words:
        if word[:1] in ("/", "-"):
            _parameter(arguments, word[1:])
    return arguments


def _parameter(arguments: Arguments, text: str) -> None:
    if text[:1] in ("+", "-"):
        match = _INDEXER.fullmatch(text[1:])
        if match is None or match["rest"]:
            raise IisError(INVALID_PARAMETER, _MALFORMED)
        arguments.edits.append((text[0], Indexer(match["collection"], _keys(match["keys"]))))
        return
    name, colon, value = text.removeprefix("!").partition(":")
    arguments.parameters.append((name, value if colon else None))


def _keys(text: str) -> dict[str, str]:
    keys: dict[str, str] = {}
    text = re.sub(r"^\s*@(start|end|\d+)\s*(,|$)", "", text)
    position = 0
    while position < len(text):
        match = _KEY.match(text, position)
        if match is None:
            raise IisError(INVALID_PARAMETER, _MALFORMED)
        keys[match["name"]] = match["single"] if match["single"] is not None else match["double"]
        position = match.end()
    if not keys:
        raise IisError(INVALID_PARAMETER, _MALFORMED)
    return keys


def _object(word: str) -> str | None:
    name = word.lower()
    return next((each for each in _OBJECTS if name in (each, f"{each}s")), None)


USAGE = (
    "General purpose IIS command line administration tool.\r\n\r\n"
    "APPCMD (command) (object-type) <identifier> </parameter1:value1 ...>\r\n\r\n"
    "Supported object types: SITE, APP, VDIR, APPPOOL, CONFIG, BACKUP (of the lab)."
)

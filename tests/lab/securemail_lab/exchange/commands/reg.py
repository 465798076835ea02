# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""``reg query``, ``reg add`` and ``reg delete`` on the machine's registry, in Microsoft's documented syntax."""

from __future__ import annotations

import fnmatch
import typing as t

from ..machine import CommandResult
from ..registry import Data, Registry, UnknownHive, full_name
from .session import Failed, Session, Stdin

_TYPES = ("REG_SZ", "REG_EXPAND_SZ", "REG_MULTI_SZ", "REG_DWORD", "REG_QWORD", "REG_BINARY", "REG_NONE")
#: Options that take a word; all others are switches.
_WITH_WORD = {
    "query": {"/v", "/f", "/t", "/se"},
    "add": {"/v", "/t", "/d", "/s"},
    "delete": {"/v"},
}
_SWITCHES = {
    "query": {"/s", "/ve", "/k", "/d", "/c", "/e", "/z", "/reg:32", "/reg:64"},
    "add": {"/ve", "/f", "/reg:32", "/reg:64"},
    "delete": {"/ve", "/va", "/f", "/reg:32", "/reg:64"},
}


def run(session: Session, arguments: list[str], stdin: Stdin) -> CommandResult:
    verb = arguments[0].lower() if arguments else ""
    if verb not in _WITH_WORD or len(arguments) < 2:
        return session.fail('ERROR: Invalid syntax.\r\nType "REG /?" for usage.')
    try:
        options = _options(session, verb, arguments[2:])
        key = full_name(arguments[1])
    except UnknownHive:
        return session.fail(f'ERROR: Invalid key name.\r\nType "REG {verb.upper()} /?" for usage.')
    if verb == "query":
        return _query(session, key, options)
    return (_add if verb == "add" else _delete)(session, key, options, stdin)


def _options(session: Session, verb: str, words: list[str]) -> dict[str, str]:
    options: dict[str, str] = {}
    rest = iter(words)
    for word in rest:
        name = word.lower()
        value = next(rest, None) if name in _WITH_WORD[verb] else ""
        if value is None or name in options or name not in _WITH_WORD[verb] | _SWITCHES[verb]:
            raise _bad_syntax(session, verb)
        options[name] = value
    return options


def _bad_syntax(session: Session, verb: str) -> Failed:
    return Failed(session.fail(f'ERROR: Invalid syntax.\r\nType "REG {verb.upper()} /?" for usage.'))


# --- query


def _query(session: Session, key: str, options: dict[str, str]) -> CommandResult:
    registry = Registry(session.machine)
    written = registry.written(key)
    if written is None:
        raise session.failed("no_key")
    wanted = "" if "/ve" in options else options.get("/v")
    if "/f" in options:
        return _search(session, registry, written, options)
    output, found = "", False
    for name in _walk(registry, written) if "/s" in options else [written]:
        values = registry.values(name)
        if wanted is not None:
            values = {present: value for present, value in values.items() if present.lower() == wanted.lower()}
            if wanted == "" and not values:
                output, found = f"{output}\r\n{name}\r\n    (Default)    REG_SZ    (value not set)\r\n", True
        if values:
            found = True
            output += f"\r\n{name}\r\n" + _lines(values)
    if wanted is not None:
        if not found:
            raise session.failed("no_key")
        return session.done(f"{output}\r\n")
    if "/s" in options:
        return session.done(f"{output}\r\n")
    children = "".join(f"{child}\r\n" for child in registry.subkeys(written))
    return session.done(f"{output}\r\n{children}")


def _search(session: Session, registry: Registry, key: str, options: dict[str, str]) -> CommandResult:
    """``/f``: in key names (/k), data (/d), value names (/v), or all; /c minds the case, /e wants the whole text."""
    fold: t.Callable[[str], str] = str if "/c" in options else str.lower
    pattern = fold(options["/f"])
    pattern = pattern if "/e" in options else f"*{pattern}*"
    narrowed = {"/k", "/d", "/v"} & set(options)

    def matches(text: str) -> bool:
        return fnmatch.fnmatchcase(fold(text), pattern.replace("[", "[[]"))

    output, count = "", 0
    for name in _walk(registry, key) if "/s" in options else [key]:
        hits = {
            present: (kind, data)
            for present, (kind, data) in registry.values(name).items()
            if ("/v" not in options or fold(options["/v"]) == fold(present))
            and (
                (("/d" in narrowed or not narrowed) and matches(_shown(kind, data)))
                or (not narrowed and matches(present))
                or ("/v" in options and "/d" not in narrowed and matches(present))
            )
        }
        if hits:
            output += f"\r\n{name}\r\n{_lines(hits)}"
            count += len(hits)
        if ("/k" in narrowed or not narrowed) and name != key and matches(name.rpartition("\\")[2]):
            output += "" if hits else f"\r\n{name}\r\n"
            count += 1
    ended = f"Ende der Suche: {count} \xdcbereinstimmung(en) gefunden." if session.german else ""
    ended = ended or f"End of search: {count} match(es) found."
    return session.done(f"{output}\r\n{ended}\r\n", 0 if count else 1)


def _walk(registry: Registry, key: str) -> t.Iterator[str]:
    yield key
    for child in registry.subkeys(key):
        yield from _walk(registry, child)


def _lines(values: t.Mapping[str, tuple[str, Data]]) -> str:
    return "".join(
        f"    {name or '(Default)'}    {kind}    {_shown(kind, data)}\r\n" for name, (kind, data) in values.items()
    )


def _shown(kind: str, data: Data) -> str:
    if isinstance(data, int):
        return f"0x{data:x}"
    return r"\0".join(data) if isinstance(data, list) else data


# --- add and delete


def _add(session: Session, key: str, options: dict[str, str], stdin: Stdin) -> CommandResult:
    registry = Registry(session.machine)
    name = "" if "/ve" in options else options.get("/v")
    if name is None:
        if {"/d", "/t"} & set(options):
            name = ""
        else:
            registry.create(key)
            return session.done(f"{session.text('done')}\r\n")
    kind = options.get("/t", "REG_SZ").upper()
    if kind not in _TYPES:
        raise _bad_syntax(session, "add")
    data = _typed(session, kind, options.get("/d", ""), options.get("/s", r"\0"))
    asked = ""
    if registry.get(key, name) is not None and "/f" not in options:
        asked = f"Value {name or '(Default)'} exists, overwrite(Yes/No)? "
        if not _agreed(session, stdin):
            return session.done(f"{asked}The operation was canceled by the user.\r\n", 1)
    registry.set(key, name, data, kind)
    return session.done(f"{asked}{session.text('done')}\r\n")


def _typed(session: Session, kind: str, text: str, separator: str) -> Data:
    if kind == "REG_MULTI_SZ":
        return text.split(separator) if text else []
    if kind not in ("REG_DWORD", "REG_QWORD"):
        return text
    try:
        number = int(text or "0", 0)
    except ValueError:
        number = -1
    if not 0 <= number < 2 ** (32 if kind == "REG_DWORD" else 64):
        raise _bad_syntax(session, "add")
    return number


def _delete(session: Session, key: str, options: dict[str, str], stdin: Stdin) -> CommandResult:
    registry = Registry(session.machine)
    name = "" if "/ve" in options else options.get("/v")
    written = registry.written(key)
    if written is None or (name is not None and registry.get(key, name) is None):
        raise session.failed("no_key")
    if "/f" not in options:
        subject = f"value {name or '(Default)'}" if name is not None else f"key {written}"
        asked = f"{'Permanently delete' if name is None else 'Delete'} the registry {subject} (Yes/No)? "
        if not _agreed(session, stdin):
            return session.done(f"{asked}The operation was canceled by the user.\r\n", 1)
    if "/va" in options:
        for present in registry.values(key):
            registry.delete(key, present)
    else:
        registry.delete(key, name)
    return session.done(f"{session.text('done')}\r\n")


def _agreed(session: Session, stdin: Stdin) -> bool:
    return session.decode(stdin()).strip()[:1].lower() == "y"

# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Programs that read text: find, findstr and more, and certutil's hash and Base64 verbs."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
import textwrap

from ..machine import CommandResult
from .session import Session, Stdin

_FINDSTR = re.compile(r"\[\^?[^\]]+\]|\\.|.", re.S)
#: Bytes of a line that findstr takes from a pipe or a redirected file.
_LONGEST_PIPED_LINE = 8191
_HASHES = {"md5", "sha1", "sha256", "sha384", "sha512"}


def find(session: Session, arguments: list[str], stdin: Stdin) -> CommandResult:
    """``find [/v] [/c] [/i] "text" [file...]``: exit code 0 where a line was found, else 1."""
    switches = {argument.lower() for argument in arguments if argument.startswith("/")}
    words = [argument for argument in arguments if not argument.startswith("/")]
    if not words:
        return session.fail("FIND: Parameter format not correct", 2)
    wanted, *names = words
    fold = str.lower if "/i" in switches else str
    output, total = "", 0
    for name in names or [""]:
        lines = session.decode(session.read(name) if name else stdin()).splitlines()
        hits = [line for line in lines if (fold(wanted) in fold(line)) != ("/v" in switches)]
        total += len(hits)
        title = f"\r\n---------- {name.upper()}" if name else ""
        if "/c" in switches:
            output += f"{title}: {len(hits)}\r\n" if name else f"{len(hits)}\r\n"
        else:
            output += (f"{title}\r\n" if name else "") + "".join(f"{line}\r\n" for line in hits)
    return session.done(output, 0 if total else 1)


def findstr(session: Session, arguments: list[str], stdin: Stdin) -> CommandResult:
    """``findstr [/i] [/v] [/x] [/b] [/e] [/n] [/l | /r] [/c:text] [words] [file...]``, exit code as find's.

    Its regular expressions are a subset of Python's: ``. * ^ $ [class] [^class] \\< \\>``, all else is plain. A line of
    standard input that is too long for it is named on standard error and left out (Stack Overflow 8844868).
    """
    switches = {argument.lower() for argument in arguments if argument.startswith("/") and ":" not in argument}
    texts = [argument[3:] for argument in arguments if argument.lower().startswith("/c:")]
    words = [argument for argument in arguments if not argument.startswith("/")]
    patterns = texts
    if not texts:
        if not words:
            return session.fail("FINDSTR: Bad command line", 2)
        patterns = words.pop(0).split()
    literal = "/l" in switches or (bool(texts) and "/r" not in switches)
    bodies = [re.escape(pattern) if literal else _expression(pattern) for pattern in patterns]
    head, end = "^" if switches & {"/b", "/x"} else "", "$" if switches & {"/e", "/x"} else ""
    try:
        expression = re.compile("|".join(f"{head}(?:{body}){end}" for body in bodies), re.I if "/i" in switches else 0)
    except re.error:  # a class that runs backwards, such as [z-a]
        return session.fail("FINDSTR: Bad command line", 2)
    output, said = "", ""
    for name in words or [""]:
        for number, line in enumerate(session.decode(session.read(name) if name else stdin()).splitlines(), 1):
            if not name and len(session.encode(line)) >= _LONGEST_PIPED_LINE:
                said += f"FINDSTR: {session.text('line_too_long', number)}\r\n"
            elif bool(expression.search(line)) != ("/v" in switches):
                prefix = f"{name}:" if len(words) > 1 else ""
                output += f"{prefix}{f'{number}:' if '/n' in switches else ''}{line}\r\n"
    return CommandResult(0 if output else 1, session.encode(output), session.encode(said))


def _expression(pattern: str) -> str:
    translated = ""
    for found in _FINDSTR.finditer(pattern):
        part = found[0]
        if part[0] == "[" and len(part) > 1:
            translated += f"[{part[1:-1].replace(chr(92), chr(92) * 2).replace('[', chr(92) + '[')}]"
        elif part in (r"\<", r"\>"):
            translated += r"\b"
        elif part in (".", "^", "$") or (part == "*" and translated.lstrip("^")):
            translated += part if part != "*" or not translated.endswith("*") else ""
        else:
            translated += re.escape(part[-1])
    return translated


def more(session: Session, arguments: list[str], stdin: Stdin) -> CommandResult:
    """Standard input or files to standard output, with CRLF line ends and tabs as eight columns."""
    content = b"".join(session.read(name) for name in arguments) if arguments else stdin()
    lines = session.decode(content).splitlines()
    return session.done("".join(f"{line.expandtabs(8)}\r\n" for line in lines))


def certutil(session: Session, arguments: list[str], stdin: Stdin) -> CommandResult:
    """``-hashfile FILE [SHA256]``, ``-encode IN OUT``, ``-decode IN OUT`` (``-f`` overwrites)."""
    words = [argument for argument in arguments if argument.lower() not in ("-f", "/f")]
    force = len(words) < len(arguments)
    verb = words[0].lower().replace("/", "-") if words else ""
    if verb == "-hashfile" and len(words) in (2, 3):
        algorithm = words[2].lower() if len(words) == 3 else "sha1"
        if algorithm not in _HASHES:
            return _refused(session, "hashfile", 0x80090008, "NTE_BAD_ALGID", "Invalid algorithm specified.")
        digest = hashlib.new(algorithm, session.read(words[1])).hexdigest()
        title = f"{algorithm.upper()} hash of {words[1]}:"
        return session.done(
            f"{title}\r\n{digest}\r\nCertUtil: -hashfile command completed successfully.\r\n",
        )
    if verb in ("-encode", "-decode") and len(words) == 3:
        content = session.read(words[1])
        if session.file(words[2]).exists() and not force:
            return _refused(session, verb[1:], 0x80070050, "WIN32: 80 ERROR_FILE_EXISTS", "The file exists.")
        try:
            result = _pem(content) if verb == "-encode" else _from_pem(content)
        except binascii.Error:
            return _refused(session, verb[1:], 0x8007000D, "WIN32: 13 ERROR_INVALID_DATA", "The data is invalid.")
        session.write(words[2], result)
        return session.done(
            f"Input Length = {len(content)}\r\nOutput Length = {len(result)}\r\n"
            f"CertUtil: {verb} command completed successfully.\r\n",
        )
    return session.done(f"CertUtil: Unknown arg: {' '.join(words)}\r\n", -2147024809 & 0xFFFFFFFF)


def _refused(session: Session, verb: str, hresult: int, symbol: str, text: str) -> CommandResult:
    message = f"CertUtil: -{verb} command FAILED: 0x{hresult:08x} ({symbol})\r\nCertUtil: {text}\r\n"
    return session.done(message, hresult)


def _pem(content: bytes) -> bytes:
    body = "\r\n".join(textwrap.wrap(base64.b64encode(content).decode("ascii"), 64))
    return f"-----BEGIN CERTIFICATE-----\r\n{body}\r\n-----END CERTIFICATE-----\r\n".encode("ascii")


def _from_pem(content: bytes) -> bytes:
    lines = [line for line in content.split() if line]
    text = re.sub(rb"-----[^-]*-----", b"", b" ".join(lines)).replace(b" ", b"")
    return base64.b64decode(text, validate=True)

# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""cmd.exe's grammar: a line becomes a tree of commands, after the percent signs are gone and before quoting counts.

Source: ``cmd /?``, ``if /?`` and the operator table of Microsoft's "Command shell overview": ``&`` binds weakest, then
``||``, ``&&`` and ``|``. A caret outside quotes makes the next character plain.
"""

from __future__ import annotations

import dataclasses

_BLANK = " \t,;=\xa0"


class SyntaxFault(Exception):
    """The text that cmd.exe did not expect; empty at the end of the line."""


@dataclasses.dataclass(frozen=True)
class Redirect:
    """``handle mode target``: mode ``<``, ``>``, ``>>``, or ``>&`` with another handle as target."""

    handle: int
    mode: str
    target: str


@dataclasses.dataclass(frozen=True)
class Simple:
    """One command with its arguments as typed, carets resolved."""

    text: str
    redirects: tuple[Redirect, ...] = ()


@dataclasses.dataclass(frozen=True)
class Group:
    body: Node
    redirects: tuple[Redirect, ...] = ()


@dataclasses.dataclass(frozen=True)
class Chain:
    """``operator`` is one of ``&``, ``&&``, ``||``, ``|``."""

    operator: str
    left: Node
    right: Node


@dataclasses.dataclass(frozen=True)
class Condition:
    """``if``: ``kind`` is ``exist``, ``errorlevel``, ``defined`` or ``equal`` (then two operands)."""

    kind: str
    operands: tuple[str, ...]
    negated: bool
    ignore_case: bool
    then: Node
    otherwise: Node | None = None


Node = Simple | Group | Chain | Condition


def parse(line: str) -> Node | None:
    """The tree of a line, or nothing for a blank one.

    :raises SyntaxFault: naming what was unexpected.
    """
    parser = _Parser(line)
    parser.skip()
    if parser.ended():
        return None
    node = parser.sequence()
    if not parser.ended():
        raise SyntaxFault(parser.rest.split()[0])
    return node


class _Parser:
    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._depth = 0

    @property
    def rest(self) -> str:
        return self._text[self._at :]

    def ended(self) -> bool:
        return not self.rest.strip(_BLANK)

    def skip(self, also: str = "") -> None:
        while self.rest and self.rest[0] in _BLANK + also:
            self._at += 1

    def sequence(self) -> Node:
        node = self._binary("||")
        while self._operator("&"):
            self.skip()
            if self.ended() or (self._depth and self.rest.startswith(")")):
                break
            node = Chain("&", node, self._binary("||"))
        return node

    def _binary(self, operator: str) -> Node:
        tighter = {"||": "&&", "&&": "|"}.get(operator)
        node = self._binary(tighter) if tighter else self._command()
        while self._operator(operator):
            node = Chain(operator, node, self._binary(tighter) if tighter else self._command())
        return node

    def _operator(self, operator: str) -> bool:
        self.skip()
        if not self.rest.startswith(operator) or (len(operator) == 1 and self.rest.startswith(operator * 2)):
            return False
        self._at += len(operator)
        return True

    def _command(self) -> Node:
        self.skip("@")
        if self.rest.startswith("("):
            return self._group()
        word = self.rest.split(None, 1)[0].lower() if self.rest.strip() else ""
        if word == "if":
            self._at += len("if")
            return self._condition()
        if word == "rem":
            self._at = len(self._text)
            return Simple("rem")
        text, redirects = self._words()
        if not text.strip() and not redirects:
            raise SyntaxFault(self.rest[:1])
        return Simple(text.lstrip(), redirects)

    def _group(self) -> Group:
        self._at += 1
        self._depth += 1
        body = self.sequence()
        self.skip()
        if not self.rest.startswith(")"):
            raise SyntaxFault(self.rest.split()[0] if self.rest.strip() else "")
        self._at += 1
        self._depth -= 1
        self.skip()
        start = self._at
        text, redirects = self._words()
        if text.strip():
            self._at, redirects = start, ()
        return Group(body, redirects)

    def _words(self) -> tuple[str, tuple[Redirect, ...]]:
        text, redirects, quoted = "", [], False
        while self.rest:
            char = self.rest[0]
            if char == '"':
                quoted = not quoted
            elif not quoted:
                if char == "^":
                    text += self.rest[1:2]
                    self._at += 2
                    continue
                if char in "&|" or (char == ")" and self._depth):
                    break
                if char in "<>":
                    handle = int(char == ">")
                    if text[-1:].isdigit() and (len(text) == 1 or text[-2] in _BLANK):
                        text, handle = text[:-1], int(text[-1])
                    redirects.append(self._redirect(handle))
                    continue
            text += char
            self._at += 1
        return text, tuple(redirects)

    def _redirect(self, handle: int) -> Redirect:
        mode = next(mode for mode in (">>", ">&", ">", "<") if self.rest.startswith(mode))
        self._at += len(mode)
        target = self._word()
        if not target or (mode == ">&" and target not in ("1", "2")):
            raise SyntaxFault(self.rest[:1])
        return Redirect(handle, mode, target)

    def _word(self) -> str:
        self.skip()
        word, quoted = "", False
        while self.rest and (quoted or self.rest[0] not in _BLANK + "&|<>()"):
            if self.rest[0] == '"':
                quoted = not quoted
            elif self.rest[0] == "^" and not quoted:
                self._at += 1
            word += self.rest[:1]
            self._at += 1
        return word

    def _condition(self) -> Condition:
        negated = ignore_case = False
        word = self._word()
        while word.lower() in ("/i", "not"):
            negated, ignore_case = negated or word.lower() == "not", ignore_case or word.lower() == "/i"
            word = self._word()
        kind = word.lower()
        if kind in ("exist", "errorlevel", "defined"):
            operands: tuple[str, ...] = (self._word(),)
        else:
            while self.rest[:1] in (" ", "\t"):
                self._at += 1
            if not self.rest.startswith("=="):
                raise SyntaxFault(self.rest.split()[0] if self.rest.strip() else "")
            kind, operands = "equal", (word, self._word())
        then = self.sequence()
        self.skip()
        otherwise = None
        if self.rest.lower().startswith("else"):
            self._at += len("else")
            otherwise = self.sequence()
        return Condition(kind, operands, negated, ignore_case, then, otherwise)

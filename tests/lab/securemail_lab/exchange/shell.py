# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""cmd.exe: a line is expanded, parsed and run, and programs are found as Windows finds them. There is no PowerShell."""

from __future__ import annotations

import dataclasses
import errno
import re

from .commands.grammar import Chain, Condition, Group, Node, Redirect, Simple, SyntaxFault, parse
from .commands.internal import COMMANDS, Exited
from .commands.programs import SYSTEM32, start
from .commands.session import Failed, Session, Stdin
from .machine import CommandResult, Machine

#: Microsoft's documented maximum of a cmd.exe line, in characters.
LONGEST_LINE = 8191

#: What Windows would say where this disk refuses a name.
_DISK_ERRORS = {
    errno.ENAMETOOLONG: "bad_name",
    errno.ENOTDIR: "no_path",
    errno.ENOENT: "no_path",
    errno.EISDIR: "denied",
    errno.EEXIST: "denied",
    errno.ENOTEMPTY: "denied",
    errno.EINVAL: "denied",
    errno.ENOSPC: "disk_full",
}
#: The name ends where cmd.exe's delimiters begin; ``echo.`` and ``dir/b`` need no blank.
_NAME = re.compile(r'\s*((?:"[^"]*"?|[^\s,;="])+)(.*)', re.S)
_GLUED = re.compile(rf"(?i)({'|'.join(COMMANDS)})(?=[./\\:(\[])(.*)", re.S)


def run(machine: Machine, command_line: str, stdin: bytes = b"") -> CommandResult:
    """What ``cmd.exe /c COMMAND_LINE`` leaves, in UTF-8 (code page 65001)."""
    return run_in(Session(machine), command_line, lambda: stdin)


def run_in(session: Session, command_line: str, stdin: Stdin) -> CommandResult:
    """The same in a session of the caller's; standard input is read only by the command that reads it."""
    if len(command_line) > LONGEST_LINE:
        return session.fail("The command line is too long.")
    try:
        return _parsed_and_run(session, command_line, stdin)
    except Failed as failed:
        return failed.result
    except RecursionError:
        return session.fail("The lab's cmd.exe does not nest that deep.")


def _parsed_and_run(session: Session, command_line: str, stdin: Stdin) -> CommandResult:
    try:
        node = parse(session.expand(without_outer_quotes(command_line)))
    except SyntaxFault as fault:
        unexpected = fault.args[0]
        text = f"{unexpected} was unexpected at this time." if unexpected else session.text("bad_syntax")
        return session.fail(text)
    return CommandResult(0) if node is None else _run(session, node, stdin)


def without_outer_quotes(line: str) -> str:
    """The rule of ``cmd /?``: a first quote and the last one fall away.

    They stay where the line has exactly two, no special character, and a blank between them (a program's path).
    """
    line = line.lstrip()
    if not line.startswith('"'):
        return line
    program = line[1:].partition('"')[0]
    if line.count('"') == 2 and not re.search(r"[&<>()@^|]", line) and " " in program:
        return line
    last = line.rindex('"')
    return line[1:] if last == 0 else line[1:last] + line[last + 1 :]


def _run(session: Session, node: Node, stdin: Stdin) -> CommandResult:
    if isinstance(node, Chain):
        return _chain(session, node, stdin)
    if isinstance(node, Condition):
        chosen = node.then if _holds(session, node) else node.otherwise
        return CommandResult(session.errorlevel) if chosen is None else _run(session, chosen, stdin)
    try:
        result = _redirected(session, node, stdin)
    except Exited:
        raise
    except Failed as failed:
        result = failed.result
    except OSError as error:
        if error.errno not in _DISK_ERRORS:
            raise
        result = session.fail(session.text(_DISK_ERRORS[error.errno]))
    session.errorlevel = result.rc
    return result


def _chain(session: Session, chain: Chain, stdin: Stdin) -> CommandResult:
    # each side of a pipe is a cmd.exe of its own: what it sets is gone when it ends
    here = dataclasses.replace(session, variables=dict(session.variables)) if chain.operator == "|" else session
    try:
        left = _run(here, chain.left, stdin)
    except Exited as exited:
        if chain.operator != "|":
            raise
        left = exited.result
    if chain.operator == "|":
        right = _run(here, chain.right, lambda: left.stdout)
        session.errorlevel = right.rc
        return CommandResult(right.rc, right.stdout, left.stderr + right.stderr)
    if (chain.operator == "&&" and left.rc) or (chain.operator == "||" and not left.rc):
        return left
    try:
        right = _run(session, chain.right, stdin)
    except Exited as exited:
        raise Exited(_joined(left, exited.result)) from None
    return _joined(left, right)


def _joined(left: CommandResult, right: CommandResult) -> CommandResult:
    return CommandResult(right.rc, left.stdout + right.stdout, left.stderr + right.stderr)


def _holds(session: Session, condition: Condition) -> bool:
    first = session.expand_delayed(condition.operands[0])
    if condition.kind == "exist":
        holds = session.file(first.rstrip('"').rstrip("\\")).exists()
    elif condition.kind == "defined":
        holds = session.variable(first) is not None
    elif condition.kind == "errorlevel":
        if not first.isdigit():
            raise session.failed("bad_syntax")
        holds = session.errorlevel >= int(first)
    else:
        second = session.expand_delayed(condition.operands[1])
        holds = first.lower() == second.lower() if condition.ignore_case else first == second
    return holds != condition.negated


def _redirected(session: Session, node: Simple | Group, stdin: Stdin) -> CommandResult:
    sinks: dict[int, Redirect | int] = {1: 1, 2: 2}
    for redirect in node.redirects:
        target = session.expand_delayed(redirect.target)
        if redirect.mode == "<":
            content = session.read(target)
            stdin = _always(content)
        elif redirect.mode == ">&":
            sinks[redirect.handle] = sinks[int(target)]
        else:
            sinks[redirect.handle] = dataclasses.replace(redirect, target=target)
            session.write(target, b"", append=redirect.mode == ">>")
    ended = False
    try:
        result = _run(session, node.body, stdin) if isinstance(node, Group) else _simple(session, node.text, stdin)
    except Failed as failed:
        result, ended = failed.result, isinstance(failed, Exited)
    streams = {1: b"", 2: b""}
    for handle, content in ((1, result.stdout), (2, result.stderr)):
        sink = sinks[handle]
        if isinstance(sink, Redirect):
            session.write(sink.target, content, append=True)
        else:
            streams[sink] += content
    result = CommandResult(result.rc, streams[1], streams[2])
    if ended:
        raise Exited(result)
    return result


def _always(content: bytes) -> Stdin:
    return lambda: content


def _simple(session: Session, text: str, stdin: Stdin) -> CommandResult:
    text = session.expand_delayed(text)
    if not text.strip():
        return CommandResult(session.errorlevel)
    match = _GLUED.match(text) or _NAME.match(text)
    name, tail = (match[1].replace('"', ""), match[2]) if match else (text, "")
    internal = COMMANDS.get(name.lower())
    if internal is not None:
        return internal(session, tail, stdin)
    if name.lower() in ("cmd", "cmd.exe", f"{SYSTEM32}\\cmd.exe".lower()):
        return _nested(session, tail, stdin)
    return start(session, name, text, stdin)


def _nested(session: Session, tail: str, stdin: Stdin) -> CommandResult:
    """``cmd [/d] [/s] [/v:on] /c LINE``; /s takes the outer quotes always, /v:on gives ``!name!``."""
    switches = re.match(r"(?i)(\s*/(?:[dsqau]|[vef]:(?:on|off)))*\s*/c\s?", tail)
    if not switches:
        return session.fail("The lab's cmd knows: cmd [/d] [/s] [/v:on] /c COMMAND")
    line = tail[switches.end() :]
    if re.search(r"(?i)/s", switches[0]) and line.startswith('"') and line.count('"') > 1:
        last = line.rindex('"')
        line = line[1:last] + line[last + 1 :]
    inner = dataclasses.replace(session, variables=dict(session.variables), errorlevel=0)
    inner.delayed = bool(re.search(r"(?i)/v:on", switches[0]))
    return run_in(inner, line, stdin)

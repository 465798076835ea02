# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""cmd.exe of the lab: expansion, carets, operators, redirections, quoting, and how programs are found."""

from __future__ import annotations

import pathlib
import sys
import tempfile
import types

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from securemail_lab.exchange.commands import argv
from securemail_lab.exchange.commands.session import Session
from securemail_lab.exchange.machine import CommandResult, Machine
from securemail_lab.exchange.shell import run, run_in, without_outer_quotes

WINDOWS = (r"C:\Windows\System32\inetsrv", r"C:\Windows\Temp", r"C:\Program Files\Contoso")
APPCMD = r"%windir%\system32\inetsrv\appcmd.exe"


@pytest.fixture
def machine(tmp_path: pathlib.Path) -> Machine:
    machine = Machine("exch01", tmp_path)
    for folder in WINDOWS:
        machine.path(folder).mkdir(parents=True, exist_ok=True)
    return machine


@pytest.mark.parametrize(
    ("line", "stdout"),
    [
        ("echo %COMPUTERNAME% %nosuch%", "EXCH01 %nosuch%\r\n"),
        ("echo a^&b ^^ ^%", "a&b ^ %\r\n"),
        ('echo "a^&b|c>d"', '"a^&b|c>d"\r\n'),
        ("echo a&echo b", "a\r\nb\r\n"),
        ("echo a && echo b || echo c", "a \r\nb \r\n"),
        ("type nul: && echo b || echo c & echo d", "c \r\nd\r\n"),
        ("(echo a& echo b) | findstr b", "b\r\n"),
        ("(echo a) && (echo 1) || (echo 0) & (type C:\\no) && (echo 1) || (echo 0) & echo b", "a\r\n1\r\n0\r\nb\r\n"),
        ("echo (a)", "(a)\r\n"),
        ("@echo hidden", "hidden\r\n"),
        ("echo.", "\r\n"),
        ("echo x 1>&2", ""),
        ("if exist C:\\Windows\\Temp\\ (echo yes) else (echo no)", "yes\r\n"),
        ("if not exist C:\\nosuch echo a & echo b", "a \r\nb\r\n"),
        ('if /i "A"=="a" echo same', "same\r\n"),
        ("reg query HKLM\\NoSuch 2>nul & if errorlevel 1 echo failed", "failed\r\n"),
        ('cmd /v:on /c "reg query HKLM\\NoSuch 2>nul & echo !errorlevel!"', "1\r\n"),
        ('cmd /c "echo inner & exit /b 3"', "inner \r\n"),
        ("rem anything & echo not reached", ""),
        ("", ""),
    ],
)
def test_a_line_prints(machine: Machine, line: str, stdout: str) -> None:
    assert run(machine, line).stdout.decode() == stdout


@pytest.mark.parametrize(
    ("line", "rc", "stderr"),
    [
        ("nosuch /x", 1, "'nosuch' is not recognized as an internal or external command,\r\n"),
        ("powershell -c 1", 1, "'powershell' is not recognized"),
        ("appcmd list site", 1, "'appcmd' is not recognized"),
        (r"C:\nowhere\appcmd.exe list site", 1, "The system cannot find the path specified.\r\n"),
        (
            APPCMD + " list site",
            1,
            "is not recognized as an internal or external command,\r\noperable program or batch",
        ),
        ('"C:\\Program Files\\Contoso\\tool.exe" "an argument"', 1, "'C:\\Program' is not recognized"),
        ("echo x > C:\\nowhere\\x.txt", 1, "The system cannot find the path specified.\r\n"),
        ("type < C:\\Windows\\Temp\\no.txt", 1, "The system cannot find the file specified.\r\n"),
        ("& echo x", 1, "& was unexpected at this time.\r\n"),
        ("echo x | | more", 1, "| was unexpected at this time.\r\n"),
        ("(echo x", 1, "The syntax of the command is incorrect.\r\n"),
        ("echo " + "x" * 8187, 1, "The command line is too long.\r\n"),
        ("exit 7 & echo never", 7, ""),
        ("type C:\\Windows\\Temp\\" + "x" * 300, 1, "The filename, directory name, or volume label syntax"),
        (
            "md C:\\Windows\\Temp\\a& echo x> C:\\Windows\\Temp\\b& md C:\\Windows\\Temp\\b\\c",
            1,
            "cannot find the path",
        ),
        ("(" * 3000, 1, "does not nest that deep"),
    ],
)
def test_a_line_fails(machine: Machine, line: str, rc: int, stderr: str) -> None:
    result = run(machine, line)
    assert (result.rc, result.stdout) == (rc, b"")
    assert stderr in result.stderr.decode()


def test_the_longest_line_still_runs(machine: Machine) -> None:
    assert run(machine, "echo " + "x" * 8186).rc == 0


def test_appcmd_runs_where_iis_is_installed(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[list[str]] = []

    def appcmd(on: Machine, arguments: list[str]) -> CommandResult:
        seen.append(arguments)
        return CommandResult(32, b"ERROR")

    module = types.ModuleType("securemail_lab.exchange.appcmd")
    module.run = appcmd  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, module.__name__, module)
    line = APPCMD + ' set config "Exchange Back End/EWS" /+"bypasslist.[address=\'^https://a\\.b$\']"'
    assert run(machine, line).rc == 1
    machine.path(APPCMD).touch()
    assert run(machine, line) == CommandResult(32, b"ERROR")
    assert seen == [["set", "config", "Exchange Back End/EWS", r"/+bypasslist.[address='^https://a\.b$']"]]


def test_redirections(machine: Machine) -> None:
    assert run(machine, r"(echo one& echo two)> C:\Windows\Temp\a.txt").rc == 0
    assert run(machine, r"echo three>> c:\WINDOWS\temp\A.TXT& type C:\Windows\Temp\a.txt").stdout == (
        b"one\r\ntwo\r\nthree\r\n"
    )
    assert run(machine, r"nosuch > C:\Windows\Temp\b.txt 2>&1").stderr == b""
    assert b"not recognized" in run(machine, r"more < C:\Windows\Temp\b.txt").stdout


def test_standard_input_reaches_the_command_that_reads_it(machine: Machine) -> None:
    result = run(machine, r"more > C:\Windows\Temp\in.txt & type C:\Windows\Temp\in.txt", b"a\n\tb")
    assert result.stdout == b"a\r\n        b\r\n"


def test_code_pages(machine: Machine) -> None:
    umlaut = "\N{LATIN SMALL LETTER U WITH DIAERESIS}"
    assert run(machine, f"echo {umlaut}").stdout == f"{umlaut}\r\n".encode()
    assert run_in(Session(machine, codepage=437), f"echo {umlaut}", bytes).stdout == b"\x81\r\n"
    assert run_in(Session(machine, codepage=437), "echo \N{SNOWMAN}", bytes).stdout == b"?\r\n"


def test_texts_follow_the_display_language(machine: Machine) -> None:
    (machine.state / "machine.json").write_text('{"language": "de"}')
    assert run(machine, "nosuch").stderr.decode().startswith('Der Befehl "nosuch" ist entweder falsch geschrieben')


@pytest.mark.parametrize(
    ("line", "left"),
    [
        ('"C:\\Program Files\\x.exe"', '"C:\\Program Files\\x.exe"'),
        ('"C:\\x.exe" /a', "C:\\x.exe /a"),
        ('"C:\\Program Files\\x.exe" "a b"', 'C:\\Program Files\\x.exe" "a b'),
        ('x "a b"', 'x "a b"'),
    ],
)
def test_the_outer_quotes_of_cmd_c(line: str, left: str) -> None:
    assert without_outer_quotes(line) == left


@pytest.mark.parametrize(
    ("line", "arguments"),
    [
        (r'x "a b" c', ["a b", "c"]),
        (r'x "C:\dir\\" next', ["C:\\dir\\", "next"]),
        (r"x C:\dir\ next", ["C:\\dir\\", "next"]),
        (r'x "C:\dir\" next', ['C:\\dir" next']),
        (r"x a\"b", ['a"b']),
        (r'x "a""b"', ['a"b']),
        (r'x "" y', ["", "y"]),
        (r"x /+bypasslist.[address='^https://a\.b$']", [r"/+bypasslist.[address='^https://a\.b$']"]),
        ('"C:\\Program Files\\x.exe" y', ["y"]),
    ],
)
def test_arguments_are_split_as_windows_does(line: str, arguments: list[str]) -> None:
    assert argv.split(line)[1:] == arguments


def _quoted(argument: str) -> str:
    """Microsoft's documented quoting ("Parsing C command-line arguments"), written down a second time."""
    out, backslashes = '"', 0
    for char in argument:
        out += ("\\" * (backslashes + 1) if char == '"' else "") + char
        backslashes = backslashes + 1 if char == "\\" else 0
    return out + "\\" * backslashes + '"'


@given(st.lists(st.text(alphabet='ab \\"\t', max_size=8), max_size=4))
def test_documented_quoting_always_arrives(arguments: list[str]) -> None:
    assert argv.split(" ".join(["x", *(_quoted(argument) for argument in arguments)]))[1:] == arguments


_WORDS = [
    *("echo", "type", "copy", "del", "dir", "if", "not", "exist", "else", "reg", "query", "netsh", "findstr", "more"),
    *("cmd", "/c", "/v:on", "/b", "/s", "wevtutil", "qe", "Application", "certutil", "-decode", "move", "rd", "cd"),
    *("&", "&&", "||", "|", "<", ">", ">>", "2>&1", "(", ")", '"', "^", "%", "!", "=", "==", "[", "*", "..", "\\"),
    *("C:\\Windows\\Temp\\a", "nul", "HKLM\\X", "/f", "/q:*[", "x", "errorlevel", "1", "set", "exit", "advfirewall"),
]


@settings(max_examples=400, deadline=None)
@given(st.lists(st.sampled_from(_WORDS), max_size=8), st.booleans())
def test_any_line_ends_with_a_result(words: list[str], spaced: bool) -> None:
    with tempfile.TemporaryDirectory() as folder:
        machine = Machine("exch01", pathlib.Path(folder))
        machine.path(r"C:\Windows\Temp").mkdir(parents=True)
        result = run(machine, (" " if spaced else "").join(words), b"no\r\n")
        assert isinstance(result.rc, int)

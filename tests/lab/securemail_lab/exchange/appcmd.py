# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""appcmd.exe of IIS: one command line to its output and exit code.

Messages, exit codes and formats are those of public transcripts: Microsoft's "Getting Started with AppCmd.exe",
OctopusDeploy/Issues 1269 (file in use), sous-chefs/iis 89 and 208, NuGet/NuGetGallery 4127 (malformed file). Errors go
to standard output; the exit code is the Win32 error. "Applied" is printed before the file is written, hence also
before a failed commit.
"""

from __future__ import annotations

from . import appcmd_config, appcmd_objects
from .appcmd_arguments import Refused, parse
from .appcmd_text import NEWLINE
from .iis import DataFault, FileFault, Iis, IisError
from .machine import CommandResult, Machine


def run(machine: Machine, arguments: list[str]) -> CommandResult:
    """Run appcmd with the arguments after the program's name."""
    try:
        code, printed = _run(Iis(machine), arguments)
    except Refused as refused:
        code, printed = refused.code, refused.line + NEWLINE
    except IisError as error:
        code, printed = error.code, _failure(error)
    return CommandResult(code, printed.encode())


def _run(iis: Iis, words: list[str]) -> appcmd_config.Outcome:
    arguments = parse(words)
    for unsupported in ("in", "metadata", "apphostconfig"):
        if arguments.take(unsupported) is not None:
            raise IisError(50, f"The lab's appcmd has no /{unsupported}.")
    target = appcmd_config if arguments.object == "config" else appcmd_objects
    outcome = target.run(iis, arguments)
    if outcome is None:
        noun = arguments.object.upper()
        line = f"Command '{arguments.verb.upper()}' is not supported on object '{noun}'. Run 'appcmd.exe {noun} /?'"
        raise Refused(87, f"{line} to display supported commands.")
    return outcome


def _failure(error: IisError) -> str:
    if isinstance(error, FileFault):
        return (
            f"ERROR ( message:Configuration error{NEWLINE}Filename: \\\\?\\{error.file}{NEWLINE}"
            f"Line Number: {error.line}{NEWLINE}Description: {error.text}{NEWLINE}. ){NEWLINE}"
        )
    if isinstance(error, DataFault):
        text = f"Command execution failed.{NEWLINE}{error.text}{NEWLINE}"
        return f"ERROR ( hresult:{error.hresult:08x}, message:{text} ){NEWLINE}"
    return f"ERROR ( message:{error.text} ){NEWLINE}"

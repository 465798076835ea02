# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""``securemail-lab``: start, stop, enter, break and watch the lab."""

from __future__ import annotations

import argparse
import json
import os
import pathlib
import sys

from . import faults
from .demo import Demo
from .exchange.update import cumulative_update
from .lab import EXCHANGE_HOSTS
from .launch import LabError, Launcher
from .probe import probe
from .supervisor.estate import PROGRAMS


def _up(launcher: Launcher, options: argparse.Namespace) -> int:
    launcher.up(options.kind)
    return 0


def _down(launcher: Launcher, options: argparse.Namespace) -> int:
    if options.purge:
        launcher.purge()
    else:
        launcher.down()
    return 0


def _status(launcher: Launcher, _options: argparse.Namespace) -> int:
    if not launcher.running:
        print("lab: not running")
        return 3
    lab = launcher.lab
    print(f"lab: running in {launcher.directory} ({lab.kind})")
    for program in PROGRAMS:
        for door in program.doors:
            print(f"  {door.host:<21} {lab.address(door.host)}:{lab.port(door.service):<6} {door.what}")
    return 0


def _exec(launcher: Launcher, options: argparse.Namespace) -> int:
    words = options.command[1:] if options.command[:1] == ["--"] else options.command
    if not words:
        raise LabError("Name a command, e.g. securemail-lab exec -- curl https://xms.corp.contoso.com:4443")
    entered = [*launcher.entering(options.host), *words]
    os.execvpe(entered[0], entered, launcher.environment())


def _break(launcher: Launcher, options: argparse.Namespace) -> int:
    fault = faults.FAULTS[options.fault]
    fault.inflict(launcher.lab, launcher.entering)
    print(f"lab: {fault.what}")
    return 0


def _update(launcher: Launcher, options: argparse.Namespace) -> int:
    build = cumulative_update(launcher.lab, options.host)
    print(f"lab: {options.host} runs {build}; both web.config files of EWS are as Exchange ships them")
    return 0


def _demo(launcher: Launcher, options: argparse.Namespace) -> int:
    launcher.purge()
    try:
        broken = faults.FAULTS if options.every else faults.STORY
        return 0 if Demo(launcher, pathlib.Path.cwd(), options.kind, broken).run() else 1
    finally:
        launcher.down()


def _probe(launcher: Launcher, options: argparse.Namespace) -> int:
    # Relative to the lab's own record, so the caller must already be in the controller's network.
    print(json.dumps(probe(launcher.lab, options.wait), indent=1))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="securemail-lab", description=__doc__)
    parser.add_argument("--directory", type=pathlib.Path, default=pathlib.Path(".lab"), help="where the lab lives")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    up = commands.add_parser("up", help="start the lab and wait until each service answers")
    _add_kind(up)
    up.set_defaults(run=_up)
    down = commands.add_parser("down", help="stop the lab; state and logs stay")
    down.add_argument("--purge", action="store_true", help="remove state and logs, too")
    down.set_defaults(run=_down)
    commands.add_parser("status", help="say what runs and where it listens").set_defaults(run=_status)
    execute = commands.add_parser("exec", help="run a command in the controller's network")
    execute.add_argument("--host", help="run it in another host's network instead, e.g. gateway")
    execute.add_argument("command", nargs=argparse.REMAINDER)
    execute.set_defaults(run=_exec)
    damage = commands.add_parser("break", help="break one link of the push path by hand")
    damage.add_argument("fault", choices=sorted(faults.FAULTS))
    damage.set_defaults(run=_break)
    update = commands.add_parser("update", help="install a cumulative update on an Exchange host")
    update.add_argument("host", choices=EXCHANGE_HOSTS)
    update.set_defaults(run=_update)
    demo = commands.add_parser("demo", help="from a fresh estate to a badge, then links broken one by one and named")
    _add_kind(demo)
    demo.add_argument(
        "--every", action="store_true", help="break everything that can be broken, not one thing a system"
    )
    demo.set_defaults(run=_demo)
    watch = commands.add_parser("probe", help="deliver a mail and watch the devices (inside `exec`)")
    watch.add_argument("--wait", type=float, default=8.0, help="seconds until a badge counts as not arrived")
    watch.set_defaults(run=_probe)
    return parser


def _add_kind(command: argparse.ArgumentParser) -> None:
    command.add_argument("--kind", choices=("namespaces", "loopback"), help="default: the best that the kernel allows")


def main(arguments: list[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    try:
        status: int = options.run(Launcher(options.directory), options)
    except (LabError, OSError) as problem:
        print(f"lab: {problem}", file=sys.stderr)
        return 1
    return status


if __name__ == "__main__":
    sys.exit(main())

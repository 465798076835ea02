# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""One process per lab host: ``python -m securemail_lab.serve LAB_DIRECTORY PROGRAM [HOST]``.

A program is a module with ``async def serve(lab, host)``, which listens, prints nothing secret, and returns a
coroutine function that stops it.
"""

from __future__ import annotations

import asyncio
import importlib
import logging
import pathlib
import signal
import sys
import typing as t

from aiohttp import web

from .lab import Lab

PROGRAMS = {
    "exchange": "securemail_lab.exchange.host",
    "citrix": "securemail_lab.citrix.service",
    "apple": "securemail_lab.apple.service",
    "xms": "securemail_lab.xms.service",
    "netscaler": "securemail_lab.netscaler.service",
    "devices": "securemail_lab.devices.service",
}

Stop = t.Callable[[], t.Awaitable[None]]


async def listen(
    application: web.Application, addresses: t.Iterable[str], port: int, tls: t.Any = None
) -> web.AppRunner:
    """Serve an aiohttp application on every address; the runner's ``cleanup`` stops it."""
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    for address in addresses:
        await web.TCPSite(runner, address, port, ssl_context=tls, reuse_address=True).start()
    return runner


async def _run(lab: Lab, program: str, host: str) -> None:
    done = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, done.set)
    stop: Stop = await importlib.import_module(PROGRAMS[program]).serve(lab, host)
    await done.wait()
    await stop()


def main(arguments: list[str]) -> None:
    directory, program, host = arguments[0], arguments[1], arguments[2] if len(arguments) > 2 else arguments[1]
    logging.basicConfig(level=logging.WARNING, format=f"{host} %(levelname)s %(name)s: %(message)s")
    asyncio.run(_run(Lab(pathlib.Path(directory)), program, host))


if __name__ == "__main__":
    main(sys.argv[1:])

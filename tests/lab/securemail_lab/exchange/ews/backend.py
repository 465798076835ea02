# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Site "Exchange Back End": serves EWS to front ends, and to nobody else."""

from __future__ import annotations

from aiohttp import web

from ...lab import Lab
from ..machine import Machine
from .authentication import USER_HEADER, is_front_end
from .operations import Operations
from .outbound import BACK_END
from .pages import EXCHANGE_ASMX, LARGEST_CONTENT, dated, error_page
from .soap import CONTENT_TYPE
from .starting import unable_to_serve
from .version import product_version


def application(lab: Lab, machine: Machine, operations: Operations) -> web.Application:
    """The back end's EWS on one host."""

    async def handle(request: web.Request) -> web.Response:
        unable = unable_to_serve(machine, BACK_END)
        if unable is not None:
            return unable
        if request.path.lower() != EXCHANGE_ASMX:
            return error_page(404, "404 - File or directory not found.")
        if not is_front_end(request, lab):
            return error_page(401, "401 - Unauthorized: Access is denied due to invalid credentials.")
        if request.method != "POST":
            return error_page(405, "405 - HTTP verb used to access this page is not allowed.")
        content = await request.read()
        user = request.headers.get(USER_HEADER, "")
        status, answer = operations.answer(content, user, product_version(machine))
        headers = {"Content-Type": CONTENT_TYPE, "X-BEServer": machine.name.upper()}
        return web.Response(status=status, body=answer, headers=headers)

    app = web.Application(client_max_size=LARGEST_CONTENT)
    app.on_response_prepare.append(dated(machine))
    app.router.add_route("*", "/{path:.*}", handle)
    return app

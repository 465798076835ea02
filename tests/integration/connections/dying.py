# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The local connection of a controller that is killed in the moment in which it is reset."""

from __future__ import annotations

import os
import signal

from ansible.plugins.connection.local import Connection as Local

DOCUMENTATION = """
name: dying
short_description: The local connection of a controller that is killed when it is reset
description: [For tests.]
author: pushops.securemail contributors (@pushops)
options: {}
"""


class Connection(Local):
    transport = "dying"

    def reset(self) -> None:
        os.kill(os.getppid(), signal.SIGKILL)
        os.kill(os.getpid(), signal.SIGKILL)

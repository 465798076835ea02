# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The WinRM service of a lab machine: WS-Management shells over HTTP, with Basic and NTLM."""

from .service import application

__all__ = ["application"]

# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a command line of a lab machine can start: cmd.exe's internal commands and the programs in System32."""

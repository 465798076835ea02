# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Starts the estate, waits until each service answers, stops it and leaves nothing behind."""

# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The vendor's push service: in every region a registration service and a listener, and one portal for all."""

# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""NetScaler: NITRO on the management address, and the Gateway virtual server through which devices come in."""

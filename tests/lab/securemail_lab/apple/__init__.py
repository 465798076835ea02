# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Apple as far as push needs it: the authority behind the developer portal, APNs, and the courier to the devices."""

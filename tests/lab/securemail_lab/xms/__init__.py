# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""XenMobile Server: the public REST API, the policies it holds, and what it hands to devices."""

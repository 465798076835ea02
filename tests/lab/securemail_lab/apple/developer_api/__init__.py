# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Apple's developer API: App Store Connect and the Enterprise Program, one team each."""

# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A Mac as far as wrapping needs it: a keychain with identities, ``security``, and the MDX Toolkit's command."""

# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Why a package cannot be read, as stable codes."""

from __future__ import annotations

from ..errors import UnexpectedState

MISSING_FILE = "missing-file"
NOT_A_ZIP = "not-a-zip"
DAMAGED = "damaged"
ENCRYPTED = "encrypted"
UNKNOWN_COMPRESSION = "unknown-compression"
TOO_LARGE = "too-large"
TOO_MANY_ENTRIES = "too-many-entries"
UNSAFE_NAME = "unsafe-name"
DUPLICATE_NAME = "duplicate-name"
MISSING_ENTRY = "missing-entry"
NOT_A_PACKAGE = "not-a-package"
MALFORMED_XML = "malformed-xml"
MALFORMED_PLIST = "malformed-plist"
MALFORMED_PROFILE = "malformed-profile"
AMBIGUOUS = "ambiguous"


class UnreadablePackage(UnexpectedState):
    """A file that is no .mdx and no .ipa, or one that must not be read further.

    :param reason: one of the codes of this module.
    """

    def __init__(self, reason: str, what: str, remedy: str = "Fetch the file again from where it was made") -> None:
        super().__init__(what, remedy)
        self.reason = reason

    def result(self) -> dict[str, str]:
        return {**super().result(), "reason": self.reason}

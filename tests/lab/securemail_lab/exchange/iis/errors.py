# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What IIS answers when it cannot do as told; each error carries the Win32 code that appcmd ends with."""

from __future__ import annotations

FILE_IN_USE = 32
LOCK_VIOLATION = 33
INVALID_DATA = 13
PATH_NOT_FOUND = 3
ALREADY_EXISTS = 183
INVALID_PARAMETER = 87
DISK_FULL = 112
NOT_FOUND = 1168
OBJECT_NOT_FOUND = 4312

#: The configuration system's own words (Microsoft.Web.Administration, IIS error page 500.19).
LOCKED = (
    "This configuration section cannot be used at this path. This happens when the section is locked at a parent "
    'level. Locking is either by default (overrideModeDefault="Deny"), or set explicitly by a location tag with '
    'overrideMode="Deny" or the legacy allowOverride="false".'
)


class IisError(Exception):
    """The request cannot be met: ``code`` is the Win32 error, ``text`` the message."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(text)
        self.code = code
        self.text = text

    @property
    def hresult(self) -> int:
        """The code as an HRESULT of FACILITY_WIN32."""
        return 0x80070000 | self.code


class FileFault(IisError):
    """A configuration file cannot be read or says what it may not; IIS answers HTTP 500.19 for it."""

    def __init__(self, code: int, text: str, file: str, line: int) -> None:
        super().__init__(code, text)
        self.file = file
        self.line = line


class DataFault(IisError):
    """A value outside its schema."""

    def __init__(self) -> None:
        super().__init__(INVALID_DATA, "The data is invalid.")


class CommitFault(IisError):
    """The change was made in memory and could not be committed; the file is as it was."""

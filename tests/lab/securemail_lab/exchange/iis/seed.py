# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The IIS configuration of a freshly installed Exchange server, of the shape that real ones have."""

from __future__ import annotations

import pathlib

from ...state import write_atomically
from ..machine import Machine
from .hierarchy import APPHOST_FILE

APPCMD = r"C:\Windows\System32\inetsrv\appcmd.exe"
_EXCHANGE = r"C:\Program Files\Microsoft\Exchange Server\V15"
_FILES = pathlib.Path(__file__).parent.parent / "files"
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
#: Windows path to template and whether the file begins with a byte order mark, as Exchange's do or do not.
_TARGETS = {
    APPHOST_FILE: ("applicationHost.config", False),
    r"C:\inetpub\wwwroot\web.config": ("default-web-site.config", True),
    rf"{_EXCHANGE}\FrontEnd\HttpProxy\EWS\web.config": ("front-end-ews.config", True),
    rf"{_EXCHANGE}\ClientAccess\exchweb\EWS\web.config": ("back-end-ews.config", False),
}
_EWS = tuple(path for path in _TARGETS if path.endswith(r"\EWS\web.config"))
_FOLDERS = (rf"{_EXCHANGE}\ClientAccess\exchweb\EWS\bin", r"C:\Windows\Temp")
_CLIENT_CERTIFICATES = '<access sslFlags="Ssl, SslNegotiateCert, Ssl128" />'

#: Folder of the installed build: Exchange 2019 CU11 and 2016 CU23 (Microsoft, "Exchange Server build numbers").
VERSIONS = {"2019": "15.2.986.5", "2016": "15.1.2507.6"}


def seed(machine: Machine, generation: str, client_certificates: bool) -> None:
    """Write what is missing: configuration files, and an empty appcmd.exe, which says that IIS's tools are installed.

    ``generation`` is a key of ``VERSIONS``; ``client_certificates`` has the front end's EWS ask for them.
    """
    for windows_path in _TARGETS:
        if not machine.path(windows_path).exists():
            _write(machine, windows_path, VERSIONS[generation], client_certificates)
    for folder in _FOLDERS:
        machine.path(folder).mkdir(parents=True, exist_ok=True)
    machine.path(APPCMD).touch()


def write_ews(machine: Machine, version: str) -> None:
    """Write both web.config files of EWS anew, as a cumulative update does: as shipped, whatever stood in them."""
    for windows_path in _EWS:
        _write(machine, windows_path, version)


def _write(machine: Machine, windows_path: str, version: str, client_certificates: bool = False) -> None:
    template, marked = _TARGETS[windows_path]
    replacements = {
        "@SERVER@": machine.name.upper(),
        "@VERSION@": version,
        "                @ACCESS@\n": f"                {_CLIENT_CERTIFICATES}\n" if client_certificates else "",
    }
    text = (_FILES / template).read_text(encoding="utf-8")
    for placeholder, value in replacements.items():
        text = text.replace(placeholder, value)
    content = text.replace("\n", "\r\n").encode()
    write_atomically(machine.path(windows_path), _BYTE_ORDER_MARK + content if marked else content)

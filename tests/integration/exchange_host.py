# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""One Exchange host of the lab as tests use it: its files, what they mean, and how Ansible reaches it."""

from __future__ import annotations

import json
import pathlib
import typing as t
from dataclasses import dataclass

from ansible_collections.pushops.securemail.tests.integration import running_lab
from ansible_collections.pushops.securemail.tests.integration.running_ansible import ROOT, Inventory
from securemail_lab.exchange import seed
from securemail_lab.exchange.ews.frontend import FRONT_END
from securemail_lab.exchange.host import ADMINISTRATOR
from securemail_lab.exchange.iis import BASIC_AUTHENTICATION, Iis
from securemail_lab.exchange.iis.dotnet import DefaultProxy, dotnet_default_proxy
from securemail_lab.exchange.iis.edits import SetAttribute
from securemail_lab.exchange.iis.hierarchy import APPHOST_FILE
from securemail_lab.exchange.machine import Machine
from securemail_lab.lab import Lab

FRONT, BACK = "Default Web Site/EWS", "Exchange Back End/EWS"
_EXCHANGE = r"C:\Program Files\Microsoft\Exchange Server\V15"
FRONT_FILE = rf"{_EXCHANGE}\FrontEnd\HttpProxy\EWS\web.config"
BACK_FILE = rf"{_EXCHANGE}\ClientAccess\exchweb\EWS\web.config"
#: Real configuration files of an Exchange 2019 (microsoft/CSS-Exchange), kept beside the project and not in it.
REAL_FILES = ROOT.parent / "shared" / "data" / "exchange-2019"
_REAL = {
    "applicationHost.config": APPHOST_FILE,
    "DefaultWebSite_web.config": r"C:\inetpub\wwwroot\web.config",
    "DefaultWebSite-EWS_web.config": FRONT_FILE,
    "ExchangeBackEnd-EWS_web.config": BACK_FILE,
    "ExchangeBackEnd-OWA_web.config": rf"{_EXCHANGE}\ClientAccess\owa\web.config",
}


@dataclass(frozen=True)
class ExchangeHost:
    """``exch01`` of a lab of its own."""

    lab: Lab
    name: str = "exch01"

    @classmethod
    def create(cls, folder: pathlib.Path) -> ExchangeHost:
        return cls.create_all(folder, "exch01")[0]

    @classmethod
    def create_all(cls, folder: pathlib.Path, *names: str) -> list[ExchangeHost]:
        """Several hosts of one lab."""
        lab = running_lab.create(folder, *names)
        for name in names:
            seed.seed(lab, name)
        return [cls(lab, name) for name in names]

    @property
    def machine(self) -> Machine:
        return Machine(self.name, self.lab.state(self.name))

    @property
    def password(self) -> str:
        return self.lab.secret("winrm")

    def offer_basic(self) -> None:
        """EWS's front end takes Basic, too; Exchange's setup turns it off."""
        edits = [SetAttribute("enabled", "true")]
        Iis(self.machine).commit(FRONT_END, BASIC_AUTHENTICATION, edits, "apphost")

    def inventory(self, **changed: t.Any) -> Inventory:
        """The host over HTTPS with NTLM; ``changed`` variables win."""
        variables = {
            "ansible_connection": "winrm",
            "ansible_host": self.lab.address(self.name),
            "ansible_port": self.lab.port("winrm-https"),
            "ansible_winrm_scheme": "https",
            "ansible_winrm_transport": "ntlm",
            "ansible_winrm_ca_trust_path": str(self.lab.ca_path),
            "ansible_winrm_connection_timeout": 10,
            "ansible_user": ADMINISTRATOR,
            "ansible_password": self.password,
        }
        return {"all": {"hosts": {self.name: {**variables, **changed}}}}

    def inventory_with_basic(self) -> Inventory:
        """The host over plain HTTP with Basic, which its WinRM settings must allow first."""
        scheme = {"ansible_winrm_scheme": "http", "ansible_port": self.lab.port("winrm")}
        return self.inventory(ansible_winrm_transport="basic", **scheme)

    def health(self, **changed: t.Any) -> dict[str, t.Any]:
        """The module's option: where EWS of this host is asked, and not for long."""
        address = self.lab.address(self.name)
        return {
            "url": f"https://{address}:{self.lab.port('https')}",
            "back_end_url": f"https://{address}:{self.lab.port('exchange-backend')}",
            "ca_path": str(self.lab.ca_path),
            "warm_up": 1,
            **changed,
        }

    def winrm_settings(self, **settings: t.Any) -> None:
        (self.machine.state / "winrm.json").write_text(json.dumps(settings), encoding="ascii")

    def take_real_configuration(self) -> None:
        """Put the files of a real Exchange 2019 in the place of the seeded ones."""
        for name, target in _REAL.items():
            path = self.machine.path(target)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes((REAL_FILES / name).read_bytes())

    # --- what is on the disk, and what it means to IIS and to .NET

    def files(self) -> dict[str, bytes]:
        """Every file of drive C, by its path below it."""
        drive = self.machine.state / "C"
        return {str(path.relative_to(drive)): path.read_bytes() for path in drive.rglob("*") if path.is_file()}

    def read(self, windows_path: str) -> str:
        return self.machine.path(windows_path).read_bytes().decode("utf-8-sig")

    def replace(self, windows_path: str, old: str, new: str) -> None:
        """Edit a file by hand; ``old`` must stand in it once."""
        path = self.machine.path(windows_path)
        content = path.read_bytes()
        assert content.count(old.encode()) == 1, (windows_path, old)
        path.write_bytes(content.replace(old.encode(), new.encode()))

    def read_ahead(self) -> int:
        return Iis(self.machine).upload_read_ahead_size(FRONT)

    def proxy_of_back_end(self) -> DefaultProxy:
        return dotnet_default_proxy(self.machine, BACK)

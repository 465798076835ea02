# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""When an EWS application cannot serve: its files, its pool, its start."""

from __future__ import annotations

import pathlib

import pytest

from securemail_lab.exchange import appcmd
from securemail_lab.exchange.ews.starting import fail_after_next_change, unable_to_serve
from securemail_lab.exchange.iis import seed
from securemail_lab.exchange.machine import Machine
from securemail_lab.exchange.pools import EWS_POOL, processes, restart

FRONT, BACK = "Default Web Site/EWS", "Exchange Back End/EWS"
_EXCHANGE = r"C:\Program Files\Microsoft\Exchange Server\V15"
FILES = {
    FRONT: rf"{_EXCHANGE}\FrontEnd\HttpProxy\EWS\web.config",
    BACK: rf"{_EXCHANGE}\ClientAccess\exchweb\EWS\web.config",
}


@pytest.fixture
def machine(tmp_path: pathlib.Path) -> Machine:
    machine = Machine("exch01", tmp_path)
    seed.seed(machine, "2019", client_certificates=True)
    return machine


def replace(machine: Machine, application: str, old: str, new: str) -> None:
    path = machine.path(FILES[application])
    content = path.read_bytes()
    assert old.encode() in content
    path.write_bytes(content.replace(old.encode(), new.encode(), 1))


def status(machine: Machine, application: str) -> int:
    refused = unable_to_serve(machine, application)
    return refused.status if refused else 200


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("</configuration>", ""),
        ("<system.web>", "<noSuchSection /><system.web>"),
        ("<security>", "<noSuchSection /><security>"),
        ("<security>", '<security><access sslFlags="None" />'),
        ("<security>", "<httpProtocol /><security>"),
        ("\n<configuration>", "\n<configuration><system.webServer><security><access /></security></system.webServer>"),
    ],
    ids=["malformed", "undeclared", "undeclared in the group", "locked above", "twice", "locked in a second group"],
)
@pytest.mark.parametrize("application", FILES)
def test_files_that_iis_cannot_read_are_500_for_that_application_alone(
    machine: Machine, application: str, old: str, new: str
) -> None:
    assert (status(machine, FRONT), status(machine, BACK)) == (200, 200)
    replace(machine, application, old, new)
    assert {each: status(machine, each) for each in FILES} == {
        each: 500 if each == application else 200 for each in FILES
    }


def test_a_section_that_the_file_declares_itself_is_read(machine: Machine) -> None:
    declared = '<configuration><configSections><section name="own" type="Own" /></configSections><own />'
    replace(machine, BACK, "<configuration>", declared)
    assert status(machine, BACK) == 200


def test_a_bad_bypass_expression_stops_no_request(machine: Machine) -> None:
    section = '<system.net><defaultProxy><bypasslist><add address="*(" /></bypasslist></defaultProxy></system.net>'
    replace(machine, BACK, "<system.web>", f"{section}<system.web>")
    assert status(machine, BACK) == 200


def test_a_stopped_pool_is_503_until_it_is_started(machine: Machine) -> None:
    def run(verb: str) -> int:
        return appcmd.run(machine, [verb, "apppool", f"/apppool.name:{EWS_POOL}"]).rc

    assert run("stop") == 0
    assert [status(machine, each) for each in FILES] == [503, 503]
    assert appcmd.run(machine, ["list", "apppool", EWS_POOL, "/text:state"]).stdout == b"Stopped\r\n"
    assert (run("stop"), run("recycle")) == (1062, 1062)
    assert (run("start"), run("start")) == (0, 1056)
    assert [status(machine, each) for each in FILES] == [200, 200]
    assert processes(machine, EWS_POOL) == 1


@pytest.mark.parametrize(
    ("recovers", "recycled", "restored"), [("restore", 500, 200), ("recycle", 200, 200), ("never", 500, 500)]
)
def test_an_application_that_does_not_start_after_a_change(
    machine: Machine, recovers: str, recycled: int, restored: int
) -> None:
    fail_after_next_change(machine, BACK, FILES[BACK], recovers)
    assert status(machine, BACK) == 200
    replace(machine, BACK, "<connectionStrings />", "")
    assert (status(machine, BACK), status(machine, FRONT)) == (500, 200)
    restart(machine, [EWS_POOL])
    assert status(machine, BACK) == recycled
    seed_again(machine)
    assert status(machine, BACK) == restored


def seed_again(machine: Machine) -> None:
    machine.path(FILES[BACK]).unlink()
    seed.seed(machine, "2019", client_certificates=True)


def test_a_stopped_site_is_not_found_whatever_its_pool_does(machine: Machine) -> None:
    config = machine.path(r"C:\Windows\System32\inetsrv\config\applicationHost.config")
    config.write_bytes(config.read_bytes().replace(b'id="2"', b'id="2" serverAutoStart="false"'))
    assert (status(machine, FRONT), status(machine, BACK)) == (200, 404)

# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The resolver: the real dnsmasq, with the lab's names and no others, which follows an edit of its file."""

from __future__ import annotations

import pathlib
import subprocess

import dns.message
import dns.query
import dns.rcode

from ansible_collections.pushops.securemail.tests.lab.tests import loopback
from securemail_lab.dns import dnsmasq
from securemail_lab.lab import Lab, create
from securemail_lab.supervisor.answers import answers
from securemail_lab.supervisor.estate import Door

DOOR = Door(dnsmasq.HOST, "dns", "dns", "the resolver")
LISTENER = "eu-west-1.mailboxlistener.xm.citrix.com"


def _ask(lab: Lab, name: str) -> tuple[str, list[str]]:
    response = dns.query.udp(dns.message.make_query(f"{name}.", "A"), lab.address("dns"), 5, lab.port("dns"))
    found = sorted(record.address for rrset in response.answer for record in rrset)
    return dns.rcode.to_text(response.rcode()), found


def test_it_knows_the_names_of_the_lab_and_follows_an_edit(tmp_path: pathlib.Path) -> None:
    lab = loopback.make_lab(tmp_path / "lab")
    with subprocess.Popen(dnsmasq.command(lab), stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as server:
        try:
            loopback.wait(lambda: server.poll() is not None or answers(lab, DOOR), "dnsmasq answers")
            assert _ask(lab, LISTENER) == ("NOERROR", lab.addresses("listener-emea"))
            assert _ask(lab, "nobody.xm.citrix.com") == ("NXDOMAIN", [])
            assert _ask(lab, "example.org") == ("REFUSED", [])
            moved = dnsmasq.hosts(lab).read_text().replace(lab.addresses("listener-emea")[0], "127.77.113.99")
            dnsmasq.hosts(lab).write_text(moved)
            loopback.wait(lambda: "127.77.113.99" in _ask(lab, LISTENER)[1], "the new address is known")
        finally:
            server.terminate()
            server.communicate(timeout=10)
    assert not answers(lab, DOOR)


def test_what_somebody_changed_is_kept(tmp_path: pathlib.Path) -> None:
    lab = create(tmp_path / "lab", "loopback", unprivileged=True)
    dnsmasq.seed(lab)
    dnsmasq.hosts(lab).write_text("127.77.113.99 only.example.com\n")
    dnsmasq.seed(lab)
    assert dnsmasq.hosts(lab).read_text() == "127.77.113.99 only.example.com\n"

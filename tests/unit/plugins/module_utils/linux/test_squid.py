# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Squid's configuration as Squid reads it, what of it stands in the way of a flow, and one file of ours in it."""

from __future__ import annotations

import pathlib
import typing as t

import pytest

from ansible_collections.pushops.securemail.plugins.module_utils.core.errors import (
    InvalidInput,
    Refused,
    UnexpectedState,
)
from ansible_collections.pushops.securemail.plugins.module_utils.core.flows import Flow
from ansible_collections.pushops.securemail.plugins.module_utils.core.reconcile import reconcile
from ansible_collections.pushops.securemail.plugins.module_utils.linux import squid_access, squid_conf
from ansible_collections.pushops.securemail.tests.unit.plugins.module_utils.linux.squid_folder import Folder, Host

FLOW = Flow("listener", "listener.example.com", ("192.0.2.11", "192.0.2.16/28"), ("203.0.113.21",), (443,))


@pytest.fixture
def folder(tmp_path: pathlib.Path) -> Folder:
    made = Folder(tmp_path)
    made.ours.parent.mkdir()
    made.ours.with_name("debian.conf").write_text("logfile_rotate 0\n", encoding="utf-8")
    made.write("http_port 3128")
    return made


def test_includes_are_read_in_their_place_and_ours_is_left_out(folder: Folder) -> None:
    folder.ours.write_text("acl pushops_connect method CONNECT\n", encoding="utf-8")
    read = folder.configuration()
    assert [line.text for line in read.lines] == ["http_port 3128", "logfile_rotate 0", "http_access deny all"]
    assert read.place == 1, "00-ours.conf comes before debian.conf"
    assert read.staged("ours\n").splitlines() == ["http_port 3128", "ours", "logfile_rotate 0", "http_access deny all"]


def test_continued_lines_comments_and_quotes(folder: Folder) -> None:
    folder.write("acl sites dstdomain \\", "  .example.org # theirs", '# include "/nowhere"', 'acl x src "/etc/a b"')
    words = [line.words for line in folder.configuration().lines]
    assert words[:3] == [["acl", "sites", "dstdomain", ".example.org"], [], ["acl", "x", "src", '"/etc/a b"']]
    assert str(folder.configuration().lines[-1]) == f"{folder.main}:6"


def test_a_circle_of_includes_and_a_second_include_are_named(folder: Folder) -> None:
    folder.write(f"include {folder.ours}")
    with pytest.raises(UnexpectedState, match="is included 2 times"):
        folder.configuration()
    folder.write(f"include {folder.main}")
    with pytest.raises(UnexpectedState, match="Break the circle"):
        folder.configuration()


def test_a_glob_takes_in_no_file_of_a_folder_below(folder: Folder) -> None:
    folder.main.unlink()
    text = f"include {folder.path}/*.conf\n"
    assert squid_conf.read(str(folder.path / "main"), str(folder.ours), lambda _name: text).place is None


@pytest.mark.parametrize(
    ("before", "stands_in_the_way"),
    [
        (["acl SSL_ports port 443", "http_access deny CONNECT !SSL_ports"], False),
        (["acl SSL_ports port 563", "http_access deny CONNECT !SSL_ports"], True),
        (["acl SSL_ports port 563", "acl SSL_ports port 400-500", "http_access deny CONNECT !SSL_ports"], False),
        (["http_access deny manager"], False),
        (["http_access deny to_localhost"], False),
        (["acl posts method POST PUT", "http_access deny posts"], False),
        (["http_access deny all"], True),
        (["http_access deny !localhost"], True),
        (["http_access deny localhost"], False),
        (["acl theirs src 198.51.100.0/24", "http_access deny theirs"], False),
        (["acl half src 192.0.2.11", "http_access deny half"], True),
        (["acl range src 192.0.2.1-192.0.2.40", "http_access deny range"], True),
        (["acl inside src 192.0.2.1-192.0.2.40", "http_access deny !inside"], False),
        (["acl target dst 203.0.113.0/24", "http_access deny target"], True),
        (["acl name dstdomain -n .example.com", "http_access deny name"], True),
        (["acl name dstdomain .example.org", "http_access deny name"], False),
        (["acl users proxy_auth REQUIRED", "http_access deny !users"], True),
        (['acl listed src "/etc/squid/listed"', "http_access deny listed"], True),
        (["http_access deny unheard_of"], True),
        (["http_access allow all"], False),
    ],
)
def test_an_earlier_deny_that_may_match_stands_in_the_way(
    folder: Folder, before: list[str], stands_in_the_way: bool
) -> None:
    folder.write(*before)
    judged = folder.configuration(), str(folder.ours), str(folder.main), [FLOW]
    if stands_in_the_way:
        with pytest.raises(UnexpectedState, match=rf"squid.conf:{len(before)} 'http_access deny .*may deny listener"):
            squid_access.expect_effective(*judged)
    else:
        squid_access.expect_effective(*judged)


def test_an_acl_that_is_widened_behind_its_deny_stands_in_the_way_too(folder: Folder) -> None:
    folder.write("acl theirs src 198.51.100.1", "http_access deny theirs")
    with folder.main.open("a", encoding="utf-8") as stream:
        stream.write("acl theirs src 192.0.2.11\n")
    with pytest.raises(UnexpectedState, match="may deny listener"):
        squid_access.expect_effective(folder.configuration(), str(folder.ours), str(folder.main), [FLOW])


@pytest.mark.parametrize(
    ("lines", "passes"),
    [
        ([], False),
        (["http_access deny manager"], True),
        (["http_access allow manager"], False),
        (["http_access allow all"], True),
        (["acl half src 192.0.2.11", "http_access allow half"], None),
        (["acl half src 192.0.2.11", "http_access allow half", "http_access allow all"], True),
        (["acl half src 192.0.2.11", "http_access deny half", "http_access allow all"], None),
        (["acl users proxy_auth REQUIRED", "http_access deny !users", "http_access allow all"], None),
        (["acl users proxy_auth REQUIRED", "http_access allow users", "http_access deny all"], None),
        (["http_access deny CONNECT", "http_access allow all"], False),
    ],
)
def test_the_first_access_line_that_matches_decides(folder: Folder, lines: list[str], passes: bool | None) -> None:
    folder.main.write_text("\n".join(lines), encoding="utf-8")
    assert squid_access.may_connect(folder.configuration().lines, FLOW) is passes


def test_names_are_matched_as_asked_and_every_source_is_named() -> None:
    text = squid_access.render([FLOW])
    assert "acl pushops_listener_to dstdomain -n listener.example.com\n" in text
    assert [line for line in text.splitlines() if " src " in line] == [
        "acl pushops_listener_from src 192.0.2.11",
        "acl pushops_listener_from src 192.0.2.16/28",
    ]
    assert text.count("http_access") == 1 and "deny" not in text


@pytest.mark.parametrize("missing", [{"fqdn": ""}, {"sources": ()}])
def test_a_flow_without_name_or_sources_is_refused(missing: dict[str, t.Any]) -> None:
    with pytest.raises(InvalidInput, match=rf"flows\[0\].{next(iter(missing))} is"):
        squid_access.check([Flow(**{**vars(FLOW), **missing})])


def test_it_is_parsed_in_its_place_before_it_is_live(folder: Folder) -> None:
    host = Host()
    outcome = reconcile(folder.proxy(host, FLOW), check_mode=False)
    assert outcome.changed and host.asked == ["parse", "check", "reconfigure"]
    assert folder.ours.read_text(encoding="utf-8") in host.parsed
    assert host.parsed.index("pushops_connect") < host.parsed.index("http_access deny all")
    assert not reconcile(folder.proxy(host, FLOW), check_mode=False).changed
    assert host.asked == ["parse", "check", "reconfigure"]


@pytest.mark.parametrize(
    "answers",
    [
        {"parse": (1, "FATAL: Bungled squid.conf line 3: no\n")},
        {"parse": (0, "2026/01/01 00:00:00| aclParseAclLine: ACL 'pushops_connect' already exists\n")},
        {"reconfigure": (1, "squid: ERROR: Could not send signal 1\n")},
    ],
    ids=["refused", "refused with exit code 0", "not taken"],
)
@pytest.mark.parametrize("before", [None, "acl pushops_old method CONNECT\n"])
def test_what_squid_refuses_leaves_the_old_file(
    folder: Folder, before: str | None, answers: dict[str, tuple[int, str]]
) -> None:
    if before:
        folder.ours.write_text(before, encoding="utf-8")
    with pytest.raises(Refused, match="nothing was changed|is as it was"):
        reconcile(folder.proxy(Host(**answers), FLOW), check_mode=False)
    assert (folder.ours.read_text(encoding="utf-8") if folder.ours.exists() else None) == before


def test_comments_in_another_encoding_are_no_obstacle(folder: Folder) -> None:
    folder.main.write_bytes("# für alle\n".encode("latin-1") + folder.main.read_bytes())
    host = Host()
    assert reconcile(folder.proxy(host, FLOW), check_mode=False).changed and host.asked[0] == "parse"


def test_absent_asks_nothing_of_the_rest(folder: Folder) -> None:
    reconcile(folder.proxy(Host(), FLOW), check_mode=False)
    folder.write("http_access deny all")
    assert reconcile(folder.proxy(Host(), *()), check_mode=False).changed
    assert not folder.ours.exists()

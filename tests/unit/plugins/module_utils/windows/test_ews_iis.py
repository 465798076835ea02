# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Both EWS applications of a host: {absent, present} x {changed, idempotent} x {check, real}, and every refusal."""

from __future__ import annotations

import datetime
import typing as t

import pytest

from ansible_collections.pushops.securemail.plugins.module_utils.core.errors import (
    InvalidInput,
    PushOpsError,
    Refused,
    UnexpectedState,
)
from ansible_collections.pushops.securemail.plugins.module_utils.core.reconcile import reconcile
from ansible_collections.pushops.securemail.plugins.module_utils.windows import proxy_bypass
from ansible_collections.pushops.securemail.plugins.module_utils.windows.backups import Backups
from ansible_collections.pushops.securemail.plugins.module_utils.windows.ews_iis import EwsIis
from ansible_collections.pushops.securemail.plugins.module_utils.windows.ews_iis_spec import parse_desired
from ansible_collections.pushops.securemail.plugins.module_utils.windows.runner import CommandResult

FRONT_END, BACK_END = "Default Web Site/EWS", "Exchange Back End/EWS"
RUNTIME, PROXY = "system.webServer/serverRuntime", "system.net/defaultProxy"
ACCESS = "system.webServer/security/access"
LISTENER = "eu-west-1.mailboxlistener.xm.citrix.com"
OURS = r"^https://eu-west-1\.mailboxlistener\.xm\.citrix\.com(:443)?$"
NOON = datetime.datetime(2026, 1, 2, 12, 0, 0, tzinfo=datetime.UTC)
STAMP = "pushops-20260102T120000Z.bak"
FOREIGN = (
    '<proxy usesystemdefault="true" bypassonlocal="true" /><bypasslist><add address="^http://old$" /></bypasslist>'
)

Result = dict[str, t.Any]


def declared(**changes: t.Any) -> Result:
    return {
        "state": "present",
        "upload_read_ahead_size": 49152,
        "client_certificate_auth": True,
        "proxy_bypass": [{"fqdn": LISTENER, "port": 443}],
        "prune": False,
        "proxy": "",
        "front_end": FRONT_END,
        "back_end": BACK_END,
        **changes,
    }


def run(host: t.Any, check: bool = False, **changes: t.Any) -> Result:
    """What the action plugin returns."""
    backups = Backups(host, now=lambda: NOON, wait=lambda _: None)
    resource = EwsIis(host, parse_desired(declared(**changes)), "exch01", backups, wait=lambda _: None)
    outcome = reconcile(resource, check)
    return outcome.result() | resource.describe(outcome)


def defaultproxy(content: str) -> str:
    return f"<system.net><defaultProxy>{content}</defaultProxy></system.net>"


def snapshot(host: t.Any) -> object:
    return dict(host.files), str(host.locations)


@pytest.fixture(params=["present", "absent"])
def state(request: pytest.FixtureRequest, host: t.Any) -> str:
    """A state that is not reached yet, on a host made ready for it."""
    if request.param == "absent":
        run(host)
        host.writes.clear()
    return str(request.param)


def test_check_mode_changes_nothing_and_shows_what_applying_does(host: t.Any, state: str) -> None:
    before = snapshot(host)
    predicted = run(host, check=True, state=state, upload_read_ahead_size=4096)
    assert snapshot(host) == before and not host.writes
    applied = run(host, state=state, upload_read_ahead_size=4096)
    assert predicted["changed"] and applied["changed"] and len(predicted["changes"]) == 2
    assert {**applied, "backups": []} == predicted
    assert len(applied["backups"]) == 2


@pytest.mark.parametrize("check", [True, False])
def test_the_second_run_changes_nothing(host: t.Any, state: str, check: bool) -> None:
    first = run(host, state=state)
    host.writes.clear()
    before = snapshot(host)
    second = run(host, check=check, state=state)
    assert not second["changed"] and second["changes"] == [] and second["backups"] == []
    assert snapshot(host) == before and not host.writes
    assert second["proxy_bypass"]["before"] == first["proxy_bypass"]["after"]


def test_present_writes_each_section_once_where_it_takes_effect(host: t.Any) -> None:
    result = run(host)
    assert result["upload_read_ahead_size"] == {"before": 0, "after": 49152}
    assert result["proxy_bypass"] == {"before": [], "after": [OURS]}
    assert result["commit_paths"] == {RUNTIME: FRONT_END, PROXY: BACK_END}
    assert {change["link"] for change in result["changes"]} == {"read-ahead", "proxy-bypass"}
    assert [line.split()[1] for line in host.writes if "appcmd" in line] == ["set", "set"]
    assert 'uploadReadAheadSize="49152"' in host.web_config(FRONT_END)
    assert '<proxy usesystemdefault="true" bypassonlocal="true" />' in host.web_config(BACK_END)
    assert result["diff"]["before"][f"{PROXY} of {BACK_END}"] is None
    assert result["warnings"] == []


def test_the_files_are_copied_as_they_were_before_anything_is_written(host: t.Any) -> None:
    before = {host.web_config(FRONT_END), host.web_config(BACK_END)}
    result = run(host)
    assert {host.files[copy] for copy in result["backups"]} == before
    assert all(copy.endswith(f"web.config.{STAMP}") for copy in result["backups"])
    assert [line.split()[0] for line in host.writes[:2]] == ["copy", "copy"]


def test_present_and_absent_give_back_the_files_meaning(host: t.Any) -> None:
    run(host)
    result = run(host, state="absent", upload_read_ahead_size=0)
    assert result["upload_read_ahead_size"] == {"before": 49152, "after": 0}
    assert result["proxy_bypass"] == {"before": [OURS], "after": []}
    assert "defaultProxy" not in host.web_config(BACK_END)
    assert result["diff"]["after"][f"{PROXY} of {BACK_END}"] is None


def test_absent_leaves_the_read_ahead_unless_it_is_given(host: t.Any) -> None:
    run(host)
    assert run(host, state="absent", upload_read_ahead_size=None)["upload_read_ahead_size"]["after"] == 49152


def test_foreign_entries_stay_in_their_order(host: t.Any) -> None:
    host.put_web_config(BACK_END, defaultproxy(FOREIGN))
    assert run(host)["proxy_bypass"]["after"] == ["^http://old$", OURS]
    assert run(host, state="absent")["proxy_bypass"]["after"] == ["^http://old$"]
    assert "usesystemdefault" in host.web_config(BACK_END)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("", "http://p.example.com:3128"),
        ("http://p.example.com:1", "http://q.example.com:2"),
    ],
)
def test_the_proxy_beside_the_list_follows_what_is_declared(host: t.Any, before: str, after: str) -> None:
    run(host, proxy=before)
    assert run(host, proxy=after)["changed"]
    assert not run(host, proxy=after)["changed"]
    assert (f'proxyaddress="{after}"' in host.web_config(BACK_END)) == bool(after)
    assert 'usesystemdefault="false"' in host.web_config(BACK_END)


@pytest.mark.parametrize(
    ("attributes", "entry"),
    [
        ('proxyaddress="http://corp.example.com:8080" usesystemdefault="false"', ".*citrix.*"),
        ('proxyaddress="http://corp.example.com:8080"', "^https://www"),
        ('usesystemdefault="false"', "^https://www"),
    ],
)
def test_where_no_proxy_is_declared_the_one_that_decides_stays(host: t.Any, attributes: str, entry: str) -> None:
    section = f'<proxy {attributes} /><bypasslist><add address="{entry}" /></bypasslist>'
    host.put_web_config(BACK_END, f"<system.net><defaultProxy>{section}</defaultProxy></system.net>")
    assert run(host, proxy="")["changed"]  # the read-ahead, at least
    assert host.web_config(BACK_END).count("<proxy ") == 1
    assert all(attribute in host.web_config(BACK_END) for attribute in attributes.split())
    assert "bypassonlocal" not in host.web_config(BACK_END)


@pytest.mark.parametrize("entry", ["it's", "%windir%", 'a"b'])
def test_an_inherited_entry_that_appcmd_cannot_be_given_is_refused_before_a_write(entry: str) -> None:
    with pytest.raises(UnexpectedState, match="which appcmd cannot be given.*by hand"):
        proxy_bypass.write_lines(BACK_END, None, proxy_bypass.DefaultProxy({}, (entry,)))


@pytest.mark.parametrize(
    ("flags", "declared_size", "present", "after"),
    [
        ("Ssl, SslNegotiateCert", None, 0, 49152),
        ("SslRequireCert", None, 4096, 49152),
        ("104", None, 0, 49152),
        ("0x400, ssl, sslnegotiatecert, SslNobodyKnows", None, 0, 49152),
        ("Ssl, SslNegotiateCert", None, 10485760, 10485760),
        ("Ssl, SslNegotiateCert", 49152, 10485760, 49152),
        ("Ssl, SslNegotiateCert", 1048576, 49152, 1048576),
        ("Ssl, Ssl128", None, 0, 0),
        ("", None, 0, 0),
        ("1032, SslMapCert", None, 0, 0),
        ("Ssl, Ssl128", 1048576, 0, 1048576),
        ("Ssl, SslNegotiateCert", 0, 49152, 0),
    ],
)
@pytest.mark.parametrize("certificates", [True, False, None])
def test_the_read_ahead_follows_the_flags_unless_it_is_declared(
    host: t.Any, certificates: bool | None, flags: str, declared_size: int | None, present: int, after: int
) -> None:
    host.put_apphost(FRONT_END, ACCESS, f'<access sslFlags="{flags}" />')
    host.put_web_config(
        FRONT_END, f'<system.webServer><serverRuntime uploadReadAheadSize="{present}" /></system.webServer>'
    )
    result = run(host, client_certificate_auth=certificates, upload_read_ahead_size=declared_size)
    assert result["upload_read_ahead_size"] == {"before": present, "after": after}
    assert (RUNTIME in result["commit_paths"]) == (present != after)


def test_a_value_that_only_applicationhost_holds_counts_as_effective(host: t.Any) -> None:
    host.put_web_config(FRONT_END, "")
    host.put_apphost(FRONT_END, RUNTIME, '<serverRuntime uploadReadAheadSize="49152" />')
    assert RUNTIME not in run(host)["commit_paths"]


def test_a_locked_server_runtime_is_written_to_applicationhost(host: t.Any) -> None:
    host.put_web_config(FRONT_END, "")
    host.put_apphost(FRONT_END, RUNTIME, '<serverRuntime uploadReadAheadSize="0" />')
    host.locked.add(RUNTIME)
    result = run(host)
    assert result["commit_paths"][RUNTIME] == "MACHINE/WEBROOT/APPHOST"
    assert any("applicationHost.config" in copy for copy in result["backups"])
    assert not run(host)["changed"]


def test_a_bypass_that_only_applicationhost_holds_is_not_there_for_dotnet(host: t.Any) -> None:
    section = f'<defaultProxy><bypasslist><add address="{OURS}" /></bypasslist></defaultProxy>'
    host.put_apphost(BACK_END, PROXY, section)
    checked = run(host, check=True)
    assert checked["proxy_bypass"] == {"before": [], "after": [OURS]}
    assert any(OURS in warning and "where .NET looks" in warning for warning in checked["warnings"])
    run(host)
    assert OURS in host.web_config(BACK_END)
    assert not run(host)["changed"]


def test_an_empty_list_leaves_the_back_end_alone(host: t.Any) -> None:
    host.put_web_config(BACK_END, defaultproxy('<proxy autoDetect="true" />'))
    before = host.web_config(BACK_END)
    assert PROXY not in run(host, proxy_bypass=[])["commit_paths"]
    assert host.web_config(BACK_END) == before


@pytest.mark.parametrize(
    ("flags", "certificates", "size", "words"),
    [
        ("Ssl, Ssl128", None, 65537, ["anonymous clients fill"]),
        ("Ssl, Ssl128", None, 65536, []),
        ("Ssl, Ssl128", True, 65536, ["client_certificate_auth is true, but", "is raised only once"]),
        ("Ssl, Ssl128", False, 65536, []),
        ("Ssl, SslNegotiateCert", True, 10485760, []),
        ("Ssl,SslRequireCert", None, 10485760, []),
        ("Ssl, SslNegotiateCert", False, 49152, ["client_certificate_auth is false, but", "follows the flags"]),
        ("Ssl, SslNegotiateCert", True, 4096, ["HTTP 413"]),
    ],
)
def test_what_does_not_agree_is_warned_about(
    host: t.Any, flags: str, certificates: bool | None, size: int, words: list[str]
) -> None:
    host.put_apphost(FRONT_END, ACCESS, f'<access sslFlags="{flags}" />')
    warnings = run(host, client_certificate_auth=certificates, upload_read_ahead_size=size)["warnings"]
    assert len(warnings) == bool(words)
    for word in words:
        assert word in warnings[0]


def test_an_entry_that_breaks_the_section_is_refused_and_never_removed(host: t.Any) -> None:
    broken = '<bypasslist><add address="*.contoso.com" />{}</bypasslist>'
    host.put_web_config(BACK_END, defaultproxy(broken.format("")))
    with pytest.raises(UnexpectedState, match=r"holds '\*\.contoso\.com', which is no regular expression"):
        run(host)
    assert not host.writes
    host.put_web_config(BACK_END, defaultproxy(broken.format(f'<add address="{OURS}" />')))
    result = run(host, state="absent")
    assert result["proxy_bypass"]["after"] == ["*.contoso.com"]
    assert any("*.contoso.com" in warning for warning in result["warnings"])


def test_an_entry_that_covers_the_listener_is_enough(host: t.Any) -> None:
    attributes = '<proxy usesystemdefault="true" bypassonlocal="true" />'
    host.put_web_config(BACK_END, defaultproxy(f'{attributes}<bypasslist><add address=".*" /></bypasslist>'))
    result = run(host)
    assert result["proxy_bypass"] == {"before": [".*"], "after": [".*"]}
    assert PROXY not in result["commit_paths"]


def test_pruning_is_asked_for(host: t.Any) -> None:
    run(host, proxy_bypass=[{"fqdn": LISTENER.replace("eu-west", "us-east"), "port": 443}])
    theirs = OURS.replace("eu-west", "us-east")
    assert run(host)["proxy_bypass"]["after"] == [theirs, OURS]
    pruned = run(host, prune=True)
    assert pruned["proxy_bypass"] == {"before": [theirs, OURS], "after": [OURS]}
    assert not run(host, prune=True)["changed"]


def test_absent_restores_the_proxy_that_stood_there(host: t.Any) -> None:
    host.put_web_config(BACK_END, defaultproxy('<proxy bypassonlocal="false" proxyaddress="http://old.example.com" />'))
    run(host, proxy="http://new.example.com:3128")
    run(host, state="absent", proxy="http://new.example.com:3128")
    assert 'bypassonlocal="false"' in host.web_config(BACK_END)
    assert 'proxyaddress="http://old.example.com"' in host.web_config(BACK_END)
    assert "usesystemdefault" not in host.web_config(BACK_END)
    assert not run(host, state="absent", proxy="http://new.example.com:3128")["changed"]


def test_absent_without_a_copy_keeps_what_may_be_somebody_elses(host: t.Any) -> None:
    host.put_web_config(BACK_END, defaultproxy(FOREIGN))
    run(host)
    for copy in [name for name in host.files if name.endswith(".bak")]:
        del host.files[copy]
    run(host, state="absent")
    assert 'usesystemdefault="true"' in host.web_config(BACK_END) and "^http://old$" in host.web_config(BACK_END)


# --- where a value is defined


APPHOST = "MACHINE/WEBROOT/APPHOST"


@pytest.mark.parametrize(
    ("own", "tags", "locked", "before", "written"),
    [
        ("0", {}, False, {"commit_path": f"{APPHOST}/{FRONT_END}", "location": ""}, FRONT_END),
        ("0", {FRONT_END: "5"}, False, {"commit_path": f"{APPHOST}/{FRONT_END}", "location": ""}, FRONT_END),
        ("", {FRONT_END: "0"}, False, {"commit_path": APPHOST, "location": FRONT_END}, APPHOST),
        ("", {FRONT_END: "0"}, True, {"commit_path": APPHOST, "location": FRONT_END}, APPHOST),
        ("", {}, False, None, FRONT_END),
        ("", {}, True, None, APPHOST),
    ],
)
def test_a_value_is_written_where_it_stands_or_at_the_nearest_place_that_wins(
    host: t.Any, own: str, tags: dict[str, str], locked: bool, before: dict[str, str] | None, written: str
) -> None:
    runtime = f'<serverRuntime uploadReadAheadSize="{own}" />' if own else ""
    host.put_web_config(FRONT_END, f"<system.webServer>{runtime}</system.webServer>")
    for path, size in tags.items():
        host.put_apphost(path, RUNTIME, f'<serverRuntime uploadReadAheadSize="{size}" />')
    host.locked |= {RUNTIME} if locked else set()
    predicted = run(host, check=True, upload_read_ahead_size=4096)
    result = run(host, upload_read_ahead_size=4096)
    location = FRONT_END if written == APPHOST else ""
    after = {"commit_path": written if location else f"{APPHOST}/{written}", "location": location}
    assert result["defined_in"]["uploadReadAheadSize"] == {"before": before, "after": after}
    assert predicted["defined_in"] == result["defined_in"]
    assert result["commit_paths"][RUNTIME] == written
    assert run(host, upload_read_ahead_size=4096)["defined_in"]["uploadReadAheadSize"]["before"] == after


def test_the_diff_says_where_each_value_stands(host: t.Any) -> None:
    diff = run(host, check=True)["diff"]
    name = f"uploadReadAheadSize of {FRONT_END}"
    assert (diff["before"][name], diff["after"][name]) == (
        f"0 (web.config of {FRONT_END})",
        f"49152 (web.config of {FRONT_END})",
    )
    assert diff["after"][f"{PROXY} of {BACK_END}"]["defined_in"] == f"web.config of {BACK_END}"


def test_all_that_is_usual_is_read_with_one_command(host: t.Any) -> None:
    run(host)
    host.commands, host.reads[:] = 0, []
    assert not run(host)["changed"]
    assert host.commands == 1


def test_another_folder_of_the_back_end_costs_a_second_command(host: t.Any) -> None:
    host.variables["%ExchangeInstallPath%"] = "D:\\Exchange\\"
    assert run(host)["proxy_bypass"]["after"] == [OURS]


def _hresult(rc: int, hresult: str) -> CommandResult:
    return CommandResult(rc, f"ERROR ( hresult:{hresult}, message:... )")


@pytest.mark.parametrize(
    ("fault", "result", "kind", "words"),
    [
        ("list vdir", CommandResult(1), Refused, "no application"),
        ("list config", CommandResult(1168, "ERROR ( message:... )"), Refused, "no such site"),
        ("list config", _hresult(13, "8007000d"), UnexpectedState, "malformed"),
        ("list config", _hresult(5, "80070005"), Refused, "access was denied"),
        ("appcmd.exe", CommandResult(1, "", "path not found"), Refused, "does not start"),
        ("type", CommandResult(1, "", "not found"), Refused, "cannot be read"),
        ("type", CommandResult(0, "<configuration>"), UnexpectedState, "malformed"),
        ("copy", CommandResult(1, "", "disk full"), Refused, "Nothing was changed"),
        ("set config", _hresult(33, "80070021"), Refused, "locked"),
        ("set config", _hresult(5, "80070005"), Refused, "access was denied"),
    ],
)
def test_every_refusal_is_one_error_and_changes_no_configuration(
    host: t.Any, fault: str, result: CommandResult, kind: type[PushOpsError], words: str
) -> None:
    host.faults[fault] = [result]
    before = host.web_config(FRONT_END), host.web_config(BACK_END), snapshot(host)[1]  # type: ignore[index]
    with pytest.raises(PushOpsError, match=words) as raised:
        run(host)
    assert isinstance(raised.value, kind) and raised.value.remedy
    assert (host.web_config(FRONT_END), host.web_config(BACK_END), str(host.locations)) == before


def test_a_locked_proxy_section_is_refused_before_anything_is_written(host: t.Any) -> None:
    host.locked.add(PROXY)
    with pytest.raises(UnexpectedState, match="unlock config"):
        run(host)
    assert not host.writes


def test_a_second_write_that_fails_says_what_the_first_has_written(host: t.Any) -> None:
    host.faults["uploadReadAheadSize:"] = [_hresult(5, "80070005")]
    with pytest.raises(Refused, match=f"Written before it: {PROXY} of {BACK_END}"):
        run(host)


def test_a_held_file_is_written_once_it_is_free(host: t.Any) -> None:
    host.faults["set config"] = [_hresult(32, "80070020")] * 2
    assert run(host)["changed"]


def test_a_write_without_effect_is_an_error(host: t.Any) -> None:
    host.faults["uploadReadAheadSize:"] = [CommandResult(0, "Applied configuration changes")]
    before = dict(host.files)
    with pytest.raises(Refused, match=r"reads '0 \(web.config.*asked was '49152 \(web.config.*The files are back"):
        run(host)
    assert {file: text for file, text in host.files.items() if not file.endswith(".bak")} == before


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"upload_read_ahead_size": -1}, "upload_read_ahead_size"),
        ({"upload_read_ahead_size": 2147483648}, "upload_read_ahead_size"),
        ({"proxy_bypass": [{"fqdn": "*.citrix.com", "port": 443}]}, r"proxy_bypass\[0\].fqdn"),
        ({"proxy_bypass": [{"fqdn": LISTENER, "port": 0}]}, r"proxy_bypass\[0\].port"),
        ({"proxy": "https://p.example.com"}, "^proxy is"),
        ({"prune": True, "proxy_bypass": []}, "^prune is"),
        ({"front_end": "Default Web Site"}, "front_end"),
        ({"back_end": ""}, "back_end"),
        ({"front_end": 'Default" Web Site/EWS'}, "command line argument"),
    ],
)
def test_values_that_cannot_be_right_are_refused(host: t.Any, changes: Result, field: str) -> None:
    with pytest.raises(InvalidInput, match=field):
        run(host, **changes)
    assert not host.writes

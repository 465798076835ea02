# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""No secret comes out at -vvvv: not in the output, the results, the files, the arguments or the environment."""

from __future__ import annotations

import base64
import contextlib
import datetime
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import typing as t
from dataclasses import dataclass, field
from unittest import mock
from urllib.parse import quote

import pytest

from ansible_collections.pushops.securemail.plugins.module_utils.windows.listener import Listener
from ansible_collections.pushops.securemail.tests.integration import running_lab
from ansible_collections.pushops.securemail.tests.integration.certificate_site import (
    KEY_PASSPHRASE,
    PKCS12_PASSPHRASE,
    CertificateSite,
)
from ansible_collections.pushops.securemail.tests.integration.connect_proxy import ConnectProxy
from ansible_collections.pushops.securemail.tests.integration.exchange_host import BACK_FILE, FRONT_FILE, ExchangeHost
from ansible_collections.pushops.securemail.tests.integration.netscaler_host import NetScaler
from ansible_collections.pushops.securemail.tests.integration.running_ansible import (
    CONTROLLER,
    Ansible,
    Inventory,
    Task,
    run_bounded,
)
from ansible_collections.pushops.securemail.tests.integration.unattended_site import (
    PROGRAMS,
    UnattendedSite,
    Webhook,
)
from ansible_collections.pushops.securemail.tests.integration.unattended_site import SECRETS as SCHEDULE_SECRETS
from ansible_collections.pushops.securemail.tests.integration.watching_processes import watching_processes
from ansible_collections.pushops.securemail.tests.integration.winrm_logins import (
    HOST,
    PRINCIPAL,
    USER,
    kerberos,
    over_http,
)
from ansible_collections.pushops.securemail.tests.unit.plugins.module_utils.apple.push_ca import NOW
from securemail_lab.apple import authority
from securemail_lab.apple import seed as apple_seed
from securemail_lab.apple.developer_api import api as developer_api
from securemail_lab.apple.developer_api.signing_in import role_of
from securemail_lab.apple.developer_api.team import APIS, Team
from securemail_lab.exchange.host import ADMINISTRATOR
from securemail_lab.kerberos import Realm
from securemail_lab.netscaler import sessions as netscaler_sessions
from securemail_lab.netscaler.seed import LOGIN as NETSCALER_LOGIN
from securemail_lab.netscaler.showing import NSROOT
from securemail_lab.state import JsonFile
from securemail_lab.xms import seed as xms_seed

WRONG = "canary-wrong-password-5d0e"
PROXY_USER, PROXY_PASSWORD = "svc-proxy", "canary-proxy-password-93c7"
SESSION = "##CANARY5E5510"
FQDN = "eu-west-1.mailboxlistener.xm.citrix.com"
EWS: dict[str, t.Any] = {"client_certificate_auth": True, "proxy_bypass": [{"fqdn": FQDN}]}


@dataclass(frozen=True)
class Scenario:
    """One run.

    :param secrets: what must not come out, each with the user that it signs in, if any.
    :param kept: files, or folders of files, that must hold them.
    :param environment: what Ansible is started with beside this process's own.
    """

    inventory: Inventory
    task: Task
    secrets: t.Sequence[tuple[str, str]]
    kept: tuple[pathlib.Path, ...] = ()
    succeeds: bool = True
    environment: t.Mapping[str, str] = field(default_factory=dict)


MAILBOX = "alex@contoso.com"
FLOW = {"name": "listener", "fqdn": FQDN, "destinations": ["203.0.113.21"]}
FIREWALL: Task = {"pushops.securemail.push_firewall_windows": {"flows": [FLOW]}}
INFO: Task = {"pushops.securemail.exchange_push_info": {"flows": [FLOW]}}


@contextlib.contextmanager
def exchange(
    folder: pathlib.Path,
    basic: bool = False,
    password: str = "",
    malformed: bool = False,
    task: Task | None = None,
) -> t.Iterator[Scenario]:
    host = ExchangeHost.create(folder / "lab")
    if malformed:
        host.replace(FRONT_FILE, "</configuration>", "")
    host.winrm_settings(basic=True, allow_unencrypted=basic)
    inventory = host.inventory_with_basic() if basic else host.inventory()
    if password:
        inventory["all"]["hosts"][host.name]["ansible_password"] = password
    with running_lab.serving(host.lab, "exchange", host.name):
        yield Scenario(
            inventory,
            task or {"pushops.securemail.exchange_ews_iis": {**EWS, "health": host.health()}},
            tuple((secret, ADMINISTRATOR) for secret in (host.password, password) if secret),
            # The lab's own, and the users that its NTLM acceptor reads.
            kept=(host.lab.directory / "secrets.json", host.machine.state / "ntlm-users"),
            succeeds=not (password or malformed),
        )


@contextlib.contextmanager
def probed(folder: pathlib.Path, password: str = "", auth_type: str = "ntlm") -> t.Iterator[Scenario]:
    """EWS of the host, which posts to the controller."""
    host = ExchangeHost.create(folder / "lab")
    host.offer_basic()
    host.replace(FRONT_FILE, 'uploadReadAheadSize="0"', 'uploadReadAheadSize="49152"')
    address, port = host.lab.address("exch02"), running_lab.free_ports(1)[0]
    secret = host.lab.secret("mailbox")
    arguments = {
        "endpoint": f"{host.health()['url']}/EWS/Exchange.asmx",
        "mailbox": MAILBOX,
        "password": password or secret,
        "auth_type": auth_type,
        "ca_path": str(host.lab.ca_path),
        "receiver": {"url": f"http://{address}:{port}", "address": address},
    }
    with running_lab.serving(host.lab, "exchange", host.name):
        yield Scenario(
            CONTROLLER,
            {"pushops.securemail.exchange_push_probe": arguments},
            tuple((one, MAILBOX) for one in (secret, password) if one),
            kept=(host.lab.directory / "secrets.json", host.machine.state / "ews-users"),
            succeeds=not password,
        )


@contextlib.contextmanager
def exchange_of_a_realm(folder: pathlib.Path, transport: str, password: str = "") -> t.Iterator[Scenario]:
    """Kerberos, for which Ansible runs kinit, and CredSSP, which sends the password to the host."""
    host = ExchangeHost.create(folder / "lab")
    host.winrm_settings(credssp=True)
    realm = Realm(folder / "kdc", "127.77.2.5", running_lab.free_ports(1)[0])
    realm.add_user(USER, host.password)
    realm.join(host.machine.state, HOST, host.lab.address(host.name))
    changed = {"ansible_password": password} if password else {}
    login = kerberos(**changed) | over_http(host) | {"ansible_winrm_transport": transport}
    with realm.serving(), running_lab.serving(host.lab, "exchange", host.name):
        yield Scenario(
            host.inventory(**login),
            {"pushops.securemail.exchange_ews_iis": EWS},
            tuple((secret, PRINCIPAL) for secret in (host.password, password) if secret),
            kept=(host.lab.directory / "secrets.json", host.machine.state / "ntlm-users"),
            succeeds=not password,
            environment=realm.environment(),
        )


@contextlib.contextmanager
def exchange_rollback(folder: pathlib.Path) -> t.Iterator[Scenario]:
    """A web.config whose other content is a secret; it lies on the host, and in the copies of it."""
    host = ExchangeHost.create(folder / "lab")
    key = "canary-machine-key-7f21"
    host.replace(FRONT_FILE, "<system.web>", f'<system.web><machineKey decryptionKey="{key}" />')
    changed = host.machine.path(FRONT_FILE)
    copy = changed.with_name("web.config.pushops-20260102T030405Z.bak")
    copy.write_bytes(changed.read_bytes().replace(b'uploadReadAheadSize="0"', b'uploadReadAheadSize="49152"'))
    aside = host.machine.path(FRONT_FILE).parent
    with running_lab.serving(host.lab, "exchange", host.name):
        yield Scenario(
            host.inventory(),
            {"pushops.securemail.exchange_ews_rollback": {"backup": "latest", "health": host.health()}},
            ((host.password, ADMINISTRATOR), (key, "")),
            kept=(host.lab.directory / "secrets.json", host.machine.state / "ntlm-users", aside),
        )


@contextlib.contextmanager
def exchange_behind_a_proxy(folder: pathlib.Path, task: Task, earlier: bool = False) -> t.Iterator[Scenario]:
    """A <proxy> of somebody else's, whose address holds a password; it lies on the host, and in the copies of it.

    :param earlier: it stood there before the entries came, and comes back when they go.
    """
    host = ExchangeHost.create(folder / "lab")
    address = f"http://svc:{PROXY_PASSWORD}@192.0.2.31:8080"
    section = f'<system.net><defaultProxy><proxy proxyaddress="{address}" /></defaultProxy></system.net>'
    host.replace(BACK_FILE, "</configuration>", f"{section}</configuration>")
    changed = host.machine.path(BACK_FILE)
    if earlier:
        changed.with_name("web.config.pushops-20260102T030405Z.bak").write_bytes(changed.read_bytes())
        entries = f'<bypasslist><add address="{Listener(FQDN).pattern}" /></bypasslist>'
        ours = f'<proxy usesystemdefault="true" bypassonlocal="true" />{entries}'
        host.replace(BACK_FILE, f'<proxy proxyaddress="{address}" />', ours)
    with running_lab.serving(host.lab, "exchange", host.name):
        yield Scenario(
            host.inventory(),
            task,
            ((host.password, ADMINISTRATOR), (PROXY_PASSWORD, "svc")),
            kept=(host.lab.directory / "secrets.json", host.machine.state / "ntlm-users", changed.parent),
        )


@contextlib.contextmanager
def certificate(folder: pathlib.Path, succeeds: bool = True, **changed: t.Any) -> t.Iterator[Scenario]:
    """The portal command records its own arguments and environment in a file, which is searched like every other."""
    site = CertificateSite.create(folder / "site")
    task = site.task(**{**site.commands(), **changed})
    yield Scenario(CONTROLLER, task, ((KEY_PASSPHRASE, ""), (PKCS12_PASSPHRASE, "")), succeeds=succeeds)


@contextlib.contextmanager
def proved(folder: pathlib.Path, password: str = "") -> t.Iterator[Scenario]:
    """The lab's Apple signs and judges; a proxy with a password is on the way to it."""
    lab = running_lab.create(folder / "lab", "apple-ca", "apns")
    authority.create(lab)
    site = CertificateSite.create(folder / "site")
    sign = [sys.executable, "-m", "securemail_lab.apple.sign", str(lab.directory), "{bundle_id}", "{csr}"]
    with running_lab.serving(lab, "apple"), ConnectProxy(PROXY_USER, PROXY_PASSWORD) as proxy:
        proof = {
            "host": lab.address("apns"),
            "port": lab.port("https"),
            "ca_path": str(lab.ca_path),
            "proxy": f"http://127.0.0.1:{proxy.port}",
            "proxy_username": PROXY_USER,
            "proxy_password": password or PROXY_PASSWORD,
        }
        commands = {**site.commands(), "signing_command": [*sign, "{certificate}"]}
        now = datetime.datetime.now(datetime.UTC).isoformat()
        yield Scenario(
            CONTROLLER,
            site.task(**commands, now=now, proof=proof),
            ((KEY_PASSPHRASE, ""), (PKCS12_PASSPHRASE, ""), (PROXY_PASSWORD, PROXY_USER), (WRONG, PROXY_USER)),
            succeeds=not password,
        )


@contextlib.contextmanager
def surveyed(folder: pathlib.Path, passphrase: str = KEY_PASSPHRASE) -> t.Iterator[Scenario]:
    """A store that somebody filled earlier; nobody answers where APNs should be."""
    site = CertificateSite.create(folder / "site")
    with tempfile.TemporaryDirectory() as elsewhere:
        filled = Ansible(pathlib.Path(elsewhere)).play(CONTROLLER, site.task(**site.commands()))
    assert filled.status == 0, filled.output
    proof = {"host": "127.0.0.1", "port": 1, "proxy_username": PROXY_USER, "proxy_password": PROXY_PASSWORD}
    info = {"path": str(site.store), "now": NOW.isoformat(), "proof": proof, "key_passphrase": passphrase}
    yield Scenario(
        CONTROLLER,
        {"pushops.securemail.apns_certificate_info": info},
        ((KEY_PASSPHRASE, ""), (passphrase, ""), (PROXY_PASSWORD, PROXY_USER)),
    )


@contextlib.contextmanager
def app_id(folder: pathlib.Path, by_path: bool = False, **changed: t.Any) -> t.Iterator[Scenario]:
    """The team's API key, whole and line by line, and every token that is signed with it."""
    lab = running_lab.create(folder / "lab", "apple-ca", "apns", *(api.host for api in APIS))
    apple_seed.seed(lab)
    team = Team(lab, APIS[1])
    key = team.private_key_path.read_text()
    arguments = {
        "url": f"https://{lab.address(team.api.host)}:{lab.port('https')}",
        "ca_path": str(lab.ca_path),
        "key_id": team.api.key_id,
        "issuer_id": team.api.issuer_id,
        "bundle_id": "com.contoso.securemail",
        "profile": {"name": "Secure Mail", "path": str(folder / "secure.mobileprovision")},
        **({"private_key_path": str(team.private_key_path)} if by_path else {"private_key": key}),
        **changed,
    }
    secrets = [(line, "") for line in key.splitlines() if not line.startswith("-----")]
    known = len(secrets)

    def seen(judged: Team, header: str) -> str:
        secrets.append((header.removeprefix("Bearer "), ""))
        return role_of(judged, header)

    with mock.patch.object(developer_api, "role_of", seen), running_lab.serving(lab, "apple"):
        yield Scenario(
            CONTROLLER,
            {"pushops.securemail.apple_app_id": arguments},
            secrets,
            kept=(team.private_key_path,),
            succeeds=not changed,
        )
    assert len(secrets) > known, "nobody signed in"


@contextlib.contextmanager
def xms(folder: pathlib.Path, password: str = "", **changed: t.Any) -> t.Iterator[Scenario]:
    lab = running_lab.create(folder / "lab", "xms")
    xms_seed.seed(lab)
    arguments = {
        "url": f"https://{lab.address('xms')}:{lab.port('xms')}",
        "username": xms_seed.LOGIN,
        "password": password or lab.secret("xms"),
        "ca_path": str(lab.ca_path),
        "region": "EMEA",
        "customer_id": "contoso-7Q2M4",
        "platforms": [{"name": "ios", "mdx_path": str(lab.state("xms") / xms_seed.MDX)}],
        **changed,
    }
    with running_lab.serving(lab, "xms"):
        yield Scenario(
            CONTROLLER,
            {"pushops.securemail.xms_mdx_push_policy": arguments},
            tuple((secret, xms_seed.LOGIN) for secret in (lab.secret("xms"), password) if secret),
            kept=(lab.directory / "secrets.json",),
            succeeds=not (password or changed),
        )


@contextlib.contextmanager
def xms_cloud(folder: pathlib.Path, form: str, module: str, **changed: t.Any) -> t.Iterator[Scenario]:
    """A login of Citrix Cloud, by bearer token or service key, and an upload or a look."""
    lab = running_lab.create(folder / "lab", "xms")
    xms_seed.seed(lab)
    generation, option = {"cloud": ("2021", "bearer_token"), "cwc": ("2016", "service_key")}[form]
    cloud = {"login": xms_seed.LOGIN, "secret": "portal", "customer": "contoso"}
    JsonFile(lab.state("xms") / "server.json").write({"generation": generation, "properties": {}, "cloud": cloud})
    arguments = {
        "url": f"https://{lab.address('xms')}:{lab.port('xms')}",
        "login": form,
        option: lab.secret("portal"),
        "cloud_customer": "contoso",
        "ca_path": str(lab.ca_path),
        "timeout": 5,
        **({"mdx_path": str(lab.state("xms") / xms_seed.MDX), "force": True} if module == "xms_mdx_app" else {}),
        **changed,
    }
    secrets = [lab.secret("portal"), *([changed[option]] if option in changed else [])]
    with running_lab.serving(lab, "xms"):
        yield Scenario(
            CONTROLLER,
            {f"pushops.securemail.{module}": arguments},
            tuple((secret, "") for secret in secrets),
            kept=(lab.directory / "secrets.json",),
            succeeds=not changed,
        )


@contextlib.contextmanager
def netscaler(
    folder: pathlib.Path, module: str = "access", password: str = "", **changed: t.Any
) -> t.Iterator[Scenario]:
    """The session id is a secret, too, and so is what the NetScaler's whole configuration holds of others."""
    host = NetScaler.create(folder / "lab")
    host.leave_something_unsaved()  # so the configurations are read and compared
    given = host.arguments(**changed)
    secrets = [(host.lab.secret("netscaler"), NETSCALER_LOGIN), (NSROOT, ""), (SESSION, ""), (quote(SESSION), "")]
    if password:
        given["password"] = password
        secrets.append((password, NETSCALER_LOGIN))
    with mock.patch.object(netscaler_sessions, "new_id", lambda: SESSION), running_lab.serving(host.lab, "netscaler"):
        yield Scenario(
            CONTROLLER,
            {f"pushops.securemail.netscaler_push_{module}": given},
            tuple(secrets),
            kept=(host.lab.directory / "secrets.json",),
            succeeds=not (password or changed),
        )


@contextlib.contextmanager
def squid(folder: pathlib.Path, parent: str, succeeds: bool) -> t.Iterator[Scenario]:
    """A proxy whose own configuration holds a password; Squid repeats in its messages what it cannot use."""
    main, ours = folder / "squid.conf", folder / "conf.d" / "ours.conf"
    ours.parent.mkdir()
    lines = ["http_port 127.0.0.1:3128", f"include {ours.parent}/*.conf", parent, "http_access deny all"]
    main.write_text("\n".join(lines) + "\n", encoding="utf-8")
    flow = {"name": "listener", "fqdn": EWS["proxy_bypass"][0]["fqdn"]}
    arguments = {
        "flows": [{**flow, "sources": ["192.0.2.11"], "destinations": ["203.0.113.21"]}],
        "config_path": str(main),
        "path": str(ours),
        "service_name": "canary",
    }
    secrets = ((PARENT, ""), (f"exchange:{PARENT}", ""))
    yield Scenario(
        CONTROLLER, {"pushops.securemail.push_proxy_squid": arguments}, secrets, kept=(main,), succeeds=succeeds
    )


PARENT = "canary-parent-password-77c1"
PEER = f"cache_peer 192.0.2.99 parent 3128 0 login=exchange:{PARENT}"
ECHO = ["python3", "-c", "import sys; sys.exit(f'{sys.stdin.read()} {sys.argv}')", "{pkcs12}"]
#: Prints both passphrases, which it was never given and its words do not show.
LOOK = [
    "python3",
    "-c",
    f"import sys; print('-'.join({PKCS12_PASSPHRASE.split('-')})); sys.exit('-'.join({KEY_PASSPHRASE.split('-')}))",
]
SCENARIOS: dict[str, t.Callable[[pathlib.Path], contextlib.AbstractContextManager[Scenario]]] = {
    "exchange, NTLM": exchange,
    "exchange, Basic": lambda folder: exchange(folder, basic=True),
    "exchange, wrong password": lambda folder: exchange(folder, password=WRONG),
    "exchange, wrong password, Basic": lambda folder: exchange(folder, basic=True, password=WRONG),
    "exchange, Kerberos": lambda folder: exchange_of_a_realm(folder, "kerberos"),
    "exchange, wrong password, Kerberos": lambda folder: exchange_of_a_realm(folder, "kerberos", WRONG),
    "exchange, CredSSP": lambda folder: exchange_of_a_realm(folder, "credssp"),
    "exchange, wrong password, CredSSP": lambda folder: exchange_of_a_realm(folder, "credssp", WRONG),
    "exchange, malformed web.config": lambda folder: exchange(folder, malformed=True),
    "exchange, rollback": exchange_rollback,
    "exchange, a proxy with a password": lambda folder: exchange_behind_a_proxy(
        folder, {"pushops.securemail.exchange_ews_iis": EWS}
    ),
    "exchange, a proxy with a password that comes back": lambda folder: exchange_behind_a_proxy(
        folder, {"pushops.securemail.exchange_ews_iis": {**EWS, "state": "absent"}}, earlier=True
    ),
    "Exchange facts, a proxy with a password": lambda folder: exchange_behind_a_proxy(folder, INFO),
    "Windows firewall": lambda folder: exchange(folder, basic=True, task=FIREWALL),
    "Windows firewall, wrong password": lambda folder: exchange(folder, password=WRONG, task=FIREWALL),
    "Exchange facts": lambda folder: exchange(folder, task=INFO),
    "Exchange facts, malformed web.config": lambda folder: exchange(folder, malformed=True, task=INFO),
    "EWS probe": probed,
    "EWS probe, Basic": lambda folder: probed(folder, auth_type="basic"),
    "EWS probe, wrong password": lambda folder: probed(folder, WRONG),
    "EWS probe, Basic, wrong password": lambda folder: probed(folder, WRONG, "basic"),
    "certificate": certificate,
    "certificate, command that prints the password": lambda folder: certificate(folder, False, portal_command=ECHO),
    "certificate, command that looks prints a secret": lambda folder: certificate(folder, consumer_command=LOOK),
    "certificate, proved through a proxy": proved,
    "certificate, proxy refuses": lambda folder: proved(folder, password=WRONG),
    "certificate info": surveyed,
    "certificate info, wrong passphrase": lambda folder: surveyed(folder, WRONG),
    "certificate, invalid": lambda folder: certificate(folder, False, bundle_id="com.contoso.*"),
    "App ID": app_id,
    "App ID, key in a file": lambda folder: app_id(folder, by_path=True),
    "App ID, key of somebody else": lambda folder: app_id(folder, issuer_id="57246542-96fe-1a63-e053-0824d011072a"),
    "squid": lambda folder: squid(folder, PEER, True),
    "squid, a line that it refuses": lambda folder: squid(folder, f"no_such_directive {PARENT}", False),
    "squid, an option that it refuses": lambda folder: squid(folder, f"url_rewrite_children {PARENT}", False),
    "netscaler": netscaler,
    "netscaler, info": lambda folder: netscaler(folder, "info"),
    "netscaler, wrong password": lambda folder: netscaler(folder, password=WRONG),
    "netscaler, no such group": lambda folder: netscaler(folder, groups=["Nobody"]),
    "xms": xms,
    "xms, wrong password": lambda folder: xms(folder, password=WRONG),
    "xms, upload by a client of Citrix Cloud": lambda folder: xms_cloud(folder, "cloud", "xms_mdx_app"),
    "xms, info by a service key": lambda folder: xms_cloud(folder, "cwc", "xms_push_info"),
    "xms, wrong bearer token": lambda folder: xms_cloud(folder, "cloud", "xms_mdx_app", bearer_token=WRONG),
    "xms, wrong service key": lambda folder: xms_cloud(folder, "cwc", "xms_push_info", service_key=WRONG),
    "xms, no such app": lambda folder: xms(folder, app="No such app"),
}


def shapes(secret: str, user: str) -> set[bytes]:
    """The secret as it could stand somewhere."""
    texts = {secret, *({f"{user}:{secret}"} if user else set())}
    return {text.encode() for text in texts} | {base64.b64encode(text.encode()) for text in texts}


def contents(folder: pathlib.Path) -> dict[pathlib.Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file() and not path.is_symlink()}


@pytest.mark.parametrize("name", SCENARIOS)
def test_no_secret_comes_out(tmp_path: pathlib.Path, name: str) -> None:
    with SCENARIOS[name](tmp_path) as scenario, watching_processes() as processes:
        ansible = Ansible(tmp_path / "ansible", environment={**os.environ, **scenario.environment})
        run = ansible.play(scenario.inventory, scenario.task, diff=True, verbosity=4)
    assert (run.status == 0) is scenario.succeeds, run.output
    assert any(b"ansible-playbook" in process for process in processes), "nothing was watched"
    # The inventory and the playbook hold the secrets: a user keeps them in a vault.
    files = {path: content for path, content in contents(tmp_path).items() if ansible.given not in path.parents}
    places = {
        "the output": run.output.encode(),
        "the results": json.dumps([result.value for result in run.tasks]).encode(),
        **{f"a process: {process[:200]!r}": process for process in processes},
        **{str(path): content for path, content in files.items() if not {path, path.parent} & set(scenario.kept)},
    }
    for secret, user in scenario.secrets:
        found = [place for place, content in places.items() if any(shape in content for shape in shapes(secret, user))]
        assert found == [], f"a secret stands in {found}"


@pytest.mark.parametrize("fails", [False, True], ids=["rotated", "failed"])
def test_no_secret_comes_out_of_an_unattended_rotation(tmp_path: pathlib.Path, fails: bool) -> None:
    """What a schedule adds: the vault's password, the webhook's address, a log, a report, mail and messages."""
    site = UnattendedSite(tmp_path / "site")
    if fails:
        site.declare(apns_certificate_portal_command=ECHO)
    with Webhook().serving() as webhook, watching_processes() as processes:
        url = site.webhook_url_file(webhook.port)
        settings = site.settings(webhook_url_file=str(url))
        command = [sys.executable, str(PROGRAMS / "rotate.py"), str(settings)]
        environment = {**os.environ, "ANSIBLE_VERBOSITY": "4"}
        status, stdout, stderr = run_bounded(command, environment, tmp_path)
    assert (status, len(webhook.posted), len(site.told_by_mail())) == (1 if fails else 0, fails, fails), stdout + stderr
    kept = {site.vault_password_file, url}
    places = {
        "the log": (stdout + stderr).encode(),
        "the webhook": json.dumps([{**posted, "path": ""} for posted in webhook.posted]).encode(),
        **{f"a process: {process[:200]!r}": process for process in processes},
        **{str(path): content for path, content in contents(tmp_path).items() if path not in kept},
    }
    for secret in SCHEDULE_SECRETS:
        found = [place for place, content in places.items() if any(shape in content for shape in shapes(secret, ""))]
        assert found == [], f"a secret stands in {found}"


def test_a_secret_in_the_arguments_of_a_process_is_seen() -> None:
    with watching_processes() as processes:
        subprocess.run(["sleep", "0.1"], env={"CANARY": WRONG}, check=True, timeout=10)
    assert any(WRONG.encode() in process for process in processes)

# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""push_proxy_squid with a real Squid and real CONNECTs, in namespaces that have no route out."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import time
import typing as t

import pytest

from ansible_collections.pushops.securemail.tests.integration.namespaces import Namespaces, Result, entered

pytestmark = pytest.mark.namespaces

MODULE = "pushops.securemail.push_proxy_squid"
LISTENER = "eu-west-1.mailboxlistener.xm.citrix.com"
ADDRESS = "203.0.113.21"
EXCHANGE, OTHER, PROXY = "192.0.2.11", "192.0.2.12", "192.0.2.31"
FOLDER = "/run/squid"
MAIN, OURS = f"{FOLDER}/squid.conf", f"{FOLDER}/conf.d/00-pushops-securemail.conf"
OWN = f"""\
# The company's web proxy, laid out as Debian's.
acl SSL_ports port 443
acl Safe_ports port 80 443 1025-65535
http_access deny !Safe_ports
http_access deny CONNECT !SSL_ports
http_access allow localhost manager
http_access deny manager
include {FOLDER}/conf.d/*.conf
acl sites dstdomain .example.org
http_access allow sites
http_access deny all
http_port {PROXY}:3128
visible_hostname proxy.example.org
hosts_file {FOLDER}/hosts
dns_timeout 1 seconds
cache deny all
cache_mem 8 MB
memory_cache_shared off
pinger_enable off
netdb_filename none
max_filedescriptors 1024
shutdown_lifetime 0 seconds
pid_filename {FOLDER}/squid.pid
cache_log {FOLDER}/cache.log
access_log stdio:{FOLDER}/access.log
coredump_dir {FOLDER}
"""
NAMES = (LISTENER, f"my-{LISTENER}", f"x.{LISTENER}", f"{LISTENER}.example.com")
FLOW = {"name": "listener", "fqdn": LISTENER, "sources": [EXCHANGE], "destinations": [ADDRESS]}
SERVER = f"""
import socket, threading
def echo(connection):
    connection.sendall(b"push service\\n")
    while data := connection.recv(100):
        connection.sendall(data)
with socket.create_server(({ADDRESS!r}, 443)) as server:
    print("listens", flush=True)
    while True:
        threading.Thread(target=echo, args=[server.accept()[0]], daemon=True).start()
"""
CONNECT = f"""
import socket, sys
source, target = sys.argv[1:]
with socket.create_connection(({PROXY!r}, 3128), 10, (source, 0)) as proxy:
    proxy.sendall(f"CONNECT {{target}} HTTP/1.1\\r\\nHost: {{target}}\\r\\n\\r\\n".encode())
    answer = proxy.makefile("rb")
    status = answer.readline().split()[1].decode()
    while status == "200" and answer.readline().strip():
        pass
    print(status, answer.readline().decode().strip() if status == "200" else "", flush=True)
    for line in sys.stdin:  # what comes back of what is sent through the tunnel
        proxy.sendall(line.encode())
        print(answer.readline().decode().strip(), flush=True)
"""


class Site(t.NamedTuple):
    namespaces: Namespaces
    squid: subprocess.Popen[bytes]

    def connect(self, target: str, source: str = EXCHANGE) -> str:
        """Status and what the server said first."""
        return self.namespaces.run(sys.executable, "-c", CONNECT, source, target, at="clients").strip()

    def module(self, check: bool = False, **arguments: t.Any) -> Result:
        arguments = {"flows": [FLOW], "config_path": MAIN, "path": OURS, "service_name": "test", **arguments}
        return self.namespaces.module(at="proxy", name=MODULE, check=check, **arguments)

    def text(self, path: str) -> str:
        return self.namespaces.run("cat", path)

    def write(self, path: str, text: str) -> None:
        self.namespaces.run("tee", path, text=text)

    def allowed(self, target: str = f"{LISTENER}:443", source: str = EXCHANGE, *, wait: bool = True) -> bool:
        """Whether a tunnel is opened; a Squid that reads its configuration is asked again for a while."""
        ends = time.monotonic() + (10 if wait else 0)
        while True:
            try:
                return self.connect(target, source) == "200 push service"
            except AssertionError:  # it does not listen at this moment
                if time.monotonic() > ends:
                    raise
                time.sleep(0.1)


@pytest.fixture
def site() -> t.Iterator[Site]:
    """Two clients, a proxy that denies what is not on its list, and a listener behind it."""
    with entered() as namespaces, contextlib.ExitStack() as stack:
        if namespaces.user:
            pytest.skip("Squid wants to leave root, which needs a second user")
        for path in ("/run", "/dev/shm"):
            namespaces.run("mount", "-t", "tmpfs", "-o", "mode=755", "tmpfs", path)
        namespaces.run("mkdir", "-m", "777", "-p", "/run/netns", FOLDER, f"{FOLDER}/conf.d")
        namespaces.run("chmod", "1777", "/dev/shm", FOLDER)
        steps = [f"netns add {name}" for name in ("clients", "proxy", "internet")]
        steps += [f"-n {name} link set lo up" for name in ("clients", "proxy", "internet")]
        for name, ends in (("clients", [EXCHANGE, OTHER]), ("internet", [ADDRESS])):
            near = PROXY if name == "clients" else "203.0.113.254"
            steps += [
                f"-n proxy link add {name} type veth peer name net0 netns {name}",
                f"-n proxy address add {near}/24 dev {name}",
                f"-n proxy link set {name} up",
                *(f"-n {name} address add {end}/24 dev net0" for end in ends),
                f"-n {name} link set net0 up",
            ]
        for step in steps:
            namespaces.run("ip", *step.split())
        namespaces.run("tee", MAIN, text=OWN)
        namespaces.run("tee", f"{FOLDER}/hosts", text="".join(f"{ADDRESS} {name}\n" for name in NAMES))
        namespaces.run("tee", f"{FOLDER}/conf.d/debian.conf", text="logfile_rotate 0\n")
        server = namespaces.words("setpriv", "--pdeathsig", "KILL", sys.executable, "-c", SERVER, at="internet")
        listener = stack.enter_context(subprocess.Popen(server, stdout=subprocess.PIPE, text=True))
        stack.callback(listener.kill)
        assert listener.stdout and listener.stdout.readline() == "listens\n"
        words = namespaces.words("squid", "-N", "-n", "test", "-f", MAIN, at="proxy")
        squid = stack.enter_context(subprocess.Popen(words, stderr=subprocess.DEVNULL))
        stack.callback(squid.kill)
        made = Site(namespaces, squid)
        ends_at = time.monotonic() + 30
        while time.monotonic() < ends_at:
            with contextlib.suppress(AssertionError):
                made.connect(f"{LISTENER}:443")
                break
            time.sleep(0.1)
        yield made


def test_only_exchange_reaches_only_the_listener_and_open_tunnels_stay(site: Site) -> None:
    foreign = [site.text(path) for path in (MAIN, f"{FOLDER}/conf.d/debian.conf")]
    assert not site.allowed()
    predicted = site.module(check=True)
    assert predicted.value["changed"] and not site.allowed(), "check mode wrote"

    done = site.module()
    assert done.value["changes"] == predicted.value["changes"] and done.value["reloaded"] is True
    assert [change["link"] for change in done.value["changes"]] == ["listener-egress"]
    assert site.allowed()
    assert not site.allowed(source=OTHER)
    for name in NAMES[1:]:
        assert not site.allowed(f"{name}:443"), "a name that only looks alike"
    assert not site.allowed(f"{ADDRESS}:443"), "an address that resolves backwards to the name"
    assert not site.allowed(f"{LISTENER}:8443")
    for check in (False, True):
        assert site.module(check=check).value["changed"] is False

    words = site.namespaces.words(sys.executable, "-c", CONNECT, EXCHANGE, f"{LISTENER}:443", at="clients")
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as tunnel:
        assert tunnel.stdin and tunnel.stdout
        assert tunnel.stdout.readline() == "200 push service\n"
        changes: tuple[dict[str, t.Any], ...] = ({"flows": [{**FLOW, "sources": [OTHER]}]}, {"state": "absent"})
        for number, arguments in enumerate(changes):
            assert site.module(**arguments).value["reloaded"] is True
            assert site.allowed(source=OTHER) is (number == 0) and not site.allowed()
            tunnel.stdin.write(f"still here {number}\n")
            tunnel.stdin.flush()
            assert tunnel.stdout.readline() == f"still here {number}\n", "the reload ended an open tunnel"
        tunnel.stdin.close()

    assert site.module(state="absent").value["changed"] is False
    assert [site.text(path) for path in (MAIN, f"{FOLDER}/conf.d/debian.conf")] == foreign
    assert site.namespaces.run("ls", f"{FOLDER}/conf.d").split() == ["debian.conf"]


@pytest.mark.parametrize(
    ("main", "message"),
    [
        (OWN.replace("include ", "# include "), f"{MAIN} includes nothing at {OURS}. Add the line 'include"),
        (
            OWN.replace("include ", "http_access deny all\ninclude "),
            ":8 'http_access deny all' may deny listener",
        ),
        (OWN.replace("port 443\n", "port 563\n", 1), "'http_access deny CONNECT !SSL_ports' may deny listener"),
        (OWN.replace("acl sites", "acl pushops_listener_to src"), "Squid refuses the configuration"),
        (OWN + "no_such_directive on\n", "unrecognized: 'no_such_directive'"),
    ],
    ids=["no include", "deny before", "port not allowed", "name taken", "broken already"],
)
def test_what_would_not_work_is_refused_and_changes_nothing(site: Site, main: str, message: str) -> None:
    site.module()
    before = site.text(OURS)
    site.write(MAIN, main)
    for check in (True, False):
        result = site.module(check=check, flows=[{**FLOW, "sources": [OTHER]}])
        assert result.status != 0 and message in result.value["msg"] and result.value["remedy"]
        assert "Traceback" not in result.output
    assert site.text(OURS) == before and site.text(MAIN) == main
    assert site.allowed(), "the Squid that runs lost what it had"


def test_bad_input_and_a_squid_that_does_not_run(site: Site) -> None:
    for flow, message in (
        ({**FLOW, "sources": []}, "flows[0].sources is []"),
        ({**FLOW, "fqdn": ""}, "flows[0].fqdn is ''"),
        ({**FLOW, "fqdn": "two words"}, "flows[0].fqdn is 'two words'"),
    ):
        result = site.module(flows=[flow])
        assert result.status != 0 and message in result.value["msg"]
    assert "There is no /nowhere" in site.module(config_path="/nowhere").value["msg"]
    site.squid.kill()
    site.squid.wait(10)
    result = site.module()
    assert (result.value["changed"], result.value["reloaded"]) == (True, False)
    assert LISTENER in site.text(OURS)

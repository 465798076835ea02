# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A realm with a database, a configuration and a ``krb5kdc`` of its own; the system's Kerberos is never touched.

Real: MIT's KDC and its tools (Debian's krb5-kdc and krb5-admin-server). Passwords reach them by standard input.
"""

from __future__ import annotations

import contextlib
import os
import pathlib
import secrets
import shutil
import socket
import subprocess
import time
import typing as t

from ..state import JsonFile, write_atomically

NAME, DOMAIN = "CORP.CONTOSO.COM", "CONTOSO"
_DNS = NAME.lower()
_START = 10.0  # seconds
_PATH = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"


class Realm:
    """The realm whose files are below ``folder``; its KDC listens on one address and port, over TCP."""

    def __init__(self, folder: pathlib.Path, address: str, port: int) -> None:
        self.folder = folder
        self.configuration = folder / "krb5.conf"
        self._address, self._port = address, port
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_atomically(self.configuration, self._client_configuration().encode("ascii"), 0o644)
        write_atomically(folder / "kdc.conf", self._kdc_configuration().encode("ascii"))
        if not (folder / "principal").exists():
            password = secrets.token_urlsafe(24)
            self._run(["kdb5_util", "create", "-r", NAME, "-s"], f"{password}\n{password}\n")

    def environment(self) -> dict[str, str]:
        """What a client's process needs to find this realm and no other."""
        return {"KRB5_CONFIG": str(self.configuration)}

    def add_user(self, user: str, password: str, options: str = "") -> None:
        """Add a principal; ``options`` are kadmin's, such as ``-maxlife "3 seconds"``."""
        self._administer(f'add_principal {options} -pw "{_quoted(password)}" {user}@{NAME}')

    def join(self, state: pathlib.Path, *names: str) -> None:
        """Make a machine a member: its service principals, and keytab and configuration in its state.

        :param names: by which clients may call the machine when they ask for tickets.
        """
        keytab = state / "krb5.keytab"
        keytab.unlink(missing_ok=True)
        for principal in (f"{service}/{name}@{NAME}" for name in names for service in ("HTTP", "host")):
            self._administer(f"add_principal -randkey {principal}")
            self._administer(f"ktadd -k {keytab} {principal}")
        shutil.copyfile(self.configuration, state / "krb5.conf")
        JsonFile(state / "kerberos.json").write({"realm": NAME, "domain": DOMAIN})

    def export(self, user: str, keytab: pathlib.Path) -> None:
        """A user's keytab; the password stays what it is."""
        self._administer(f"ktadd -norandkey -k {keytab} {user}@{NAME}")

    @contextlib.contextmanager
    def serving(self) -> t.Iterator[None]:
        """Run the KDC until the block is left.

        :raises TimeoutError: it does not answer.
        """
        command = ["krb5kdc", "-n", "-r", NAME, "-P", str(self.folder / "krb5kdc.pid")]
        with subprocess.Popen(
            command,
            env=self._environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        ) as process:
            try:
                self._wait(process)
                yield
            finally:
                process.terminate()

    def _wait(self, process: subprocess.Popen[bytes]) -> None:
        deadline = time.monotonic() + _START
        while time.monotonic() < deadline and process.poll() is None:
            try:
                socket.create_connection((self._address, self._port), 1.0).close()
                return
            except OSError:
                time.sleep(0.05)
        raise TimeoutError(f"krb5kdc does not answer: see {self.folder / 'kdc.log'}")

    def _administer(self, query: str) -> None:
        self._run(["kadmin.local", "-r", NAME], f"{query}\n")

    def _run(self, command: list[str], given: str) -> None:
        """:raises ChildProcessError: the tool failed, or said so while its exit code was 0 (as kadmin.local does)."""
        done = subprocess.run(
            command, input=given, env=self._environment(), capture_output=True, text=True, check=False, timeout=30
        )
        told = [line for line in done.stderr.splitlines() if not line.startswith(("WARNING", "No policy"))]
        if done.returncode or told:
            raise ChildProcessError(f"{command[0]} ended with {done.returncode}: {' '.join(told)}")

    def _environment(self) -> dict[str, str]:
        return {
            "PATH": _PATH,
            "LC_ALL": "C",
            "KRB5_CONFIG": str(self.configuration),
            "KRB5_KDC_PROFILE": str(self.folder / "kdc.conf"),
            "KRB5RCACHENAME": f"file2:{self.folder / 'kdc.rcache'}",
        }

    def _client_configuration(self) -> str:
        """No name service is asked, nothing goes by UDP, and a wrong clock is not made up for (``kdc_timesync``)."""
        return f"""\
[libdefaults]
    default_realm = {NAME}
    dns_lookup_kdc = false
    dns_lookup_realm = false
    dns_canonicalize_hostname = false
    rdns = false
    udp_preference_limit = 1
    kdc_timesync = 0
[realms]
    {NAME} = {{
        kdc = {self._address}:{self._port}
    }}
[domain_realm]
    .{_DNS} = {NAME}
    {_DNS} = {NAME}
"""

    def _kdc_configuration(self) -> str:
        folder = self.folder
        return f"""\
[kdcdefaults]
    kdc_listen = ""
    kdc_tcp_listen = {self._address}:{self._port}
[realms]
    {NAME} = {{
        database_name = {folder}/principal
        key_stash_file = {folder}/stash
        acl_file = {folder}/kadm5.acl
        supported_enctypes = aes256-cts-hmac-sha1-96:normal
        default_principal_flags = +preauth
        max_life = 10h
    }}
[logging]
    kdc = FILE:{folder}/kdc.log
    admin_server = FILE:{folder}/kadmin.log
"""


def _quoted(password: str) -> str:
    if '"' in password or len(password.splitlines()) != 1:
        raise ValueError("the password has a quote or a line break, which kadmin's standard input cannot take")
    return password

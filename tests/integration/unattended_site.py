# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A site that rotates unattended: an inventory with a vault, a mail system, a webhook, and what they were told."""

from __future__ import annotations

import contextlib
import email
import email.policy
import http.server
import json
import pathlib
import subprocess
import sys
import threading
import typing as t

import yaml

from ansible_collections.pushops.securemail.tests.integration.certificate_site import (
    KEY_PASSPHRASE,
    PKCS12_PASSPHRASE,
    CertificateSite,
)
from ansible_collections.pushops.securemail.tests.integration.running_ansible import BIN, ROOT, Ansible

PROGRAMS = ROOT / "roles" / "rotation_schedule" / "files"
VAULT_PASSWORD, WEBHOOK_TOKEN = "canary-vault-password-2c9d", "canary-webhook-token-6e10"
SECRETS = (KEY_PASSPHRASE, PKCS12_PASSPHRASE, VAULT_PASSWORD, WEBHOOK_TOKEN)
_SENDMAIL = """\
#!{python}
# Keeps each letter in a file of its own, with the words that it came with.
import pathlib, sys
folder = pathlib.Path({folder!r})
number = len(list(folder.iterdir()))
(folder / f"{{number}}.eml").write_text(" ".join(sys.argv[1:]) + "\\n" + sys.stdin.read())
"""


class UnattendedSite:
    """Everything lies in one folder.

    :param seen_at: the same folder as the job sees it.
    """

    def __init__(self, folder: pathlib.Path, seen_at: pathlib.Path | None = None) -> None:
        self.folder, self.seen_at = folder, seen_at or folder
        self.certificates = CertificateSite.create(folder / "site")
        self.letters = folder / "letters"
        self.letters.mkdir()
        self.vault_password_file = self._private("vault-password", VAULT_PASSWORD)
        self.sendmail = folder / "sendmail"
        self.sendmail.write_text(_SENDMAIL.format(python=sys.executable, folder=str(self.seen_at / "letters")))
        self.sendmail.chmod(0o755)
        self.declare()

    @property
    def inventory(self) -> pathlib.Path:
        return self.folder / "emea"

    def declare(self, **changed: t.Any) -> None:
        """Write the inventory; the passphrases stand in its vault."""
        seen = CertificateSite(self.seen_at / "site")
        secrets = {"vault_key": KEY_PASSPHRASE, "vault_pkcs12": PKCS12_PASSPHRASE}
        named: dict[str, t.Any] = {
            "apns_certificate_key_passphrase": "{{ vault_key }}",
            "apns_certificate_pkcs12_passphrase": "{{ vault_pkcs12 }}",
        }
        variables = seen.declared(**named, **changed)
        everything = self.inventory / "group_vars" / "all"
        everything.mkdir(parents=True, exist_ok=True)
        hosts = {"all": {"children": {"push_controller": {"hosts": {"controller": variables}}}}}
        (self.inventory / "hosts.yml").write_text(yaml.safe_dump(hosts))
        vault = everything / "vault.yml"
        vault.write_text(yaml.safe_dump(secrets))
        password = ["--vault-password-file", str(self.vault_password_file)]
        command = [str(BIN / "ansible-vault"), "encrypt", *password, str(vault)]
        environment = Ansible(self.folder / f"vaulting-{len(list(self.folder.iterdir()))}").environment()
        subprocess.run(command, check=True, capture_output=True, env=environment)
        vault.chmod(0o644)  # it is encrypted, and the job is another account

    def webhook_url_file(self, port: int) -> pathlib.Path:
        return self._private("webhook-url", f"http://127.0.0.1:{port}/hooks/{WEBHOOK_TOKEN}\n")

    def told_by_mail(self) -> list[str]:
        """Each letter as people read it, below the words that sendmail got."""
        letters = []
        for path in sorted(self.letters.iterdir()):
            words, _end, raw = path.read_text(encoding="utf-8").partition("\n")
            letter = email.message_from_string(raw, policy=email.policy.default)
            letters.append(f"{words}\nSubject: {letter['Subject']}\n{letter.get_content()}")
        return letters

    def settings(self, **changed: t.Any) -> pathlib.Path:
        """What rotate.py and notify.py are started with."""
        state = self.folder / "state"
        state.mkdir(mode=0o700, exist_ok=True)
        path = self.folder / "settings.json"
        settings = {
            "inventories": [str(self.inventory)],
            "directory": str(ROOT),
            "ansible_playbook": str(BIN / "ansible-playbook"),
            "then": [],
            "vault_password_file": str(self.vault_password_file),
            "timeout": 120,
            "state_directory": str(state),
            "jitter": 0,
            "notify": True,
            "mail_to": ["push@contoso.com"],
            "mail_from": "pushops@contoso.com",
            "sendmail": str(self.sendmail),
            "webhook_url_file": "",
            "log": "the system log",
            **changed,
        }
        path.write_text(json.dumps(settings))
        return path

    def _private(self, name: str, content: str) -> pathlib.Path:
        path = self.folder / name
        path.write_text(content, encoding="utf-8")
        path.chmod(0o600)
        return path


class Webhook:
    """What was posted to it, and the status that it answers with."""

    def __init__(self, status: int = 200) -> None:
        posted: list[dict[str, t.Any]] = []

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                posted.append({"path": self.path, **json.loads(body)})
                self.send_response(status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_words: t.Any) -> None: ...

        self.posted = posted
        self._server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
        self.port = int(self._server.server_address[1])

    @contextlib.contextmanager
    def serving(self) -> t.Iterator[Webhook]:
        thread = threading.Thread(target=self._server.serve_forever, name="webhook")
        thread.start()
        try:
            yield self
        finally:
            self._server.shutdown()
            thread.join()
            self._server.server_close()

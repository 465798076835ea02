# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Looking at many certificates: one task of ``apns_certificate_info``, and a loop over community.crypto's module.

Both sides run as a user would run them, by the same ansible-playbook on the same files, and both say of each
certificate when it ends. A hundred items of the loop are measured, and the rest is reckoned from them.
"""

from __future__ import annotations

import json
import pathlib
import tempfile
import time

from ansible_collections.pushops.securemail.tests.bench.wire import PEERS, install_peers
from ansible_collections.pushops.securemail.tests.integration.running_ansible import ROOT, Task, run_bounded
from ansible_collections.pushops.securemail.tests.unit.plugins.module_utils.apple import push_ca

COUNT = 1_000
#: So many items of the loop are measured.
MEASURED = 100
PYTHON = PEERS / "bin" / "python"


def certificates(folder: pathlib.Path) -> list[str]:
    """Certificates of different apps; a key is the slow part, so they share one."""
    folder.mkdir()
    authority, key = push_ca.PushCa(push_ca.new_private_key()), push_ca.new_private_key().public_key()
    paths = []
    for number in range(COUNT):
        path = folder / f"{number:04d}.pem"
        kind = push_ca.Kind(bundle_id=f"com.contoso.app{number}")
        path.write_bytes(push_ca.pem(authority.issue(key, kind)))
        paths.append(str(path))
    return paths


class Side:
    """ansible-playbook of the peers' environment, with this collection beside the general ones."""

    def __init__(self, folder: pathlib.Path) -> None:
        self._folder = folder
        interpreter = {"ansible_connection": "local", "ansible_python_interpreter": str(PYTHON)}
        (folder / "hosts.json").write_text(json.dumps({"all": {"hosts": {"controller": interpreter}}}))

    def seconds(self, *tasks: Task) -> float:
        """How long a play of these tasks takes, Ansible's own start within it."""
        play = [{"hosts": "all", "gather_facts": False, "tasks": list(tasks)}]
        (self._folder / "play.json").write_text(json.dumps(play), encoding="utf-8")
        environment = {
            "PATH": f"{PEERS / 'bin'}:/usr/bin:/bin",
            "HOME": str(self._folder),
            "LC_ALL": "C.UTF-8",
            "ANSIBLE_COLLECTIONS_PATH": str(ROOT / ".ansible" / "collections"),
        }
        words = [str(PEERS / "bin" / "ansible-playbook"), "-i", str(self._folder / "hosts.json")]
        began = time.monotonic()
        status, stdout, stderr = run_bounded([*words, str(self._folder / "play.json")], environment, self._folder, 600)
        assert status == 0, stdout + stderr
        return time.monotonic() - began


def main() -> None:
    install_peers()
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        paths, side = certificates(folder / "certificates"), Side(folder)
        start = side.seconds()
        info = {"files": paths, "now": push_ca.NOW.isoformat()}
        one = side.seconds({"pushops.securemail.apns_certificate_info": info}) - start
        loop: Task = {"community.crypto.x509_certificate_info": {"path": "{{ item }}"}, "loop": paths[:MEASURED]}
        measured = side.seconds(loop) - start
    whole = measured * COUNT / MEASURED
    print(f"{COUNT:,} certificates on one controller: seconds, without ansible-playbook's own start ({start:.1f} s)")
    print(f"    {'pushops.securemail.apns_certificate_info, one task':<70} {one:>8.1f}")
    print(f"    {f'community.crypto.x509_certificate_info, a loop ({MEASURED} items measured)':<70} {measured:>8.1f}")
    print(f"    {'the same, reckoned for all':<70} {whole:>8.1f}")
    print(f"  ratio: {whole / one:.0f}")


if __name__ == "__main__":
    main()

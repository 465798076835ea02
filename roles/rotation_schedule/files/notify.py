# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tell people how an unattended rotation ended: ``python notify.py SETTINGS failure|success``, by mail or to a webhook.

A failure is told each time. A gate that waits is told when it begins to wait, and again after a week. All else is
silence. A message holds what the closing table says, and nothing of what Ansible printed.
"""

from __future__ import annotations

import datetime
import email.message
import json
import os
import pathlib
import platform
import subprocess
import sys
import typing as t
import urllib.error
import urllib.request

WAITING = 75
AGAIN_AFTER = datetime.timedelta(days=7)
_TIMEOUT = 60  # seconds

Json = dict[str, t.Any]


class NotTold(Exception):
    """A message that did not get through. Its text names no address that may hold a token."""


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A redirect would make a GET out of the message."""

    def redirect_request(self, *_arguments: t.Any) -> None:
        return None


def message(settings: Json, kind: str, last: Json, invocation: str = "") -> tuple[str, list[str]]:
    """Subject and lines, both empty where there is nothing to tell.

    :param last: what rotate.py left; empty where it left nothing.
    :param invocation: systemd's id of the run that this is about, if known.
    """
    where = f"on {platform.node()}"
    status = last.get("exit_status")
    foreign = bool(invocation and last.get("invocation") and last["invocation"] != invocation)
    if kind == "failure" and (foreign or status in (None, 0, WAITING)):
        why = "It failed before it began, another one was at work, or a newer one has begun since."
        return f"APNs rotation did not run {where}", [why, _look(settings)]
    if kind == "failure":
        lines = [*last["problems"], *last["table"], f"Began {last['began']}. {_look(settings)}"]
        return f"APNs rotation failed {where}", lines
    if status == WAITING:
        return f"APNs rotation waits for you {where}", last["table"]
    return "", []


def _look(settings: Json) -> str:
    return f"Look at the log: {settings['log']}."


def gates(last: Json) -> list[list[str]]:
    """What waits: environment, bundle id and gate of each."""
    waiting = [item for item in last.get("items", []) if item["decision"] == "waits"]
    return sorted([item["environment"], item["bundle_id"], item["must_act"]] for item in waiting)


def is_news(waiting: list[list[str]], told: Json, now: datetime.datetime) -> bool:
    """Whether these gates were not told yet, or long ago."""
    if told.get("gates") != waiting:
        return True
    return now - datetime.datetime.fromisoformat(told["at"]) >= AGAIN_AFTER


def mail(settings: Json, subject: str, lines: list[str]) -> None:
    letter = email.message.EmailMessage()
    letter["From"], letter["To"], letter["Subject"] = settings["mail_from"], ", ".join(settings["mail_to"]), subject
    letter["Auto-Submitted"] = "auto-generated"
    letter.set_content("\n".join(lines) + "\n")
    command = [settings["sendmail"], "-i", "-f", settings["mail_from"], "--", *settings["mail_to"]]
    try:
        sent = subprocess.run(  # noqa: S603 - a list, no shell
            command, input=letter.as_bytes(), capture_output=True, timeout=_TIMEOUT, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as problem:
        raise NotTold(f"sendmail: {type(problem).__name__}") from None
    if sent.returncode != 0:
        raise NotTold(f"sendmail ended with {sent.returncode}")


def post(settings: Json, subject: str, lines: list[str], last: Json) -> None:
    document = {"text": "\n".join([subject, *lines]), "host": platform.node(), "items": last.get("items", [])}
    try:
        address = _secret_file(settings["webhook_url_file"], "webhook-url").read_text(encoding="utf-8").strip()
        headers = {"Content-Type": "application/json"}
        request = urllib.request.Request(address, json.dumps(document).encode(), headers, method="POST")  # noqa: S310
        if request.type not in ("http", "https"):
            raise NotTold("webhook: its address begins with neither https:// nor http://")
        with urllib.request.build_opener(_NoRedirect).open(request, timeout=_TIMEOUT):
            pass
    except urllib.error.HTTPError as problem:
        problem.close()
        raise NotTold(f"webhook: status {problem.code}") from None
    except (OSError, ValueError) as problem:
        raise NotTold(f"webhook: {type(problem).__name__}") from None


def _secret_file(path: str, credential: str) -> pathlib.Path:
    """Where systemd put it, or the file itself."""
    credentials = os.environ.get("CREDENTIALS_DIRECTORY")
    return pathlib.Path(credentials, credential) if credentials else pathlib.Path(path)


def _load(path: pathlib.Path) -> Json:
    try:
        return dict(json.loads(path.read_bytes()))
    except (OSError, ValueError, TypeError):
        return {}


def main(arguments: list[str]) -> int:
    settings, kind = _load(pathlib.Path(arguments[0])), arguments[1]
    os.umask(0o077)
    state = pathlib.Path(settings["state_directory"])
    last, told = _load(state / "last.json"), state / "told.json"
    subject, lines = message(settings, kind, last, os.environ.get("MONITOR_INVOCATION_ID", ""))
    now = datetime.datetime.now(datetime.UTC)
    waiting = gates(last) if kind == "success" else []
    if not subject:
        told.unlink(missing_ok=True)
        return 0
    if waiting and not is_news(waiting, _load(told), now):
        return 0
    problems = []
    if settings["mail_to"]:
        problems += _try(mail, settings, subject, lines)
    if settings["webhook_url_file"]:
        problems += _try(post, settings, subject, lines, last)
    if waiting and not problems:
        told.write_text(json.dumps({"gates": waiting, "at": now.isoformat()}), encoding="utf-8")
    for problem in problems:
        print(f"Could not tell: {problem}", file=sys.stderr)
    return 1 if problems else 0


def _try(tell: t.Callable[..., None], *arguments: t.Any) -> list[str]:
    try:
        tell(*arguments)
    except NotTold as problem:
        return [str(problem)]
    return []


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

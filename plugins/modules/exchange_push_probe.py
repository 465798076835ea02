#!/usr/bin/python
# Copyright: (c) 2026, the pushops.securemail contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: exchange_push_probe
short_description: Subscribe to EWS push notifications, and see whether one arrives
version_added: "0.1.0"
author: pushops.securemail contributors (@pushops)
description:
  - Subscribes the drafts of a probe mailbox to push with a receiver of its own as URL, saves an empty draft, and waits
    for Exchange to tell of it. So it proves what a phone needs of Exchange besides the way to the listener. EWS takes
    the subscription, and sends the status event and the change.
  - Runs on the controller, which has to be reachable from the Exchange hosts at O(receiver.url) for as long.
  - The subscription ends in every case. The receiver answers C(Unsubscribe) to the notification of the change, or to
    the next status event. Where nothing arrives, no answer can do it; then Exchange gives up by itself, within three
    minutes, and logs events 6 and 7 with this URL. A request cannot end a push subscription.
  - The draft is deleted for good. What could not be deleted is in RV(left_behind).
  - No content leaves the mailbox. A notification holds identifiers, and the draft is empty besides its subject.
notes:
  - The listener of the push service is no URL for this. Nobody but itself can end a subscription that it accepts. For
    the way to it, see M(pushops.securemail.exchange_egress_info) and M(pushops.securemail.exchange_push_info).
  - A receiver whose name is not on the EWS bypass list is called through the web proxy, if one is set, as any other
    name is.
  - It takes up to twice O(timeout), and 75 seconds more where only status events arrive.
requirements:
  - exchangelib >= 5.5
attributes:
  check_mode:
    description: Can run in check mode without changing anything.
    support: full
    details: In check mode nothing connects, and RV(reason) is V(not-run).
  diff_mode:
    description: Shows what would change.
    support: none
    details: What it makes, it takes back.
options:
  endpoint:
    description:
      - URL of EWS, such as V(https://exch01.corp.example.com/EWS/Exchange.asmx).
    type: str
    required: true
  mailbox:
    description:
      - SMTP address of the probe mailbox. It is best one that nobody reads.
    type: str
    required: true
  username:
    description:
      - Who signs in, as V(user@example.com) or V(DOMAIN\\user). Default is O(mailbox).
    type: str
  password:
    description:
      - Password of the user.
    type: str
    required: true
  auth_type:
    description:
      - How to sign in. Without it, the server is asked what it takes. Exchange's setup leaves Basic off for EWS.
    type: str
    choices: [basic, ntlm]
  impersonate:
    description:
      - Act as the owner of the mailbox. The user needs the role ApplicationImpersonation.
    type: bool
    default: false
  ca_path:
    description:
      - PEM file of the authority of EWS' certificate. Default is the store that the C(requests) library uses.
    type: path
  validate_certs:
    description:
      - Whether to verify EWS' certificate.
    type: bool
    default: true
  receiver:
    description:
      - Where this module listens meanwhile.
    type: dict
    required: true
    suboptions:
      url:
        description:
          - How the Exchange hosts reach it, C(http://HOST:PORT) or C(https://HOST:PORT), without a path. A path that
            nobody can guess is added.
        type: str
        required: true
      address:
        description:
          - The controller's own address to listen on.
        type: str
        required: true
      port:
        description:
          - The port to listen on. Default is that of O(receiver.url).
        type: int
      certificate_path:
        description:
          - PEM file of the certificate, for V(https). The Exchange hosts have to trust it.
        type: path
      key_path:
        description:
          - PEM file of its key, without a passphrase. Default is O(receiver.certificate_path).
        type: path
  timeout:
    description:
      - Seconds to wait for each of the two notifications, 1 to 600.
    type: int
    default: 60
"""

EXAMPLES = r"""
- name: See whether Exchange tells of a change
  pushops.securemail.exchange_push_probe:
    endpoint: https://exch01.corp.example.com/EWS/Exchange.asmx
    mailbox: push-probe@example.com
    username: EXAMPLE\push-probe
    password: "{{ vault_probe_password }}"
    ca_path: /etc/pki/tls/certs/example-root.pem
    receiver:
      url: http://controller.corp.example.com:8025
      address: 198.51.100.5
  delegate_to: localhost
  register: probe

- name: Say what came of it
  ansible.builtin.debug:
    msg: "{{ probe.sentence }}"
"""

RETURN = r"""
delivered:
  description: Whether Exchange told of the change.
  type: bool
  returned: success
  sample: true
reason:
  description:
    - V(delivered); V(no-status) where nothing arrived at all; V(no-change) where only status events did; V(not-run) in
      check mode.
  type: str
  returned: success
  sample: delivered
sentence:
  description: The same for people.
  type: str
  returned: success
  sample: Exchange told http://controller.corp.example.com:8025/mR1x of a change after 0.4 s
remedy:
  description: What to do now. Empty where all is well.
  type: str
  returned: always
  sample: ""
status_seconds:
  description: Seconds from the subscription to the first notification. Null where none arrived.
  type: float
  returned: success
  sample: 0.2
change_seconds:
  description: Seconds from the draft to its notification. Null where none arrived.
  type: float
  returned: success
  sample: 0.4
ended:
  description:
    - V(answered) where the subscription is over; V(by itself) where Exchange gives it up within three minutes.
  type: str
  returned: success
  sample: answered
left_behind:
  description: What could not be taken back, a sentence each.
  type: list
  elements: str
  returned: success
  sample: []
"""

import contextlib
import secrets
import typing as t
import urllib.parse

from ansible.module_utils.basic import AnsibleModule, missing_required_lib

from ansible_collections.pushops.securemail.plugins.module_utils.core.errors import InvalidInput, PushOpsError
from ansible_collections.pushops.securemail.plugins.module_utils.ews.mailbox import (
    EXCHANGELIB_IMPORT_ERROR,
    Access,
    Mailbox,
    Notifications,
)
from ansible_collections.pushops.securemail.plugins.module_utils.ews.probe import CHANGE, Outcome, probe
from ansible_collections.pushops.securemail.plugins.module_utils.ews.receiver import Receiver

_RECEIVER = {
    "url": {"type": "str", "required": True},
    "address": {"type": "str", "required": True},
    "port": {"type": "int"},
    "certificate_path": {"type": "path"},
    "key_path": {"type": "path", "no_log": False},
}
_NOT_RUN = Outcome("not-run", "In check mode nobody is asked", "", None, None, "answered")


def parse_access(params: t.Mapping[str, t.Any]) -> Access:
    """Whom to ask, and as whom.

    :raises InvalidInput: an endpoint that is none.
    """
    _split("endpoint", params["endpoint"], "https")
    if "@" not in params["mailbox"]:
        raise InvalidInput("mailbox", params["mailbox"], "an SMTP address", "Correct it")
    return Access(
        params["endpoint"],
        params["mailbox"],
        params["username"] or params["mailbox"],
        params["password"],
        params["auth_type"] or "",
        params["impersonate"],
        params["ca_path"] or "",
        params["validate_certs"],
    )


def parse_receiver(params: t.Mapping[str, t.Any]) -> tuple[str, int, tuple[str, str] | None]:
    """URL without its path, port, and the files of the certificate.

    :raises InvalidInput: a URL that Exchange cannot call, or one that does not fit the certificate.
    """
    given = params["receiver"]
    parts = _split("receiver.url", given["url"], "http", "https")
    if parts.path not in ("", "/") or parts.query:
        raise InvalidInput("receiver.url", given["url"], "no path", "Leave it out; one is added")
    certificate = given["certificate_path"]
    if (parts.scheme == "https") is not bool(certificate):
        raise InvalidInput("receiver.certificate_path", certificate, "a file, for https alone", "Make both fit")
    if not 1 <= params["timeout"] <= 600:
        raise InvalidInput("timeout", params["timeout"], "1 to 600 seconds", "Correct it")
    port = given["port"] or parts.port or (443 if certificate else 80)
    return given["url"].rstrip("/"), port, (certificate, given["key_path"] or certificate) if certificate else None


def _split(option: str, url: str, *schemes: str) -> urllib.parse.SplitResult:
    expected = f"{' or '.join(schemes)}://HOST"
    try:
        parts = urllib.parse.urlsplit(url)
        valid = parts.scheme in schemes and bool(parts.hostname) and parts.port != 0
    except ValueError:
        valid = False
    if not valid or parts.username is not None:
        raise InvalidInput(option, url.rpartition("@")[2], expected, "Correct it")
    return parts


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "endpoint": {"type": "str", "required": True},
            "mailbox": {"type": "str", "required": True},
            "username": {"type": "str"},
            "password": {"type": "str", "required": True, "no_log": True},
            "auth_type": {"type": "str", "choices": ["basic", "ntlm"]},
            "impersonate": {"type": "bool", "default": False},
            "ca_path": {"type": "path"},
            "validate_certs": {"type": "bool", "default": True},
            "receiver": {"type": "dict", "required": True, "options": _RECEIVER},
            "timeout": {"type": "int", "default": 60},
        },
        supports_check_mode=True,
    )
    if EXCHANGELIB_IMPORT_ERROR:
        module.fail_json(msg=missing_required_lib("exchangelib >= 5.5"), exception=EXCHANGELIB_IMPORT_ERROR)
    try:
        access, (url, port, tls) = parse_access(module.params), parse_receiver(module.params)
        if module.check_mode:
            module.exit_json(changed=False, **_NOT_RUN.result())
        path = f"/{secrets.token_urlsafe(24)}"
        address = module.params["receiver"]["address"]
        with (
            Receiver(address, port, path, CHANGE, Notifications(), tls) as receiver,
            contextlib.closing(Mailbox(access)) as mailbox,
        ):
            outcome = probe(mailbox, receiver, url + path, module.params["timeout"])
    except PushOpsError as problem:
        module.fail_json(**problem.result())
    module.exit_json(changed=False, **outcome.result())


if __name__ == "__main__":
    main()

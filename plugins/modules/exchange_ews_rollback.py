#!/usr/bin/python
# Copyright: (c) 2026, the pushops.securemail contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: exchange_ews_rollback
short_description: Put back a copy of EWS's configuration files on an Exchange host
version_added: "0.1.0"
author: pushops.securemail contributors (@pushops)
description:
  - Lists the copies that M(pushops.securemail.exchange_ews_iis) and this module have made on the host, and puts a
    chosen one back. A copy is chosen by its time stamp, which all files have in common that were changed in one run.
  - The files as they are now are copied aside first, so a rollback can be rolled back.
  - The copy's content is judged before anything is written. Malformed XML is refused, and so is a web.config whose
    C(X-FEServer) or C(X-BEServer) header names another host.
  - A file that was deleted is put back, too. Where the rollback has to be taken back, it is deleted again.
  - Where IIS cannot read the configuration that names the folders of EWS, copies are looked for where Exchange's setup
    puts it, C(%ExchangeInstallPath%FrontEnd\HttpProxy\EWS) and C(%ExchangeInstallPath%ClientAccess\exchweb\EWS), and a
    warning says so.
  - Runs C(appcmd) and C(cmd) in one WinRM shell of the host's ordinary session. No PowerShell starts and nothing is
    uploaded.
extends_documentation_fragment:
  - pushops.securemail.way_back
notes:
  - Needs C(ansible_connection=winrm), pywinrm 0.5 on the controller, and an account that may administer IIS.
  - A host that is unhealthy before is not refused, because that is what a rollback is for. With O(health), EWS must
    live afterwards; otherwise the files are put back as they were before the rollback.
  - A changed web.config restarts the application, so roll back one host at a time.
  - Whatever else was changed in the same files since the copy was made is lost. Look at C(--check --diff) first.
options:
  backup:
    description:
      - Which copy to put back, C(YYYYMMDDThhmmssZ) in UTC, or V(latest). Empty lists what is there and changes nothing.
      - V(latest) is the newest copy that a change has made. Copies that a rollback has made are chosen by their time
        stamp, so V(latest) does nothing the second time.
    type: str
    default: ""
  front_end:
    description:
      - Site and application that clients call.
    type: str
    default: Default Web Site/EWS
  back_end:
    description:
      - Site and application that sends the notifications.
    type: str
    default: Exchange Back End/EWS
attributes:
  check_mode:
    support: full
    description:
      - Reads and judges the chosen copy, and runs no command that changes. Where something would change and O(health)
        is given, EWS is asked, and a warning says what is wrong.
  diff_mode:
    support: partial
    description:
      - Shows which files would change, and the settings of this collection in each, before and after. The rest of a
        file is not shown, because a web.config may hold secrets.
  platform:
    support: full
    description: Acts on Windows; runs on the controller as an action plugin.
    platforms: windows
  idempotent:
    support: full
    description: A file that reads as the chosen copy does is left alone.
"""

EXAMPLES = r"""
- name: List the copies
  pushops.securemail.exchange_ews_rollback:
  register: copies

- name: Undo the last change, and make sure that EWS lives
  pushops.securemail.exchange_ews_rollback:
    backup: latest
    health:
      url: https://exch01.example.com
      back_end_url: https://exch01.example.com:444
      server_name: mail.example.com

- name: Go back to what was there before the change of a certain evening
  pushops.securemail.exchange_ews_rollback:
    backup: 20260102T203000Z
"""

RETURN = r"""
available:
  description: The copies on the host when the task began, or after it where it changed something; newest first.
  type: list
  elements: dict
  returned: success
  contains:
    backup:
      description: Time stamp, for O(backup).
      type: str
      sample: 20260102T030405Z
    made_by:
      description: V(change) or V(rollback).
      type: str
      sample: change
    files:
      description: The files that this backup has a copy of.
      type: list
      elements: str
      sample:
        - D:\Exchange\ClientAccess\exchweb\EWS\web.config
restored:
  description: The copies that were put back, or would be in check mode.
  type: list
  elements: str
  returned: success
  sample:
    - D:\Exchange\ClientAccess\exchweb\EWS\web.config.pushops-20260102T030405Z.bak
backups:
  description:
    - Copies of the files as they were before the rollback; none of a file that was not there. Empty in check mode.
  type: list
  elements: str
  returned: success
  sample:
    - D:\Exchange\ClientAccess\exchweb\EWS\web.config.pushops-20260103T030405Z.rollback.bak
recycled:
  description: Whether C(MSExchangeServicesAppPool) was recycled, because EWS did not live after the rollback.
  type: bool
  returned: success
  sample: false
changes:
  description: The files that differed from their copy.
  type: list
  elements: dict
  returned: success
  contains:
    name:
      description: The file.
      type: str
      sample: D:\Exchange\ClientAccess\exchweb\EWS\web.config
    before:
      description: The settings of this collection in the file, or C(malformed) or C(absent).
      type: dict
      sample:
        uploadReadAheadSize: null
        system.net/defaultProxy:
          proxy.usesystemdefault: "true"
          bypasslist:
            - ^https://eu-west-1\.mailboxlistener\.xm\.citrix\.com(:443)?$
    after:
      description: The same in the copy.
      type: dict
      sample:
        uploadReadAheadSize: null
        system.net/defaultProxy: null
    link:
      description: Always empty. What a rollback breaks is found by the next verification.
      type: str
      sample: ""
remedy:
  description: What to do now.
  type: str
  returned: failure
  sample: Choose one of those, or leave backup out
"""

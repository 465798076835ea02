#!/usr/bin/python
# Copyright: (c) 2026, the pushops.securemail contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: exchange_ews_iis
short_description: Set what push needs in IIS on an Exchange host
version_added: "0.1.0"
author: pushops.securemail contributors (@pushops)
description:
  - Raises C(uploadReadAheadSize) of the front end's EWS application, without which IIS answers HTTP 413 where it asks
    for client certificates while a request body waits. Exchange ships 0 there.
  - Puts the vendor's listener on the bypass list of the back end's EWS application, which sends the notifications, so
    that they do not go to the web proxy.
  - Decides by the effective values. Each section goes where it takes effect, which is the application's own
    web.config; C(system.webServer/serverRuntime) goes to applicationHost.config where it is locked below.
    C(system.net/defaultProxy) is judged by the back end's own web.config alone, because .NET never reads
    applicationHost.config.
  - Runs C(appcmd) and C(cmd) in one WinRM shell of the host's ordinary session. No PowerShell starts and nothing is
    uploaded.
notes:
  - Needs C(ansible_connection=winrm), pywinrm 0.5 on the controller, and an account that may administer IIS.
  - Each changed file is first copied beside itself as C(<file>.pushops-<UTC time>.bak). A changed web.config restarts
    the application, so change one host at a time.
  - Cumulative updates of Exchange overwrite both web.config files. Run this again after each of them.
options:
  state:
    description:
      - V(present) sets what the other options say.
      - V(absent) takes exactly the entries of O(proxy_bypass) out of the bypass list. Other entries stay. Where none is
        left and the rest of the section is what O(state=present) would have set beside them, the whole section goes, as
        Exchange ships it. C(uploadReadAheadSize) stays as it is unless O(upload_read_ahead_size) is given.
    type: str
    choices: [present, absent]
    default: present
  upload_read_ahead_size:
    description:
      - Effective C(uploadReadAheadSize) of O(front_end), in bytes, from 0 to 2147483647. It must hold the largest
        request that a client with a certificate sends, attachments included.
      - Where it is not given and O(client_certificate_auth=true), a smaller value is raised to 49152, which is what
        Microsoft's guide "Configure certificate based authentication in Exchange" sets, and a larger one stays.
    type: int
  client_certificate_auth:
    description:
      - Whether clients authenticate with certificates on O(front_end). With V(false) and O(state=present),
        C(uploadReadAheadSize) stays as it is.
      - A value above 65536 is warned about where the site asks for no client certificate, because anonymous clients
        could then make the host hold that much of each request in memory.
    type: bool
    default: false
  proxy_bypass:
    description:
      - Listeners that O(back_end) calls without a proxy. Each becomes one anchored and escaped regular expression.
        Entries that are there already stay. An empty list leaves the section as it is.
    type: list
    elements: dict
    default: []
    suboptions:
      fqdn:
        description:
          - Host name of the listener.
        type: str
        required: true
      port:
        description:
          - TCP port of the listener.
        type: int
        default: 443
  proxy:
    description:
      - Web proxy of everything else that O(back_end) calls, such as V(http://proxy.example.com:3128). Empty means the
        machine's own setting.
      - It always stands beside the bypass list, because .NET takes the section as a whole, and a list alone would mean
        that nothing goes through a proxy.
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
    description: Reads, plans, and runs no command that changes.
  diff_mode:
    support: full
    description: Shows each section that differs, before and after.
  platform:
    support: full
    description: Acts on Windows; runs on the controller as an action plugin.
    platforms: windows
  idempotent:
    support: full
    description: Compares effective values.
"""

EXAMPLES = r"""
- name: Let EWS take requests of 10 MB with client certificates, and reach the listener without the proxy
  pushops.securemail.exchange_ews_iis:
    client_certificate_auth: true
    # Microsoft's 49152 is enough for push itself, but not for attachments.
    upload_read_ahead_size: 10485760
    proxy: http://proxy.example.com:3128
    proxy_bypass:
      - fqdn: eu-west-1.mailboxlistener.xm.citrix.com

- name: Take the listener off the list and put Exchange's own value back
  pushops.securemail.exchange_ews_iis:
    state: absent
    upload_read_ahead_size: 0
    proxy: http://proxy.example.com:3128
    proxy_bypass:
      - fqdn: eu-west-1.mailboxlistener.xm.citrix.com
"""

RETURN = r"""
upload_read_ahead_size:
  description: Effective bytes on the front end. In check mode C(after) is what would be.
  type: dict
  returned: success
  sample:
    before: 0
    after: 49152
proxy_bypass:
  description: Bypass list in the back end's own web.config. In check mode C(after) is what would be.
  type: dict
  returned: success
  sample:
    before: []
    after:
      - ^https://eu-west-1\.mailboxlistener\.xm\.citrix\.com(:443)?$
commit_paths:
  description: Where each changed section was written, or would be in check mode.
  type: dict
  returned: success
  sample:
    system.webServer/serverRuntime: Default Web Site/EWS
    system.net/defaultProxy: Exchange Back End/EWS
backups:
  description: Copies of the changed files, on the host, as they were before. Empty in check mode.
  type: list
  elements: str
  returned: success
  sample:
    - C:\Program Files\Microsoft\Exchange Server\V15\ClientAccess\exchweb\EWS\web.config.pushops-20260102T030405Z.bak
changes:
  description: What differed, and the link of the push path that was broken by it.
  type: list
  elements: dict
  returned: success
  contains:
    name:
      description: The setting and its application.
      type: str
      sample: uploadReadAheadSize of Default Web Site/EWS
    before:
      description: The value before; for the proxy section its attributes and list, or null where there is none.
      type: raw
      sample: 0
    after:
      description: The value asked for, in the same form.
      type: raw
      sample: 49152
    link:
      description: Id of the link of the push path.
      type: str
      sample: read-ahead
remedy:
  description: What to do now.
  type: str
  returned: failure
  sample: Correct the path; 'appcmd list app' shows the names
"""

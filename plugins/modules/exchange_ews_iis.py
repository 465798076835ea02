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
  - Decides by the effective values, and asks the host where each of them is defined. A value goes to the place where
    it takes effect - the web.config or the location tag that holds it for this application - or else to the nearest
    place that wins over it, which is the application's own web.config, or applicationHost.config where the section is
    locked. What was written is then read again as the effective value.
  - C(system.net/defaultProxy) is judged as .NET reads it, by the nearest web.config that holds the section, because
    .NET never reads applicationHost.config. What C(appcmd) lists beyond that is only warned about.
  - Runs C(appcmd) and C(cmd) in one WinRM shell of the host's ordinary session, and all reads as one command. No
    PowerShell starts and nothing is uploaded.
extends_documentation_fragment:
  - pushops.securemail.way_back
notes:
  - Needs C(ansible_connection=winrm), pywinrm 0.5 on the controller, and an account that may administer IIS.
  - Each changed file is first copied beside itself as C(<file>.pushops-<UTC time>.bak), for
    M(pushops.securemail.exchange_ews_rollback). A changed web.config restarts the application, so change one host at a
    time.
  - C(MSExchangeServicesAppPool) is recycled only where EWS does not live after a change, and after files were put back.
    No other application pool is touched.
  - Cumulative updates of Exchange overwrite both web.config files. Run this again after each of them.
options:
  state:
    description:
      - V(present) sets what the other options say.
      - V(absent) takes exactly the entries of O(proxy_bypass) out of the bypass list. Other entries stay. The
        C(<proxy>) beside the list gets back what stood there before O(state=present), as far as a copy of the file
        that the module made shows it; one that somebody changed since stays as it is. Without such a copy, the whole
        section goes where no entry is left and only a C(<proxy>) of this module's own would remain, as Exchange ships
        it, and else C(<proxy>) stays. C(uploadReadAheadSize) stays as it is unless O(upload_read_ahead_size) is given.
    type: str
    choices: [present, absent]
    default: present
  upload_read_ahead_size:
    description:
      - Effective C(uploadReadAheadSize) of O(front_end), in bytes, from 0 to 2147483647. It must hold the largest
        request that a client with a certificate sends, attachments included.
      - Where it is not given, a smaller value is raised to 49152 if the effective C(sslFlags) hold C(SslNegotiateCert)
        or C(SslRequireCert), and stays as it is if they do not. 49152 is what Microsoft's guide "Configure certificate
        based authentication in Exchange" sets, and the default of IIS. A larger value stays.
      - A value above 65536 is warned about where the site asks for no client certificate, because anonymous clients
        could then make the host hold that much of each request in memory.
    type: int
  client_certificate_auth:
    description:
      - Whether clients are believed to authenticate with certificates on O(front_end). It decides nothing; where the
        effective C(sslFlags) say otherwise, the result warns. It is no error, because the flags are Exchange's own, and
        may be set before or after this runs. Leave it out, and nothing is compared.
    type: bool
  proxy_bypass:
    description:
      - Listeners that O(back_end) calls without a proxy. Each becomes one anchored and escaped regular expression.
        Entries that are there already stay, and where one of them lets a listener through, no other is added. An empty
        list leaves the section as it is.
      - An entry that is no regular expression makes .NET refuse the whole section, and the application cannot send
        anything. With O(state=present) that is an error that names the entry, before anything is written; the module
        never removes it, because it is not its own.
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
  prune:
    description:
      - Also take out the entries that this module wrote for listeners that are no longer declared, such as those of
        another region.
      - Such an entry is, to the letter, the form that the module writes, V(^https://HOST(:443\)?$) with escaped dots,
        for a host of the same domain as one in O(proxy_bypass) (the name without its first label). Every other entry
        is somebody else's and stays.
    type: bool
    default: false
    version_added: "0.1.0"
  proxy:
    description:
      - Web proxy of everything else that O(back_end) calls, such as V(http://proxy.example.com:3128). Empty leaves a
        C(<proxy>) that decides as it is, and means the machine's own setting where there is none.
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
  require_healthy:
    description:
      - Whether a host whose EWS does not live is refused before anything is changed there. Needs O(health).
    type: bool
    default: true
attributes:
  check_mode:
    support: full
    description:
      - Reads, plans, and runs no command that changes. Where something would change and O(health) is given, EWS is
        asked, and a warning says where applying would be refused.
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
    # Compared with the flags in force: the result warns where IIS does not ask for certificates.
    client_certificate_auth: true
    # Microsoft's 49152 is enough for push itself, but not for attachments.
    upload_read_ahead_size: 10485760
    proxy: http://proxy.example.com:3128
    proxy_bypass:
      - fqdn: eu-west-1.mailboxlistener.xm.citrix.com
    # Put everything back where EWS does not live afterwards.
    health:
      url: https://exch01.example.com
      back_end_url: https://exch01.example.com:444
      server_name: mail.example.com

- name: Follow the environment to another region, and take the old region's listener off the list
  pushops.securemail.exchange_ews_iis:
    proxy: http://proxy.example.com:3128
    proxy_bypass:
      - fqdn: us-east-1.mailboxlistener.xm.citrix.com
    prune: true

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
ssl_flags:
  description: Effective C(sslFlags) of the front end, as IIS lists them.
  type: str
  returned: success
  sample: Ssl, SslNegotiateCert, Ssl128
proxy_bypass:
  description: Bypass list that .NET reads for the back end. In check mode C(after) is what would be.
  type: dict
  returned: success
  sample:
    before: []
    after:
      - ^https://eu-west-1\.mailboxlistener\.xm\.citrix\.com(:443)?$
defined_in:
  description: Where each effective value is defined, before and after; in check mode C(after) is what would be.
  type: dict
  returned: success
  contains:
    uploadReadAheadSize:
      description:
        - The file, as a configuration path, and the path of the location tag in it, empty without one. Null is the
          default of IIS's schema.
      type: dict
      sample:
        before:
          commit_path: MACHINE/WEBROOT/APPHOST/Default Web Site/EWS
          location: ""
        after:
          commit_path: MACHINE/WEBROOT/APPHOST/Default Web Site/EWS
          location: ""
    sslFlags:
      description: The same for the flags, which the module only reads.
      type: dict
      sample:
        before:
          commit_path: MACHINE/WEBROOT/APPHOST
          location: Default Web Site
        after:
          commit_path: MACHINE/WEBROOT/APPHOST
          location: Default Web Site
    defaultProxy:
      description: The file in which .NET finds the section; null where none has it, and the machine's settings act.
      type: dict
      sample:
        before: null
        after: C:\Program Files\Microsoft\Exchange Server\V15\ClientAccess\exchweb\EWS\web.config
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
recycled:
  description: Whether C(MSExchangeServicesAppPool) was recycled, because EWS did not live after the change.
  type: bool
  returned: success
  sample: false
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
      description:
        - The value before and where it is defined; for the proxy section its attributes, its list and C(defined_in), or
          null where there is none.
      type: raw
      sample: 0 (web.config of Default Web Site/EWS)
    after:
      description: The value asked for, in the same form.
      type: raw
      sample: 49152 (web.config of Default Web Site/EWS)
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

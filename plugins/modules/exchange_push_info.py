#!/usr/bin/python
# Copyright: (c) 2026, the pushops.securemail contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: exchange_push_info
short_description: Say all that an Exchange host knows about push
version_added: "0.1.0"
author: pushops.securemail contributors (@pushops)
extends_documentation_fragment: [pushops.securemail.flows]
description:
  - Reads the effective values on which push depends and where they are defined, the web proxy in force for each
    listener, whether the host's own firewall lets each flow out, and what Exchange logged when it could not send.
  - Runs C(appcmd), C(reg) and C(wevtutil) in one command of one WinRM shell. Nothing is changed, no PowerShell starts,
    and no text that depends on the display language is read.
notes:
  - Needs C(ansible_connection=winrm), pywinrm 0.5 on the controller, and an account that may administer the host.
  - Cumulative updates of Exchange overwrite both web.config files of EWS. Compare RV(exchange) with an earlier run, and
    run M(pushops.securemail.exchange_ews_iis) after each of them.
options:
  flows:
    description:
      - The flows that concern Exchange, at least one, each with the C(fqdn) of its listener.
  profile:
    description:
      - Kind of network by which it is judged whether the firewall lets a flow out. Exchange servers are members of a
        domain.
    type: str
    choices: [domain, private, public]
    default: domain
  max_event_age:
    description:
      - How far back events are looked for, in seconds, from 1 to 2592000.
    type: int
    default: 86400
  max_events:
    description:
      - How many events are read at most, the newest first, from 1 to 200. Each is about 2 kB.
    type: int
    default: 20
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
  health:
    description:
      - Where the controller asks whether EWS lives, without credentials, by the same questions as
        M(pushops.securemail.exchange_ews_iis) asks. Left out, nobody asks.
    type: dict
    suboptions:
      url:
        description:
          - The host's own front end, C(https://HOST[:PORT]), not a load balancer.
        type: str
        required: true
      back_end_url:
        description:
          - The host's back end, usually port 444. Empty means that it is not asked. One that does not answer at all, as
            where a firewall is in between, says nothing of EWS.
        type: str
        default: ""
      server_name:
        description:
          - The name that the front end's certificate holds, where it is not the host of O(health.url).
        type: str
        default: ""
      ca_path:
        description:
          - PEM file of the authority that signed the front end's certificate. Default is the controller's own store.
        type: path
      back_end_ca_path:
        description:
          - The same for the back end. Default is O(health.ca_path).
        type: path
      validate_certs:
        description:
          - Whether the certificates are checked. Without it, whoever answers may say that EWS lives.
        type: bool
        default: true
      timeout:
        description:
          - Seconds that one request may take.
        type: int
        default: 10
      warm_up:
        description:
          - Not used here, where nothing changes.
        type: int
        default: 90
attributes:
  check_mode:
    support: full
    description: Reads, and never changes anything.
  diff_mode:
    support: none
    description: There is nothing that could differ.
  platform:
    support: full
    description: Asks Windows; runs on the controller as an action plugin.
    platforms: windows
  idempotent:
    support: full
    description: Never reports a change.
  action_group:
    description: Use C(group/pushops.securemail.exchange) in C(module_defaults) to set options once.
    support: full
    membership:
      - pushops.securemail.exchange
"""

EXAMPLES = r"""
- name: Ask what stands between Exchange and the listener
  pushops.securemail.exchange_push_info:
    flows:
      - name: listener
        fqdn: eu-west-1.mailboxlistener.xm.citrix.com
        destinations: [54.77.174.172, 52.17.147.220]
  register: push

- name: Say which hosts have failed to notify since yesterday
  ansible.builtin.debug:
    msg: "{{ push.flows[0].events.failed_sends }} failed, last {{ push.flows[0].events.last_time }}"
  when: push.flows[0].events.failed_sends > 0
"""

RETURN = r"""
exchange:
  description: The installed product.
  type: dict
  returned: success
  contains:
    product:
      description: Its name.
      type: str
      sample: Exchange Server 2019
    version:
      description: Build of the installed cumulative update. Security updates do not change it.
      type: str
      sample: 15.2.986.5
app_pool:
  description: The application pool in which EWS runs.
  type: dict
  returned: success
  contains:
    name:
      description: Its name.
      type: str
      sample: MSExchangeServicesAppPool
    state:
      description: As IIS names it. Empty where there is no such pool.
      type: str
      sample: Started
health:
  description: Whether EWS lives, as the controller sees it.
  type: dict
  returned: success
  contains:
    lives:
      description: Null where O(health) is left out, so that nobody asked.
      type: bool
      sample: true
    sentence:
      description: What was answered otherwise than by a living EWS, or that all is well.
      type: str
      sample: EWS answers as it does where it lives
    warnings:
      description: What could not be asked, a sentence each.
      type: list
      elements: str
      sample: []
    clock_ahead:
      description:
        - Seconds by which the host's clock is ahead of the controller's, negative where it is behind. Null where the
          front end was not asked, or its answer names no time.
      type: int
      sample: 0
front_end:
  description: What clients meet.
  type: dict
  returned: success
  contains:
    application:
      description: O(front_end).
      type: str
      sample: Default Web Site/EWS
    upload_read_ahead_size:
      description: Effective bytes.
      type: int
      sample: 0
    upload_read_ahead_size_defined_in:
      description: The place whose value counts. Empty where it is IIS's default.
      type: str
      sample: web.config of Default Web Site/EWS
    ssl_flags:
      description: Effective C(sslFlags), as IIS lists them.
      type: str
      sample: Ssl, SslNegotiateCert, Ssl128
    ssl_flags_defined_in:
      description: The place whose value counts. Empty where it is IIS's default.
      type: str
      sample: applicationHost.config, location "Default Web Site/EWS"
    asks_for_client_certificate:
      description: Whether IIS asks clients for a certificate.
      type: bool
      sample: true
back_end:
  description: What sends the notifications.
  type: dict
  returned: success
  contains:
    application:
      description: O(back_end).
      type: str
      sample: Exchange Back End/EWS
    proxy:
      description:
        - Attributes of C(defaultProxy) as .NET reads it. Null where no file has the section.
        - User and password in an address are shown as C(REDACTED), here and wherever else a proxy is returned.
      type: dict
      sample:
        proxy.usesystemdefault: "true"
        proxy.bypassonlocal: "true"
    proxy_defined_in:
      description: The file that has the section. Empty where none has.
      type: str
      sample: C:\Program Files\Microsoft\Exchange Server\V15\ClientAccess\exchweb\EWS\web.config
    proxy_bypass:
      description: Entries of its bypass list.
      type: list
      elements: str
      sample:
        - ^https://eu-west-1\.mailboxlistener\.xm\.citrix\.com(:443)?$
    invalid_entries:
      description: Those for which .NET refuses the whole section.
      type: list
      elements: str
      sample: []
system_proxy:
  description: Internet settings of LocalSystem, which count where the back end uses the system's default.
  type: dict
  returned: success
  contains:
    server:
      description: Name and port of the proxy for HTTPS. Empty where there is none.
      type: str
      sample: proxy.example.com:3128
    script:
      description: URL of a proxy script. Empty where there is none.
      type: str
      sample: ""
    overrides:
      description: Hosts that are called directly.
      type: list
      elements: str
      sample: ["*.example.com"]
firewall:
  description: The host's own firewall.
  type: dict
  returned: success
  contains:
    profiles:
      description:
        - By C(domain), C(private) and C(public), whether it is C(enabled), whether it C(blocks_by_default) what goes
          out, and whether it C(merges_local_rules) with Group Policy's.
      type: dict
      sample:
        domain:
          enabled: true
          blocks_by_default: false
          merges_local_rules: true
    own_rules:
      description: The outbound rules that M(pushops.securemail.push_firewall_windows) made.
      type: list
      elements: dict
      sample:
        - name: pushops.securemail listener
          rule: allow TCP port 443 to 52.17.147.220,54.77.174.172
events:
  description: How many of the events 6 and 7 of C(MSExchange Web Services) were read, whatever listener they name.
  type: int
  returned: success
  sample: 0
flows:
  description: Each of O(flows).
  type: list
  elements: dict
  returned: success
  contains:
    name:
      description: Name of the flow.
      type: str
      sample: listener
    fqdn:
      description: Name of the listener.
      type: str
      sample: eu-west-1.mailboxlistener.xm.citrix.com
    ports:
      description: Its TCP ports.
      type: list
      elements: int
      sample: [443]
    bypasses_proxy:
      description: Whether an entry of the bypass list lets it past the proxy on every port.
      type: bool
      sample: true
    proxy:
      description: The proxy through which it is called. Empty where it is called directly, null where a
        script decides or .NET refuses the section.
      type: str
      sample: ""
    firewall:
      description: C(passes), which is null where the registry does not prove it, and C(reasons).
      type: dict
      sample:
        passes: true
        reasons: []
    events:
      description: What Exchange logged about it.
      type: dict
      contains:
        failed_sends:
          description: Events 6, each a failed attempt.
          type: int
          sample: 0
        subscriptions_given_up:
          description: Events 7, each the end of a subscription.
          type: int
          sample: 0
        last_time:
          description: When the newest of them was logged, UTC. Empty where there is none.
          type: str
          sample: ""
        last_endpoint:
          description: The URL that it names.
          type: str
          sample: ""
        last_status:
          description: .NET's word for what went wrong.
          type: str
          sample: ""
remedy:
  description: What to do now.
  type: str
  returned: failure
  sample: Correct the path; 'appcmd list app' shows the names
"""

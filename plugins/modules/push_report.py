#!/usr/bin/python
# Copyright: (c) 2026, the pushops.securemail contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: push_report
short_description: Make a page that anyone can read out of what verify found
version_added: "0.1.0"
author: pushops.securemail contributors (@pushops)
description:
  - Reads the evidence that M(pushops.securemail.push_path_verdict) wrote, for one or several environments, and writes
    one HTML page for the run and an index over all runs.
  - The page says what must be done now, draws the push path of each environment with its broken links, shows what
    changed since the last run, the certificates on one time line, and every check in a table that sorts and filters.
  - A page is one file. It asks for nothing from anywhere, allows nothing but its own style and script, and is readable
    without the script.
  - Optionally writes the run as JUnit's XML and as metrics for Prometheus.
notes:
  - Runs where C(ansible-playbook) runs, whatever host the task is for. Use C(run_once) for several environments.
  - Holds no secret, but host names, addresses and the name of a mailbox.
requirements:
  - junitparser >= 3, for O(junit_path)
options:
  evidence:
    description:
      - The evidence files of one run, one for each environment. One that is not there is a warning, as long as there is
        another.
    type: list
    elements: path
    required: true
  path:
    description:
      - Folder of the report. It is made if need be. Each run adds C(run-<time>.html) and C(run-<time>.json), named by
        the end of the run, and C(index.html) is written anew.
    type: path
    required: true
  keep:
    description:
      - How many runs stay. Older ones are removed.
    type: int
    default: 100
  junit_path:
    description:
      - File for the run as JUnit's XML. An environment is a suite, and a check of a host is a case.
    type: path
  metrics_path:
    description:
      - File for the textfile collector of Prometheus' node exporter. Its name ends with V(.prom), and its folder
        exists.
    type: path
attributes:
  check_mode:
    support: full
    description: Reads the evidence and says whether files would change.
  diff_mode:
    support: none
    description: Pages are for people, and a difference of HTML is for nobody.
  platform:
    support: full
    description: Runs where its Python runs.
    platforms: posix
  idempotent:
    support: full
    description: The same evidence makes the same files.
"""

EXAMPLES = r"""
- name: Make the report of one environment
  pushops.securemail.push_report:
    evidence: [/var/lib/pushops/emea/verdict.json]
    path: /srv/www/push-report
  register: report

- name: Make one report over all environments, for people, for CI and for Prometheus
  pushops.securemail.push_report:
    evidence:
      - /var/lib/pushops/americas/verdict.json
      - /var/lib/pushops/apac/verdict.json
      - /var/lib/pushops/emea/verdict.json
    path: /srv/www/push-report
    junit_path: /var/lib/pushops/junit.xml
    metrics_path: /var/lib/prometheus/node-exporter/push_path.prom
  run_once: true
"""

RETURN = r"""
page:
  description: The page of this run.
  type: str
  returned: success
  sample: /srv/www/push-report/run-20261101T020000Z.html
index:
  description: The index over all runs.
  type: str
  returned: success
  sample: /srv/www/push-report/index.html
sound:
  description: Whether every environment of the run is sound.
  type: bool
  returned: success
  sample: false
environments:
  description: Names of the environments of the run.
  type: list
  elements: str
  returned: success
  sample: [emea]
drift:
  description: By environment, what differs from its last run, a sentence each.
  type: dict
  returned: success
  sample:
    emea: ["read-ahead.exchange on exch01: pass, now fail"]
actions:
  description: What must be done now, a sentence each, the most pressing first.
  type: list
  elements: str
  returned: success
  sample:
    - >-
      emea: uploadReadAheadSize with client certificates: Run playbooks/exchange.yml: it raises the effective value on
      the EWS folder
remedy:
  description: What to do now.
  type: str
  returned: failure
  sample: Run playbooks/verify.yml first
"""

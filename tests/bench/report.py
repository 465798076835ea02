# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A report over 50 environments with 200 Exchange hosts, beside one over a single environment: made, and opened.

Opened means the time from the request for the page until the browser's load event, in Chromium; the better of three.
"""

from __future__ import annotations

import json
import pathlib
import resource
import shutil
import sys
import tempfile
import time
import typing as t

from selenium import webdriver

from ansible_collections.pushops.securemail.plugins.plugin_utils.report.making import Report
from ansible_collections.pushops.securemail.tests.unit.plugins.plugin_utils.report.evidence import evidence

ENVIRONMENTS, HOSTS = 50, 200
LONGEST_OPENING = 1.0  # seconds
BROKEN = {("proxy-bypass", "exch01"): "fail", ("listener-egress", "gw01"): "not tested"}
QUIET = ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run")


def made(folder: pathlib.Path, environments: int, hosts: int) -> tuple[float, pathlib.Path]:
    """Seconds that it took to make a report, and its page."""
    paths = []
    for number in range(environments):
        # Two Exchange hosts are in every evidence already.
        more = [f"exch{extra:02d}" for extra in range(3, hosts // environments + 1)]
        document = evidence(f"environment-{number:02d}", BROKEN if number % 5 == 0 else {}, more_hosts=more)
        paths.append(folder / f"{environments}-{number}.json")
        paths[-1].write_text(json.dumps(document), encoding="utf-8")
    params = {"evidence": [str(path) for path in paths], "path": str(folder / f"report-{environments}"), "keep": 10}
    began = time.perf_counter()
    page = Report({**params, "junit_path": None, "metrics_path": None}).make(check_mode=False)["page"]
    return time.perf_counter() - began, pathlib.Path(page)


def opened(browser: webdriver.Chrome, page: pathlib.Path) -> float:
    """Seconds until the page was loaded."""
    taken = []
    for _turn in range(3):
        browser.get(page.as_uri())
        script = "const e = performance.getEntriesByType('navigation')[0]; return e.loadEventEnd - e.startTime"
        taken.append(t.cast(float, browser.execute_script(script)) / 1000)
    return min(taken)


def main() -> None:
    options = webdriver.ChromeOptions()
    options.binary_location = shutil.which("chromium") or ""
    for argument in QUIET:
        options.add_argument(argument)
    service = webdriver.ChromeService(executable_path=shutil.which("chromedriver") or "")
    with tempfile.TemporaryDirectory() as name:
        one, many = (made(pathlib.Path(name), *size) for size in ((1, 4), (ENVIRONMENTS, HOSTS)))
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        browser = webdriver.Chrome(options=options, service=service)
        try:
            openings = [opened(browser, page) for _seconds, page in (one, many)]
        finally:
            browser.quit()
        sizes = [page.stat().st_size for _seconds, page in (one, many)]
    print(f"Report: {ENVIRONMENTS} environments with {HOSTS} Exchange hosts, beside one with 4")
    for what, first, second, unit, digits in (
        ("made in", one[0], many[0], "s", 2),
        ("size", sizes[0] / 1000, sizes[1] / 1000, "kB", 0),
        ("opened in", *openings, "s", 2),
    ):
        print(f"    {what:<10} {first:>8.{digits}f} {second:>8.{digits}f} {unit}   ratio {second / first:.1f}")
    print(f"    this program's memory at its peak: {peak:.0f} MB")
    kept = openings[1] < LONGEST_OPENING
    print(f"  budget ({LONGEST_OPENING:.0f} s to open): {'kept' if kept else 'EXCEEDED'}")
    if not kept:
        sys.exit(1)


if __name__ == "__main__":
    main()

# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The pages of the report in a real browser: in light and dark, on a phone, by keyboard, by screen reader, on paper.

With ``PUSHOPS_SCREENSHOTS`` naming a folder, the pictures of docs/report.md are taken on the way.
"""

from __future__ import annotations

import base64
import json
import os
import pathlib
import shutil
import typing as t

import pytest
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement

from ansible_collections.pushops.securemail.plugins.plugin_utils.report.making import Report
from ansible_collections.pushops.securemail.tests.integration.running_ansible import ROOT
from ansible_collections.pushops.securemail.tests.unit.plugins.plugin_utils.report.evidence import (
    NEXT,
    SERVING,
    evidence,
)

AXE = ROOT / ".cache" / "axe" / "axe.min.js"
CHROMIUM, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")
QUIET = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
    "--force-prefers-reduced-motion",
)
DESK, PHONE = (1200, 900), (390, 844)
#: Pictures of docs/report.md, and how many pixels of the page they show.
PICTURES = {"report-page-desk-light.png": 1600, "report-page-phone-dark.png": 1000}
HOSTILE = "<script>document.title='broken into'</script>"
ABSENT = "system.net/defaultProxy of Exchange Back End/EWS is absent"
SAID = {
    "pass": "as declared",
    "fail": ABSENT,
    "not tested": "the host cannot be reached: connection timed out",
    "warning": "Push notifications EWS HostName is empty",
}

pytestmark = pytest.mark.skipif(
    not (CHROMIUM and DRIVER and AXE.exists()), reason="needs chromium, chromium-driver and make .cache/axe/axe.min.js"
)


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> dict[str, t.Any]:
    """Two runs: all well, then one of two environments broken, a renewal waiting, and a host with a hostile name."""
    folder = tmp_path_factory.mktemp("report")
    broken = {
        ("proxy-bypass", "exch02"): "fail",
        ("listener-egress", "gw01"): "not tested",
        ("xms-policies", "xms01"): "warning",
    }
    runs = [
        [evidence(day=1)],
        [
            evidence(
                states=broken,
                day=2,
                said=SAID,
                badge=False,
                must_act="portal",
                versions=[SERVING, NEXT],
                warnings=["listener: one name resolves to an address that is not pinned"],
                more_hosts=[HOSTILE],
            ),
            evidence("apac", day=2, said="as declared"),
        ],
    ]
    made: dict[str, t.Any] = {}
    for documents in runs:
        paths = []
        for document in documents:
            path = folder / f"{document['environment']['name']}.json"
            path.write_text(json.dumps(document), encoding="utf-8")
            paths.append(str(path))
        params = {"evidence": paths, "path": str(folder / "report"), "keep": 10}
        made = Report({**params, "junit_path": None, "metrics_path": None}).make(check_mode=False)
    return made


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> t.Iterator[webdriver.Chrome]:
    options = webdriver.ChromeOptions()
    options.binary_location = str(CHROMIUM)
    for argument in (*QUIET, f"--user-data-dir={tmp_path_factory.mktemp('browser')}"):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(executable_path=DRIVER))
    try:
        yield driver
    finally:
        driver.quit()


def opened(browser: webdriver.Chrome, path: str, size: tuple[int, int] = DESK, scheme: str = "light") -> None:
    """Show a page at a size, in a color scheme, with nothing left of the page before."""
    features = [{"name": "prefers-color-scheme", "value": scheme}]
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "screen", "features": features})
    metrics = {"width": size[0], "height": size[1], "deviceScaleFactor": 1, "mobile": size == PHONE}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    browser.get(pathlib.Path(path).as_uri())


def picture(browser: webdriver.Chrome, name: str, width: int) -> None:
    """Keep a picture of the upper part of the page, where somebody asked for pictures."""
    folder = os.environ.get("PUSHOPS_SCREENSHOTS")
    if folder and name in PICTURES:
        clip = {"x": 0, "y": 0, "width": width, "height": PICTURES[name], "scale": 1}
        taken = browser.execute_cdp_cmd("Page.captureScreenshot", {"captureBeyondViewport": True, "clip": clip})
        (pathlib.Path(folder) / name).write_bytes(base64.b64decode(taken["data"]))


def shown(browser: webdriver.Chrome) -> list[WebElement]:
    return [row for row in browser.find_elements(By.CSS_SELECTOR, "#checks tbody tr") if row.is_displayed()]


def column(browser: webdriver.Chrome, number: int) -> list[str]:
    return [row.find_elements(By.TAG_NAME, "td")[number].text for row in shown(browser)]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [DESK, PHONE], ids=["desk", "phone"])
@pytest.mark.parametrize("page", ["page", "index"])
def test_axe_finds_no_violation_and_nothing_overflows(
    browser: webdriver.Chrome, report: dict[str, t.Any], page: str, size: tuple[int, int], scheme: str
) -> None:
    opened(browser, report[page], size, scheme)
    picture(browser, f"report-{page}-{'phone' if size == PHONE else 'desk'}-{scheme}.png", size[0])
    wide = browser.execute_script("return document.documentElement.scrollWidth")
    assert wide <= size[0]
    # Axe comes in as a debugger's script, which the page's own policy does not keep out.
    browser.execute_cdp_cmd("Runtime.evaluate", {"expression": AXE.read_text(encoding="utf-8")})
    found = browser.execute_async_script(
        "axe.run().then(arguments[0], (error) => arguments[0]({error: String(error)}))"
    )
    assert "error" not in found, found
    assert [(each["id"], each["nodes"][0]["html"]) for each in found["violations"]] == []
    assert len(found["passes"]) > 10


def test_it_asks_for_nothing_and_its_script_breaks_no_policy(
    browser: webdriver.Chrome, report: dict[str, t.Any]
) -> None:
    browser.get_log("performance"), browser.get_log("browser")
    opened(browser, report["page"])
    sent = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
    asked = {each["params"]["request"]["url"] for each in sent if each["method"] == "Network.requestWillBeSent"}
    assert asked == {pathlib.Path(report["page"]).as_uri()}
    assert browser.get_log("browser") == []


def test_foreign_script_does_not_run(browser: webdriver.Chrome, report: dict[str, t.Any]) -> None:
    opened(browser, report["page"])
    assert HOSTILE in column(browser, 1)
    assert "1 of 2 sound" in browser.title
    # Not even one that got into the page runs there.
    browser.execute_script(
        "const script = document.createElement('script');"
        "script.textContent = 'document.title = \"ran\"'; document.body.append(script)"
    )
    assert browser.title != "ran"


def test_what_must_be_done_comes_first(browser: webdriver.Chrome, report: dict[str, t.Any]) -> None:
    opened(browser, report["page"])
    todo = browser.find_element(By.ID, "todo").text
    assert todo.index("emea: Proxy bypass for the listener") < todo.index("emea: Egress to the listener")
    assert "Run playbooks/exchange.yml: it puts the listener on the EWS bypass list." in todo
    assert f"exch02: {ABSENT}" in todo
    assert "Answer the portal gate" in todo and "Needed by 2026-12-31 00:00 UTC" in todo


def test_the_drawing_is_red_where_the_path_breaks(browser: webdriver.Chrome, report: dict[str, t.Any]) -> None:
    opened(browser, report["page"])
    first, second = browser.find_elements(By.CSS_SELECTOR, "svg.path")
    assert "proxy-bypass fail" in str(first.get_attribute("aria-label"))
    strokes = {
        line.get_attribute("class"): line.value_of_css_property("stroke")
        for line in first.find_elements(By.CSS_SELECTOR, "path.line")
    }
    assert strokes["line fail"] != strokes["line pass"]
    assert second.find_elements(By.CSS_SELECTOR, ".fail") == []


def test_the_table_filters_and_sorts_by_keyboard_alone(browser: webdriver.Chrome, report: dict[str, t.Any]) -> None:
    opened(browser, report["page"])
    everything = len(shown(browser))
    filter_ = browser.find_element(By.ID, "filter")
    filter_.send_keys("exch02 emea")
    assert set(column(browser, 1)) == {"exch02"}
    assert browser.find_element(By.ID, "count").text == f"{len(shown(browser))} of {everything} checks"
    filter_.send_keys(Keys.TAB, "f")
    assert set(column(browser, 3)) == {"✕ fail"}
    filter_.clear()
    browser.find_element(By.ID, "state").send_keys("a")
    assert len(shown(browser)) == everything

    (host,) = browser.find_elements(By.XPATH, "//table[@id='checks']//th/button[.='Host']")
    host.send_keys(Keys.ENTER)
    assert column(browser, 1) == sorted(column(browser, 1), key=str.lower)
    heading = host.find_element(By.XPATH, "..")
    assert heading.get_attribute("aria-sort") == "ascending"
    host.send_keys(Keys.SPACE)
    assert column(browser, 1)[0] == "xms01"
    assert heading.get_attribute("aria-sort") == "descending"


def test_the_first_tab_offers_the_way_past_the_head(browser: webdriver.Chrome, report: dict[str, t.Any]) -> None:
    opened(browser, report["page"])
    browser.find_element(By.TAG_NAME, "body").send_keys(Keys.TAB, Keys.ENTER)
    assert browser.execute_script("return document.activeElement.id") == "todo"


def test_on_paper_everything_is_there(browser: webdriver.Chrome, report: dict[str, t.Any]) -> None:
    opened(browser, report["page"])
    everything = len(shown(browser))
    browser.find_element(By.ID, "filter").send_keys("nothing is called like this")
    assert shown(browser) == []
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    assert len(shown(browser)) == everything
    assert not browser.find_element(By.ID, "filter").is_displayed()


def test_the_index_leads_to_every_run(browser: webdriver.Chrome, report: dict[str, t.Any]) -> None:
    opened(browser, report["index"])
    links = [str(link.get_attribute("href")) for link in browser.find_elements(By.CSS_SELECTOR, "tbody a")]
    assert len(links) == 2
    for link in links:
        browser.get(link)
        assert browser.find_element(By.TAG_NAME, "h1").text.startswith("Push path:")

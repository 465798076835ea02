# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module as Ansible calls it: evidence in, files out; and pages in which every value stays a value."""

from __future__ import annotations

import base64
import hashlib
import html.parser
import json
import pathlib
import re
import typing as t

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.pushops.securemail.plugins.module_utils.core.errors import InvalidInput, UnexpectedState
from ansible_collections.pushops.securemail.plugins.plugin_utils.report.history import Run
from ansible_collections.pushops.securemail.plugins.plugin_utils.report.making import Report
from ansible_collections.pushops.securemail.plugins.plugin_utils.report.page import index_page, run_page
from ansible_collections.pushops.securemail.tests.unit.plugins.plugin_utils.report.evidence import evidence

Made = t.Callable[..., dict[str, t.Any]]


@pytest.fixture
def make(tmp_path: pathlib.Path) -> Made:
    """Evidence of one run to its report; returns the module's result."""

    def run(*documents: t.Any, check: bool = False, **more: t.Any) -> dict[str, t.Any]:
        paths = []
        for number, document in enumerate(documents):
            path = tmp_path / f"evidence-{number}.json"
            path.write_text(document if isinstance(document, str) else json.dumps(document), encoding="utf-8")
            paths.append(str(path))
        params = {"evidence": paths, "path": str(tmp_path / "report"), "keep": 100}
        return Report({"junit_path": None, "metrics_path": None} | params | more).make(check)

    return run


def names(folder: pathlib.Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_run_makes_a_page_and_an_index_and_the_same_run_changes_nothing(make: Made, tmp_path: pathlib.Path) -> None:
    predicted = make(evidence(), check=True)
    assert predicted["changed"] and not (tmp_path / "report").exists()
    made = make(evidence())
    assert made == predicted
    assert names(tmp_path / "report") == ["index.html", "run-20261101T020000Z.html", "run-20261101T020000Z.json"]
    assert not make(evidence())["changed"]
    assert not make(evidence(), check=True)["changed"]


def test_the_next_run_says_what_changed_and_the_index_leads_to_both(make: Made, tmp_path: pathlib.Path) -> None:
    make(evidence(day=1))
    made = make(evidence(day=2, states={("read-ahead", "exch01"): "fail"}), evidence("apac", day=2))
    assert made["drift"] == {"emea": ["read-ahead.exchange on exch01: pass, now fail"], "apac": []}
    assert not made["sound"] and made["environments"] == ["emea", "apac"]
    page = pathlib.Path(made["page"]).read_text(encoding="utf-8")
    assert "read-ahead.exchange on exch01: pass, now fail" in page
    assert "There is no earlier run to compare with." in page
    index = pathlib.Path(made["index"]).read_text(encoding="utf-8")
    links = re.findall(r'href="([^"]+)"', index)
    assert links == ["run-20261102T020000Z.html", "run-20261101T020000Z.html"]
    assert all((tmp_path / "report" / link).exists() for link in links)
    assert "emea: read-ahead" in index


def test_only_the_newest_runs_stay(make: Made, tmp_path: pathlib.Path) -> None:
    for day in (1, 2, 3):
        make(evidence(day=day), keep=2)
    assert [name for name in names(tmp_path / "report") if name.endswith(".html")] == [
        "index.html",
        "run-20261102T020000Z.html",
        "run-20261103T020000Z.html",
    ]
    assert "20261101" not in (tmp_path / "report" / "index.html").read_text(encoding="utf-8")


def test_an_older_run_that_is_told_again_is_compared_with_what_was_before_it(make: Made) -> None:
    make(evidence(day=1))
    make(evidence(day=3, badge=False))
    assert make(evidence(day=2))["drift"] == {"emea": []}


def test_files_of_others_stay_and_a_damaged_run_is_said(make: Made, tmp_path: pathlib.Path) -> None:
    make(evidence(day=1))
    folder = tmp_path / "report"
    (folder / "run-20261001T020000Z.json").write_text("{", encoding="ascii")
    (folder / "run-notes.json").write_text("{}", encoding="ascii")
    made = make(evidence(day=2), keep=1)
    assert "run-20261001T020000Z.json is no run of this report" in pathlib.Path(made["index"]).read_text(
        encoding="utf-8"
    )
    assert {"run-20261001T020000Z.json", "run-notes.json"} <= set(names(folder))


def test_an_environment_without_evidence_is_said_and_the_rest_goes_on(make: Made, tmp_path: pathlib.Path) -> None:
    present = tmp_path / "there.json"
    present.write_text(json.dumps(evidence()), encoding="utf-8")
    report = Report(
        {
            "evidence": [str(present), str(tmp_path / "nowhere.json")],
            "path": str(tmp_path / "report"),
            "keep": 1,
            "junit_path": None,
            "metrics_path": None,
        }
    )
    assert ["nowhere.json: that environment came to no verdict" in warning for warning in report.warnings] == [True]
    assert "came to no verdict" in pathlib.Path(report.make(False)["page"]).read_text(encoding="utf-8")


def test_bad_evidence_is_refused_before_anything_is_written(make: Made, tmp_path: pathlib.Path) -> None:
    with pytest.raises(UnexpectedState, match="evidence schema 9"):
        make({**evidence(), "schema": 9})
    with pytest.raises(InvalidInput, match="emea"):
        make(evidence(), evidence())
    with pytest.raises(InvalidInput, match="Run playbooks/verify.yml first"):
        make(evidence=[str(tmp_path / "nowhere.json")])
    with pytest.raises(InvalidInput, match="keep is 0"):
        make(evidence(), keep=0)
    with pytest.raises(InvalidInput, match="junit_path"):
        make(evidence(), junit_path=str(tmp_path / "nowhere" / "junit.xml"))
    with pytest.raises(InvalidInput, match="metrics_path"):
        make(evidence(), metrics_path=str(tmp_path / "push.txt"))
    assert not (tmp_path / "report").exists()


def test_a_folder_that_cannot_be_written_is_named(make: Made, tmp_path: pathlib.Path) -> None:
    (tmp_path / "file").write_text("", encoding="ascii")
    with pytest.raises(InvalidInput, match="path is .*file/report"):
        make(evidence(), path=str(tmp_path / "file" / "report"))


def test_junit_and_metrics_are_written_beside(make: Made, tmp_path: pathlib.Path) -> None:
    more = {"junit_path": str(tmp_path / "junit.xml"), "metrics_path": str(tmp_path / "push.prom")}
    assert make(evidence(), **more)["changed"]
    assert b"<testsuite" in (tmp_path / "junit.xml").read_bytes()
    assert b"pushops_path_sound" in (tmp_path / "push.prom").read_bytes()
    assert not make(evidence(), **more)["changed"]


class _Reader(html.parser.HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, tuple[str, ...]]] = []
        self.texts: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, tuple(name for name, _value in attrs)))

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


def read(page: bytes) -> _Reader:
    reader = _Reader()
    reader.feed(page.decode())
    return reader


def pages(word: str) -> list[_Reader]:
    """The pages over evidence in which everything that a host or person can choose is this word."""
    states = {("read-ahead", "exch01"): "fail", ("proxy-bypass", word): "not tested"}
    document = evidence(word, states, said=word, warnings=[word], more_hosts=[word], must_act=word)
    document["environment"].update(region=word, bundle_id=word, customer_id=word)
    run = Run("run-20261101T020000Z", (document,))
    return [read(run_page(run, {word: [word]}, [word])), read(index_page([run], [word]))]


@settings(max_examples=40, deadline=None)
@given(
    st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1)
    | st.sampled_from(["<script>", '"><img src=x onerror=a>', "]]>"])
)
def test_whatever_a_value_is_the_page_keeps_its_shape(word: str) -> None:
    assert [reader.tags for reader in pages(word)] == [reader.tags for reader in pages("plain")]


def test_a_host_named_script_is_shown_as_such() -> None:
    assert any("<script>alert(1)</script>" in text for text in pages("<script>alert(1)</script>")[0].texts)


def test_the_policy_allows_exactly_the_style_and_script_that_are_there() -> None:
    page = run_page(Run("run-20261101T020000Z", (evidence(),)), {"emea": None}, []).decode()
    (policy,) = re.findall(r'http-equiv="Content-Security-Policy" content="([^"]+)"', page)
    for tag, directive in (("style", "style-src"), ("script", "script-src")):
        (content,) = re.findall(rf"<{tag}>(.*?)</{tag}>", page, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
        assert f"{directive} &#39;sha256-{digest}&#39;" in policy
    assert policy.startswith("default-src &#39;none&#39;")
    assert not re.findall(r'\b(?:src|style|on\w+)="', page)
    assert set(re.findall(r'href="([^"]+)"', page)) == {"#todo", "index.html"}

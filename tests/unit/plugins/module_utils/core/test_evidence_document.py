# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The document that outlives a run: its shape, and what a reader takes."""

from __future__ import annotations

import json
import pathlib
import typing as t

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.pushops.securemail.plugins.module_utils.core.errors import UnexpectedState
from ansible_collections.pushops.securemail.plugins.module_utils.core.evidence import Finding, Verdict
from ansible_collections.pushops.securemail.plugins.module_utils.core.evidence_document import Run, compose, parse
from ansible_collections.pushops.securemail.plugins.module_utils.core.path import LINKS

ROOT = pathlib.Path(__file__).parents[5]
ENVIRONMENT = {"name": "emea", "region": "EMEA", "bundle_id": "com.contoso.securemail", "customer_id": "contoso-7Q2M4"}
WHEN = "2026-11-01T02:00:00+00:00"
BUNDLE = {
    "bundle_id": "com.contoso.securemail",
    "decision": {"reason": "due", "sentence": "It ends soon"},
    "must_act": "signing",
    "waiting_since": WHEN,
    "needed_by": "2026-12-01T02:00:00+00:00",
    "next_due": "2026-11-01T00:00:00+00:00",
    "in_service": "0001",
    "versions": [
        {
            "version": "0001",
            "state": "in-service",
            "certificate": {"sha256": "ab" * 32, "not_before": WHEN, "not_after": "2026-12-01T02:00:00+00:00"},
        },
        {"version": "0002", "state": "awaiting-signature", "certificate": None},
    ],
}
STATES = ("fail", "not tested", "warning", "pass", "left out")

findings = st.lists(
    st.builds(Finding, st.sampled_from(list(LINKS)), st.just("asked"), st.text(), st.sampled_from(STATES), st.text())
)


@pytest.fixture(scope="module")
def schema() -> t.Any:
    jsonschema = pytest.importorskip("jsonschema")
    document = json.loads((ROOT / "docs/evidence.schema.json").read_bytes())
    jsonschema.Draft202012Validator.check_schema(document)
    return jsonschema.Draft202012Validator(document)


def composed(found: t.Sequence[Finding] = (), bundles: t.Sequence[dict[str, t.Any]] = (BUNDLE,)) -> dict[str, t.Any]:
    return compose(Verdict(tuple(found), None), Run(ENVIRONMENT, WHEN, WHEN, bundles))


@given(found=findings)
def test_what_is_written_has_the_published_shape_and_is_read_again(schema: t.Any, found: list[Finding]) -> None:
    document = composed(found)
    schema.validate(document)
    assert parse("it", json.dumps(document).encode()) == document


@given(found=findings)
def test_a_link_is_as_bad_as_its_worst_check(found: list[Finding]) -> None:
    for link in composed(found)["links"]:
        states = [STATES.index(finding.state) for finding in found if finding.link == link["id"]]
        assert STATES.index(link["state"]) == min(states, default=STATES.index("left out"))


def test_certificates_are_those_that_exist_and_the_one_in_service_says_when_its_renewal_starts() -> None:
    (certificate,) = composed()["certificates"]
    assert (certificate["version"], certificate["renewal_starts"]) == ("0001", BUNDLE["next_due"])


def test_a_gate_says_whose_turn_it_is_and_until_when() -> None:
    (waiting,) = composed()["waiting"]
    assert (waiting["must_act"], waiting["needed_by"]) == ("signing", BUNDLE["needed_by"])
    assert composed(bundles=[{**BUNDLE, "must_act": "nobody"}])["waiting"] == []


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"schema": 2}, "evidence schema 2, and this version of the collection reads up to 1"),
        ({"schema": "1"}, "no number under 'schema'"),
        ({"checks": None}, "expected checks as list, found None"),
        ({"checks": ["read-ahead"]}, "expected checks[0] as dict, found 'read-ahead'"),
        ({"links": [{"id": 1}]}, "expected links[0].id as str, found 1"),
        ({"ended": "../../etc"}, "expected ended as a time in ISO 8601, found '../../etc'"),
        ({"environment": {}}, "expected environment.name as str, found None"),
    ],
)
def test_what_cannot_be_read_is_refused_by_name(change: dict[str, t.Any], said: str) -> None:
    with pytest.raises(UnexpectedState, match="run.json") as problem:
        parse("run.json", json.dumps(composed() | change).encode())
    assert said in problem.value.what


@pytest.mark.parametrize("content", [b"", b"[]", b"<html>", b"\xff", b"null"])
def test_what_is_no_evidence_is_refused(content: bytes) -> None:
    with pytest.raises(UnexpectedState):
        parse("run.json", content)


@given(st.dictionaries(st.sampled_from(["schema", "environment", "checks"]), st.none() | st.integers() | st.text()))
def test_whatever_stands_in_a_file_the_reader_says_so_in_its_own_words(document: dict[str, t.Any]) -> None:
    with pytest.raises(UnexpectedState):
        parse("run.json", json.dumps(document).encode())

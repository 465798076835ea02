# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A run for CI servers, as JUnit's XML: an environment is a suite, and a check of a host is a case."""

from __future__ import annotations

import io
import re
import typing as t

from ansible_collections.pushops.securemail.plugins.module_utils.core.evidence_document import Document

try:
    import junitparser
except ImportError:
    junitparser = None  # type: ignore[assignment]

#: What XML 1.0 cannot carry.
_NOT_XML = re.compile("[^\t\n\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def junit(documents: t.Iterable[Document]) -> bytes:
    """Broken is a failure, not tested an error, left out skipped. A warning passes and says so."""
    whole = junitparser.JUnitXml()
    for document in documents:
        suite = junitparser.TestSuite(_clean(document["environment"]["name"]))
        suite.timestamp = document["ended"]
        for check in document["checks"]:
            suite.add_testcase(_case(document["environment"]["name"], check))
        suite.add_testcase(_badge(document))
        whole.add_testsuite(suite)
    written = io.BytesIO()
    whole.write(written, pretty=True)
    return written.getvalue()


def _case(environment: str, check: Document) -> t.Any:
    case = junitparser.TestCase(_clean(f"{check['id']} on {check['host']}"), _clean(environment))
    said = _clean(check["evidence"])
    if check["state"] == "fail":
        case.result = [junitparser.Failure(said, "broken")]
        case.result[0].text = _clean(check["remedy"])
    elif check["state"] == "not tested":
        case.result = [junitparser.Error(said, "not tested")]
    elif check["state"] == "left out":
        case.result = [junitparser.Skipped(said)]
    else:
        case.system_out = said
    return case


def _badge(document: Document) -> t.Any:
    case = junitparser.TestCase("badge", _clean(document["environment"]["name"]))
    if document["badge"] == "not tested":
        case.result = [junitparser.Skipped("no probe is declared")]
    elif document["badge"] != "arrived":
        case.result = [junitparser.Failure(document["badge"], "broken")]
    return case


def _clean(text: str) -> str:
    return _NOT_XML.sub("\ufffd", text)

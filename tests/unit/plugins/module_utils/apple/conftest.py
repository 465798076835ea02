# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fixtures of the tests of the Apple package."""

from __future__ import annotations

import pathlib

import pytest

from ansible_collections.pushops.securemail.tests.unit.plugins.module_utils.apple.bench import Bench


@pytest.fixture
def bench(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    return Bench(tmp_path, monkeypatch)

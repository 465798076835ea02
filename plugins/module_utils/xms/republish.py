# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The way to a server that takes values with an upload alone: the app's own .mdx, with the values as its defaults."""

from __future__ import annotations

import os
import tempfile
import typing as t

from ..core.errors import InvalidInput
from ..core.mdx.preset import preset_policies
from .apps import App, Platform
from .client import XmsClient
from .mdx import read_package, version_of
from .policies import Republish, Target
from .upload import Upload, add_version, restated

_PATIENCE = 600


def republisher(client: XmsClient) -> Republish:
    """What ``PushPolicies`` calls where the server ignores policies in the PUT."""

    def republish(app: App, target: Target, values: t.Mapping[str, str]) -> None:
        if not target.mdx_path:
            raise InvalidInput(
                "platforms", target.platform, "an mdx_path for fallback=reupload", "Name the .mdx that was uploaded"
            )
        platform = app.platform(target.platform)
        package = read_package(target.mdx_path)
        version = version_of(package)
        if version != platform.version:
            raise InvalidInput(
                "platforms",
                target.mdx_path,
                f"the version {platform.version} that is there, not {version}",
                "Name the .mdx that was uploaded, or upload the new version first (xms_mdx_app)",
            )
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, os.path.basename(target.mdx_path))
            known = {policy.name for policy in package.policies}
            preset_policies(target.mdx_path, _everything(platform, values, known), path)
            add_version(client, app, Upload(path, target.platform, version, _PATIENCE), restated(app))

    return republish


def _everything(platform: Platform, values: t.Mapping[str, str], known: t.Container[str]) -> dict[str, str]:
    """All values that the platform is to have: a server that resets values on an upload resets those of others, too."""
    may_be_empty = {policy.get("policyName") for policy in platform.policies if policy.get("policyType") == "string"}
    wanted = {**platform.values(), **values}
    return {name: value for name, value in wanted.items() if name in known and (value or name in may_be_empty)}

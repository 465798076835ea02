# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a person does in the server's console where the API cannot: the clicks, in order.

Source: Citrix, "Add apps" (Configure > Apps; the app's policies stand on its page of each platform).
"""

from __future__ import annotations

import typing as t

#: The page of a platform is called so in the console.
_PAGES = {"ios": "iOS", "android": "Android"}


def policy_steps(app: str, values: t.Mapping[str, t.Mapping[str, str]]) -> list[str]:
    """One line a step.

    :param values: platform -> title -> value as the console shows it.
    """
    steps = [
        "Sign in to the XenMobile Server console and open Configure > Apps",
        f"Select the MDX app {app!r} and click Edit",
    ]
    for platform, wanted in values.items():
        steps.append(f"Open the page {_PAGES.get(platform, platform)} on the left, under Platform")
        steps += [f"Set {title!r} to {_on_screen(value)}" for title, value in wanted.items()]
    return [
        *steps,
        "Click Next up to the page Delivery Group Assignments, change nothing there, and click Save",
        "Run the playbook again: it reads what you set and says whether anything still differs",
    ]


def _on_screen(value: str) -> str:
    return {"true": "On", "false": "Off", "": "nothing (empty it)"}.get(value, repr(value))

# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The push policies of one MDX app: found by title, planned purely, written with one PUT a platform.

The internal names of these policies are not published, so they are found by the title that an administrator sees, and
nothing is guessed: no match, or several, is an error that lists what is there.
"""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field

from ..core.errors import InvalidInput, NotConverged, UnexpectedState
from ..core.https import Json
from ..core.reconcile import Change, Plan, Resource
from . import rules, titles
from .apps import App, Platform, find_app, get_app, value_of
from .client import XmsClient
from .handoff import policy_steps
from .rules import LINK
from .update import put_policies

#: A value as an administrator reads it, or entries that a comma-separated value must have among others.
Wanted: t.TypeAlias = "str | tuple[str, ...]"
Labels = t.Mapping[str, t.Mapping[str, str]]


@dataclass(frozen=True)
class Target:
    """One platform of the app.

    :param labels: policy name -> label -> id, from the platform's .mdx; empty where there is none.
    """

    platform: str
    labels: Labels = field(default_factory=dict)
    mdx_path: str = ""


class PoliciesIgnored(NotConverged):
    """The server took the update and left every policy as it was: its API is older than that of April 2021.

    :param steps: what a person does in the console instead.
    """

    def __init__(self, what: str, remedy: str, steps: t.Sequence[str]) -> None:
        super().__init__(what, remedy, LINK)
        self.steps = list(steps)

    def result(self) -> dict[str, t.Any]:
        return {**super().result(), "handoff": self.steps}


#: Brings values to a server that takes them with an upload alone: app, target, policy name -> value.
Republish = t.Callable[[App, Target, t.Mapping[str, str]], None]


class PushPolicies(Resource[App]):
    """The push policies of the app of a given name, on one or more platforms.

    :param desired: title -> what is wanted.
    :param names: title -> policy name, where the title does not do.
    :param republish: what to do where the server ignores policies in the PUT; ``None`` for an error with the clicks.
    """

    def __init__(
        self,
        client: XmsClient,
        app: str,
        targets: t.Sequence[Target],
        desired: t.Mapping[str, Wanted],
        names: t.Mapping[str, str],
        republish: Republish | None = None,
    ) -> None:
        self._names = titles.check_names(names)
        self._client = client
        self._app = app
        self._targets = tuple(targets)
        self._desired = dict(desired)
        self._republish = republish
        self._id: int | None = None
        self.header = f"{app} ({', '.join(target.platform for target in targets)})"

    def close(self) -> None:
        self._client.close()

    def read(self) -> App:
        if self._id is None:
            self._id = find_app(self._client, self._app)
        return get_app(self._client, self._id, self._app)

    def plan(self, present: App) -> Plan:
        changes = []
        for target in self._targets:
            platform = present.platform(target.platform)
            for title, wanted in self._desired.items():
                policy = platform.policy(title, self._names)
                before, value = value_of(policy), _value(title, policy, wanted, target.labels)
                if before != value:
                    was, will = (_shown(policy, each, target.labels) for each in (before, value))
                    action = (present, target, {**policy, "policyValue": value})
                    changes.append(Change(self._named(target, title), was, will, action, LINK))
        return Plan(tuple(changes))

    def values(self, present: App) -> dict[str, dict[str, str]]:
        """Platform -> title -> the server's own value, of every policy that is asked for."""
        return {
            target.platform: {
                title: value_of(present.platform(target.platform).policy(title, self._names)) for title in self._desired
            }
            for target in self._targets
        }

    def obstacles(self, present: App, expected: rules.Expected) -> list[rules.Obstacle]:
        """What else is in the way once the policies are as desired."""
        found: list[rules.Obstacle] = []
        for target in self._targets:
            words = words_of(present.platform(target.platform), target.labels, self._names)
            for title, wanted in self._desired.items():
                words[title] = wanted if isinstance(wanted, str) else _with_entries(words.get(title, ""), wanted)
            found += rules.obstacles(target.platform, words, expected)
        return found

    def apply(self, plan: Plan) -> None:
        """One PUT for each platform that differs; what it did is judged by reading again."""
        present: App = plan.changes[0].action[0]
        wanted = {target.platform: (target, items) for target, items in self._by_target(plan)}
        for target, items in wanted.values():
            put_policies(self._client, present.id, present.platform(target.platform), items)
        if self.plan(self.read()) != plan:
            return
        if self._republish is None:
            raise self._ignored(plan)
        for target, items in wanted.values():
            self._republish(present, target, {str(item["policyName"]): value_of(item) for item in items})
        if self.plan(self.read()).changed:
            raise self._ignored(plan, "also when the app was uploaded anew with them")

    def _by_target(self, plan: Plan) -> t.Iterator[tuple[Target, list[Json]]]:
        for target in self._targets:
            items = [change.action[2] for change in plan.changes if change.action[1] == target]
            if items:
                yield target, items

    def _ignored(self, plan: Plan, more: str = "") -> PoliciesIgnored:
        clicks: dict[str, dict[str, str]] = {}
        for change in plan.changes:
            title = change.name.removeprefix(f"{change.action[1].platform}: ")
            clicks.setdefault(change.action[1].platform, {})[title] = str(change.after)
        return PoliciesIgnored(
            f"The server took the update of {self._app!r} and left every policy as it was{more and f', {more}'}",
            "Set them in the server's console as the hand-off says"
            + ("" if more else ", or set fallback to reupload and name the app's .mdx"),
            policy_steps(self._app, clicks),
        )

    def _named(self, target: Target, title: str) -> str:
        return title if len(self._targets) == 1 else f"{target.platform}: {title}"


def words_of(platform: Platform, labels: Labels, names: t.Mapping[str, str]) -> dict[str, str]:
    """Title -> value as an administrator reads it, of every known policy that the app has once."""
    words = {}
    for title in titles.TITLES:
        found = platform.find(title, names)
        if len(found) == 1:
            words[title] = _shown(found[0], value_of(found[0]), labels)
    return words


def _shown(policy: Json, value: str, labels: Labels) -> str:
    for label, identifier in labels.get(str(policy.get("policyName")), {}).items():
        if identifier == value:
            return label
    return value


def _with_entries(text: str, wanted: t.Sequence[str]) -> str:
    present = titles.entries(text)
    known = {entry.lower() for entry in present}
    missing = [entry for entry in dict.fromkeys(wanted) if entry.lower() not in known]
    # Where nothing is missing the text stays as somebody wrote it.
    return ",".join([*present, *missing]) if missing else text


def _value(title: str, policy: Json, wanted: Wanted, labels: Labels) -> str:
    """The server's own value for what an administrator reads: an id for a label, else the text itself."""
    present = value_of(policy)
    if not isinstance(wanted, str):
        return _with_entries(present, wanted)
    choices = labels.get(str(policy.get("policyName")))
    if not choices:
        is_enumeration = title in titles.ENUMERATIONS or str(policy.get("policyType")).lower() == "enum"
        if not is_enumeration or present == wanted:
            return wanted
        raise UnexpectedState(
            f"{title!r} is an enumeration whose ids the server does not list (present value {present!r}), so the "
            f"id of {wanted!r} is not known",
            "Name the app's .mdx in mdx_path: its metadata pairs ids with labels",
        )
    if wanted not in choices:
        raise InvalidInput(title, wanted, f"one of {', '.join(sorted(choices))}", "Use a label of the .mdx")
    if present and present not in choices.values():
        raise UnexpectedState(
            f"{title!r} has the value {present!r} on the server, which the .mdx in mdx_path does not know",
            "Name the .mdx that was uploaded for this app and platform",
        )
    return choices[wanted]

# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The push policies of one MDX app: found by title, planned purely, written with one PUT.

The internal names of these policies are not published, so they are found by the title that an administrator sees, and
nothing is guessed: no match, or several, is an error that lists what is there.
"""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

from ..core.errors import InvalidInput, UnexpectedState
from ..core.reconcile import Change, Plan, Resource
from .client import Json, XmsClient

NETWORK_ACCESS = "Network access"
PUSH_NOTIFICATIONS = "Push notifications"
REGION = "Push notifications region"
CUSTOMER_ID = "Push notifications customer ID"

LINK = "xms-policies"
_ROOT_KEYS = ("container", "result")
_PAGE = 100


@dataclass(frozen=True)
class App:
    """One app container as the server shows it, and the policies of one platform of it."""

    id: int
    name: str
    platform: str
    details: Json
    policies: tuple[Json, ...]

    def policy(self, title: str, names: t.Mapping[str, str]) -> Json:
        """The one policy of a title, or of the name that the operator gave for the title.

        :raises UnexpectedState: none or several.
        """
        wanted = names.get(title)
        field, value = ("policyName", wanted) if wanted else ("title", title)
        found = [policy for policy in self.policies if str(policy.get(field, "")).strip() == value]
        if len(found) == 1:
            return found[0]
        titles = ", ".join(sorted(repr(str(policy.get("title"))) for policy in self.policies))
        raise UnexpectedState(
            f"Expected one policy with the {'name' if wanted else 'title'} {value!r} in {self.name!r} "
            f"({self.platform}), found {len(found)}. There are: {titles}",
            f"Name it in policy_names as {title!r}: <policy name>, if the titles are in another language or not unique",
        )


class PushPolicies(Resource[App]):
    """The push policies of the app of a given name.

    :param desired: title -> value as an administrator reads it (a label for enumerations, ``true``/``false``).
    :param labels: policy name -> label -> id, from the app's .mdx.
    :param names: title -> policy name, where the title does not do.
    """

    def __init__(
        self,
        client: XmsClient,
        app: str,
        platform: str,
        desired: t.Mapping[str, str],
        labels: t.Mapping[str, t.Mapping[str, str]],
        names: t.Mapping[str, str],
    ) -> None:
        self._client = client
        self._app = app
        self._platform = platform
        self._desired = dict(desired)
        self._labels = labels
        self._names = dict(names)
        unknown = sorted(set(names) - set(desired))
        if unknown:
            raise InvalidInput("policy_names", unknown, f"titles among {', '.join(desired)}", "Correct the titles")
        self.header = f"{app} ({platform})"

    def close(self) -> None:
        self._client.close()

    def read(self) -> App:
        container = self._client.request("GET", f"/application/mobile/{self._find()}")
        for key in _ROOT_KEYS:
            if isinstance(container.get(key), dict):
                return self._app_of(container[key])
        raise UnexpectedState(
            f"The server showed {self._app!r} without {' or '.join(_ROOT_KEYS)}",
            "Report the server's version",
        )

    def _find(self) -> int:
        found, start, total = [], 0, 1
        while start < total:
            query = {"start": start, "limit": _PAGE, "search": self._app, "enableCount": True}
            listed = self._client.request("POST", "/application/filter", query).get("applicationListData") or {}
            page = listed.get("appList") or []
            found += [app for app in page if app.get("name") == self._app]
            start += _PAGE
            total = int(listed.get("totalMatchCount") or 0) if page else 0
        mdx = [app for app in found if str(app.get("appType", "")).upper() == "MDX"]
        if len(mdx) == 1:
            return int(mdx[0]["id"])
        kinds = ", ".join(f"{app.get('id')} ({app.get('appType')})" for app in found) or "none"
        raise UnexpectedState(
            f"Expected one MDX app named {self._app!r}, found {len(mdx)}; apps of that name: {kinds}",
            "Correct app, or rename one of them on the server",
        )

    def _app_of(self, container: Json) -> App:
        details = container.get(self._platform)
        if not isinstance(details, dict):
            raise UnexpectedState(
                f"{self._app!r} has no platform {self._platform!r} on the server",
                "Upload the .mdx for this platform, or correct platform",
            )
        policies = details.get("policies") or []
        return App(int(container["id"]), self._app, self._platform, details, tuple(policies))

    def plan(self, present: App) -> Plan:
        changes = []
        for title, wanted in self._desired.items():
            policy = present.policy(title, self._names)
            value = self._value(policy, wanted)
            if str(policy.get("policyValue", "")) != value:
                before = self._shown(policy, str(policy.get("policyValue", "")))
                item = {**policy, "policyValue": value}
                changes.append(Change(title, before, wanted, (present, item), LINK))
        return Plan(tuple(changes))

    def _value(self, policy: Json, wanted: str) -> str:
        """The server's own value for what an administrator reads: an id for a label, else the text itself."""
        choices = self._labels.get(str(policy.get("policyName")))
        if choices:
            if wanted not in choices:
                raise InvalidInput(
                    str(policy.get("title")), wanted, f"one of {', '.join(sorted(choices))}", "Use a label of the .mdx"
                )
            return choices[wanted]
        if str(policy.get("policyType", "")).lower() == "enum" and policy.get("policyValue") != wanted:
            raise UnexpectedState(
                f"{policy.get('title')!r} is an enumeration whose ids the server does not list (present value "
                f"{policy.get('policyValue')!r}), so the id of {wanted!r} is not known",
                "Name the app's .mdx in mdx_path: its metadata pairs ids with labels",
            )
        return wanted

    def _shown(self, policy: Json, value: str) -> str:
        for label, identifier in self._labels.get(str(policy.get("policyName")), {}).items():
            if identifier == value:
                return label
        return value

    def apply(self, plan: Plan) -> None:
        """One PUT with the policies that differ, and with the platform's own details as the server showed them."""
        present: App = plan.changes[0].action[0]
        kept = ("displayName", "description", "removeWithMdm", "preventBackup", "minOsVersion", "maxOsVersion")
        body: Json = {key: present.details.get(key) for key in kept if present.details.get(key) is not None}
        body["excludedDevices"] = present.details.get("excludedDevices") or ""
        # "If you specify appVersion, you must update the version for subsequent updates": the sample sends it empty.
        body["appVersion"] = ""
        store = present.details.get("store") or {}
        body["store"] = {"faqs": store.get("faqs") or [], "storeSettings": store.get("storeSettings") or {}}
        body["policies"] = [change.action[1] for change in plan.changes]
        self._client.request("PUT", f"/application/mobile/mdx/{self._platform}/{present.id}", body)

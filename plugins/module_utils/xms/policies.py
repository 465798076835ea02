# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The push policies of one MDX app: found by title, planned purely, written with one PUT.

The internal names of these policies are not published, so they are found by the title that an administrator sees, and
nothing is guessed: no match, or several, is an error that lists what is there.
"""

from __future__ import annotations

import typing as t

from ..core.errors import InvalidInput, NotConverged, UnexpectedState
from ..core.https import Json
from ..core.reconcile import Change, Plan, Resource
from .apps import App, container_of, find_app
from .client import XmsClient

NETWORK_ACCESS = "Network access"
PUSH_NOTIFICATIONS = "Push notifications"
REGION = "Push notifications region"
CUSTOMER_ID = "Push notifications customer ID"

TITLES = (NETWORK_ACCESS, PUSH_NOTIFICATIONS, REGION, CUSTOMER_ID)
#: Policies whose value is an id on the server, whatever ``policyType`` the server gives them.
ENUMERATIONS = (NETWORK_ACCESS, REGION)
LINK = "xms-policies"

#: What the PUT takes of a platform beside its policies ("Public API for REST Services", April 2021, 3.15.2.4).
_DETAILS = (
    "displayName",
    "description",
    "removeWithMdm",
    "preventBackup",
    "minOsVersion",
    "maxOsVersion",
    "excludedDevices",
)


class PushPolicies(Resource[App]):
    """The push policies of the app of a given name.

    :param desired: title -> value as an administrator reads it (a label for enumerations, ``true``/``false``).
    :param labels: policy name -> label -> id, from the app's .mdx.
    :param names: title -> policy name, where the title does not do.
    :raises InvalidInput: ``names`` has a title that is none of ``TITLES``, or one name for two of them.
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
        unknown = sorted(set(names) - set(TITLES))
        if unknown:
            raise InvalidInput("policy_names", unknown, f"titles among {', '.join(TITLES)}", "Correct the titles")
        if len(set(names.values())) < len(names):
            raise InvalidInput("policy_names", dict(names), "a name of its own for each title", "Correct the names")
        self._client = client
        self._app = app
        self._platform = platform
        self._desired = dict(desired)
        self._labels = labels
        self._names = dict(names)
        self.header = f"{app} ({platform})"

    def close(self) -> None:
        self._client.close()

    def read(self) -> App:
        identifier = find_app(self._client, self._app)
        container = container_of(self._client.request("GET", f"/application/mobile/{identifier}"))
        if container is None:
            raise UnexpectedState(
                f"The server answered for the app {self._app!r} (id {identifier}) but did not show it",
                "Check that the user may see the app, and report the server's version",
            )
        return App.of(identifier, self._app, self._platform, container)

    def plan(self, present: App) -> Plan:
        changes = []
        for title, wanted in self._desired.items():
            policy = present.policy(title, self._names)
            before = str(policy.get("policyValue") or "")
            value = self._value(title, policy, wanted)
            if before != value:
                item = {**policy, "policyValue": value}
                changes.append(Change(title, self._shown(policy, before), wanted, (present, item), LINK))
        return Plan(tuple(changes))

    def values(self, present: App) -> dict[str, str]:
        """The server's own value of every policy that is asked for, by title."""
        return {title: str(present.policy(title, self._names).get("policyValue") or "") for title in self._desired}

    def _value(self, title: str, policy: Json, wanted: str) -> str:
        """The server's own value for what an administrator reads: an id for a label, else the text itself."""
        present = policy.get("policyValue") or ""
        choices = self._labels.get(str(policy.get("policyName")))
        if not choices:
            is_enumeration = title in ENUMERATIONS or str(policy.get("policyType")).lower() == "enum"
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

    def _shown(self, policy: Json, value: str) -> str:
        for label, identifier in self._labels.get(str(policy.get("policyName")), {}).items():
            if identifier == value:
                return label
        return value

    def apply(self, plan: Plan) -> None:
        """One PUT with the policies that differ, and with the platform's own details as the server showed them."""
        present: App = plan.changes[0].action[0]
        body: Json = {key: present.details[key] for key in _DETAILS if present.details.get(key) is not None}
        store = present.details.get("store") or {}
        body["store"] = {key: store[key] for key in ("faqs", "storeSettings") if store.get(key) is not None}
        # "If you specify appVersion, you must update the version for subsequent updates": the sample sends it empty.
        body["appVersion"] = ""
        body["policies"] = [change.action[1] for change in plan.changes]
        answer = self._client.request("PUT", f"/application/mobile/mdx/{self._platform}/{present.id}", body)
        container = container_of(answer)
        if container and self.plan(App.of(present.id, self._app, self._platform, container)) == plan:
            raise NotConverged(
                f"The server took the update of {self._app!r} and left every policy as it was",
                "Its API may be older than that of April 2021, which takes policies: set them in the server's console",
            )

# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The policies that an app's .mdx declares, and the two forms they take: its metadata and a container on the server.

Titles, defaults and labels are those of Citrix's MDX strings. The internal names of the push policies and the ids of
their enumerations are not published: here they follow the published resource ids and are unlike every label on purpose.
"""

from __future__ import annotations

import dataclasses
import typing as t


@dataclasses.dataclass(frozen=True)
class Policy:
    """One policy of an .mdx.

    :param kind: ``boolean``, ``integer``, ``string`` or ``enum``.
    :param choices: id -> label, of an enumeration.
    """

    name: str
    kind: str
    category: str
    title: str
    resource: str
    default: str = ""
    description: str = ""
    units: str = ""
    choices: t.Mapping[str, str] = dataclasses.field(default_factory=dict)

    def as_uploaded(self) -> dict[str, t.Any]:
        """The policy in a container as it stands after the upload."""
        return {
            "policyName": self.name,
            "policyValue": self.default,
            "policyType": self.kind,
            "policyCategory": self.category,
            "title": self.title,
            "description": self.description,
            "units": self.units,
            "explanation": None,
            "enumValues": [{"id": identifier, "label": label} for identifier, label in self.choices.items()],
        }


_NETWORK_ACCESS = Policy(
    "NetworkAccess",
    "enum",
    "Network Access",
    "Network access",
    "NETWORK_ACCESS_TITLE",
    "NetworkAccessUnrestricted",
    "Prevents, permits or redirects application network activity.",
    choices={
        "NetworkAccessUnrestricted": "Unrestricted",
        "NetworkAccessBlocked": "Blocked",
        "NetworkAccessTunneled": "Tunneled to the internal network",
    },
)
_PUSH = (
    Policy(
        "PushNotifications",
        "boolean",
        "Application Settings",
        "Push notifications",
        "PUSH_NOTIFICATIONS_TITLE",
        "false",
        "Enables APNs based notifications about mailbox activity. If On, Secure Mail supports push notifications.",
    ),
    Policy(
        "PushNotificationsServiceHostname",
        "enum",
        "Application Settings",
        "Push notifications region",
        "PUSH_NOTIFICATIONS_SERVICE_HOSTNAME_TITLE",
        "US_EAST",
        "The region where the APNs host is located for your Secure Mail users.",
        choices={"US_EAST": "Americas", "EU_WEST": "EMEA", "AP_SOUTH_EAST": "APAC"},
    ),
    Policy(
        "PushNotificationsTenantId",
        "string",
        "Application Settings",
        "Push notifications customer ID",
        "PUSH_NOTIFICATIONS_TENANT_ID_TITLE",
        "",
        "Your APNs customer ID, used to identify your account to the Citrix notification service.",
    ),
    Policy(
        "PushNotifications_EWSHostName",
        "string",
        "Application Settings",
        "Push Notifications EWS HostName",
        "PushNotifications_EWSHostName_TITLE",
    ),
)
_BACKGROUND = (
    Policy(
        "BackgroundServices",
        "string",
        "Network Access",
        "Background network services",
        "BGSERVICES_TITLE",
        "",
        "FQDN and port of service addresses permitted for background network access, such as mail.example.com:443.",
    ),
    Policy(
        "BackgroundServicesExpiration",
        "integer",
        "Network Access",
        "Background services ticket expiration",
        "BGSERVICES_TICKET_EXPIRE_TITLE",
        "168",
        units="hours",
    ),
    Policy(
        "BackgroundServiceGateway",
        "string",
        "Network Access",
        "Background network service gateway",
        "BGSERVICES_GATEWAY_TITLE",
    ),
)
_MAIL = (
    Policy(
        "ExchangeServer",
        "string",
        "Application Settings",
        "Secure Mail Exchange Server",
        "EXCHANGE_SERVER_TITLE_MAIL",
        "mail.contoso.com",
    ),
    Policy(
        "ControlLockedScreenNotifications",
        "enum",
        "Application Settings",
        "Control locked screen notifications",
        "LOCK_SCREEN_NOTIFICATION_TITLE",
        "LockScreenAllow",
        choices={
            "LockScreenAllow": "Allow",
            "LockScreenBlock": "Block",
            "LockScreenSender": "Email sender or event title",
            "LockScreenCount": "Count Only",
        },
    ),
)


def _authentication(broken_device: str) -> tuple[Policy, ...]:
    return (
        Policy(
            "MaxOfflinePeriod", "integer", "Authentication", "Maximum offline period (hours)", "", "72", "", "hours"
        ),
        Policy(broken_device, "boolean", "Device Security", "Block jailbroken or rooted", "", "true"),
    )


#: Secure Mail by platform. Android names its project where iOS names none.
SECURE_MAIL = {
    "ios": (*_authentication("BlockJailbrokenDevices"), _NETWORK_ACCESS, *_BACKGROUND, *_MAIL, *_PUSH),
    "android": (
        *_authentication("BlockRootedDevices"),
        _NETWORK_ACCESS,
        *_BACKGROUND,
        *_MAIL,
        *_PUSH,
        Policy(
            "PushNotificationsProjectNumber",
            "string",
            "Application Settings",
            "Push notifications GCM project number",
            "PUSH_NOTIFICATIONS_PROJECT_NUMBER_TITLE",
        ),
    ),
}
SECURE_WEB = {"ios": (*_authentication("BlockJailbrokenDevices"), _NETWORK_ACCESS)}

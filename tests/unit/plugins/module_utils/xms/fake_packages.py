# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Packages of an app, made and taken apart, and what is in them."""

from __future__ import annotations

import io
import typing as t
import zipfile
from xml.etree import ElementTree
from xml.sax.saxutils import escape

BUNDLE_ID = "com.contoso.securemail"
Json = dict[str, t.Any]

#: Policy name -> label -> id, unlike each other on purpose.
LABELS = {
    "NetAccess": {"Unrestricted": "na-0", "Tunneled to the internal network": "na-2"},
    "PnRegion": {"Americas": "use1", "EMEA": "euw1", "APAC": "aps1"},
}


def policy(name: str, title: str, value: str, kind: str = "string") -> Json:
    return {
        "policyName": name,
        "policyValue": value,
        "policyType": kind,
        "policyCategory": "Application Settings",
        "title": title,
        "description": "",
        "units": "",
        "explanation": None,
        "fieldOfALaterVersion": {"kept": name},
    }


def mdx_bytes(labels: t.Mapping[str, t.Mapping[str, str]], metadata: bytes | None = None) -> bytes:
    """An .mdx whose metadata has these enumerations, or this metadata."""
    policies = "".join(
        f"<Policy><PolicyName> {escape(name)} </PolicyName>{_choices(choices)}</Policy>"
        for name, choices in labels.items()
    )
    text = (
        f"<PolicyMetadata><Policies><Policy><PolicyName>Pn</PolicyName></Policy>{policies}</Policies></PolicyMetadata>"
    )
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("policy_metadata.xml", text.encode() if metadata is None else metadata)
    return content.getvalue()


def app_package(version: str, policies: list[Json], kind: str = "mobile_ios", bundle_id: str = BUNDLE_ID) -> bytes:
    """An .mdx of a version, whose policies have these values as defaults."""
    listed = "".join(
        f"<Policy><PolicyName>{item['policyName']}</PolicyName><PolicyType>{item['policyType']}</PolicyType>"
        f"<PolicyDefault>{escape(item['policyValue'] or '')}</PolicyDefault>"
        f"<PolicyStrings><Title>{escape(item['title'])}</Title></PolicyStrings>"
        f"{_choices(LABELS.get(item['policyName'], {}))}</Policy>"
        for item in policies
    )
    about = "".join(
        f"<{tag}>{text}</{tag}>" for tag, text in (("AppType", kind), ("BundleID", bundle_id), ("AppVersion", version))
    )
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("policy_metadata.xml", f"<PolicyMetadata><Policies>{listed}</Policies></PolicyMetadata>")
        archive.writestr("manifest.xml", f"<MobileAppPackage><MobileApp>{about}</MobileApp></MobileAppPackage>")
    return content.getvalue()


def unpacked(content: bytes) -> tuple[str, list[Json]]:
    """Version and policies of an .mdx."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        manifest, metadata = (
            ElementTree.fromstring(archive.read(name)) for name in ("manifest.xml", "policy_metadata.xml")
        )
    found = [
        policy(
            *(
                entry.findtext(path) or ""
                for path in ("PolicyName", "PolicyStrings/Title", "PolicyDefault", "PolicyType")
            )
        )
        for entry in metadata.iterfind("Policies/Policy")
    ]
    return manifest.findtext("MobileApp/AppVersion") or "", found


def _choices(choices: t.Mapping[str, str]) -> str:
    return "".join(
        [
            "<PolicyEnumValues>",
            *(
                f"<PolicyEnumValue><PolicyEnumValueId>{escape(identifier)}</PolicyEnumValueId>"
                f'<PolicyEnumValueString res_id="x">{escape(label)}</PolicyEnumValueString></PolicyEnumValue>'
                for label, identifier in choices.items()
            ),
            "</PolicyEnumValues>",
        ]
    )

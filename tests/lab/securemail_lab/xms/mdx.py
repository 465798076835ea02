# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""An .mdx as the MDX Toolkit writes it: a zip with ``policy_metadata.xml`` and ``manifest.xml`` at its root.

The elements are those that the toolkit's own strings name.
"""

from __future__ import annotations

import io
import typing as t
import zipfile
from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement

from .policies import Policy

METADATA = "policy_metadata.xml"
MANIFEST = "manifest.xml"


def package(
    name: str,
    bundle_id: str,
    version: str,
    policies: t.Sequence[Policy],
    app: bytes | None = None,
    metadata: bytes | None = None,
    platform: str = "ios",
) -> bytes:
    """The content of one app's .mdx for one platform.

    :param app: the .ipa in it; without one, the manifest names a file that is not there.
    :param metadata: a policy file in place of the one that ``policies`` make.
    """
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(METADATA, _text(_metadata(policies)) if metadata is None else metadata)
        archive.writestr(MANIFEST, _text(_manifest(name, bundle_id, version, platform)))
        if app is not None:
            archive.writestr(_bundle_file(name), app)
    return content.getvalue()


def _text(root: Element) -> bytes:
    ElementTree.indent(root)
    return t.cast(bytes, ElementTree.tostring(root, encoding="utf-8", xml_declaration=True))


def _add(parent: Element, tag: str, text: str, resource: str = "") -> None:
    SubElement(parent, tag, {"res_id": resource} if resource else {}).text = text


def _metadata(policies: t.Sequence[Policy]) -> Element:
    root = Element("PolicyMetadata")
    _add(root, "VersionNumber", "1.1")
    categories = SubElement(root, "Categories")
    for label in dict.fromkeys(policy.category for policy in policies):
        category = SubElement(categories, "Category")
        _add(category, "CategoryId", _category_id(label))
        _add(category, "CategoryLabel", label)
    listed = SubElement(root, "Policies")
    for priority, policy in enumerate(policies, start=1):
        _add_policy(listed, policy, priority)
    return root


def _category_id(label: str) -> str:
    return "Category_" + label.replace(" ", "")


def _add_policy(listed: Element, policy: Policy, priority: int) -> None:
    entry = SubElement(listed, "Policy")
    _add(entry, "PolicyName", policy.name)
    _add(entry, "PolicyType", policy.kind)
    if policy.choices:
        values = SubElement(entry, "PolicyEnumValues")
        for identifier, label in policy.choices.items():
            value = SubElement(values, "PolicyEnumValue")
            _add(value, "PolicyEnumValueId", identifier)
            _add(value, "PolicyEnumValueString", label, policy.resource.replace("_TITLE", f"_{identifier}"))
    _add(entry, "PolicyCategory", _category_id(policy.category))
    _add(entry, "PolicyDefault", policy.default)
    _add(entry, "PolicyPriority", str(priority))
    _add(entry, "PolicyActiveFor", "XenMobile,MDXMobileSDK")
    strings = SubElement(entry, "PolicyStrings")
    _add(strings, "Title", policy.title, policy.resource)
    if policy.kind == "boolean":
        _add(strings, "BooleanTrueLabel", "On")
        _add(strings, "BooleanFalseLabel", "Off")
    _add(strings, "Units", policy.units)
    _add(strings, "Description", policy.description)


def _bundle_file(name: str) -> str:
    return f"{name.replace(' ', '')}.ipa"


def _manifest(name: str, bundle_id: str, version: str, platform: str) -> Element:
    root = Element("MobileAppPackage")
    about = SubElement(root, "PackageInfo")
    _add(about, "Packager", "CGAppCLPrepTool")
    _add(about, "Description", name)
    app = SubElement(root, "MobileApp")
    for tag, text in (
        ("FriendlyName", name),
        ("AppType", f"mobile_{platform}"),
        ("BundleID", bundle_id),
        ("AppVersion", version),
        ("MinPlatform", "9.0"),
        ("BundleFile", _bundle_file(name)),
    ):
        _add(app, tag, text)
    return root

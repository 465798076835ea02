# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an .mdx file says of its policies: the ids behind the labels of enumerations.

An .mdx is a zip with ``policy_metadata.xml`` at its root. The REST API names an enumeration's value by id and does not
list the choices, so the file is the only source that pairs ids with the labels an administrator sees.
"""

from __future__ import annotations

import io
import lzma
import os
import shutil
import typing as t
import zipfile
import zlib
from dataclasses import dataclass
from xml.etree import ElementTree

from ..core.errors import InvalidInput, UnexpectedState

METADATA = "policy_metadata.xml"
MANIFEST = "manifest.xml"
#: Far above any real metadata file; a zip bomb stops here.
MAX_METADATA_BYTES = 8 * 1024 * 1024

#: What zipfile raises over a file that is damaged, encrypted or packed in a way it does not know.
_UNREADABLE = (zipfile.BadZipFile, KeyError, OSError, RuntimeError, EOFError, zlib.error, lzma.LZMAError)


def enum_labels(path: str) -> dict[str, dict[str, str]]:
    """Policy name -> label -> id, for every enumeration of the file.

    :raises UnexpectedState: not an .mdx, or metadata that cannot be read safely or gives a label two ids.
    """
    labels: dict[str, dict[str, str]] = {}
    for policy in _document(path, METADATA).iterfind(".//Policies/Policy"):
        choices = labels.setdefault(_text(policy, "PolicyName"), {})
        for value in policy.iterfind("PolicyEnumValues/PolicyEnumValue"):
            label, identifier = _text(value, "PolicyEnumValueString"), _text(value, "PolicyEnumValueId")
            # Without a text of its own, a label stands in a language file alone: nothing to match.
            if label and choices.setdefault(label, identifier) != identifier:
                raise UnexpectedState(
                    f"{METADATA} in {path} gives the label {label!r} of {_text(policy, 'PolicyName')} to two ids",
                    "Take the .mdx that was uploaded to the server",
                )
    return {name: choices for name, choices in labels.items() if choices}


def _text(element: ElementTree.Element, tag: str) -> str:
    return (element.findtext(tag) or "").strip()


class _NoDocumentType(ElementTree.TreeBuilder):
    """Stops at a document type, whatever the encoding: entities come from nowhere else, and no real file has one."""

    def doctype(self, *declaration: t.Any) -> None:
        raise ElementTree.ParseError("it declares a document type")


def _document(path: str, entry: str) -> ElementTree.Element:
    try:
        with zipfile.ZipFile(path) as archive, archive.open(entry) as stream:
            content = stream.read(MAX_METADATA_BYTES + 1)
    except FileNotFoundError:
        raise UnexpectedState(f"There is no file {path}", "Correct mdx_path") from None
    except _UNREADABLE as problem:
        raise UnexpectedState(
            f"{path} is no .mdx with a {entry} in it ({problem})",
            "Name the .mdx that was uploaded to the server",
        ) from None
    if len(content) > MAX_METADATA_BYTES:
        raise UnexpectedState(f"{entry} in {path} is larger than any real one", "Fetch the .mdx again")
    try:
        parser = ElementTree.XMLParser(target=_NoDocumentType())  # noqa: S314 - refuses document types
        return ElementTree.fromstring(content, parser=parser)  # noqa: S314
    except (ElementTree.ParseError, ValueError, LookupError) as problem:
        raise UnexpectedState(f"{entry} in {path} cannot be read: {problem}", "Fetch the .mdx again") from None


@dataclass(frozen=True)
class Package:
    """What an .mdx says of itself.

    :param platform: as the API names it; empty where the file does not say.
    """

    path: str
    name: str
    bundle_id: str
    version: str
    platform: str


def read_package(path: str) -> Package:
    """
    :raises InvalidInput: a certificate or key. It has no business on this server, see below.
    :raises UnexpectedState: no .mdx, or one without a version.
    """
    _refuse_certificates(path)
    _document(path, METADATA)
    app = _document(path, MANIFEST).find(".//MobileApp")
    if app is None or not _text(app, "AppVersion"):
        raise UnexpectedState(f"{MANIFEST} in {path} names no version of an app", "Wrap the app again")
    kind = _text(app, "AppType")
    platform = kind.removeprefix("mobile_") if kind.startswith("mobile_") else ""
    return Package(path, _text(app, "FriendlyName"), _text(app, "BundleID"), _text(app, "AppVersion"), platform)


def _refuse_certificates(path: str) -> None:
    """Secure Mail's push certificate belongs to the push portal. XenMobile Server has a keystore called APNs, but that
    is device management's: whoever puts Secure Mail's there cuts off every enrolled device.
    """
    try:
        with open(path, "rb") as stream:
            beginning = stream.read(64)
    except FileNotFoundError:
        raise UnexpectedState(f"There is no file {path}", "Correct mdx_path") from None
    except OSError as problem:
        raise UnexpectedState(f"{path} cannot be read: {problem.strerror}", "Name a readable file") from None
    # A PEM file, or a DER sequence of more than 127 bytes: PKCS#12, a key, a certificate.
    is_der = beginning[:1] == b"\x30" and beginning[1:2] in (b"\x80", b"\x81", b"\x82", b"\x83", b"\x84")
    looks = beginning.lstrip().startswith(b"-----BEGIN") or is_der
    if looks or os.path.splitext(path)[1].lower() in (".p12", ".pfx", ".pem", ".cer", ".crt", ".key"):
        raise InvalidInput(
            "mdx_path",
            path,
            "an .mdx, not a certificate or key",
            "Secure Mail's push certificate goes to the push portal (playbooks/rotate.yml); the APNs certificate on "
            "XenMobile Server is device management's, and this collection never touches it",
        )


def policy_names(path: str) -> set[str]:
    """The names of all policies of an .mdx."""
    return {_text(policy, "PolicyName") for policy in _document(path, METADATA).iterfind(".//Policies/Policy")}


def preset_policies(path: str, values: t.Mapping[str, str], out: str) -> None:
    """Write a copy of an .mdx in which policies have other defaults.

    :param values: policy name -> the file's own value.
    """
    root = _document(path, METADATA)
    for policy in root.iterfind(".//Policies/Policy"):
        value = values.get(_text(policy, "PolicyName"))
        if value is not None:
            default = policy.find("PolicyDefault")
            (ElementTree.SubElement(policy, "PolicyDefault") if default is None else default).text = value
    content = t.cast(bytes, ElementTree.tostring(root, encoding="utf-8", xml_declaration=True))
    with zipfile.ZipFile(path) as source, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as target:
        for entry in source.infolist():
            with source.open(entry) as stream, target.open(entry, "w", force_zip64=True) as copy:
                shutil.copyfileobj(io.BytesIO(content) if entry.filename == METADATA else stream, copy, 1 << 20)

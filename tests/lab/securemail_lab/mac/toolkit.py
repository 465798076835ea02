# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""``CGAppCLPrepTool Wrap``: an .mdx out of an .ipa, a profile and an identity of the keychain.

It refuses and warns with the tool's own sentences as far as they are public. Nothing is signed: no code runs here.
"""

from __future__ import annotations

import io
import pathlib
import plistlib
import sys
import typing as t
import zipfile
import zlib

from ..state import write_atomically
from ..xms.mdx import package
from ..xms.policies import SECURE_MAIL
from .app import INFO, PROFILE, profile_document
from .arguments import Refused, parse
from .keychain import Keychain

CREATED = "Citrix mobile app was created successfully."
#: By what the tool knows an app that it has wrapped before.
_MARK = "Payload/SecureMail.app/CitrixMAM.config"
_NEEDED = ("application-identifier", "aps-environment")


def wrap(mac: pathlib.Path, words: t.Sequence[str]) -> None:
    given = parse(words)
    keychain = Keychain(mac)
    if given["Cert"] not in keychain.identities:
        raise Refused(f"The identity {given['Cert']!r} was not found in the keychain")
    entries = _entries(given["in"])
    if _MARK in entries:
        raise Refused("This app is already wrapped, and cannot be re-wrapped.")
    profile = _read(given["Profile"])
    _warn(profile)
    if keychain.locked:
        raise Refused("codesign failed: User interaction is not allowed.")
    info = plistlib.loads(entries[INFO])
    info["CFBundleIdentifier"] = given.get("bundleID") or info["CFBundleIdentifier"]
    entries |= {INFO: plistlib.dumps(info, fmt=plistlib.FMT_BINARY), PROFILE: profile, _MARK: b"21.6"}
    app = _zipped(entries)
    name = given.get("appName") or info["CFBundleDisplayName"]
    policies = _read(given["policyXML"]) if "policyXML" in given else None
    made = package(
        name, info["CFBundleIdentifier"], info["CFBundleShortVersionString"], SECURE_MAIL["ios"], app, policies
    )
    write_atomically(pathlib.Path(given["out"]), made, 0o644)
    if "outBundle" in given:
        write_atomically(pathlib.Path(given["outBundle"]), app, 0o644)
    print(CREATED)


def _entries(path: str) -> dict[str, bytes]:
    try:
        with zipfile.ZipFile(io.BytesIO(_read(path))) as archive:
            entries = {name: archive.read(name) for name in archive.namelist()}
    except (zipfile.BadZipFile, zlib.error):
        raise Refused(f"{path} is not an iOS app bundle") from None
    if INFO not in entries:
        raise Refused(f"{path} is not an iOS app bundle")
    return entries


def _warn(profile: bytes) -> None:
    try:
        entitlements = profile_document(profile)["Entitlements"]
    except (ValueError, KeyError):
        raise Refused("The provisioning profile cannot be read") from None
    missing = [name for name in _NEEDED if name not in entitlements]
    for name in missing:
        print(f"WARNING: Missing a required entitlement ({name}) in the specified provisioning profile.")
    if missing:
        print("WARNING: your provisioning profile does not include entitlements required by the app")


def _read(path: str) -> bytes:
    try:
        return pathlib.Path(path).read_bytes()
    except OSError as problem:
        raise Refused(f"Cannot read {path}: {problem.strerror}") from None


def _zipped(entries: t.Mapping[str, bytes]) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, entry in entries.items():
            archive.writestr(name, entry)
    return content.getvalue()


def main(arguments: t.Sequence[str]) -> int:
    try:
        wrap(pathlib.Path(arguments[0]), arguments[1:])
    except Refused as problem:
        print(f"ERROR: {problem}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

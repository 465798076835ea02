# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""An .mdx with other defaults for its policies: what XenMobile Server then offers for an app that is uploaded anew.

Only the policy file is written anew. The app in the .mdx is neither unpacked nor packed again.
"""

from __future__ import annotations

import os
import pathlib
import typing as t
from xml.etree import ElementTree

from .. import files
from ..errors import InvalidInput, NotConverged
from .archive import Archive
from .package import check_mdx, opened
from .policies import BOOLEAN, ENUM, INTEGER, METADATA, Policy, read_metadata, read_policies
from .rewrite import Rewrite
from .xml import text_of


def preset_policies(path: str, values: t.Mapping[str, t.Any], out: str, language: str = "en") -> tuple[Policy, ...]:
    """Write a copy of an .mdx in which policies have other defaults.

    :param values: title or name of a policy -> value: a label or id for an enumeration, true or false for a boolean.
    :param out: the new file; what stands there is replaced once the new one is complete and read back.
    :returns: all policies as the new file has them.
    :raises InvalidInput: no policy, or several, of a title; or a value that the policy does not take.
    :raises UnreadablePackage: ``path`` is no .mdx, or one in a form that cannot be edited in place.
    :raises NotConverged: the new file does not read as asked; it is not kept.
    """
    with opened(path) as archive:
        check_mdx(archive)
        policies = read_policies(archive, language)
        root = read_metadata(archive)
    wanted = desired_defaults(policies, values)
    if os.path.exists(out) and os.path.samefile(path, out):
        raise InvalidInput("out", out, "another file than path", "Name a new file: the original is your way back")
    for entry in root.iterfind(".//Policies/Policy"):
        name = text_of(entry, "PolicyName")
        if name in wanted:
            _set_default(entry, wanted[name])
    content = ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)
    with open(path, "rb") as source, files.replacing(pathlib.Path(out), 0o644) as target:
        Rewrite.of(source, path, METADATA).write(source, target, content)
        target.flush()
        return _read_back(target, out, wanted, language)


def _read_back(target: t.BinaryIO, out: str, wanted: t.Mapping[str, str], language: str) -> tuple[Policy, ...]:
    with Archive(target, out) as archive:
        written = read_policies(archive, language)
    found = {policy.name: policy.default for policy in written}
    if any(found.get(name) != value for name, value in wanted.items()):
        raise NotConverged(f"{out} would not have the defaults that were asked for", "Report this with the .mdx")
    return written


def desired_defaults(policies: t.Sequence[Policy], values: t.Mapping[str, t.Any]) -> dict[str, str]:
    """Policy name -> the file's own value, for what an administrator reads.

    :raises InvalidInput: names the policy and what is there.
    """
    desired: dict[str, str] = {}
    for key, value in values.items():
        found = [one for one in policies if one.name == key] or [one for one in policies if one.title == key]
        if len(found) != 1:
            known = ", ".join(sorted(f"{one.title!r} ({one.name})" for one in found or policies))
            raise InvalidInput("policy", key, f"a title or name that one policy has, not {len(found)}", f"Use {known}")
        if desired.setdefault(found[0].name, _own_value(found[0], value)) != _own_value(found[0], value):
            raise InvalidInput(key, value, "one value for a policy", "Name each policy once")
    return desired


def _own_value(policy: Policy, value: t.Any) -> str:
    written = str(value).strip()
    if not written.isprintable():
        raise InvalidInput(policy.title, value, "one printable line", "Correct the value")
    if policy.kind == BOOLEAN and written.lower() not in ("true", "false"):
        raise InvalidInput(policy.title, value, "true or false", "Correct the value")
    if policy.kind == INTEGER and not written.removeprefix("-").isdecimal():
        raise InvalidInput(policy.title, value, "a whole number", "Correct the value")
    if policy.kind != ENUM and not policy.choices:
        return written.lower() if policy.kind == BOOLEAN else written
    for identifier, label in policy.choices:
        if written and written in (label, identifier):
            return identifier
    labels = ", ".join(label or identifier for identifier, label in policy.choices)
    raise InvalidInput(policy.title, value, f"one of {labels}", "Use a label of the .mdx")


def _set_default(entry: ElementTree.Element, value: str) -> None:
    default = entry.find("PolicyDefault")
    if default is None:
        default = ElementTree.SubElement(entry, "PolicyDefault")
    default.text = value

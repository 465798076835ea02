# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""IIS's hierarchy against a second reading of Microsoft's rules: one that walks down a path and knows no files.

"Deep Dive into IIS Configuration" and "How to Use Locking in IIS Configuration": going down, each path's definitions
come one after the other, outer files first; what is not inherited ends at the next application; a lock of an outer file
holds until an outer file opens it deeper.
"""

from __future__ import annotations

import contextlib
import dataclasses
import pathlib
import tempfile
import typing as t

from hypothesis import given, settings
from hypothesis import strategies as st

from securemail_lab.exchange import appcmd
from securemail_lab.exchange.iis import SERVER_RUNTIME, CommitFault, FileFault, Iis, SetAttribute
from securemail_lab.exchange.iis.hierarchy import APPHOST, APPHOST_FILE
from securemail_lab.exchange.machine import Machine

#: Paths and the application that each belongs to; the server's own is the empty one.
APPLICATION = {"": "", "S": "S", "S/d": "S", "S/a": "S/a", "S/a/d": "S/a", "S/a/n": "S/a/n"}
FILES = {path: rf"C:\{path.replace('/', '_')}\web.config" for path in APPLICATION} | {
    "": APPHOST_FILE,
    "S/d": r"C:\S\d\web.config",
    "S/a/d": r"C:\S_a\d\web.config",
}
SITE = """<system.applicationHost><sites><site name="S" id="1"><bindings />
<application path="/"><virtualDirectory path="/" physicalPath="C:\\S" /></application>
<application path="/a"><virtualDirectory path="/" physicalPath="C:\\S_a" /></application>
<application path="/a/n"><virtualDirectory path="/" physicalPath="C:\\S_a_n" /></application>
</site></sites></system.applicationHost>"""
SECTIONS = """<configSections><sectionGroup name="system.webServer">
<section name="serverRuntime" overrideModeDefault="{}" /></sectionGroup></configSections>"""


@dataclasses.dataclass(frozen=True)
class Tag:
    """``file`` and ``path`` are keys of FILES; no ``value`` means an empty section."""

    file: str
    path: str
    value: int | None
    mode: str
    inherited: bool

    @property
    def location(self) -> str | None:
        """The path of the location tag; the file's own path gets one where something is to be said in it."""
        if self.path == self.file:
            return None if self.mode == "Inherit" and self.inherited else ""
        return self.path[len(self.file) :].lstrip("/")

    @property
    def text(self) -> str:
        value = "" if self.value is None else f' uploadReadAheadSize="{self.value}"'
        section = f"<system.webServer><serverRuntime{value} /></system.webServer>"
        if self.location is None:
            return section
        kept = "" if self.inherited else ' inheritInChildApplications="false"'
        return f'<location path="{self.location}" overrideMode="{self.mode}"{kept}>{section}</location>'


Tags = dict[tuple[str, str], Tag]
PLACES = [
    (file, path) for file in FILES for path in FILES if path == file or path.startswith(f"{file}/") or not file and path
]
TAGS = st.dictionaries(
    st.sampled_from(PLACES),
    st.tuples(
        st.none() | st.integers(0, 2147483647),
        st.sampled_from(["Inherit", "Inherit", "Inherit", "Allow", "Deny"]),
        st.sampled_from([True, True, False]),
    ),
    max_size=7,
).map(lambda found: {place: Tag(*place, *rest) for place, rest in found.items()})
MODES = st.sampled_from(["Allow", "Deny"])


class Locked(Exception):
    """A definition stands where it may not."""


def way(path: str) -> list[str]:
    """From the server down."""
    names = path.split("/") if path else []
    return ["", *("/".join(names[: count + 1]) for count in range(len(names)))]


def may_hold(tags: Tags, default: str, file: str, path: str) -> bool:
    mode = default
    for step in way(path):
        for outer in way(file)[:-1]:
            tag = tags.get((outer, step))
            mode = tag.mode if tag and tag.mode != "Inherit" else mode
    return not file or mode == "Allow"


def walked(tags: Tags, default: str, path: str) -> tuple[int, Tag | None]:
    """The value at a path and the tag that it is from."""
    stack: list[Tag] = []
    for step in way(path):
        stack = [tag for tag in stack if tag.inherited or APPLICATION[tag.path] == APPLICATION[step]]
        for file in way(step):
            tag = tags.get((file, step))
            if tag is None:
                continue
            if not may_hold(tags, default, file, step):
                raise Locked
            if tag.value is not None:
                stack.append(tag)
    for tag in reversed(stack):
        return t.cast(int, tag.value), tag
    return 49152, None


@contextlib.contextmanager
def host(tags: Tags, default: str) -> t.Iterator[Iis]:
    with tempfile.TemporaryDirectory() as folder:
        machine = Machine("exch01", pathlib.Path(folder))
        for file, windows_path in FILES.items():
            machine.path(windows_path).parent.mkdir(parents=True, exist_ok=True)
            body = "".join(tag.text for tag in tags.values() if tag.file == file)
            start = "" if file else SECTIONS.format(default) + SITE
            if body or not file:
                machine.path(windows_path).write_text(f"<configuration>{start}{body}</configuration>", encoding="utf-8")
        yield Iis(machine)


def whole(path: str) -> str:
    return f"{APPHOST}/{path}" if path else APPHOST


@settings(max_examples=300, deadline=None)
@given(TAGS, MODES, st.sampled_from(sorted(APPLICATION)))
def test_a_value_its_origin_and_its_lock(tags: Tags, default: str, path: str) -> None:
    with host(tags, default) as iis:
        try:
            value, tag = walked(tags, default, path)
        except Locked:
            with contextlib.suppress(FileFault):
                raise AssertionError(iis.effective(path, SERVER_RUNTIME)) from None
            return
        section = iis.effective(path, SERVER_RUNTIME)
        found = section.root.attributes["uploadReadAheadSize"]
        assert found.value == value
        assert section.locked is not may_hold(tags, default, path, path)
        if tag is None:
            assert found.origin is None
        else:
            assert found.origin is not None
            assert (found.origin.config_path, found.origin.location) == (whole(tag.file), tag.location)


@settings(max_examples=150, deadline=None)
@given(
    TAGS, MODES, st.sampled_from(["S", "S/d", "S/a", "S/a/n"]), st.integers(0, 9), st.sampled_from([None, "apphost"])
)
def test_a_commit_acts_unless_it_is_locked_or_overridden(
    tags: Tags, default: str, path: str, size: int, commit: str | None
) -> None:
    with host(tags, default) as iis, contextlib.suppress(Locked):
        walked(tags, default, path)
        file = "" if commit else path
        before = {
            name: iis.machine.path(name).read_bytes() for name in FILES.values() if iis.machine.path(name).exists()
        }
        try:
            iis.commit(path, SERVER_RUNTIME, [SetAttribute("uploadReadAheadSize", str(size))], commit)
        except CommitFault as fault:
            assert fault.code == 33 and not may_hold(tags, default, file, path)
            assert all(iis.machine.path(name).read_bytes() == content for name, content in before.items())
            return
        assert may_hold(tags, default, file, path)
        present = tags.get((file, path), Tag(file, path, None, "Inherit", True))
        after = {**tags, (file, path): dataclasses.replace(present, value=size)}
        expected, _tag = walked(after, default, path)
        assert iis.upload_read_ahead_size(path) == expected


@settings(max_examples=100, deadline=None)
@given(TAGS)
def test_a_search_finds_every_place_that_holds_the_attribute(tags: Tags) -> None:
    with host(tags, "Allow") as iis:
        words = ["search", "config", f"/section:{SERVER_RUNTIME}", "/uploadReadAheadSize", "/xml"]
        result = appcmd.run(iis.machine, words)
        applications = {path for path, application in APPLICATION.items() if path == application}
        try:
            for path in applications:
                walked(tags, "Allow", path)
        except Locked:
            assert result.rc == 33
            return
        expected = {
            f'<CONFIGSEARCH path="{whole(tag.path)}" locationPath="{tag.location or ""}" />'
            for tag in tags.values()
            if tag.value is not None and tag.path in applications
        }
        lines = {line.strip() for line in result.stdout.decode().splitlines() if "CONFIGSEARCH" in line}
        assert (lines, result.rc) == (expected, 0 if expected else 1)

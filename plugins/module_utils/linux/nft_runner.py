# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The one place that starts ``nft``: a consistent listing to read, one transaction to write."""

from __future__ import annotations

import json
import re
import typing as t

from ..core.errors import Refused, Stale, UnexpectedState
from .generation import generation
from .host import Host
from .nft_model import Json, Name

#: Older ones print other JSON than what this module was tested with, or none.
OLDEST = (1, 0, 6)
_READS = 3


class NftRunner:
    """Reads and writes one host's rule set, and knows when somebody else wrote in between.

    :param generation: the kernel's count of commits.
    """

    def __init__(self, host: Host, generation: t.Callable[[], int] = generation) -> None:
        self._host = host
        self._generation = generation
        self._read_at: int | None = None

    @property
    def program(self) -> str:
        """The path of nft.

        :raises Refused: there is none.
        """
        program = self._host.get_bin_path("nft", opt_dirs=["/usr/sbin", "/sbin"])
        if program is None:
            raise Refused("The host has no nft", "Install the package nftables on the host")
        return program

    def list_ruleset(self, whole: t.Callable[[str], bool]) -> t.Any:
        """The document of ``nft -j -t list ruleset``, with the elements of those sets only whose name is ``whole``.

        Sets of others can be large and are not needed. All is of one generation.

        :raises Refused: nft is missing, too old, not permitted, or without JSON.
        :raises Stale: somebody else wrote during each of a few attempts to read.
        :raises UnexpectedState: what nft printed is not such a document.
        """
        program = self.program
        for _attempt in range(_READS):
            before = self._generation()
            document = self._list(program, "-t", "list", "ruleset")
            _check_version(document)
            try:
                for entry in document["nftables"]:
                    if "set" in entry and whole(entry["set"]["name"]):
                        entry["set"] |= self._elements(program, entry["set"])
            except Refused:
                if self._generation() == before:
                    raise
            except (KeyError, TypeError) as problem:
                raise _unknown_shape(problem) from None
            if self._generation() == before:
                self._read_at = before
                return document
        raise Stale(
            f"The rule set changed during each of {_READS} attempts to read it",
            "Find out what keeps writing it (nft monitor names the process), and run this again",
        )

    def transact(self, commands: list[Json]) -> None:
        """Run commands as one transaction: all of them or none.

        :raises Stale: the rule set is no longer the one that was listed last; nothing was changed.
        :raises Refused: nft's own message; nothing was changed.
        """
        program = self.program
        self._expect_unchanged("")
        status, _output, errors = self._run(program, "-f", "-", data=json.dumps({"nftables": commands}))
        if status != 0:
            self._expect_unchanged(f", and nft refused the transaction: {_line(errors)}")
            raise Refused(f"nft refused the transaction and changed nothing: {_line(errors)}", _remedy(errors))

    def _expect_unchanged(self, detail: str) -> None:
        if self._read_at is not None and self._generation() != self._read_at:
            raise Stale(
                f"Somebody else changed the rule set between the read and the write{detail}. Nothing was changed here",
                "Find out what writes it (nft monitor names the process), and run this again",
            )

    def _elements(self, program: str, listed: Json) -> Json:
        name: Name = (listed["family"], listed["table"], listed["name"])
        document = self._list(program, "list", "set", *name)
        found: list[Json] = [entry["set"] for entry in document["nftables"] if "set" in entry]
        return found[0]

    def _list(self, program: str, *words: str) -> t.Any:
        status, output, errors = self._run(program, *words)
        if status != 0:
            raise Refused(f"nft -j {' '.join(words)} ended with status {status}: {_line(errors)}", _remedy(errors))
        try:
            return json.loads(output)
        except ValueError as problem:
            raise UnexpectedState(
                f"nft -j {' '.join(words)} printed no JSON ({problem})",
                "Run it by hand on the host; nftables 1.0.6 or later prints JSON",
            ) from None

    def _run(self, program: str, *words: str, data: str | None = None) -> tuple[int, str, str]:
        return self._host.run_command([program, "-j", *words], data=data, environ_update={"LC_ALL": "C"})


def _check_version(document: t.Any) -> None:
    try:
        printed = [entry["metainfo"]["version"] for entry in document["nftables"] if "metainfo" in entry][0]
        version = tuple(int(part) for part in re.findall(r"\d+", printed)[:3])
    except (KeyError, IndexError, TypeError, ValueError) as problem:
        raise _unknown_shape(problem) from None
    if version < OLDEST:
        oldest = ".".join(map(str, OLDEST))
        raise Refused(f"The host has nftables {printed}, expected {oldest} or later", "Upgrade the package nftables")


def _unknown_shape(problem: Exception) -> UnexpectedState:
    return UnexpectedState(
        f"nft -j list ruleset printed JSON of an unknown shape ({type(problem).__name__}: {problem})",
        "Run it by hand on the host and compare its version with 1.0.6, with which this module is tested",
    )


def _line(errors: str) -> str:
    return " ".join(errors.split()) or "no message"


def _remedy(errors: str) -> str:
    if "Operation not permitted" in errors or "must be root" in errors:
        return "Run the task as root (become: true)"
    if "Message too long" in errors:
        return "Raise net.core.wmem_max: inside a user namespace it bounds what one transaction may hold"
    if "JSON support not compiled" in errors:
        return "Install a package of nftables that is built with JSON support"
    return "Correct what it names, or remove what has the name of something of ours, and run this again"

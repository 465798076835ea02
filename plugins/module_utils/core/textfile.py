# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Metrics in Prometheus' text format, for the textfile collector of its node exporter.

Source: Prometheus, "Exposition formats". Gauges alone take few lines, so no client library is needed for them.
"""

from __future__ import annotations

import pathlib
import typing as t

from .errors import InvalidInput

#: Name of the metric, labels, value.
Sample = tuple[str, dict[str, str], float]

_ESCAPES = str.maketrans({"\\": "\\\\", '"': '\\"', "\n": "\\n"})


def check_metrics_path(path: str | None) -> pathlib.Path | None:
    """
    :raises InvalidInput: a name that the collector does not read, or no folder to put it into.
    """
    if path is None:
        return None
    found = pathlib.Path(path)
    if found.suffix != ".prom" or not found.parent.is_dir():
        raise InvalidInput(
            "metrics_path",
            path,
            "a file that ends with .prom, in a folder that exists",
            "Name a file in the folder that node_exporter has as --collector.textfile.directory",
        )
    return found


def newest(content: str, name: str) -> float | None:
    """The highest value of a metric in a textfile, whatever its labels; ``None`` where it is not there."""
    values = []
    for line in content.splitlines():
        words = line.split()
        if len(words) > 1 and words[0].partition("{")[0] == name:
            try:
                values.append(float(words[-1]))
            except ValueError:
                continue
    return max(values, default=None)


def textfile(described: t.Mapping[str, str], samples: t.Iterable[Sample]) -> bytes:
    """Gauges, in the order of their descriptions.

    :param described: name of a metric -> its help text; a sample of another name is an error of the caller.
    """
    order = list(described)
    lines = []
    last = ""
    for name, labels, value in sorted(samples, key=lambda sample: order.index(sample[0])):
        if name != last:
            lines += [f"# HELP {name} {described[name]}", f"# TYPE {name} gauge"]
            last = name
        shown = ",".join(f'{label}="{text.translate(_ESCAPES)}"' for label, text in labels.items())
        lines.append(f"{name}{{{shown}}} {value:.0f}")
    return ("\n".join(lines) + "\n").encode()

# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the server's side needs of an .mdx: the ids behind labels, and which version of which app it is."""

from __future__ import annotations

import os

from ..core.errors import InvalidInput, UnexpectedState
from ..core.mdx.package import MDX, Package, read_labels
from ..core.mdx.package import read_package as read_any

_CERTIFICATES = (".p12", ".pfx", ".pem", ".cer", ".crt", ".key")


def enum_labels(path: str) -> dict[str, dict[str, str]]:
    """Policy name -> label -> id, for every enumeration of the file.

    :raises UnexpectedState: not an .mdx, or metadata that cannot be read safely or gives a label two ids.
    """
    return read_labels(path)


def read_package(path: str) -> Package:
    """
    :raises InvalidInput: a certificate or key. It has no business on this server, see below.
    :raises UnexpectedState: no .mdx, or one without a version.
    """
    _refuse_certificates(path)
    package = read_any(path)
    if package.kind != MDX or not version_of(package):
        raise UnexpectedState(
            f"{path} is no .mdx that names a version of its app", "Wrap the app, and name the .mdx that comes out"
        )
    return package


def version_of(package: Package) -> str:
    """The version that the server will show: it reads the manifest, and does not look into the app itself."""
    return (package.manifest.version if package.manifest is not None else "") or package.version


def _refuse_certificates(path: str) -> None:
    """Secure Mail's push certificate belongs to the push portal. XenMobile Server has a keystore called APNs, but that
    is device management's: whoever puts Secure Mail's there cuts off every enrolled device.
    """
    beginning = b""
    if os.path.isfile(path) and os.access(path, os.R_OK):
        with open(path, "rb") as stream:
            beginning = stream.read(64)
    # A PEM file, or a DER sequence of more than 127 bytes: PKCS#12, a key, a certificate.
    is_der = beginning[:1] == b"\x30" and beginning[1:2] in (b"\x80", b"\x81", b"\x82", b"\x83", b"\x84")
    looks = beginning.lstrip().startswith(b"-----BEGIN") or is_der
    if looks or os.path.splitext(path)[1].lower() in _CERTIFICATES:
        raise InvalidInput(
            "mdx_path",
            path,
            "an .mdx, not a certificate or key",
            "Secure Mail's push certificate goes to the push portal (playbooks/rotate.yml); the APNs certificate on "
            "XenMobile Server is device management's, and this collection never touches it",
        )

# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The kernel's own count of rule set commits: it moves whenever anybody's transaction takes effect.

``nft list ruleset`` does not print it, and ``nft monitor`` tells only of what comes. One netlink message asks for it
(linux/netfilter/nf_tables.h: NFT_MSG_GETGEN, NFTA_GEN_ID).
"""

from __future__ import annotations

import socket
import struct

from ..core.errors import Refused

_NETLINK_NETFILTER = 12
_NFNL_SUBSYS_NFTABLES = 10
_NFT_MSG_NEWGEN, _NFT_MSG_GETGEN = 15, 16
_NLM_F_REQUEST = 1
_NFTA_GEN_ID = 1
_HEADERS = struct.Struct("=IHHIIBBH")  # nlmsghdr, then nfgenmsg
_ATTRIBUTE = struct.Struct("=HH")


def generation() -> int:
    """The generation of the rule set of this network namespace.

    :raises Refused: the kernel does not say it.
    """
    request = _HEADERS.pack(
        _HEADERS.size, (_NFNL_SUBSYS_NFTABLES << 8) | _NFT_MSG_GETGEN, _NLM_F_REQUEST, 1, 0, 0, 0, 0
    )
    try:
        with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, _NETLINK_NETFILTER) as kernel:
            kernel.settimeout(5)
            kernel.send(request)
            return _read(kernel.recv(4096))
    except (OSError, struct.error) as problem:
        raise Refused(
            f"The kernel does not say the generation of its rule set ({problem})",
            "Run the task as root (become: true) on a kernel with nf_tables",
        ) from None


def _read(answer: bytes) -> int:
    length, kind, *_rest = _HEADERS.unpack_from(answer)
    if kind != (_NFNL_SUBSYS_NFTABLES << 8) | _NFT_MSG_NEWGEN:
        raise OSError(f"netlink message {kind:#x}")
    at = _HEADERS.size
    while at < length:
        size, attribute = _ATTRIBUTE.unpack_from(answer, at)
        if attribute == _NFTA_GEN_ID:
            number: int = struct.unpack_from("!I", answer, at + _ATTRIBUTE.size)[0]
            return number
        at += max((size + 3) & ~3, _ATTRIBUTE.size)
    raise OSError("no generation in the answer")

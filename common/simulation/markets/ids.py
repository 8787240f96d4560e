"""Ids of both position systems, from a seed: the same name gives the same ids in every run.

A v1 condition id is 32 bytes of hash, a v1 token id a hash of up to 78 digits. A v2 condition id is 31 bytes: Gamma
states those alone (62 digits), the websocket and the CLOB add a last byte of 00 (64 digits). A v2 position id is the
same number with the outcome as its last byte: 75 digits.
"""

import hashlib

from common.simulation.markets.listing import Ids, Protocol, Protocols

V2_MARK = b"\x01"
V2_BYTES = 16  # what differs between v2 condition ids, behind the mark


def digests(seed: int, slug: str) -> list[bytes]:
    """Four hashes of 32 bytes, which everything that is invented about a market comes from."""
    return [hashlib.sha256(f"{seed} {slug} {part}".encode()).digest() for part in range(4)]


def protocol_of(protocols: Protocols, number: int) -> Protocol:
    """The protocol of a market that has this number in its row: of two neighbours, each has another."""
    if protocols == "mixed":
        return "v2" if number % 2 else "v1"
    return protocols


def make_ids(digest: list[bytes], protocol: Protocol) -> Ids:
    """The ids of a market of this protocol, and those that it has of the other."""
    v1_ids = str(int.from_bytes(digest[1])), str(int.from_bytes(digest[2]))
    v1_condition = "0x" + digest[0].hex()
    v2_condition = (V2_MARK + digest[0][:V2_BYTES]).ljust(31, b"\0")
    positions = str(int.from_bytes(v2_condition + b"\0")), str(int.from_bytes(v2_condition + b"\1"))
    if protocol == "v1":
        return Ids(v1_condition, v1_condition, v1_ids, positions)
    told = "0x" + v2_condition.hex()
    return Ids(f"{told}00", told, positions, v1_ids)

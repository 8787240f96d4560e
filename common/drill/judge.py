"""The proof: what the exchange's own account says was sent against what is in closed archives."""

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from common.archive.recorded import payloads_by_cf_ray
from common.archive.verify.data_root import Verification, verify_data_root
from common.drill.bench import Bench
from common.drill.outcome import Counts, Evidence, Inconclusive
from common.simulation.oracle import OracleConnection, compare, read_oracle

FINDINGS_TOLD = 8


def judge(bench: Bench, *, declared: bool = False) -> tuple[list[str], Counts]:
    """What is wrong with the recording, and the count of frames. Verification has looked at the gap rows."""
    oracle = bench.folder / "oracle"
    recorded = by_connection(payloads_by_cf_ray(bench.websocket_archives()), read_oracle(oracle))
    verification = verify_data_root(bench.data_root, partial=False, progress=lambda _rows: None)
    wrongs = [f"{finding.where}: {finding.words}" for finding in verification.findings]
    counts = count_frames(oracle, recorded, verification)
    if declared and counts.lost and not counts.twice and counts.lost == counts.received - counts.archived:
        return told(wrongs), counts
    wrongs += compare(oracle, recorded)
    if counts.lost or counts.twice:
        wrongs.insert(0, f"{counts.lost} frames lost, {counts.twice} recorded twice")
    return told(wrongs), counts


def finish(
    made: Bench, *, counted: int, stopped: Sequence[str] | None = None, declared: bool = False
) -> Evidence:
    """Let it drain and judge; nothing is proved where none of the acts counted.

    `stopped` is what `Bench.stop` said, where it was called already. `declared`: losses that gap rows declare
    are as promised.
    """
    wrongs = made.stop() if stopped is None else stopped
    found, counts = judge(made, declared=declared)
    if not counted and not wrongs and not found:
        raise Inconclusive("no act fell between the first write and the close of an archive")
    return Evidence(made.done, [*wrongs, *found], counts)


def by_connection(
    recorded: Mapping[str, list[bytes]], connections: Sequence[OracleConnection]
) -> dict[str, list[bytes]]:
    """A session whose opening row is lost has no cf-ray: it goes to the unclaimed connection that sent it."""
    known = {connection.cf_ray for connection in connections}
    found = {ray: payloads for ray, payloads in recorded.items() if ray in known}
    for session, payloads in recorded.items():
        if session not in known:
            unclaimed = (each for each in connections if each.cf_ray not in found)
            owner = next((each.cf_ray for each in unclaimed if payloads[0] in set(each.frames())), session)
            found[owner] = payloads
    return found


def told(wrongs: Sequence[str]) -> list[str]:
    """The first of them, and how many more."""
    more = len(wrongs) - FINDINGS_TOLD
    return [*wrongs[:FINDINGS_TOLD], *([f"and {more} more findings"] if more > 0 else [])]


def count_frames(oracle: Path, recorded: Mapping[str, Sequence[bytes]], verification: Verification) -> Counts:
    """Frames over all connections."""
    sent = unconfirmed = lost = twice = 0
    for connection in read_oracle(oracle):
        here = _connection_counts(connection, recorded.get(connection.cf_ray, ()))
        sent, unconfirmed = sent + here.sent, unconfirmed + here.unconfirmed
        lost, twice = lost + here.lost, twice + here.twice
    sessions = verification.coverage.sessions
    received, archived = sum(each.received for each in sessions), sum(each.messages for each in sessions)
    return Counts(sent, received, archived, unconfirmed, lost, twice)


def _connection_counts(connection: OracleConnection, payloads: Sequence[bytes]) -> Counts:
    sent = [_digest(payload) for payload in connection.frames()]
    got = [_digest(payload) for payload in payloads]
    missing, surplus = Counter(sent) - Counter(got), Counter(got) - Counter(sent)
    is_tail = connection.may_lack_a_tail and sent[: len(got)] == got
    return Counts(
        sent=len(sent),
        unconfirmed=missing.total() if is_tail else 0,
        lost=0 if is_tail else missing.total(),
        twice=surplus.total(),
    )


def _digest(payload: bytes) -> bytes:
    return hashlib.blake2b(payload, digest_size=16).digest()

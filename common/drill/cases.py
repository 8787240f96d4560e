"""The table of cases: each line of the loss contract, and how it is put to the test."""

from common.drill import (
    breaks,
    full_data_root,
    history,
    kills,
    legs,
    memory_limit,
    pids_limit,
    remains,
    soak,
    surroundings,
)
from common.drill.outcome import Case

UNION = "what any leg received is in the union, once, in the order of sending"
EXACTLY_ONCE = "every received frame is in exactly one closed archive, once, byte for byte"

CASES = (
    Case("kill-writer", EXACTLY_ONCE, kills.kill_again_and_again("archive_writer-0")),
    Case("kill-writer-in-commit", EXACTLY_ONCE, kills.kill_in_commits("archive_writer-0")),
    Case(
        "kill-reader",
        "the same for every frame received before the kill; the outage is a declared gap",
        kills.kill_reader,
    ),
    Case("kill-checkpointer", EXACTLY_ONCE, kills.kill_again_and_again("rest_checkpointer")),
    Case("kill-manifest", EXACTLY_ONCE, kills.kill_again_and_again("manifest")),
    Case("kill-discovery", EXACTLY_ONCE, kills.kill_again_and_again("discovery")),
    Case("kill-auditor", EXACTLY_ONCE, kills.kill_again_and_again("book_auditor")),
    Case("kill-ledger", EXACTLY_ONCE, kills.kill_again_and_again("ledger")),
    Case("kill-supervisor", EXACTLY_ONCE, kills.kill_supervisor),
    Case(
        "kill-everything",
        "every frame received before the kill is in exactly one closed archive after the next start",
        kills.kill_everything,
    ),
    Case(
        "stop-without-reader",
        "SIGTERM while the reader is not back yet: what it had received is in closed archives",
        kills.kill_and_stop("ws_reader-0", 1),
    ),
    Case(
        "stop-without-writer",
        "SIGTERM while a writer is not back yet: everything received is in closed archives within 20 s",
        kills.kill_and_stop("archive_writer-0", 8),
    ),
    Case("pause-writer", "the reader goes on, nothing is lost", kills.pause("archive_writer-0")),
    Case("pause-supervisor", "the recording goes on, nothing is lost", kills.pause("supervisor")),
    Case(
        "pause-everything",
        "no process is mistaken for stuck when all wake up, nothing is lost",
        surroundings.pause_everything,
    ),
    Case("unread-log", "a log that nobody reads holds nobody up, nothing is lost", surroundings.unread_log),
    Case(
        "spool-removed",
        "what was in the run's folder is written again by those who hold it, nothing is lost",
        surroundings.spool_removed,
    ),
    Case(
        "data-root-emptied",
        "what the outbox still holds is recorded again, the rest is declared number by number",
        surroundings.data_root_emptied,
    ),
    Case(
        "pids-limit",
        "a machine that gives no process stops nobody: recording goes on, and what died comes back, nothing is lost",
        pids_limit.pids_limit,
    ),
    Case("memory-limit", EXACTLY_ONCE, memory_limit.memory_limit),
    Case("disk-full", "the reader goes on, all resumes by itself, nothing is lost", full_data_root.disk_full),
    Case(
        "inodes-used-up",
        "the same where bytes are free and no more files can be made",
        full_data_root.inodes_used_up,
    ),
    Case("slow-disk", "the reader goes on, all is archived once the disk is itself again", breaks.slow_disk),
    Case(
        "spool-full",
        "the reader keeps its connection, numbers and discards, and declares the exact range as a gap",
        breaks.spool_full,
    ),
    Case("cut-connections", "whole frames are kept, each outage is a declared gap", breaks.cut_connections),
    Case("cut-one-leg", f"{UNION}; every outage of one leg is covered by the other", legs.cut_one_leg),
    Case("freeze-one-leg", f"{UNION}; the frozen leg alone is replaced", legs.freeze_one_leg),
    Case("withhold-on-one-leg", f"{UNION}, also what a leg missed without knowing", legs.withhold_on_one_leg),
    Case(
        "cut-both-at-random", f"{UNION}; what neither received lies in gaps of both", legs.cut_both_at_random
    ),
    Case("two-hosts", f"{UNION}, over two recorders that know nothing of each other", legs.two_hosts),
    Case("hostile-frames", "recorded byte for byte, never a crash", breaks.hostile_frames),
    Case("clock-steps", "sequences stand, files stay unique, no timer fires wrongly", breaks.clock_steps),
    Case(
        "second-recorder",
        "refused with a clear error, the first one is not disturbed",
        breaks.second_recorder,
    ),
    Case(
        "power-cut",
        "at most a commit interval of rows is missing; archives readable, the cut declared",
        remains.power_cut,
    ),
    Case("altered-archives", "verification names each, and nothing else", remains.altered_archives),
    Case("stop", "SIGTERM: drained, closed, exit 0 within 20 s", kills.stop_under_load),
)

SLOW_CASES = (
    Case(
        "soak", "faults all the time lose nothing, and neither memory, descriptors nor files grow", soak.soak
    ),
    Case("a-year", "a year of history costs nothing beside an empty data root", history.a_year),
)

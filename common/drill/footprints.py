"""Memory, descriptors and files of a recorder's processes over time, and whether they grow for ever."""

import os
import statistics
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import msgspec
import psutil

MIB = 1 << 20
HOUR_S = 3600.0
SETTLED_S = 1150.0  # a third of an hour, nearly: caches and heaps fill up at first
MOST_MIB_AN_HOUR = 3.0
MOST_MORE = 10  # descriptors of a process, files in memory: what a connection or a window needs for a while
FEWEST = 9  # samples

Samples = list[tuple[float, float]]


class Trend(msgspec.Struct, frozen=True):
    """From the middle third of the samples to the last one, by their medians; `over_s` lies between the two."""

    before: float
    after: float
    over_s: float

    @property
    def an_hour(self) -> float:
        """The growth, scaled to an hour."""
        return (self.after - self.before) * HOUR_S / self.over_s


def trend(samples: Sequence[tuple[float, float]]) -> Trend | None:
    """Of figures with their time in seconds; None of too few. The first third is the start, and left out."""
    if len(samples) < FEWEST:
        return None
    third = len(samples) // 3
    middle, last = samples[third : 2 * third], samples[2 * third :]
    times = [statistics.median(time_s for time_s, _ in part) for part in (middle, last)]
    figures = [statistics.median(figure for _, figure in part) for part in (middle, last)]
    return Trend(figures[0], figures[1], times[1] - times[0])


class Footprints:
    """Sampled now and then; a process that was started again is another one."""

    def __init__(self) -> None:
        self._memory: dict[tuple[str, int], Samples] = defaultdict(list)
        self._descriptors: dict[tuple[str, int], Samples] = defaultdict(list)
        self._files: Samples = []

    def sample(self, now_s: float, pids: Mapping[str, int], in_memory: Path) -> None:
        """Look at the processes by name, and at the files in a folder."""
        for name, pid in pids.items():
            with suppress(psutil.Error):
                process = psutil.Process(pid)
                memory, descriptors = process.memory_info().rss / MIB, process.num_fds()
                self._memory[name, pid].append((now_s, memory))
                self._descriptors[name, pid].append((now_s, descriptors))
        self._files.append((now_s, sum(len(files) for _, _, files in os.walk(in_memory))))

    def lines(self) -> Iterator[str]:
        """What each process needed."""
        for key, samples in self._memory.items():
            memory, descriptors = trend(samples), trend(self._descriptors[key])
            if memory is not None and descriptors is not None:
                yield (
                    f"{key[0]}: memory {memory.before:.1f} -> {memory.after:.1f} MiB"
                    f" ({memory.an_hour:+.1f} MiB an hour),"
                    f" descriptors {descriptors.before:g} -> {descriptors.after:g}"
                )
        if (files := trend(self._files)) is not None:
            yield f"files in the run's folder: {files.before:g} -> {files.after:g}"

    @property
    def says_memory(self) -> bool:
        """Whether it went on for long enough to say whether memory grows."""
        trends = [trend(samples) for samples in self._memory.values()]
        return any(each is not None and each.over_s >= SETTLED_S for each in trends)

    def growing(self) -> list[str]:
        """What grows without an end in sight."""
        found = []
        for (name, _), samples in self._memory.items():
            grew = trend(samples)
            if grew is not None and grew.over_s >= SETTLED_S and grew.an_hour > MOST_MIB_AN_HOUR:
                found.append(f"{name}: memory grows by {grew.an_hour:.1f} MiB an hour")
        counted = [(f"{name}: descriptors", each) for (name, _), each in self._descriptors.items()]
        for what, samples in [*counted, ("files in the run's folder", self._files)]:
            grew = trend(samples)
            if grew is not None and grew.after > grew.before + MOST_MORE:
                found.append(f"{what} grow from {grew.before:g} to {grew.after:g}")
        return found

"""The benchmark's figures in Markdown: a table for each number of tokens, costs by process, latencies."""

from collections.abc import Iterator, Mapping, Sequence

from common.benchmark.measured import Latency, Measured, Setup, Spread, by_setup, spread
from common.version import PROGRAM_VERSION

HEADER = (
    "what",
    "runs that count",
    "messages/s, median (range)",
    "CPU us a message",
    "of naive",
    "of best",
    "bytes a message",
    "memory MiB",
)


def report(machine: str, runs: Sequence[Measured], *, plot: str) -> Iterator[str]:
    """The lines of the report; `plot` is the file name of the picture beside it."""
    grouped = by_setup(runs)
    yield "# Benchmark"
    yield ""
    yield f"Measured on {machine}, version {PROGRAM_VERSION}."
    yield "Ratios within one run mean more than the figures: other load on the machine moves them all."
    yield ""
    yield f"![CPU time a message and messages a second, by contestant]({plot})"
    for tokens, tls in dict.fromkeys((setup.tokens, setup.tls) for setup in grouped):
        chosen = {setup: of for setup, of in grouped.items() if (setup.tokens, setup.tls) == (tokens, tls)}
        yield ""
        yield f"## {tokens} tokens{', over TLS with one record a message' if tls else ''}"
        yield ""
        yield from markdown(HEADER, [_row(setup, of, chosen) for setup, of in chosen.items()])
        yield from _parts(chosen)
        yield from _latencies(chosen)
    yield from _growth(grouped)
    yield from _wrongs(runs)


def _growth(grouped: Mapping[Setup, Sequence[Measured]]) -> Iterator[str]:
    """CPU time and bytes as multiples of those of the same contestant at the fewest tokens."""
    found: dict[str, dict[int, tuple[float, float]]] = {}
    for setup, runs in grouped.items():
        cpu, size = spread(runs, lambda run: run.cpu_us), spread(runs, lambda run: run.bytes_a_message)
        if cpu is not None and size is not None:
            found.setdefault(setup.words, {})[setup.tokens] = (cpu.median, size.median)
    rows = []
    for words, by_tokens in found.items():
        least = by_tokens[min(by_tokens)]
        for tokens in sorted(by_tokens)[1:]:
            cpu_times, size_times = (mine / base for mine, base in zip(by_tokens[tokens], least, strict=True))
            rows.append((words, f"{tokens}", f"{cpu_times:.1f}", f"{size_times:.1f}"))
    if rows:
        yield ""
        yield "## What more tokens cost, as multiples of the fewest"
        yield ""
        yield from markdown(("what", "tokens", "CPU us a message", "bytes a message"), rows)


def short_table(runs: Sequence[Measured]) -> tuple[Sequence[str], list[tuple[str, ...]]]:
    """Header and rows for a terminal."""
    grouped = by_setup(runs)
    rows: list[tuple[str, ...]] = []
    for setup, of in grouped.items():
        near = {
            each: them
            for each, them in grouped.items()
            if (each.tokens, each.tls) == (setup.tokens, setup.tls)
        }
        rows.append((str(setup.tokens), *_row(setup, of, near)))
    return ("tokens", *HEADER), rows


def _row(setup: Setup, runs: Sequence[Measured], near: Mapping[Setup, Sequence[Measured]]) -> Sequence[str]:
    counted = f"{sum(not run.wrongs for run in runs)} of {len(runs)}"
    rate, cpu = spread(runs, lambda run: run.rate), spread(runs, lambda run: run.cpu_us)
    size, memory = spread(runs, lambda run: run.bytes_a_message), spread(runs, lambda run: run.memory_mib)
    if rate is None or cpu is None or size is None or memory is None:
        return (setup.words, counted, *(["-"] * (len(HEADER) - 2)))
    return (
        setup.words,
        counted,
        f"{rate.median:,.0f} ({rate.lowest:,.0f} to {rate.highest:,.0f})",
        f"{cpu.median:,.1f} ({cpu.lowest:,.1f} to {cpu.highest:,.1f})",
        _ratio(cpu, near, "naive"),
        _ratio(cpu, near, "best"),
        f"{size.median:,.0f}",
        f"{memory.median:,.0f}",
    )


def _ratio(cpu: Spread, near: Mapping[Setup, Sequence[Measured]], way: str) -> str:
    """CPU time as a part of another way's, of the medians."""
    for setup, runs in near.items():
        other = spread(runs, lambda run: run.cpu_us)
        if setup.way == way and other is not None:
            return f"{cpu.median / other.median:.2f}"
    return "-"


def _parts(chosen: Mapping[Setup, Sequence[Measured]]) -> Iterator[str]:
    """CPU time by process, for what has more than one."""
    for setup, runs in chosen.items():
        names = list(runs[0].cpu_us_by_process) if setup.way == "recorder" else []
        told = []
        for name in names:
            part = spread(runs, lambda run, name=name: run.cpu_us_by_process.get(name, 0.0))  # type: ignore[misc]
            told += [f"{name} {part.median:.1f}"] if part is not None else []
        if told:
            yield ""
            yield f"CPU us a message, {setup.words}: {', '.join(sorted(told))}."


def _latencies(chosen: Mapping[Setup, Sequence[Measured]]) -> Iterator[str]:
    rows = []
    for setup, runs in chosen.items():
        measured: dict[float, list[Latency]] = {}
        for each in (each for run in runs if not run.wrongs for each in run.latencies):
            measured.setdefault(each.rate, []).append(each)
        for rate, them in measured.items():
            middle = sorted(them, key=lambda each: each.p99_ms)[len(them) // 2]
            longest = max(each.longest_ms for each in them)
            figures = (middle.p50_ms, middle.p99_ms, longest)
            rows.append((setup.words, f"{rate:,.0f}", *(f"{figure:,.0f}" for figure in figures)))
    if rows:
        yield ""
        yield "From receipt to the commit that made it durable:"
        yield ""
        yield from markdown(("what", "messages/s", "p50 ms", "p99 ms", "longest ms"), rows)


def _wrongs(runs: Sequence[Measured]) -> Iterator[str]:
    wrong = [run for run in runs if run.wrongs]
    if wrong:
        yield ""
        yield "## Runs that do not count"
        yield ""
    for run in wrong:
        for words in run.wrongs:
            yield f"- {run.setup.tokens} tokens, {run.setup.words}: {words}"


def markdown(header: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """A table."""
    for line in (header, ["---"] * len(header), *rows):
        yield f"| {' | '.join(line)} |"

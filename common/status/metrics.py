"""The status of the run as Prometheus text. Imported only where the port is on: the library takes its time."""

from collections import Counter
from collections.abc import Iterator, Mapping
from itertools import product
from typing import get_args

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.registry import Collector

from common.core.audit.results import Check, Verdict
from common.core.events.kinds import MARKET_KINDS
from common.core.instants import NS_PER_SECOND, parse_utc_ns
from common.core.problems import ProblemKind
from common.core.run_state import State
from common.core.status.reference import is_up
from common.polymarket.classify import UNKNOWN
from common.status.board import Status
from common.status.run_manifest import books_of

CONTENT_TYPE = CONTENT_TYPE_PLAIN_0_0_4
PREFIX = "orderbooks_"
BY_LABELS = frozenset({"book_checks_total"})  # counters of which a family with labels gives the parts


def metrics_text(status: Status) -> bytes:
    """All metrics, text format 0.0.4."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_StatusCollector(status))
    return generate_latest(registry)


class _StatusCollector(Collector):
    def __init__(self, status: Status) -> None:
        self._status = status

    def collect(self) -> Iterator[Metric]:
        yield from self._counters()
        yield self._event_types()
        yield from self._parts()
        yield from self._state()
        yield from self._processes()
        yield from self._queue()
        yield from self._upload()
        yield from self._disk()
        yield from self._books()
        yield self._problems()
        yield self._legs()
        yield from self._reference()
        yield from self._outcomes()
        yield self._build()

    def _counters(self) -> Iterator[Metric]:
        for name, value in self._status.manifest.counters.items():
            if name in BY_LABELS:
                continue  # a second family of the name would make promtool refuse the page, and sums count twice
            kind = CounterMetricFamily if name.endswith("_total") else GaugeMetricFamily
            in_seconds = name.replace("_milliseconds_", "_seconds_")  # Prometheus wants base units
            shown = value if in_seconds == name else value / 1000
            yield kind(PREFIX + in_seconds, f"{name} of the run manifest", value=shown)

    def _parts(self) -> Iterator[Metric]:
        manifest = self._status.manifest
        help_gaps = "Gaps declared, by cause"
        gaps = CounterMetricFamily(PREFIX + "gaps_by_cause_total", help_gaps, labels=["cause"])
        for cause, count in manifest.gaps_by_cause.items():
            gaps.add_metric([cause], count)
        yield gaps
        help_ledgers = "Ledgers written, by stream and condition"
        ledgers = CounterMetricFamily(
            PREFIX + "ledgers_by_condition_total", help_ledgers, labels=["stream", "condition"]
        )
        for stream, conditions in manifest.ledgers_by_condition.items():
            for condition, count in conditions.items():
                ledgers.add_metric([stream, condition], count)
        yield ledgers

    def _event_types(self) -> Metric:
        family = CounterMetricFamily(
            PREFIX + "event_types_total",
            "Messages by kind; all that are unknown as one",
            labels=["event_type"],
        )
        counts = Counter(dict.fromkeys([*MARKET_KINDS, "unknown"], 0))
        for event_type, count in self._status.manifest.event_types.items():
            # The exchange names the unknown ones: as labels they would be series without end.
            counts["unknown" if event_type.startswith(UNKNOWN) else event_type] += count
        for event_type, count in sorted(counts.items()):
            family.add_metric([event_type], count)
        return family

    def _state(self) -> Iterator[Metric]:
        family = GaugeMetricFamily(PREFIX + "state", "1 for the state that the run is in", labels=["state"])
        for state in get_args(State):
            family.add_metric([state], int(state == self._status.manifest.state))
        yield family
        yield GaugeMetricFamily(PREFIX + "healthy", "What /healthz says", value=self._status.health.ok)
        yield GaugeMetricFamily(PREFIX + "ready", "What /readyz says", value=self._status.readiness.ok)
        since_s = self._status.since_market_message_s
        if since_s is not None:
            name = PREFIX + "seconds_since_last_market_message"
            yield GaugeMetricFamily(name, "By the wall clock, over all readers", value=since_s)

    def _processes(self) -> Iterator[Metric]:
        processes = self._status.manifest.processes
        cpu = {each.name: each.cpu_seconds for each in processes}
        memory = {each.name: each.rss_bytes for each in processes}
        restarts = {each.name: each.restarts for each in processes}
        ages = dict(sorted(self._status.heartbeat_ages_s.items()))
        yield _by_process(CounterMetricFamily, "process_cpu_seconds_total", "cpu_seconds", cpu)
        yield _by_process(GaugeMetricFamily, "process_resident_memory_bytes", "rss_bytes", memory)
        yield _by_process(CounterMetricFamily, "process_restarts_by_process_total", "restarts", restarts)
        yield _by_process(GaugeMetricFamily, "process_heartbeat_age_seconds", "age", ages)

    def _queue(self) -> Iterator[Metric]:
        backlog = GaugeMetricFamily(
            PREFIX + "queue_backlog_envelopes", "Envelopes without an ack", labels=["producer", "lane"]
        )
        spool = GaugeMetricFamily(PREFIX + "spool_bytes", "Bytes that an outbox holds", labels=["producer"])
        oldest = GaugeMetricFamily(
            PREFIX + "queue_oldest_seconds",
            "Age of the oldest row that is not durable, 0 where none waits",
            labels=["producer", "lane"],
        )
        for process, outbox in sorted(self._status.manifest.queue.items()):
            for lane, age_s in sorted(outbox.oldest_seconds.items()):
                oldest.add_metric([process, str(lane)], age_s)
            spool.add_metric([process], outbox.spool_bytes)
            for lane, count in sorted(outbox.lanes.items()):
                backlog.add_metric([process, str(lane)], count)
        yield backlog
        yield oldest
        yield spool

    def _upload(self) -> Iterator[Metric]:
        upload = self._status.manifest.upload
        yield GaugeMetricFamily(PREFIX + "upload_enabled", "1 if uploading is on", value=upload.enabled)
        if upload.state is None:
            return  # no figure is better than a 0 that nobody measured
        flags = (("failing", upload.failing), ("behind", upload.behind), ("alarms", len(upload.alarms)))
        for name, value in flags:
            yield from _known(f"upload_{name}", value)
        yield from _known("upload_backlog_files", upload.backlog_files)
        yield from _known("upload_backlog_bytes", upload.backlog_bytes)
        yield from _known("upload_backlog_age_seconds", upload.backlog_age_seconds)
        yield from _known("upload_verified_files", upload.verified_files)
        yield from _known("upload_seconds_since_last_success", self._status.since_upload_s)

    def _disk(self) -> Iterator[Metric]:
        disk = self._status.manifest.disk
        for name in disk.__struct_fields__:
            yield from _known(f"disk_{name}", getattr(disk, name))

    def _books(self) -> Iterator[Metric]:
        books = books_of(self._status.manifest)
        checks = CounterMetricFamily(
            PREFIX + "book_checks_total", "Checks of rebuilt books", labels=["check", "verdict"]
        )
        for check, verdict in product(get_args(Check), get_args(Verdict)):
            checks.add_metric([check, verdict], books.checks.get(check, {}).get(verdict, 0))
        yield checks
        help_tokens = "Tokens whose book is rebuilt and followed"
        yield GaugeMetricFamily(PREFIX + "tokens_with_book", help_tokens, value=books.tokens)
        help_unhealed = "Tokens whose book has disagreed with the exchange and does not agree again yet"
        yield GaugeMetricFamily(PREFIX + "tokens_unhealed", help_unhealed, value=books.unhealed)
        help_unknown = "Tokens whose book is not known because an event could not be read"
        yield GaugeMetricFamily(PREFIX + "tokens_unknown", help_unknown, value=books.unknown)
        unusable = CounterMetricFamily(
            PREFIX + "unusable_events_by_reason_total", "Events that could not be used", labels=["reason"]
        )
        for each in books.unusable:
            unusable.add_metric([each.reason], each.events)
        yield unusable

    def _problems(self) -> Metric:
        family = GaugeMetricFamily(PREFIX + "problems", "Problems that last now, by kind", labels=["kind"])
        counts = Counter(problem.kind for problem in self._status.manifest.problems)
        for kind in get_args(ProblemKind):
            family.add_metric([kind], counts[kind])
        return family

    def _build(self) -> Metric:
        family = GaugeMetricFamily(
            PREFIX + "build_info",
            "1; which program records, and which exchange",
            labels=["version", "exchange"],
        )
        manifest = self._status.manifest
        family.add_metric([manifest.program_version, manifest.exchange], 1)
        return family

    def _legs(self) -> Metric:
        family = GaugeMetricFamily(
            PREFIX + "leg_up", "1 while every reader of the leg receives", labels=["leg"]
        )
        for leg in self._status.manifest.legs:
            family.add_metric([leg.leg], int(leg.up))
        return family

    def _reference(self) -> Iterator[Metric]:
        help_up = "1 while all reference prices that are asked for come, or none is asked for"
        up = GaugeMetricFamily(PREFIX + "reference_up", help_up, labels=["source"])
        help_age = "Since the newest price came, by the wall clock; missing before the first one"
        age = GaugeMetricFamily(PREFIX + "reference_seconds_since_last_price", help_age, labels=["source"])
        now_ns = parse_utc_ns(self._status.manifest.updated_at_utc)
        for each in self._status.manifest.reference:
            up.add_metric([each.source], int(is_up(each)))
            if each.last_price_at_utc is not None:
                age_ns = max(0, now_ns - parse_utc_ns(each.last_price_at_utc))
                age.add_metric([each.source], age_ns / NS_PER_SECOND)
        yield up
        yield age

    def _outcomes(self) -> Iterator[Metric]:
        shown = self._status.manifest.resolution
        for name, what, value in (
            (
                "outcomes_up",
                "1 while both sources of outcomes answer, or none is asked",
                int(not shown.failing),
            ),
            ("outcomes_waiting", "windows whose outcome both sources have not told yet", shown.waiting),
            ("outcomes_disputed", "windows whose outcome they tell differently", len(shown.disagreements)),
        ):
            yield GaugeMetricFamily(PREFIX + name, what, value=value)


def _known(name: str, value: float | None) -> Iterator[Metric]:
    if value is not None:
        yield GaugeMetricFamily(PREFIX + name, f"{name} of the run manifest", value=value)


def _by_process(
    kind: type[CounterMetricFamily] | type[GaugeMetricFamily],
    name: str,
    what: str,
    values: Mapping[str, float | None],
) -> Metric:
    family = kind(PREFIX + name, f"{what} of each process", labels=["process"])
    for process, value in values.items():
        if value is not None:
            family.add_metric([process], value)
    return family

"""The settings: one typed, bounded schema. `config_loading` reads them, for commands only."""

import hashlib
from typing import Annotated, Literal, get_args

import msgspec
from msgspec import Meta

from common.core.discovery.wanted_markets import BTC_SERIES, Wanted, wanted_markets
from common.core.reference.frames import Channel

Seconds = Annotated[float, Meta(gt=0, le=86_400)]
Url = Annotated[str, Meta(pattern=r"^https?://[^\s/]+(/\S*)?$")]
SecretUrl = Annotated[str, Meta(pattern=r"^(https?://[^\s/?#@]+([/?]\S*)?)?$")]
WebsocketUrl = Annotated[str, Meta(pattern=r"^wss?://[^\s/]+(/\S*)?$")]
Slug = Annotated[str, Meta(pattern=r"^[a-z0-9-]{1,120}$")]
PageName = Annotated[
    str, Meta(min_length=1, max_length=500)
]  # a slug, a condition id, or the address of a page
HostName = Annotated[str, Meta(pattern=r"^([A-Za-z0-9][A-Za-z0-9._-]{0,62})?$")]
NO_NUL = r"^[^\0]*$"  # what no path may hold

KEYS_ALONE = ("host",)  # that are in no section
SELECTING = ("series", "tags", "events", "markets")  # the keys of `discovery` that say what is recorded


class Section(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A group of settings: every key has a default, a type and bounds."""


class ExchangeSettings(Section, frozen=True):
    """Where Polymarket answers."""

    ws_url: WebsocketUrl = "wss://ws-subscriptions-clob.polymarket.com/ws/market"
    clob_url: Url = "https://clob.polymarket.com"
    gamma_url: Url = "https://gamma-api.polymarket.com"
    data_url: Url = "https://data-api.polymarket.com"


class DiscoverySettings(Section, frozen=True):
    """Which markets to record, and how often to ask."""

    refresh_interval_seconds: Annotated[float, Meta(ge=1, le=86_400)] = 60.0
    market_limit: Annotated[int, Meta(ge=0, le=100_000)] = 0
    series: Annotated[tuple[Slug, ...], Meta(min_length=0, max_length=100)] = BTC_SERIES
    tags: Annotated[tuple[Slug, ...], Meta(min_length=0, max_length=100)] = ()
    events: Annotated[tuple[PageName, ...], Meta(min_length=0, max_length=1000)] = ()
    markets: Annotated[tuple[PageName, ...], Meta(min_length=0, max_length=10_000)] = ()
    lookahead_seconds: Annotated[float, Meta(ge=0, le=86_400)] = 600.0
    market_end_grace_seconds: Annotated[float, Meta(ge=0, le=86_400)] = 180.0

    @property
    def wanted(self) -> Wanted:
        """What the four keys name together. Raises ValueError for a name that can be none."""
        return wanted_markets(self.series, self.tags, self.events, self.markets)


class WebsocketSettings(Section, frozen=True):
    """The connections: how many, when they count as stale, how they come back."""

    legs: Literal[1, 2] = 2
    readers: Annotated[int, Meta(ge=1, le=256)] = 1
    max_assets_per_connection: Annotated[int, Meta(ge=1, le=500)] = 200
    ping_interval_seconds: Annotated[float, Meta(gt=0, le=120)] = 10.0
    first_message_timeout_seconds: Seconds = 30.0
    stale_feed_threshold_seconds: Seconds = 60.0
    first_book_timeout_seconds: Seconds = 30.0
    max_consecutive_stale_reconnects_before_discovery_refresh: Annotated[int, Meta(ge=1, le=1000)] = 3
    reconnect_initial_delay_seconds: Annotated[float, Meta(gt=0, le=3600)] = 0.5
    reconnect_max_delay_seconds: Annotated[float, Meta(gt=0, le=3600)] = 30.0
    max_frame_bytes: Annotated[int, Meta(ge=65_536, le=268_435_456)] = 33_554_432
    ca_file: Annotated[str, Meta(pattern=NO_NUL)] = ""


class RestCheckpointSettings(Section, frozen=True):
    """How often books are fetched over REST, and in what portions."""

    interval_seconds: Annotated[float, Meta(gt=0, le=86_400)] = 30.0
    request_timeout_seconds: Annotated[float, Meta(gt=0, le=300)] = 10.0
    max_tokens_per_request: Annotated[int, Meta(ge=1, le=500)] = 250


class ResolutionSettings(Section, frozen=True):
    """How often the exchange is asked how windows were resolved, and what markets are."""

    enabled: bool = True
    interval_seconds: Annotated[float, Meta(ge=0.1, le=3600)] = 15.0
    longest_interval_seconds: Annotated[float, Meta(ge=0.1, le=86_400)] = 300.0
    give_up_after_seconds: Annotated[float, Meta(ge=1, le=2_592_000)] = 86_400.0
    recheck_after_seconds: Annotated[float, Meta(ge=0.1, le=86_400)] = 900.0
    metadata_interval_seconds: Annotated[float, Meta(ge=1, le=86_400)] = 300.0
    request_timeout_seconds: Annotated[float, Meta(gt=0, le=300)] = 10.0


class WriterSettings(Section, frozen=True):
    """How envelopes become archives."""

    writers: Annotated[int, Meta(ge=1, le=64)] = 1
    commit_interval_seconds: Annotated[float, Meta(ge=0.05, le=60)] = 1.0
    rotation_interval_seconds: Annotated[int, Meta(ge=1, le=86_400)] = 3600
    gzip_level: Annotated[int, Meta(ge=1, le=9)] = 1


class ManifestSettings(Section, frozen=True):
    """The run manifest and where its process listens."""

    write_interval_seconds: Annotated[float, Meta(ge=0.1, le=3600)] = 2.0
    http_host: Annotated[str, Meta(min_length=1)] = "127.0.0.1"
    http_port: Annotated[int, Meta(ge=0, le=65_535)] = 9108
    http_token_file: str = ""


class UploadSettings(Section, frozen=True):
    """Where closed archives go, and what proves that they arrived."""

    enabled: bool = False
    remote: str = ""
    interval_seconds: Annotated[float, Meta(ge=1, le=86_400)] = 60.0
    verify: Literal["read_back", "remote_hash"] = "read_back"
    cleanup_after_verify: bool = False
    rclone: str = "rclone"


class RetentionSettings(Section, frozen=True):
    """How old archives may get here, and how many bytes they may take; 0 for no bound."""

    max_age_seconds: Annotated[float, Meta(ge=0, le=315_360_000)] = 0.0
    max_bytes: Annotated[int, Meta(ge=0, le=1 << 50)] = 0
    only_proved: bool = True

    @property
    def is_on(self) -> bool:
        """Whether anything is bounded."""
        return bool(self.max_age_seconds or self.max_bytes)

    @property
    def deletes_unproved(self) -> bool:
        """Whether archives may go of which no remote has a proved copy."""
        return self.is_on and not self.only_proved


class NotifySettings(Section, frozen=True):
    """What goes to the outside by itself. The URLs may hold secrets: they are never shown."""

    webhook_url: SecretUrl = ""
    heartbeat_url: SecretUrl = ""
    heartbeat_interval_seconds: Annotated[float, Meta(ge=1, le=86_400)] = 60.0


class ReferenceSettings(Section, frozen=True):
    """Prices of the coins that are recorded: what settles their windows, and what to compare it with."""

    enabled: bool = True
    sources: Annotated[tuple[Channel, ...], Meta(min_length=1, max_length=4)] = get_args(Channel)
    rtds_url: WebsocketUrl = "wss://ws-live-data.polymarket.com"
    binance_url: WebsocketUrl = "wss://data-stream.binance.vision/stream"
    silence_seconds: Annotated[float, Meta(ge=1, le=3600)] = 30.0


class SampleSettings(Section, frozen=True):
    """The bounded sample."""

    duration_seconds: Annotated[float, Meta(gt=0, le=86_400)] = 150.0


class PathSettings(Section, frozen=True):
    """Where things are kept. Empty `run_dir`: a private folder in tmpfs, named after the data root."""

    data_root: Annotated[str, Meta(min_length=1, pattern=NO_NUL)] = "data"
    reports_root: Annotated[str, Meta(min_length=1, pattern=NO_NUL)] = "reports"
    run_dir: Annotated[str, Meta(pattern=NO_NUL)] = ""
    readable_by: Literal["owner", "group"] = "owner"


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All settings, complete and within bounds."""

    exchange: ExchangeSettings = ExchangeSettings()
    discovery: DiscoverySettings = DiscoverySettings()
    websocket: WebsocketSettings = WebsocketSettings()
    rest_checkpoint: RestCheckpointSettings = RestCheckpointSettings()
    resolution: ResolutionSettings = ResolutionSettings()
    writer: WriterSettings = WriterSettings()
    manifest: ManifestSettings = ManifestSettings()
    upload: UploadSettings = UploadSettings()
    retention: RetentionSettings = RetentionSettings()
    notify: NotifySettings = NotifySettings()
    reference: ReferenceSettings = ReferenceSettings()
    sample: SampleSettings = SampleSettings()
    paths: PathSettings = PathSettings()
    host: HostName = ""

    def sha256(self) -> str:
        """Hex digest over the complete settings: two runs with the same digest were configured alike."""
        return hashlib.sha256(msgspec.json.encode(self, order="sorted")).hexdigest()


SECTIONS: dict[str, type[Section]] = {
    field.name: field.type for field in msgspec.structs.fields(Settings) if field.name not in KEYS_ALONE
}

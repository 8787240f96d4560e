"""The settings: one typed, bounded schema, read from file, environment and options, refused by name.

Options beat the environment (`RECORDER__<SECTION>__<KEY>`), which beats the file, which beats the defaults.
"""

import difflib
import hashlib
import re
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

import msgspec
from msgspec import Meta

from common.config_sources import (
    KEYS_ALONE,
    NO_SECTION,
    Layer,
    read_environment,
    read_file,
    variable_name,
)
from common.core.discovery.wanted_markets import BTC_SERIES, Wanted, wanted_markets
from common.errors import ConfigError

Seconds = Annotated[float, Meta(gt=0, le=86_400)]
Url = Annotated[str, Meta(pattern=r"^https?://[^\s/]+(/\S*)?$")]
WebsocketUrl = Annotated[str, Meta(pattern=r"^wss?://[^\s/]+(/\S*)?$")]
Slug = Annotated[str, Meta(pattern=r"^[a-z0-9-]{1,120}$")]
PageName = Annotated[
    str, Meta(min_length=1, max_length=500)
]  # a slug, a condition id, or the address of a page
HostName = Annotated[str, Meta(pattern=r"^([A-Za-z0-9][A-Za-z0-9._-]{0,62})?$")]
NO_NUL = r"^[^\0]*$"  # what no path may hold

SELECTING = ("series", "tags", "events", "markets")  # the keys of `discovery` that say what is recorded


class Section(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A group of settings: every key has a default, a type and bounds."""


class ExchangeSettings(Section, frozen=True):
    """Where Polymarket answers."""

    ws_url: WebsocketUrl = "wss://ws-subscriptions-clob.polymarket.com/ws/market"
    clob_url: Url = "https://clob.polymarket.com"
    gamma_url: Url = "https://gamma-api.polymarket.com"


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

    legs: Literal[1, 2] = 1
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
    writer: WriterSettings = WriterSettings()
    manifest: ManifestSettings = ManifestSettings()
    upload: UploadSettings = UploadSettings()
    sample: SampleSettings = SampleSettings()
    paths: PathSettings = PathSettings()
    host: HostName = ""

    def sha256(self) -> str:
        """Hex digest over the complete settings: two runs with the same digest were configured alike."""
        return hashlib.sha256(msgspec.json.encode(self, order="sorted")).hexdigest()


ENVIRONMENT = "environment"
SECTIONS: dict[str, type[Section]] = {
    field.name: field.type for field in msgspec.structs.fields(Settings) if field.name not in KEYS_ALONE
}


def load_settings(
    path: Path | None = None, *, environment: Mapping[str, str] | None = None, options: Layer | None = None
) -> Settings:
    """Merge file, environment and options over the defaults.

    `options` maps section to key to value, as the command line gave them. Raises ConfigError naming the
    file, variable or option, the key, and the bound that was broken.
    """
    layers: list[tuple[str, Layer]] = []
    if path is not None:
        layers.append((str(path), read_file(path)))
    layers.append((ENVIRONMENT, read_environment(environment or {})))
    layers.append(("command line", options or {}))
    values: dict[str, dict[str, Any]] = {}
    origins: dict[str, str] = {}
    for origin, layer in layers:
        for section, keys in layer.items():
            _refuse_unknown(origin, section, keys)
            if section == "discovery" and any(key in keys for key in SELECTING):
                # Whoever names something to record replaces all that was named before, the defaults first.
                values.setdefault(section, {}).update(dict.fromkeys(SELECTING, ()))
            for key, value in keys.items():
                values.setdefault(section, {})[key] = value
                variable = f" {variable_name(section, key)}" if origin == ENVIRONMENT else ""
                origins[_key(section, key)] = f"{origin}{variable}"
    settings = _convert(values, origins)
    _refuse_contradictions(settings, origins)
    return settings


def _key(section: str, key: str) -> str:
    return f"{section}.{key}" if section != NO_SECTION else key


def _refuse_unknown(origin: str, section: str, keys: Mapping[str, Any]) -> None:
    if section == NO_SECTION:
        return  # what is taken for a key without a section is one
    if section not in SECTIONS:
        raise ConfigError(f"{origin}: unknown section {section!r}{_suggestion(section, SECTIONS)}")
    known = [field.name for field in msgspec.structs.fields(SECTIONS[section])]
    for key in keys:
        if key not in known:
            raise ConfigError(f"{origin}: unknown key {section}.{key}{_suggestion(str(key), known)}")


def _suggestion(word: str, known: Collection[str]) -> str:
    close = difflib.get_close_matches(word, list(known), n=1)
    return f"; did you mean {close[0]!r}?" if close else f"; known are {', '.join(known)}"


def _convert(values: dict[str, dict[str, Any]], origins: Mapping[str, str]) -> Settings:
    try:
        alone = values.get(NO_SECTION, {})
        sections = {section: keys for section, keys in values.items() if section != NO_SECTION}
        return msgspec.convert(sections | alone, Settings)
    except msgspec.ValidationError as error:
        what, _, where = str(error).partition(" - at `$.")
        what = re.sub(r", got `\w+`$", "", what).replace("`array`", "`list`")
        key = where.rstrip("`")
        plain_key = re.sub(r"\[.*$", "", key)
        section, _, name = plain_key.rpartition(".")
        if what.startswith("Invalid enum value"):
            what = f"Expected one of {', '.join(_choices(section, name))}"
        given = values.get(section, {}).get(name)
        origin = origins.get(plain_key, "configuration")
        raise ConfigError(f"{origin}: {key}: {what}, got {given!r}") from error


def _choices(section: str, key: str) -> list[str]:
    fields = {field.name: field.type for field in msgspec.structs.fields(SECTIONS[section])}
    return [f"`{choice}`" for choice in get_args(fields[key])]


def _refuse_contradictions(settings: Settings, origins: Mapping[str, str]) -> None:
    _refuse_selection(settings.discovery, origins)
    websocket = settings.websocket
    if websocket.reconnect_max_delay_seconds < websocket.reconnect_initial_delay_seconds:
        key = "websocket.reconnect_max_delay_seconds"
        origin = origins.get(key) or origins.get("websocket.reconnect_initial_delay_seconds", "configuration")
        raise ConfigError(
            f"{origin}: {key}: must be >= websocket.reconnect_initial_delay_seconds"
            f" ({websocket.reconnect_initial_delay_seconds}), got {websocket.reconnect_max_delay_seconds}"
        )
    if settings.upload.enabled and not settings.upload.remote:
        origin = origins.get("upload.enabled", "configuration")
        raise ConfigError(f"{origin}: upload.remote: must name an rclone remote when upload.enabled is true")
    if words := _wrong_with_remote(settings.upload.remote):
        raise ConfigError(f"{origins.get('upload.remote', 'configuration')}: upload.remote: {words}")


def _refuse_selection(discovery: DiscoverySettings, origins: Mapping[str, str]) -> None:
    origin = next((origins[key] for name in SELECTING if (key := f"discovery.{name}") in origins), "")
    if not any(getattr(discovery, key) for key in SELECTING):
        raise ConfigError(
            f"{origin}: discovery.series, tags, events and markets are all empty: name something"
        )
    try:
        discovery.wanted  # noqa: B018 - it reads the names
    except ValueError as error:
        raise ConfigError(f"{origin}: discovery.{error}") from error


def _wrong_with_remote(remote: str) -> str:
    if re.match(r":?[^/:,]*,", remote) and ":" in remote:
        return "must hold no parameters; give them to rclone by its own configuration, or RCLONE_CONFIG_..."
    if remote and (not remote.isprintable() or remote.startswith("-")):
        return f"is no rclone remote: {remote!r}"
    if remote and ":" not in remote and not remote.startswith(("/", ".")):
        return f"must be like store:bucket/folder, or an absolute path, got {remote!r}"
    return ""

"""Settings read from file, environment and options, refused by name.

Options beat the environment (`RECORDER__<SECTION>__<KEY>`), which beats the file, which beats the defaults.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_args

import msgspec

from common.config import SECTIONS, SELECTING, DiscoverySettings, Settings
from common.config_sources import NO_SECTION, Layer, read_environment, read_file, variable_name
from common.core.instants import seconds_of
from common.core.suggestion import suggestion
from common.errors import ConfigError

ENVIRONMENT = "environment"
SECRETS = frozenset({"notify.webhook_url", "notify.heartbeat_url"})  # no message holds their values
_NO_USER = "must be an http or https URL without a user name before the host"


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
                # A layer that names something to record replaces all that was named before, the defaults first.
                values.setdefault(section, {}).update(dict.fromkeys(SELECTING, ()))
            for key, value in keys.items():
                values.setdefault(section, {})[key] = _value(str(key), value)
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
        raise ConfigError(f"{origin}: unknown section {section!r}{suggestion(section, SECTIONS)}")
    known = [field.name for field in msgspec.structs.fields(SECTIONS[section])]
    for key in keys:
        if key not in known:
            raise ConfigError(f"{origin}: unknown key {section}.{key}{suggestion(str(key), known)}")


def _value(key: str, given: object) -> object:
    """A value as it was given; a length of time such as `10m` in seconds, whole ones as a whole number."""
    seconds = seconds_of(given) if key.endswith("_seconds") and isinstance(given, str) else None
    if seconds is None:
        return given
    return int(seconds) if seconds.is_integer() else seconds


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
        if plain_key in SECRETS:
            raise ConfigError(f"{origin}: {key}: {_NO_USER}; its value is not shown") from None
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
    if settings.retention.is_on and settings.retention.only_proved and settings.upload.verify != "read_back":
        origin = origins.get("upload.verify", "configuration")
        raise ConfigError(
            f"{origin}: upload.verify: must be read_back where retention.* deletes what is proved:"
            " a hash that the store names proves too little for that"
        )
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
        return f"is not an rclone remote: {remote!r}"
    if remote and ":" not in remote and not remote.startswith(("/", ".")):
        return f"must be like store:bucket/folder, or an absolute path, got {remote!r}"
    return ""

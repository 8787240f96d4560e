"""Where settings are written down: a YAML file and environment variables, as sections with keys."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from common.config import KEYS_ALONE, SECTIONS
from common.core.suggestion import closest
from common.errors import ConfigError

ENVIRONMENT_PREFIX = "RECORDER__"

NO_SECTION = ""  # where a layer has the keys that are in no section

Layer = Mapping[str, Mapping[str, Any]]


class _Loader(yaml.SafeLoader):
    """Plain YAML that refuses a key given twice, where YAML itself would forget the first one."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:  # noqa: FBT001, FBT002
        """The mapping of a node. Raises yaml.YAMLError naming a key that is there twice, and its line."""
        seen: set[str] = set()
        for key_node, _ in node.value:
            key = str(key_node.value)
            if key in seen:
                raise yaml.YAMLError(f"{key} is given twice (line {key_node.start_mark.line + 1})")
            seen.add(key)
        return super().construct_mapping(node, deep)


def read_file(path: Path) -> Layer:
    """The sections of a settings file. Raises ConfigError naming the file and what is wrong with it."""
    try:
        document = yaml.load(path.read_bytes(), _Loader)  # noqa: S506 - a SafeLoader, and stricter
    except OSError as error:
        raise ConfigError(
            f"{path}: cannot be read ({error.strerror}); give --config a readable file"
        ) from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: is not valid YAML: {' '.join(str(error).split())}") from error
    if document is None:
        return {}
    if not isinstance(document, dict):
        raise ConfigError(f"{path}: must hold sections with keys, not a {type(document).__name__}")
    layer: dict[str, Mapping[str, Any]] = {
        NO_SECTION: {key: document[key] for key in KEYS_ALONE if key in document}
    }
    for section, keys in document.items():
        if section in KEYS_ALONE:
            continue
        if keys is not None and not isinstance(keys, dict):
            raise ConfigError(f"{path}: {section}: must hold keys, not {keys!r}")
        layer[str(section)] = keys or {}
    return layer


def read_environment(environment: Mapping[str, str]) -> Layer:
    """The sections that variables named RECORDER__<SECTION>__<KEY> set. Raises ConfigError naming one."""
    layer: dict[str, dict[str, Any]] = {}
    for name, text in environment.items():
        if not name.startswith(ENVIRONMENT_PREFIX):
            continue
        section, separator, key = name.removeprefix(ENVIRONMENT_PREFIX).lower().partition("__")
        if section in KEYS_ALONE and not separator:
            layer.setdefault(NO_SECTION, {})[section] = text  # a name is a text, whatever YAML makes of it
            continue
        if not separator or not key:
            raise ConfigError(f"environment: {name}: must be {ENVIRONMENT_PREFIX}<SECTION>__<KEY>")
        try:
            layer.setdefault(section, {})[key] = yaml.safe_load(text) if text else ""
        except yaml.YAMLError as error:
            raise ConfigError(f"environment: {name}: is not a valid value: {text!r}") from error
    return layer


def misspelt_variables(environment: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Variables that look like settings and are not read, with what was probably meant: RECORDER_WRITER_WRITERS."""
    for name in sorted(environment):
        if name.startswith(ENVIRONMENT_PREFIX) or not name.upper().startswith(ENVIRONMENT_PREFIX[:-1]):
            continue
        rest = name.lower().removeprefix(ENVIRONMENT_PREFIX[:-1].lower()).lstrip("_")
        if rest in KEYS_ALONE:
            yield name, variable_name(NO_SECTION, rest)
        for section, kind in SECTIONS.items():
            if rest.startswith(f"{section}_"):
                key = rest.removeprefix(section).lstrip("_")
                yield name, variable_name(section, closest(key, kind.__struct_fields__) or key)


def variable_name(section: str, key: str) -> str:
    """The environment variable of a key."""
    name = f"{section}__{key}" if section != NO_SECTION else key
    return f"{ENVIRONMENT_PREFIX}{name}".upper()

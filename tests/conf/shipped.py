"""The shipped files, read."""

import configparser
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml

import procs
from common.config import Settings
from common.config_loading import load_settings

ROOT = Path(procs.__file__).parent.parent
CONF = ROOT / "conf"


def documents(folder: str) -> dict[str, dict[str, Any]]:
    """Every YAML document of a folder in conf/, by its kind."""
    found = [yaml.safe_load(path.read_bytes()) for path in sorted((CONF / folder).glob("*.yaml"))]
    return {document["kind"]: document for document in found}


def setup_cfg() -> configparser.ConfigParser:
    parser = configparser.ConfigParser()
    parser.read(ROOT / "setup.cfg")
    return parser


def words(text: str) -> list[str]:
    """The entries of a setting of several lines."""
    return [line.strip() for line in text.splitlines() if line.strip()]


def settings_from(environment: Mapping[str, str], config: Path | None = None) -> Settings:
    """The settings under such an environment; one that is not known is refused."""
    return load_settings(config, environment=environment)


def lies_in(path: str, folders: Iterable[str]) -> bool:
    """Whether a path is one of the folders or below one."""
    return any(os.path.commonpath([path, folder]) == folder for folder in folders)

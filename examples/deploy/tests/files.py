"""Reads the files of the kit as plain data, each in its own format."""

import re
import tomllib
from pathlib import Path

import hcl2
import yaml


def read_toml(path):
    return tomllib.loads(Path(path).read_text())


def read_yaml(path):
    """Returns every document of the file."""
    return [document for document in yaml.safe_load_all(Path(path).read_text()) if document]


def read_hcl(path):
    """Returns blocks as lists of objects, without the marks of the parser."""
    with open(path) as file:
        return plain(hcl2.load(file))


def plain(value):
    if isinstance(value, dict):
        return {unquote(key): plain(inner) for key, inner in value.items() if not key.startswith("__")}
    if isinstance(value, list):
        return [plain(inner) for inner in value]
    return unquote(value) if isinstance(value, str) else value


def unquote(text):
    return text[1:-1] if len(text) > 1 and text[0] == text[-1] == '"' else text


def read_env(path):
    """Returns the variables of a file of `NAME=value` lines."""
    lines = Path(path).read_text().splitlines()
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


def seconds(text):
    """Returns a duration such as `5s`, `500ms`, `1m`, or a plain number of seconds."""
    if isinstance(text, (int, float)):
        return float(text)
    found = re.fullmatch(r"([0-9.]+)(ms|s|m|h)?", text)
    if not found:
        raise ValueError(f"{text!r} is no duration")
    return float(found[1]) * {"ms": 0.001, "s": 1, None: 1, "m": 60, "h": 3600}[found[2]]

"""Reads the launch template data from a CloudFormation file.

Used by `environment.py`, so that tests launch what the environment's template launches.
Supports `!Ref`, `!Sub` and `!GetAtt` of what the caller created; anything else in the
launch template is an error and must never be ignored.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

RESOURCE = "WorkerTemplate"
VARIABLE = re.compile(r"\$\{([^}!]+)\}")


class Loader(yaml.SafeLoader):
    """YAML with CloudFormation's tags, kept as {"Fn": name, "of": value}."""


def construct(loader: Loader, name: str, node: yaml.Node) -> dict[str, Any]:
    """Construct a tagged node without resolving it: outputs may refer to what does not exist here."""
    if isinstance(node, yaml.ScalarNode):
        return {"Fn": name, "of": loader.construct_scalar(node)}
    if isinstance(node, yaml.SequenceNode):
        return {"Fn": name, "of": loader.construct_sequence(node, deep=True)}
    return {"Fn": name, "of": loader.construct_mapping(node, deep=True)}


Loader.add_multi_constructor("!", construct)


def resolve(value: Any, lookup: Callable[[str], Any]) -> Any:
    """Replace every reference in the value."""
    match value:
        case {"Fn": "Ref" | "GetAtt", "of": str(name)}:
            return lookup(name)
        case {"Fn": "Sub", "of": str(text)}:
            return VARIABLE.sub(lambda found: str(lookup(found[1])), text)
        case {"Fn": name}:
            raise ValueError(f"!{name} is not supported here")
        case dict():
            return {key: resolve(item, lookup) for key, item in value.items()}
        case list():
            return [resolve(item, lookup) for item in value]
    return value


def launch_template_data(file: Path, made: dict[str, str]) -> dict[str, Any]:
    """Return the worker's launch template data; `made` takes precedence over the file's defaults."""
    template = yaml.load(file.read_text(), Loader)
    defaults = {name: of["Default"] for name, of in template.get("Parameters", {}).items() if "Default" in of}
    known = defaults | made

    def lookup(name: str) -> Any:
        if name not in known:
            raise ValueError(f"{file.name}: no value for {name}")
        return known[name]

    return resolve(template["Resources"][RESOURCE]["Properties"]["LaunchTemplateData"], lookup)

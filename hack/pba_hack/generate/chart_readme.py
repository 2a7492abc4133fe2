"""README.md of a chart: what stands in README.template.md, with a table of the values made from their schema."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

Schema = Mapping[str, Any]

PLACEHOLDER = "<!-- values -->"
_UNUSED = "global"
"""Helm hands it to every chart; it is in the schema so that it is not refused."""


def chart_readme(chart: Path) -> str:
    """Return the README of the chart in the folder `chart`."""
    schema = json.loads((chart / "values.schema.json").read_text())
    rows = ["| value | default | |", "| --- | --- | --- |", *_rows(schema, schema, "", None)]
    return (chart / "README.template.md").read_text().replace(PLACEHOLDER, "\n".join(rows))


def _rows(root: Schema, schema: Schema, prefix: str, defaults: Mapping[str, Any] | None) -> Iterator[str]:
    for name, given in schema["properties"].items():
        value = (
            {**root["definitions"][given["$ref"].rpartition("/")[2]], **given} if "$ref" in given else given
        )
        if name == _UNUSED and not prefix:
            continue
        default = defaults[name] if defaults is not None else value["default"]
        if "properties" in value:
            yield from _rows(root, value, f"{prefix}{name}.", default)
        else:
            text = value["description"].replace("|", "\\|")
            if "enum" in value:
                text += " One of " + ", ".join(f"`{choice}`" for choice in value["enum"]) + "."
            yield f"| `{prefix}{name}` | `{json.dumps(default)}` | {text} |"

"""What the JSON Schema of the config wants at a place of it."""

from __future__ import annotations

from typing import Any

from backfill.config.document import Place

_KINDS = {
    "object": "a mapping",
    "array": "a list",
    "string": "text",
    "boolean": "true or false",
    "integer": "a whole number",
    "number": "a number",
}


def keys(schema: dict[str, Any], place: Place) -> set[str]:
    """The keys a mapping at this place may have; none where any key may stand."""
    return {
        key
        for node in _nodes(schema, place)
        for key in (*node.get("properties", ()), *node.get("propertyNames", {}).get("enum", ()))
    }


def wanted_words(schema: dict[str, Any], place: Place) -> list[str]:
    """The words of which one is to stand there; none where it need not be one of a few."""
    return [str(word) for node in _nodes(schema, place) for word in node.get("enum", ())]


def wanted_kinds(schema: dict[str, Any], place: Place) -> list[str]:
    """The kinds of values that may stand there, as people call them."""
    nodes = [node for node in _nodes(schema, place) if node.get("type") != "null"]
    return list(dict.fromkeys(_kind(node) for node in nodes))


def wanted_mappings(schema: dict[str, Any], place: Place) -> list[str]:
    """The mappings that may stand there, by the keys that they cannot do without."""
    needed = [node.get("required", ()) for node in _nodes(schema, place)]
    return [f"{{{', '.join(f'{key}: …' for key in keys)}}}" for keys in needed if keys]


def _kind(node: dict[str, Any]) -> str:
    if "const" in node:
        return "true" if node["const"] is True else f"'{node['const']}'"
    return _KINDS.get(node.get("type", ""), "a value")


def _nodes(schema: dict[str, Any], place: Place) -> list[dict[str, Any]]:
    """The schemas a value at this place may follow."""
    nodes = _branches(schema, schema)
    for part in place:
        nodes = [
            branch
            for node in nodes
            for child in _children(node, part)
            for branch in _branches(child, schema)
        ]
    return nodes


def _children(node: dict[str, Any], part: str | int) -> list[dict[str, Any]]:
    if isinstance(part, int):
        return [node["items"]] if "items" in node else []
    child = node.get("properties", {}).get(part, node.get("additionalProperties"))
    return [child] if isinstance(child, dict) else []


def _branches(node: dict[str, Any], schema: dict[str, Any]) -> list[dict[str, Any]]:
    """A schema's alternatives, without references."""
    if "$ref" in node:
        return _branches(schema["$defs"][node["$ref"].rpartition("/")[2]], schema)
    if "anyOf" in node:
        return [branch for child in node["anyOf"] for branch in _branches(child, schema)]
    return [node]

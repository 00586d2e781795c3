"""Data made from one of the shipped schemas: every keyword that builds data is followed, the rest is left to chance."""

import hypothesis.strategies as st

from bench.spec import schema

_WORDS = ["a", "b", "one", "external", "llama.cpp", "command", "closed", "markdown", "ttft", "quality", "all", "local", "x.yaml", "energy"]
_TEXTS = [
    *_WORDS,
    "1.0.0",
    "60 s",
    "5 %",
    "2 GB",
    "1 EUR",
    "http://localhost:1/v1",
    "file:x.gguf",
    "a" * 64,
    "/health",
    "Say {{ n }}.",
    "and",
    "${X}",
    "5",
]


def data(draw, node, depth=0):
    """A value that follows one schema, mostly."""
    parts = [part for _, part in schema.spread(node)]
    fixed = [choices for part in parts for choices in (part.get("enum"), [part["const"]] if "const" in part else None) if choices]
    if fixed:
        return draw(st.sampled_from(fixed[0]))
    kinds = next((part["type"] for part in parts if "type" in part), "string")
    kind = kinds if isinstance(kinds, str) else draw(st.sampled_from(kinds))
    match kind:
        case "object":
            return _mapping(draw, node, depth)
        case "array":
            return _list(draw, node, depth)
        case "string":
            return draw(st.sampled_from(_TEXTS))
        case "integer" | "number":
            low = next((part[key] for part in parts for key in ("minimum", "exclusiveMinimum") if key in part), 0)
            return draw(st.integers(int(low), int(low) + 3))
        case _:
            return draw(st.booleans()) if kind == "boolean" else None


def _list(draw, node, depth):
    items = next(((where, part["items"]) for where, part in schema.spread(node) if "items" in part), None)
    return [data(draw, items, depth + 1) for _ in range(draw(st.integers(1, 2)))] if items is not None and depth < 8 else []


def _mapping(draw, node, depth):
    keys, required, entries = {}, set(), None
    for where, part in schema.spread(node):
        required |= set(part.get("required", ()))
        keys |= {name: (where, child) for name, child in part.get("properties", {}).items()}
        if isinstance(part.get("additionalProperties"), dict):
            entries = (where, part["additionalProperties"])
    chosen = [name for name in keys if (name in required and draw(st.integers(0, 19))) or (depth < 8 and not draw(st.integers(0, 3)))]
    made = {name: data(draw, keys[name], depth + 1) for name in chosen}
    if entries is not None and depth < 8:
        made |= {name: data(draw, entries, depth + 1) for name in draw(st.lists(st.sampled_from(_WORDS), max_size=2, unique=True))}
    return made

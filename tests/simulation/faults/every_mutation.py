"""Every small change of an object that this module can think of, to be tried one after the other."""

import json
from collections.abc import Iterator

from common.simulation.faults.mutations import TYPES, Document, Mutation, mutate

NEW_KEYS = (("newField", '"a"'), ("new_list", "[1,2]"), ("version", '"v9"'), ("event_type", '"other"'))


def key_paths(document: Document, under: str = "", *, depth: int = 3) -> Iterator[str]:
    """The path of every key, those in nested objects and in lists of objects too."""
    for key, value in document.items():
        yield f"{under}{key}"
        inner = value[0] if isinstance(value, list) and value else value
        if isinstance(inner, dict) and depth > 1:
            star = "*." if isinstance(value, list) else ""
            yield from key_paths(inner, f"{under}{key}.{star}", depth=depth - 1)


def every_mutation(document: Document) -> Iterator[Mutation]:
    """Those of one key that change the document, in a stable order; each once."""
    seen: set[str] = {_text(document)}
    for mutation in _candidates(document):
        changed = _text(mutate(document, mutation))
        if changed not in seen:
            seen.add(changed)
            yield mutation


def _candidates(document: Document) -> Iterator[Mutation]:
    for path in key_paths(document):
        key = path.rpartition(".")[2]
        yield Mutation("rename", path, to=f"{key}V2")
        yield Mutation("rename", path, to=key.upper())
        yield Mutation("move", path)
        yield Mutation("move", path, to="details")
        yield Mutation("remove", path)
        for shape in TYPES:
            yield Mutation("retype", path, to=shape)
        yield Mutation("add", path, value='""')
    first = next(iter(document), "")
    for name, value in NEW_KEYS:
        yield Mutation("add", name, value=value)
        yield Mutation("add", name, value=value, before=first)


def _text(document: Document) -> str:
    return json.dumps(document)

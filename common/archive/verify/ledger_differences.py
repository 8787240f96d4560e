"""What a ledger states and its archives do not give, as messages."""

from collections.abc import Iterator

import msgspec

from common.core.ledger.document import AnyLedger

TOKENS_NAMED = 3
_NOT_COMPARED = ("tokens", "program_version")  # field by field: tokens are compared one by one


def differences(ledger: AnyLedger, computed: AnyLedger) -> Iterator[str]:
    """What a ledger says that its archives do not, as a message."""
    said, found = msgspec.to_builtins(ledger), msgspec.to_builtins(computed)
    if None in {said["exchange"], found["exchange"]}:
        del (
            said["exchange"],
            found["exchange"],
        )  # rows of an older version do not state it, nor does a window without rows
    for name in (each for each in said if each not in _NOT_COMPARED):
        if said[name] != found[name]:
            yield f"says {name} {_short(said[name])}, its archives give {_short(found[name])}"
    told = {token["token_id"]: token for token in said["tokens"]}
    given = {token["token_id"]: token for token in found["tokens"]}
    unlike = [token_id for token_id in sorted({*told, *given}) if told.get(token_id) != given.get(token_id)]
    for token_id in unlike[:TOKENS_NAMED]:
        yield f"token {token_id}: {_unlike(told.get(token_id), given.get(token_id))}"
    if len(unlike) > TOKENS_NAMED:
        yield f"{len(unlike) - TOKENS_NAMED} more tokens differ"


def _unlike(told: dict[str, object] | None, given: dict[str, object] | None) -> str:
    if told is None or given is None:
        return "is not in the ledger" if told is None else "is not in its archives"
    fields = (name for name in told | given if told.get(name) != given.get(name))
    return ", ".join(
        f"says {name} {_short(told.get(name))}, not {_short(given.get(name))}" for name in fields
    )


def _short(value: object) -> str:
    text = msgspec.json.encode(value).decode()
    return text if len(text) <= 80 else f"{text[:77]}..."

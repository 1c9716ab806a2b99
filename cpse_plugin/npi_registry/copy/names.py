"""The index of names in the local copy, and the search in it.

An entry's key is the kind of provider, the folded name and, of a person, the folded first name behind a comma, such as
`1smith,john` or `2smith pediatric therapy inc`. Names that begin alike stand together, the shortest first, so that a
search reads one stretch of the index and stops as soon as it has enough.
"""

import sqlite3
from collections.abc import Iterator, Sequence

from ...domain.registry import ProviderKind
from ...domain.text import fold_words
from ..gateway import NameQuery
from . import cut

_DIGITS = {ProviderKind.INDIVIDUAL: "1", ProviderKind.ORGANIZATION: "2"}
_SHORTEST = 2
# A search for `sm` in one of the small states would read all that begins so; beyond this it gives what it has.
_MOST_READ = 60_000
_AFTER_ALL = "\U0010ffff"
_STRETCH = (
    "SELECT npi FROM ("
    "SELECT npi, folded, state FROM names WHERE folded >= :first AND folded < :last ORDER BY folded LIMIT :read"
    ") WHERE (:state IS NULL OR state = :state) AND (:part = '' OR instr(folded, :part)) LIMIT :limit"
)


def key(kind: str, name: str, first: str) -> str:
    """The key of a name."""
    folded = f"{kind}{fold_words(name)}"
    return (f"{folded},{fold_words(first)}" if first else folded)[: cut.KEY_LENGTH]


def entries(npi: str, packed: str, others: Sequence[str] = ()) -> set[tuple[str, str, str]]:
    """The entries of a row in the index, one for each of its names; none for a deactivated NPI, which has no name."""
    kind, name, first, _, _, _, _, state, *more = packed.split(cut.SEPARATOR)
    if not kind:
        return set()
    found = {(key(kind, name, first), state, npi)}
    if kind == _DIGITS[ProviderKind.ORGANIZATION]:
        found |= {(key(kind, other, ""), state, npi) for other in (*more[2:], *others) if fold_words(other)}
    return found


def search(connection: sqlite3.Connection, query: NameQuery, limit: int) -> list[int]:
    """The NPIs of at most `limit` providers, the best first: whole names before names that only begin so."""
    name, first = fold_words(query.name), fold_words(query.first_name)
    if len(name) < _SHORTEST:
        return []
    kinds = [kind for kind in ProviderKind if query.kind in (None, kind)]
    if first:
        kinds = [kind for kind in kinds if kind is ProviderKind.INDIVIDUAL]
    state = query.state.upper() if query.state else None
    found: dict[int, None] = {}
    for whole in (True, False):
        if len(found) < limit:
            for kind in kinds:
                found.update(dict.fromkeys(_stretch(connection, _DIGITS[kind], name, first, state, limit, whole=whole)))
    return list(found)[:limit]


def _stretch(
    connection: sqlite3.Connection, digit: str, name: str, first: str, state: str | None, limit: int, *, whole: bool
) -> Iterator[int]:
    beginning = f"{digit}{name}"[: cut.KEY_LENGTH]
    part = f",{first}" if first else ""
    if whole and digit == "1":
        # The comma ends the last name; from there on, the first name narrows the stretch.
        beginning, part = f"{digit}{name},{first}"[: cut.KEY_LENGTH], ""
    last = beginning + (" " if whole and digit == "2" else _AFTER_ALL)
    question = {"first": beginning, "last": last, "read": _MOST_READ, "state": state, "part": part, "limit": limit}
    return (npi for (npi,) in connection.execute(_STRETCH, question))

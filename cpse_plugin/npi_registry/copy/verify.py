"""Holds the local copy against the registry itself, by entries picked by chance."""

import random
from collections.abc import Iterator
from dataclasses import dataclass

from ...domain.identifiers import Npi
from ...domain.registry import NpiRecord
from ...domain.text import fold
from ..gateway import RegistryApi, RegistryUnavailable
from .reader import LocalCopy

# The taxonomy is left out: the copy has its code, and words for some; the registry gives its description.
_COMPARED = ("name", "suffix", "credential", "city", "state")
_LOWEST, _HIGHEST = 1_000_000_000, 1_999_999_999


@dataclass(frozen=True, slots=True)
class Comparison:
    """What came of comparing one entry: `differences` in words; `failure` where the registry could not be asked."""

    npi: str
    differences: tuple[str, ...] = ()
    failure: str | None = None


def compare(
    copy: LocalCopy, api: RegistryApi, count: int, *, chance: random.Random | None = None
) -> Iterator[Comparison]:
    """Compare `count` entries, one after the other. The API's own courtesy sets the pace."""
    pick = chance or random.SystemRandom()
    for _ in range(count):
        kept = copy.sample(pick.randint(_LOWEST, _HIGHEST)) or copy.sample(_LOWEST)
        if kept is None:
            return
        try:
            yield Comparison(kept.npi, tuple(_differences(kept, api.look_up(Npi(kept.npi)))))
        except RegistryUnavailable as error:
            yield Comparison(kept.npi, failure=str(error))


def _differences(kept: NpiRecord, asked: NpiRecord | None) -> Iterator[str]:
    """How the two differ; a deactivated NPI may be unknown to the API, which is how it answers for some of them."""
    if asked is None or not asked.active:
        if kept.active:
            yield "active in the copy, " + ("not in the registry" if asked is None else "deactivated in the registry")
        return
    if not kept.active:
        yield "deactivated in the copy, active in the registry"
        return
    if kept.kind is not asked.kind:
        yield f"kind: {kept.kind} in the copy, {asked.kind} in the registry"
    for name in _COMPARED:
        ours, theirs = getattr(kept, name) or "", getattr(asked, name) or ""
        if fold(ours) != fold(theirs):
            yield f"{name}: {ours!r} in the copy, {theirs!r} in the registry"

"""The claim that names a person's groups, in the forms that providers give it."""

from collections.abc import Iterator, Mapping
from typing import Any

# What an entry of a list is called where it is an object (SCIM and others).
_NAMES = ("name", "displayName", "display", "value")


def groups_in(claims: Mapping[str, Any], role_claim: str) -> tuple[str, ...] | None:
    """The groups that the claim names; None where it is not there, which is not the same as to name none.

    It is one text, which is one group whatever stands in it; a list of texts, or of objects with a name; or an object
    whose members are named by the roles and are objects themselves.
    """
    value = _find(claims, role_claim)
    if value is None:
        return None
    if role_claim == "email" and not may_be_own_email(claims):
        # Where roles go by address, an address that may be somebody else's gives none.
        return ()
    if isinstance(value, str):
        return (value,) if value.strip() else ()
    if isinstance(value, list):
        return tuple(name for entry in value for name in _names_of(entry))
    if isinstance(value, Mapping):
        return tuple(name for name, more in value.items() if isinstance(more, Mapping))
    return ()


def may_be_own_email(claims: Mapping[str, Any]) -> bool:
    """Whether the provider does not say that the e-mail address may be somebody else's.

    Many say nothing about it. Whatever they say beside yes, in whichever type, is no.
    """
    verified = claims.get("email_verified")
    return verified is None or str(verified).casefold() in ("true", "1", "yes")


def are_left_out(claims: Mapping[str, Any], role_claim: str) -> bool:
    """Whether the provider says that there are too many groups to name (Microsoft Entra ID's overage)."""
    elsewhere = claims.get("_claim_names")
    first = role_claim.partition(".")[0]
    if isinstance(elsewhere, Mapping) and (role_claim in elsewhere or first in elsewhere):
        return True
    return role_claim == "groups" and claims.get("hasgroups") in (True, "true")


def _find(claims: Mapping[str, Any], name: str) -> Any:
    """The claim of this name. A name with dots that is no claim's leads into the objects of claims.

    Names of claims and of their members may have dots themselves, so the longest that is there counts.
    """
    if claims.get(name) is not None:
        return claims[name]
    end = name.rfind(".")
    while end > 0:
        inner = claims.get(name[:end])
        if isinstance(inner, Mapping):
            found = _find(inner, name[end + 1 :])
            if found is not None:
                return found
        end = name.rfind(".", 0, end)
    return None


def _names_of(entry: object) -> Iterator[str]:
    if isinstance(entry, str):
        yield entry
    elif isinstance(entry, Mapping):
        yield from dict.fromkeys(entry[key] for key in _NAMES if isinstance(entry.get(key), str))

"""What the claims of an id_token tell about a person."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from ..domain.access import Role, Staff, highest_role
from ..domain.text import clean_text
from .claims import are_left_out, groups_in, may_be_own_email

_LONGEST_NAME = 200
_LONGEST_EMAIL = 254
_LONGEST_SID = 255


class WithoutRole(StrEnum):
    """Why a person whom the identity provider has signed in has no role here."""

    NOT_TOLD = "not-told"
    LEFT_OUT = "left-out"
    NOT_MAPPED = "not-mapped"


@dataclass(frozen=True, slots=True)
class Identity:
    """A person whom the identity provider has signed in, with or without a role here.

    `groups` are None where the provider did not tell them; then `groups_left_out` says whether there were too many.
    `provider_sid` is the provider's name for its own session, by which it can say later that the session is over.
    """

    subject: str
    name: str
    email: str | None
    groups: tuple[str, ...] | None
    provider_sid: str | None = None
    groups_left_out: bool = False

    @classmethod
    def from_claims(cls, claims: Mapping[str, Any], role_claim: str) -> "Identity":
        """Read claims that have been checked: those of an id_token, and of the userinfo endpoint beside it."""
        subject: str = claims["sub"]
        email = _email(claims)
        full_name = " ".join(part for part in (_text(claims, "given_name"), _text(claims, "family_name")) if part)
        name = _text(claims, "name") or full_name or _text(claims, "preferred_username") or email or subject
        groups = groups_in(claims, role_claim)
        left_out = groups is None and are_left_out(claims, role_claim)
        return cls(subject, name, email, groups, _provider_sid(claims.get("sid")), left_out)

    def as_staff(self, role_map: Mapping[str, Role]) -> Staff | None:
        """The member of staff that the person is, or None where no group of theirs gives a role."""
        role = highest_role(_one_by_one(self.groups or (), role_map), dict(role_map))
        return Staff(self.subject, self.name, self.email, role) if role is not None else None

    @property
    def without_role(self) -> WithoutRole:
        """Why the person has no role, where `as_staff` gives none."""
        if self.groups is not None:
            return WithoutRole.NOT_MAPPED
        return WithoutRole.LEFT_OUT if self.groups_left_out else WithoutRole.NOT_TOLD


def lacks(claims: Mapping[str, Any], role_claim: str) -> tuple[bool, bool]:
    """Whether an id_token leaves out the groups, and whether it leaves out name or e-mail address."""
    has_name = any(_text(claims, name) for name in ("name", "given_name", "family_name"))
    return groups_in(claims, role_claim) is None, not has_name or not isinstance(claims.get("email"), str)


def _one_by_one(groups: tuple[str, ...], role_map: Mapping[str, Role]) -> list[str]:
    """The groups; one text with commas is several if each of them gives a role, or else a name with a comma in it."""
    if len(groups) == 1 and groups[0] not in role_map:
        parts = [part.strip() for part in groups[0].split(",")]
        if all(part in role_map for part in parts):
            return parts
    return list(groups)


def _text(claims: Mapping[str, Any], name: str) -> str:
    value = claims.get(name)
    return clean_text(value, _LONGEST_NAME) if isinstance(value, str) else ""


def _email(claims: Mapping[str, Any]) -> str | None:
    """The e-mail address, unless the provider itself says that it may be somebody else's."""
    value = claims.get("email")
    if not isinstance(value, str) or "@" not in value or not may_be_own_email(claims):
        return None
    return clean_text(value, _LONGEST_EMAIL)


def _provider_sid(value: object) -> str | None:
    """A name that cannot be stored counts as none; then the subject is what a logout goes by."""
    return value if isinstance(value, str) and value.isprintable() and 0 < len(value) <= _LONGEST_SID else None

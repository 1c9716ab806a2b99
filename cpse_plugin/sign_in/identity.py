"""What the claims of an id_token tell about a person."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..domain.access import Role, Staff, highest_role
from ..domain.text import clean_text

_LONGEST_NAME = 200
_LONGEST_EMAIL = 254
_LONGEST_SID = 255


@dataclass(frozen=True, slots=True)
class Identity:
    """A person whom the identity provider has signed in, with or without a role here.

    `provider_sid` is the provider's name for its own session, by which it can say later that the session is over.
    """

    subject: str
    name: str
    email: str | None
    groups: tuple[str, ...]
    provider_sid: str | None = None

    @classmethod
    def from_claims(cls, claims: Mapping[str, Any], role_claim: str) -> "Identity":
        """Read the claims of an id_token that has been checked."""
        subject: str = claims["sub"]
        email = _email(claims)
        full_name = " ".join(part for part in (_text(claims, "given_name"), _text(claims, "family_name")) if part)
        name = _text(claims, "name") or full_name or _text(claims, "preferred_username") or email or subject
        return cls(subject, name, email, _groups(claims.get(role_claim)), _provider_sid(claims.get("sid")))

    def as_staff(self, role_map: Mapping[str, Role]) -> Staff | None:
        """The member of staff that the person is, or None where no group of theirs gives a role."""
        role = highest_role(list(self.groups), dict(role_map))
        return Staff(self.subject, self.name, self.email, role) if role is not None else None


def _text(claims: Mapping[str, Any], name: str) -> str:
    value = claims.get(name)
    return clean_text(value, _LONGEST_NAME) if isinstance(value, str) else ""


def _email(claims: Mapping[str, Any]) -> str | None:
    """The e-mail address, unless the provider itself says that it may be somebody else's."""
    value = claims.get("email")
    if not isinstance(value, str) or "@" not in value or claims.get("email_verified", True) in (False, "false"):
        return None
    return clean_text(value, _LONGEST_EMAIL)


def _groups(value: object) -> tuple[str, ...]:
    """Some providers send a single group as plain text."""
    if isinstance(value, str):
        return (value,)
    return tuple(item for item in value if isinstance(item, str)) if isinstance(value, list) else ()


def _provider_sid(value: object) -> str | None:
    """A name that cannot be stored counts as none; then the subject is what a logout goes by."""
    return value if isinstance(value, str) and value.isprintable() and 0 < len(value) <= _LONGEST_SID else None

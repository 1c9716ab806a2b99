"""Who may do what."""

from dataclasses import dataclass
from enum import IntEnum, StrEnum


class Role(IntEnum):
    """What a member of staff may do; each role includes the ones before it."""

    READER = 1
    EDITOR = 2
    INVITER = 3

    @classmethod
    def from_name(cls, name: str) -> "Role":
        """Return the role called `reader`, `editor` or `inviter`. Raises `ValueError` for any other name."""
        try:
            return cls[name.upper()]
        except KeyError:
            raise ValueError(f"{name!r} is no role; the roles are reader, editor and inviter") from None


class Action(StrEnum):
    """What can be done with the plugin, as far as it needs a permission."""

    VIEW = "view"
    EDIT_PROFILE = "edit-profile"
    LINK = "link"
    ADD_PROVIDER = "add-provider"
    INVITE = "invite"


_LEAST_ROLE = {
    Action.VIEW: Role.READER,
    Action.EDIT_PROFILE: Role.EDITOR,
    Action.LINK: Role.EDITOR,
    Action.ADD_PROVIDER: Role.EDITOR,
    Action.INVITE: Role.INVITER,
}


@dataclass(frozen=True, slots=True)
class Staff:
    """A signed-in member of the county's staff.

    `subject` identifies the person for good (OpenID Connect's `sub`); `name` and `email` are for the eye and for the
    Portal's audit trail.
    """

    subject: str
    name: str
    email: str | None
    role: Role

    def may(self, action: Action) -> bool:
        """Whether this person's role reaches for the action."""
        return self.role >= _LEAST_ROLE[action]

    @property
    def acting_user(self) -> str:
        """How the Portal's audit trail and the county's records name the person."""
        return self.email or self.name or self.subject


class NotAllowed(Exception):
    """The person's role does not reach for the action."""

    def __init__(self, action: Action) -> None:
        super().__init__(f"the role does not allow: {action}")
        self.action = action


def require(staff: Staff, action: Action) -> None:
    """Raise `NotAllowed` unless the person may do the action."""
    if not staff.may(action):
        raise NotAllowed(action)


def highest_role(groups: list[str], role_map: dict[str, Role]) -> Role | None:
    """The highest role that a person's groups give, or None where none of them gives any."""
    return max((role_map[group] for group in groups if group in role_map), default=None)

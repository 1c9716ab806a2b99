"""Who may do what."""

import pytest

from cpse_plugin.domain.access import Action, NotAllowed, Role, Staff, highest_role, require

ALLOWED = {
    Role.READER: {Action.VIEW},
    Role.EDITOR: {Action.VIEW, Action.EDIT_PROFILE, Action.LINK, Action.ADD_PROVIDER},
    Role.INVITER: {Action.VIEW, Action.EDIT_PROFILE, Action.LINK, Action.ADD_PROVIDER, Action.INVITE},
}


def staff(role: Role, name: str = "Pat Doe", email: str | None = "pat@county.example") -> Staff:
    return Staff("sub-1", name, email, role)


@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("action", Action)
def test_a_role_reaches_as_far_as_it_should(role: Role, action: Action) -> None:
    person = staff(role)
    allowed = action in ALLOWED[role]
    assert person.may(action) == allowed
    if allowed:
        require(person, action)
    else:
        with pytest.raises(NotAllowed, match=action) as caught:
            require(person, action)
        assert caught.value.action is action


def test_the_acting_user_is_named_by_the_best_name_there_is() -> None:
    assert staff(Role.READER).acting_user == "pat@county.example"
    assert staff(Role.READER, email=None).acting_user == "Pat Doe"
    assert staff(Role.READER, name="", email="").acting_user == "sub-1"


def test_the_highest_role_of_a_persons_groups_counts() -> None:
    roles = {"preschool": Role.EDITOR, "everyone": Role.READER}
    assert highest_role(["everyone", "preschool", "golf"], roles) is Role.EDITOR
    assert highest_role(["golf"], roles) is None
    assert highest_role([], roles) is None


@pytest.mark.parametrize(
    ("name", "role"), [("reader", Role.READER), ("Editor", Role.EDITOR), ("INVITER", Role.INVITER)]
)
def test_a_role_by_its_name(name: str, role: Role) -> None:
    assert Role.from_name(name) is role


@pytest.mark.parametrize("name", ["", "admin", "__class__", "reader "])
def test_a_name_that_is_no_role(name: str) -> None:
    with pytest.raises(ValueError, match="reader, editor and inviter"):
        Role.from_name(name)

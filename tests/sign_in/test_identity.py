"""What claims make of a person, and which paths are this host's."""

from typing import Any
from urllib.parse import urljoin, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cpse_plugin.domain.access import Role
from cpse_plugin.sign_in import Identity, safe_next_page

ROLE_MAP = {"Readers": Role.READER, "Editors": Role.EDITOR, "Inviters": Role.INVITER}


@pytest.mark.parametrize(
    ("groups", "role"),
    [
        (["Readers"], Role.READER),
        (["Inviters", "Readers", "Editors"], Role.INVITER),
        ("Editors", Role.EDITOR),
        (["County Employees", 7, None, "Readers"], Role.READER),
        ([], None),
        (None, None),
        ("", None),
        ("Readers Editors", None),
        (["readers"], None),
        ([["Readers"]], None),
        ({"Readers": True}, None),
        (7, None),
        (True, None),
        # One text is one group: a name with spaces or commas is not taken apart, unless nothing else can be meant.
        ("Not Editors", None),
        ("Former staff, Editors", None),
        ("CN=Editors,OU=Groups,DC=county", None),
        ("Readers, Editors", Role.EDITOR),
        # Lists of objects, and an object whose members are the roles.
        ([{"name": "Editors"}], Role.EDITOR),
        (
            [{"value": "7f3a", "display": "Readers", "$ref": "../Groups/7f3a"}, {"displayName": "Inviters"}],
            Role.INVITER,
        ),
        ([{"id": "Editors"}, {"name": 7}, {}, None], None),
        ({"Editors": {"218": "county.example"}, "Readers": {"218": "county.example"}}, Role.EDITOR),
        ({"Editors": "no", "Readers": None}, None),
    ],
)
def test_the_highest_group_gives_the_role(groups: object, role: Role | None) -> None:
    staff = Identity.from_claims({"sub": "x", "roles": groups}, "roles").as_staff(ROLE_MAP)

    assert (staff.role if staff else None) == role


NESTED = {"realm_access": {"roles": ["Editors"]}, "resource_access": {"the.intranet": {"roles": ["Readers"]}}}


@pytest.mark.parametrize(
    ("claim", "claims", "groups"),
    [
        ("realm_access.roles", NESTED, ("Editors",)),
        ("resource_access.the.intranet.roles", NESTED, ("Readers",)),
        # A claim of just this name counts first, be it one with dots or an address.
        ("realm_access.roles", {**NESTED, "realm_access.roles": ["Readers"]}, ("Readers",)),
        ("https://county.example/groups", {"https://county.example/groups": ["Readers"]}, ("Readers",)),
        ("https://county.example/groups", {"https://county": {"example/groups": "Readers"}}, ("Readers",)),
        ("realm_access.roles.more", NESTED, None),
        ("realm_access.", NESTED, None),
        (".roles", NESTED, None),
        ("realm_access.roles", {"realm_access": ["roles"]}, None),
        ("realm_access.roles", {"realm_access": None}, None),
        ("email", {"email": "ann@x.example"}, ("ann@x.example",)),
        ("email", {"email": "ann@x.example", "email_verified": True}, ("ann@x.example",)),
        ("email", {"email": "boss@x.example", "email_verified": False}, ()),
        ("email", {"email": "boss@x.example", "email_verified": "false"}, ()),
        ("email", {"email": "boss@x.example", "email_verified": "False"}, ()),
        ("email", {"email": "boss@x.example", "email_verified": 0}, ()),
        ("email", {"email": "boss@x.example", "email_verified": ""}, ()),
        ("email", {"email": "ann@x.example", "email_verified": "True"}, ("ann@x.example",)),
        ("email", {"email": "ann@x.example", "email_verified": None}, ("ann@x.example",)),
        ("groups", {"groups": None}, None),
        ("groups", {"groups": []}, ()),
    ],
)
def test_the_claim_may_be_inside_of_others(claim: str, claims: dict[str, Any], groups: tuple[str, ...] | None) -> None:
    assert Identity.from_claims({"sub": "x", **claims}, claim).groups == groups


@pytest.mark.parametrize(
    ("claim", "claims", "why"),
    [
        ("groups", {}, "not-told"),
        ("groups", {"groups": []}, "not-mapped"),
        ("groups", {"groups": ["Others"]}, "not-mapped"),
        ("groups", {"_claim_names": {"groups": "src1"}, "_claim_sources": {"src1": {"endpoint": "x"}}}, "left-out"),
        ("groups", {"hasgroups": True}, "left-out"),
        ("groups", {"hasgroups": "true"}, "left-out"),
        ("groups", {"hasgroups": False}, "not-told"),
        ("groups", {"groups": ["Others"], "hasgroups": True}, "not-mapped"),
        ("groups", {"_claim_names": ["groups"]}, "not-told"),
        ("roles", {"_claim_names": {"groups": "src1"}}, "not-told"),
    ],
)
def test_why_somebody_has_no_role(claim: str, claims: dict[str, Any], why: str) -> None:
    identity = Identity.from_claims({"sub": "x", **claims}, claim)
    assert identity.as_staff(ROLE_MAP) is None
    assert identity.without_role == why


@pytest.mark.parametrize(
    ("claims", "name", "email"),
    [
        ({"name": "Ann Lee", "email": "ann@x.example"}, "Ann Lee", "ann@x.example"),
        ({"given_name": "Ann", "family_name": "Lee"}, "Ann Lee", None),
        ({"family_name": "Lee", "preferred_username": "al"}, "Lee", None),
        ({"preferred_username": "al", "email": "ann@x.example"}, "al", "ann@x.example"),
        ({"email": "ann@x.example"}, "ann@x.example", "ann@x.example"),
        ({}, "x", None),
        ({"name": 7, "email": 7}, "x", None),
        ({"name": "  ", "email": "ann"}, "x", None),
        ({"name": "Ann\r\n\u202eLee\x00\ud800", "email": "ann@x.example\r\nX: y"}, "Ann Lee", "ann@x.example X: y"),
        ({"name": "Ann", "email": "boss@x.example", "email_verified": False}, "Ann", None),
        ({"name": "Ann", "email": "boss@x.example", "email_verified": "false"}, "Ann", None),
        ({"name": "Ann", "email": "boss@x.example", "email_verified": "FALSE"}, "Ann", None),
    ],
)
def test_the_name_for_the_eye_and_for_the_record(claims: dict[str, Any], name: str, email: str | None) -> None:
    identity = Identity.from_claims({"sub": "x", **claims}, "groups")

    assert (identity.name, identity.email) == (name, email)


@pytest.mark.parametrize(
    "path", ["/", "/cpse/providers", "/cpse/providers?q=a%20b&page=2#tab-1", "/app/cpse/é", "/a//b", "/?next=//x"]
)
def test_a_path_of_this_host_is_kept(path: str) -> None:
    assert safe_next_page(path) == path


@given(st.one_of(st.text(), st.text(alphabet="/\\%25cfhtps:.@?#\t\n evil"), st.from_regex(r"[/\\]{1,3}\S{0,20}")))
def test_whatever_is_kept_leads_to_this_host(raw: str) -> None:
    kept = safe_next_page(raw)
    if kept is None:
        return
    # As a browser reads it: white space and control characters gone, a backslash taken for a slash.
    read = "".join(character for character in kept if character > " ").replace("\\", "/")
    assert urlsplit(urljoin("https://intranet.example/cpse/", read)).netloc == "intranet.example"

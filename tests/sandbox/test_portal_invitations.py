"""An invitation's way: from the county to the mailbox, to a person, to an account."""

from typing import Any

import pytest
import requests
from bs4 import BeautifulSoup

from cpse_plugin.sandbox.mailbox import Mailbox
from cpse_plugin.sandbox.portal import Portal

from .conftest import Api, Clock

PERSON = {
    "first_name": "Mára",
    "last_name": "O'Vance <x>",
    "email": "mara.vance@therapy.example",
    "therapist": {"npi": "1999104031", "profession": "SLP", "license_number": "012345"},
}
PASSWORD = "correct horse battery"


class Place:
    """One provider's invitations."""

    def __init__(self, api: Api, sed_code: str) -> None:
        self._api = api
        found = api.get("/providers", params={"sed_code": sed_code}).json()["items"][0]
        self.name = found["name"]
        self.path = f"/providers/{found['id']}"

    def invite(self, person: dict[str, Any] | None = None, *, fits: bool = True) -> requests.Response:
        return self._api.post(f"{self.path}/invitations", PERSON if person is None else person, fits=fits)

    def resend(self, invitation: str) -> requests.Response:
        return self._api.post(f"{self.path}/invitations/{invitation}/resend")

    def revoke(self, invitation: str) -> requests.Response:
        return self._api.call("DELETE", f"{self.path}/invitations/{invitation}")

    def invitations(self) -> list[dict[str, Any]]:
        items: list[dict[str, Any]] = self._api.get(f"{self.path}/invitations").json()["items"]
        return items

    def admins(self) -> list[dict[str, Any]]:
        items: list[dict[str, Any]] = self._api.get(f"{self.path}/admin-users").json()["items"]
        return items


@pytest.fixture
def place(api: Api) -> Place:
    """A provider without admin users and invitations."""
    return Place(api, "049931880115")


def link_of(mailbox: Mailbox) -> str:
    return mailbox.messages[0].links[0]


def page(url: str, **form: str) -> tuple[int, BeautifulSoup]:
    answer = requests.post(url, data=form, timeout=10) if form else requests.get(url, timeout=10)
    return answer.status_code, BeautifulSoup(answer.text, "html.parser")


def heading(soup: BeautifulSoup) -> str:
    found = soup.select_one("h1")
    assert found is not None
    return found.get_text()


def accept(url: str, username: str = "mara.vance") -> tuple[int, BeautifulSoup]:
    return page(url, username=username, password=PASSWORD, password_again=PASSWORD)


def kind(answer: requests.Response) -> str:
    return str(answer.json()["type"].removeprefix("urn:cpse:problem:"))


def test_the_whole_way(portal: Portal, place: Place, mailbox: Mailbox) -> None:
    answer = place.invite()
    made = answer.json()
    assert (answer.status_code, made["status"], made["invited_by"]) == (201, "sent", "ines.novak@tamarack.example")
    assert {name: made[name] for name in PERSON} == PERSON
    assert place.invitations() == [made]

    letter = mailbox.messages[0]
    assert "mara.vance@therapy.example" in letter.to
    assert place.name in letter.subject
    assert "Tamarack County" in letter.text
    link = link_of(mailbox)
    assert link.startswith(f"{portal.url}/invitations/")
    assert f'href="{link}"' in letter.html
    assert "O'Vance <x>" in letter.text
    assert "&lt;x&gt;" in letter.html

    status, form = page(link)
    assert (status, heading(form)) == (200, "Set up your account")
    assert {label["for"] for label in form.select("label")} == {field["id"] for field in form.select("input")}
    assert accept(link)[1].select_one("h1") is not None
    assert heading(accept(link)[1]) == "This invitation was used already"

    assert [item["status"] for item in place.invitations()] == ["accepted"]
    admin = place.admins()[0]
    assert (admin["username"], admin["status"], admin["last_signed_in_at"]) == ("mara.vance", "active", None)
    assert admin["therapist"] == PERSON["therapist"]

    status, signed_in = page(f"{portal.url}/sign-in", username="Mara.Vance", password=PASSWORD)
    assert (status, heading(signed_in)) == (200, "Signed in")
    assert place.admins()[0]["last_signed_in_at"] is not None


@pytest.mark.parametrize(
    ("form", "field"),
    [
        ({"username": "", "password": PASSWORD, "password_again": PASSWORD}, "username"),
        ({"username": "m v", "password": PASSWORD, "password_again": PASSWORD}, "username"),
        ({"username": "dwhitlock", "password": PASSWORD, "password_again": PASSWORD}, "username"),
        ({"username": "DWhitlock", "password": PASSWORD, "password_again": PASSWORD}, "username"),
        ({"username": "mara", "password": "short", "password_again": "short"}, "password"),
        ({"username": "mara", "password": "I am mara, me", "password_again": "I am mara, me"}, "password"),
        ({"username": "mara", "password": "x" * 201, "password_again": "x" * 201}, "password"),
        ({"username": "mara", "password": PASSWORD, "password_again": "correct horse batter"}, "password_again"),
    ],
)
def test_what_is_wrong_stands_beside_its_field(
    place: Place, mailbox: Mailbox, form: dict[str, str], field: str
) -> None:
    place.invite()
    status, soup = page(link_of(mailbox), **form)
    assert status == 422
    wrong = soup.select("input[aria-invalid]")
    assert [item["name"] for item in wrong] == [field]
    described_by = str(wrong[0]["aria-describedby"]).split()[-1]
    error = soup.find(id=described_by)
    assert error is not None
    assert len(error.get_text(strip=True)) > len("Error:")
    assert [item.get("value") for item in soup.select("input[type=password]")] == ["", ""]
    assert soup.select("title")[0].get_text().startswith("Error: ")
    assert place.admins() == []


def test_a_link_that_nobody_sent_leads_nowhere(portal: Portal) -> None:
    for status, soup in (page(f"{portal.url}/invitations/x"), accept(f"{portal.url}/invitations/x")):
        assert (status, heading(soup)) == (404, "This link leads nowhere")


def test_an_invitation_expires(place: Place, mailbox: Mailbox, clock: Clock, api: Api) -> None:
    place.invite()
    clock.move(days=14)
    api.token = ""
    assert [item["status"] for item in place.invitations()] == ["expired"]
    for _, soup in (page(link_of(mailbox)), accept(link_of(mailbox))):
        assert heading(soup) == "This invitation has expired"
    assert place.admins() == []


def test_an_expired_invitation_can_be_sent_again(place: Place, mailbox: Mailbox, clock: Clock, api: Api) -> None:
    invitation = place.invite().json()["id"]
    clock.move(days=15)
    api.token = ""
    answer = place.resend(invitation)
    assert (answer.status_code, answer.json()["status"]) == (200, "sent")
    accept(link_of(mailbox))
    assert len(place.admins()) == 1


def test_an_expired_invitation_does_not_stand_in_the_way_of_a_new_one(place: Place, clock: Clock, api: Api) -> None:
    first = place.invite().json()["id"]
    clock.move(days=15)
    api.token = ""
    second = place.invite()
    assert [item["id"] for item in place.invitations()] == [second.json()["id"], first]
    assert (place.resend(first).status_code, kind(place.resend(first))) == (409, "invitation-pending")


def test_sending_again_voids_the_earlier_link(place: Place, mailbox: Mailbox) -> None:
    invitation = place.invite().json()
    earlier = link_of(mailbox)
    again = place.resend(invitation["id"]).json()
    assert (again["id"], again["created_at"]) == (invitation["id"], invitation["created_at"])
    for _, soup in (page(earlier), accept(earlier)):
        assert heading(soup) == "There is a newer invitation"
    accept(link_of(mailbox))
    assert [item["username"] for item in place.admins()] == ["mara.vance"]


def test_a_revoked_invitation_is_void(place: Place, mailbox: Mailbox) -> None:
    invitation = place.invite().json()["id"]
    assert [place.revoke(invitation).status_code for _ in range(2)] == [204, 204]
    assert heading(accept(link_of(mailbox))[1]) == "This invitation was withdrawn"
    assert [item["status"] for item in place.invitations()] == ["revoked"]
    answer = place.resend(invitation)
    assert (answer.status_code, kind(answer)) == (409, "invitation-revoked")


def test_an_accepted_invitation_is_closed(place: Place, mailbox: Mailbox) -> None:
    invitation = place.invite().json()["id"]
    accept(link_of(mailbox))
    for answer in (place.revoke(invitation), place.resend(invitation)):
        assert (answer.status_code, kind(answer)) == (409, "invitation-accepted")


def test_an_invitation_belongs_to_its_provider(api: Api, place: Place) -> None:
    invitation = Place(api, "049931880114").invitations()[0]["id"]
    assert place.revoke(invitation).status_code == 404
    assert place.resend(invitation).status_code == 404


def test_an_open_invitation_is_not_made_twice(place: Place, mailbox: Mailbox) -> None:
    first = place.invite().json()["id"]
    answer = place.invite({**PERSON, "email": "Mara.Vance@Therapy.example"})
    assert (answer.status_code, kind(answer), answer.json()["invitation_id"]) == (409, "invitation-pending", first)
    assert len(mailbox.messages) == 1


def test_the_same_person_may_administer_two_providers(api: Api, place: Place) -> None:
    assert place.invite().status_code == 201
    assert Place(api, "049931880116").invite().status_code == 201


def test_an_admin_user_is_not_invited_again(api: Api, mailbox: Mailbox) -> None:
    person = {"first_name": "Dana", "last_name": "Whitlock", "email": "DANA.whitlock@pinewood.example"}
    answer = Place(api, "049931880113").invite(person)
    assert (answer.status_code, kind(answer)) == (409, "admin-exists")
    assert mailbox.messages == []


@pytest.mark.parametrize(
    ("therapist", "differing"),
    [
        ({"npi": "1999104023"}, ["#/therapist/npi"]),
        ({"profession": "OT", "license_number": "1"}, ["#/therapist/profession", "#/therapist/license_number"]),
        ({"npi": "1999104031", "profession": "PT", "license_number": "23249"}, []),
        ({"npi": "1999104031", "profession": None, "license_number": "F023249-1"}, []),
        (None, []),
    ],
)
def test_credentials_that_differ_are_pointed_at(
    place: Place, therapist: dict[str, str] | None, differing: list[str]
) -> None:
    answer = place.invite(
        {"first_name": "Grace", "last_name": "Liu", "email": "grace.liu@therapy.example", "therapist": therapist}
    )
    if not differing:
        assert answer.status_code == 201
        return
    assert (answer.status_code, kind(answer)) == (409, "credential-conflict")
    assert [item["pointer"] for item in answer.json()["errors"]] == differing


def test_the_portal_remembers_a_person_with_her_credentials(api: Api, place: Place, mailbox: Mailbox) -> None:
    place.invite()
    accept(link_of(mailbox))
    other = {**PERSON, "therapist": {"profession": "OT"}}
    assert kind(Place(api, "049931880116").invite(other)) == "credential-conflict"


def test_an_npi_that_has_not_arrived_yet_is_a_notice(place: Place) -> None:
    answer = place.invite({**PERSON, "therapist": {"npi": "1999104049"}})
    assert answer.status_code == 201
    assert [item["pointer"] for item in answer.json()["notices"]] == ["#/therapist/npi"]
    assert place.invitations()[0]["notices"] == answer.json()["notices"]


def test_an_npi_that_the_portal_knows_is_none(place: Place) -> None:
    assert place.invite().json()["notices"] == []


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"email": "mara.vance"}, "#/email"),
        ({"email": "mara@therapy.example\nBcc: all@example.org"}, "#/email"),
        ({"email": None}, "#/email"),
        ({"first_name": ""}, "#/first_name"),
        ({"last_name": "a\r\nb"}, "#/last_name"),
        ({"therapist": {"profession": "MAGIC"}}, "#/therapist/profession"),
        ({"therapist": {"npi": "1999104030"}}, "#/therapist/npi"),
        ({"therapist": {"license_number": "1" * 21}}, "#/therapist/license_number"),
        ({"therapist": {"title": "Dr."}}, "#/therapist/title"),
        ({"therapist": []}, "#/therapist"),
    ],
)
def test_content_that_is_not_acceptable_is_pointed_at(
    place: Place, mailbox: Mailbox, change: dict[str, Any], pointer: str
) -> None:
    answer = place.invite({**PERSON, **change}, fits=False)
    assert answer.status_code == 422
    assert [item["pointer"] for item in answer.json()["errors"]] == [pointer]
    assert mailbox.messages == []


def test_another_county_does_not_learn_who_invited(api: Api, other_county: Api) -> None:
    own = Place(api, "049931880114").invitations()
    theirs = Place(other_county, "049931880114").invitations()
    assert [item["invited_by"] for item in own] == ["ines.novak@tamarack.example"]
    assert [item["invited_by"] for item in theirs] == [None]


def test_the_world_has_invitations_of_every_status(api: Api) -> None:
    places = [Place(api, sed_code) for sed_code in ("049931880113", "049931880114", "049931880116")]
    assert [[item["status"] for item in place.invitations()] for place in places] == [
        ["accepted"],
        ["sent"],
        ["expired", "revoked"],
    ]


@pytest.mark.parametrize(
    ("username", "password", "words"),
    [
        ("dwhitlock", "wrong", "not right"),
        ("nobody", "Preschool-2026", "not right"),
        ("kyle.brennan", "Preschool-2026", "locked"),
        ("jfeldman", "Preschool-2026", "disabled"),
    ],
)
def test_who_may_not_sign_in_is_told_why(portal: Portal, username: str, password: str, words: str) -> None:
    status, soup = page(f"{portal.url}/sign-in", username=username, password=password)
    alert = soup.select_one("[role=alert]")
    assert status == 422
    assert alert is not None
    assert words in alert.get_text()


def test_no_cache_and_no_other_site_learns_a_link(place: Place, mailbox: Mailbox) -> None:
    place.invite()
    headers = requests.get(link_of(mailbox), timeout=10).headers
    assert (headers["Cache-Control"], headers["Referrer-Policy"]) == ("no-store", "no-referrer")
    assert "default-src 'none'" in headers["Content-Security-Policy"]

"""The same call twice is carried out once."""

import threading
from uuid import uuid4

import pytest
import requests

from cpse_plugin.sandbox.faults import DropAfter, IgnoreIdempotencyKeys, SlowWork
from cpse_plugin.sandbox.mailbox import Mailbox
from cpse_plugin.sandbox.portal import Portal

from .conftest import Api, Clock

NEW = {"name": "Harvest Moon", "type": "agency", "npi": "1999101219", "county_provider_id": "TC-1021"}
PERSON = {"first_name": "Mara", "last_name": "Vance", "email": "mara.vance@therapy.example"}


def test_the_same_call_gets_the_first_answer_again(api: Api) -> None:
    key = str(uuid4())
    first = api.post("/providers", NEW, key=key)
    again = api.post("/providers", dict(reversed(NEW.items())), key=key)
    assert (first.status_code, again.status_code) == (201, 201)
    assert again.json() == first.json()
    assert again.headers["Location"] == first.headers["Location"]
    assert ("Idempotent-Replay" in first.headers, again.headers["Idempotent-Replay"]) == (False, "true")


def test_a_refusal_is_an_answer_too(api: Api) -> None:
    key = str(uuid4())
    first = api.post("/providers", {**NEW, "npi": "1999101102"}, key=key)
    again = api.post("/providers", {**NEW, "npi": "1999101102"}, key=key)
    assert first.status_code == again.status_code == 409
    assert again.headers["Content-Type"] == "application/problem+json"
    assert again.headers["Idempotent-Replay"] == "true"
    assert again.json()["provider_ids"] == first.json()["provider_ids"]


def test_an_invitation_sent_twice_is_one_e_mail(api: Api, mailbox: Mailbox) -> None:
    key, path = str(uuid4()), f"/providers/{_provider(api)}/invitations"
    ids = {api.post(path, PERSON, key=key).json()["id"] for _ in range(3)}
    assert len(ids) == len(mailbox.messages) == 1
    resend = f"{path}/{ids.pop()}/resend"
    other = str(uuid4())
    assert [api.post(resend, key=other).status_code for _ in range(2)] == [200, 200]
    assert len(mailbox.messages) == 2


def test_an_answer_that_was_lost_on_the_way_can_be_had_again(portal: Portal, api: Api, mailbox: Mailbox) -> None:
    key, path = str(uuid4()), f"/providers/{_provider(api)}/invitations"
    portal.faults.plan(DropAfter(), method="POST")
    with pytest.raises(requests.ConnectionError):
        api.post(path, PERSON, key=key)
    assert len(mailbox.messages) == 1
    assert api.post(path, PERSON, key=key).headers["Idempotent-Replay"] == "true"
    assert len(mailbox.messages) == 1


@pytest.mark.parametrize("body", [{**NEW, "name": "Another"}, {**NEW, "phone": "1"}])
def test_the_key_of_another_call_is_refused(api: Api, body: dict[str, str]) -> None:
    key = str(uuid4())
    api.post("/providers", NEW, key=key)
    answer = api.post("/providers", body, key=key)
    assert (answer.status_code, answer.json()["type"]) == (422, "urn:cpse:problem:idempotency-key-reused")


def test_the_key_of_a_call_to_another_address_is_refused(api: Api) -> None:
    key, portal_id = str(uuid4()), _provider(api)
    invitation = api.post(f"/providers/{portal_id}/invitations", PERSON, key=key).json()["id"]
    answer = api.post(f"/providers/{portal_id}/invitations/{invitation}/resend", key=key)
    assert answer.json()["type"] == "urn:cpse:problem:idempotency-key-reused"


def test_counties_may_use_the_same_key(api: Api, other_county: Api) -> None:
    key = str(uuid4())
    api.post("/providers", NEW, key=key)
    assert other_county.post("/providers", {**NEW, "npi": None}, key=key).status_code == 201


def test_while_the_first_is_worked_on_the_second_is_told_so(portal: Portal, api: Api) -> None:
    key = str(uuid4())
    api.token = api.fetch_token()
    portal.faults.plan(SlowWork(1.5), method="POST", path="/providers$")
    first: list[int] = []
    thread = threading.Thread(
        target=lambda: first.append(
            requests.post(
                f"{portal.url}/v1/providers",
                json=NEW,
                headers={"Authorization": f"Bearer {api.token}", "Idempotency-Key": key},
                timeout=10,
            ).status_code
        )
    )
    thread.start()
    while not portal.store.all("SELECT 1 FROM idempotency"):
        thread.join(0.01)
    second = api.post("/providers", NEW, key=key)
    thread.join()
    assert (second.status_code, second.json()["type"]) == (409, "urn:cpse:problem:idempotency-key-in-use")
    assert first == [201]
    assert api.post("/providers", NEW, key=key).headers["Idempotent-Replay"] == "true"


def test_a_call_that_failed_gives_its_key_back(api: Api, mailbox: Mailbox) -> None:
    key, path = str(uuid4()), f"/providers/{_provider(api)}/invitations"
    mailbox.stop()
    failed = api.post(path, PERSON, key=key)
    assert (failed.status_code, failed.headers["Retry-After"]) == (503, "30")
    assert api.get(path).json()["items"] == []
    again = api.post(path, PERSON, key=key)
    assert (again.status_code, again.headers.get("Idempotent-Replay")) == (503, None)


@pytest.mark.parametrize("key", ["", "not-a-uuid"])
def test_a_post_without_a_key_is_refused(api: Api, key: str) -> None:
    answer = api.post("/providers", NEW, headers={"Idempotency-Key": key}, fits=False)
    assert answer.status_code == 400
    assert "Idempotency-Key" in answer.json()["detail"]


def test_a_key_is_kept_for_a_day(api: Api, clock: Clock) -> None:
    key = str(uuid4())
    body = {**NEW, "npi": None}
    first = api.post("/providers", body, key=key).json()["id"]
    clock.move(hours=23, minutes=59)
    api.token = ""
    assert api.post("/providers", body, key=key).json()["id"] == first
    clock.move(hours=1)
    api.token = ""
    assert api.post("/providers", body, key=key).json()["id"] != first


def test_a_portal_that_ignores_the_keys_does_it_twice(portal: Portal, api: Api, mailbox: Mailbox) -> None:
    key, path = str(uuid4()), f"/providers/{_provider(api)}/invitations"
    portal.faults.plan(IgnoreIdempotencyKeys(), times=None)
    assert api.post(path, PERSON, key=key).status_code == 201
    assert api.post(path, PERSON, key=key).json()["type"] == "urn:cpse:problem:invitation-pending"
    other = {**NEW, "npi": None}
    assert len({api.post("/providers", other, key=key).json()["id"] for _ in range(2)}) == 2
    assert len(mailbox.messages) == 1


def _provider(api: Api) -> str:
    return str(api.get("/providers", params={"sed_code": "049931880115"}).json()["items"][0]["id"])

"""Find, read, match, add, associate: over HTTP, every exchange held against the contract by `Api`."""

from typing import Any

import pytest

from cpse_plugin.sandbox.portal import Portal

from .conftest import Api

HUDSON_NPI = "1999101102"
HUDSON_OLD_SED, HUDSON_NEW_SED = "049931880110", "049931881110"
NEW = {
    "name": "Harvest Moon Early Intervention",
    "type": "agency",
    "npi": "1999101219",
    "sed_code": "049931880121",
    "address": {"line1": "8 Barn Rd", "line2": None, "city": "Ferndale Corners", "state": "NY", "postal_code": "12839"},
    "phone": "518-555-0121",
    "county_provider_id": "TC-1021",
}


def find(api: Api, **query: Any) -> list[dict[str, Any]]:
    answer = api.get("/providers", params=query)
    assert answer.status_code == 200
    items: list[dict[str, Any]] = answer.json()["items"]
    return items


def kind(answer: Any) -> str:
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json()["status"] == answer.status_code
    return str(answer.json()["type"].removeprefix("urn:cpse:problem:"))


def pointers(answer: Any) -> list[str]:
    return [item["pointer"] for item in answer.json()["errors"]]


def test_the_best_match_comes_first(api: Api) -> None:
    found = find(api, npi=HUDSON_NPI, sed_code=HUDSON_NEW_SED)
    assert [(item["npi"], item["sed_code"]) for item in found] == [
        (HUDSON_NPI, HUDSON_NEW_SED),
        (HUDSON_NPI, HUDSON_OLD_SED),
    ]


def test_an_npi_match_comes_before_a_sed_code_match(api: Api) -> None:
    found = find(api, npi="1999101417", sed_code="049931880141")
    assert [item["name"] for item in found] == ["Meadowlark Services of Larkspur", "Meadowlark Preschool"]


def test_a_provider_without_npi_is_found_by_its_sed_code(api: Api) -> None:
    assert [item["npi"] for item in find(api, npi="1999101078", sed_code="059902880007")] == [None]


def test_an_inactive_provider_is_found_and_says_so(api: Api) -> None:
    assert [item["status"] for item in find(api, sed_code="049931880120")] == ["inactive"]


def test_nothing_found_is_an_empty_page(api: Api) -> None:
    assert find(api, npi="1999999984") == []


def test_pages_hold_every_provider_once(api: Api) -> None:
    first = api.get("/providers", params={"npi": HUDSON_NPI, "limit": 1}).json()
    second = api.get("/providers", params={"npi": HUDSON_NPI, "limit": 1, "cursor": first["next_cursor"]}).json()
    assert second["next_cursor"] is None
    assert {item["sed_code"] for item in first["items"] + second["items"]} == {HUDSON_OLD_SED, HUDSON_NEW_SED}


@pytest.mark.parametrize(
    "query",
    [
        {},
        {"npi": "1999101103"},
        {"npi": "199910110"},
        {"sed_code": "49931880110"},
        {"npi": HUDSON_NPI, "limit": "0"},
        {"npi": HUDSON_NPI, "limit": "201"},
        {"npi": HUDSON_NPI, "limit": "many"},
        {"npi": HUDSON_NPI, "cursor": "?"},
        {"npi": HUDSON_NPI, "cursor": "Zm9v"},
    ],
)
def test_a_search_that_cannot_be_read_is_refused(api: Api, query: dict[str, str]) -> None:
    answer = api.get("/providers", params=query, fits=False)
    assert answer.status_code == 400
    assert answer.json()["detail"]


def test_a_provider_is_read(api: Api) -> None:
    listed = find(api, sed_code=HUDSON_OLD_SED)[0]
    assert api.get(f"/providers/{listed['id']}").json() == listed


def test_an_unknown_provider_is_not_found(api: Api) -> None:
    for path in ("", "/admin-users", "/invitations"):
        assert api.get(f"/providers/P-0{path}").status_code == 404
    assert api.post("/providers/P-0/invitations", _person()).status_code == 404
    assert api.call("PUT", "/providers/P-0/association", json={"county_provider_id": "x"}).status_code == 404
    assert api.call("DELETE", "/providers/P-0/association").status_code == 404


def test_many_searches_in_one_call_are_answered_in_their_order(api: Api) -> None:
    queries = [
        {"ref": "b", "npi": HUDSON_NPI},
        {"ref": "a", "sed_code": HUDSON_OLD_SED},
        {"ref": "none", "npi": "1999999984"},
        {"ref": "neither"},
    ]
    results = api.post("/providers/match", {"queries": queries}).json()["results"]
    assert [(item["ref"], len(item["providers"])) for item in results] == [
        ("b", 2),
        ("a", 1),
        ("none", 0),
        ("neither", 0),
    ]


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"queries": []}, "#/queries"),
        ({"queries": [{"ref": "x"}] * 501}, "#/queries"),
        ({"queries": [{"ref": "x"}, {"npi": HUDSON_NPI}]}, "#/queries/1/ref"),
        ({"queries": [{"ref": "x", "npi": "12"}]}, "#/queries/0/npi"),
        ({}, "#/queries"),
        ([], "#"),
    ],
)
def test_searches_that_cannot_be_read_are_refused(api: Api, body: Any, pointer: str) -> None:
    answer = api.post("/providers/match", body, fits=False)
    assert answer.status_code == 422
    assert pointer in pointers(answer)


def test_a_provider_is_added_and_associated_at_once(api: Api) -> None:
    answer = api.post("/providers", NEW)
    added = answer.json()
    assert answer.status_code == 201
    assert added["association"]["county_provider_id"] == "TC-1021"
    assert {name: added[name] for name in NEW if name in added} == {
        name: value for name, value in NEW.items() if name in added
    }
    assert (
        api.http.get(answer.headers["Location"], headers={"Authorization": f"Bearer {api.token}"}, timeout=10).json()
        == added
    )


def test_what_is_not_known_of_a_new_provider_may_be_left_out(api: Api) -> None:
    added = api.post("/providers", {"name": "A", "type": "individual", "county_provider_id": "1"}).json()
    assert (added["npi"], added["sed_code"], added["address"], added["phone"]) == (None, None, None, None)


@pytest.mark.parametrize(("name", "value"), [("npi", HUDSON_NPI), ("sed_code", "049931880120")])
def test_a_provider_that_is_there_already_is_not_added(api: Api, name: str, value: str) -> None:
    answer = api.post("/providers", {**NEW, name: value})
    assert answer.status_code == 409
    assert kind(answer) == "provider-exists"
    assert answer.json()["provider_ids"] == sorted(item["id"] for item in find(api, **{name: value}))
    assert find(api, npi=NEW["npi"]) == []


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"npi": "1999101218"}, "#/npi"),
        ({"npi": 1999101219}, "#/npi"),
        ({"sed_code": "49931880121"}, "#/sed_code"),
        ({"type": "school"}, "#/type"),
        ({"name": ""}, "#/name"),
        ({"name": "x" * 201}, "#/name"),
        ({"name": "two\nlines"}, "#/name"),
        ({"name": None}, "#/name"),
        ({"phone": "5" * 31}, "#/phone"),
        ({"address": "8 Barn Rd"}, "#/address"),
        (
            {"address": {"line1": "8 Barn Rd", "city": "x", "state": "New York", "postal_code": "12839"}},
            "#/address/state",
        ),
        (
            {"address": {"line1": "8 Barn Rd", "city": "x", "state": "NY", "postal_code": "1283"}},
            "#/address/postal_code",
        ),
        ({"address": {"city": "x", "state": "NY", "postal_code": "12839"}}, "#/address/line1"),
        ({"colour": "blue"}, "#/colour"),
    ],
)
def test_content_that_is_not_acceptable_is_pointed_at(api: Api, change: dict[str, Any], pointer: str) -> None:
    answer = api.post("/providers", {**NEW, **change}, fits=False)
    assert answer.status_code == 422
    assert pointers(answer) == [pointer]


def test_every_fault_of_the_content_is_told_at_once(api: Api) -> None:
    assert pointers(api.post("/providers", {"npi": "1"}, fits=False)) == [
        "#/name",
        "#/type",
        "#/county_provider_id",
        "#/npi",
    ]


@pytest.mark.parametrize(
    ("content", "content_type", "status"),
    [(b"{", "application/json", 400), (b"[" * 100_000, "application/json", 400), (b"name=x", "text/plain", 415)],
)
def test_a_body_that_is_no_json_is_refused(api: Api, content: bytes, content_type: str, status: int) -> None:
    answer = api.call("POST", "/providers", data=content, headers={"Content-Type": content_type}, fits=False)
    assert (answer.status_code, kind(answer)) == (status, "about:blank")


def test_an_association_can_be_made_repeated_and_ended(api: Api) -> None:
    portal_id = find(api, sed_code="049931880104")[0]["id"]
    path = f"/providers/{portal_id}/association"
    first = api.call("PUT", path, json={"county_provider_id": "TC-1004"})
    again = api.call("PUT", path, json={"county_provider_id": "TC-1004"})
    assert first.status_code == again.status_code == 200
    assert first.json() == again.json()
    assert first.json()["association"]["county_provider_id"] == "TC-1004"
    assert [api.call("DELETE", path).status_code for _ in range(2)] == [204, 204]
    assert api.get(f"/providers/{portal_id}").json()["association"] is None


def test_only_the_association_of_the_one_that_is_named_is_ended(api: Api) -> None:
    portal_id = find(api, sed_code="049931880113")[0]["id"]
    path = f"/providers/{portal_id}/association"
    answer = api.call("DELETE", path, params={"county_provider_id": "TC-1018"})
    assert (answer.status_code, kind(answer)) == (409, "already-associated")
    assert answer.json()["county_provider_id"] == "TC-1013"
    assert api.get(f"/providers/{portal_id}").json()["association"]["county_provider_id"] == "TC-1013"
    named = {"county_provider_id": "TC-1013"}
    assert [api.call("DELETE", path, params=named).status_code for _ in range(2)] == [204, 204]


@pytest.mark.parametrize("number", ["", "x" * 65])
def test_the_end_of_an_association_of_no_number_is_refused(api: Api, number: str) -> None:
    path = f"/providers/{find(api, sed_code='049931880113')[0]['id']}/association"
    assert api.call("DELETE", path, params={"county_provider_id": number}, fits=False).status_code == 400


def test_a_second_provider_of_the_county_is_refused(api: Api) -> None:
    portal_id = find(api, sed_code="049931880113")[0]["id"]
    answer = api.call("PUT", f"/providers/{portal_id}/association", json={"county_provider_id": "TC-1018"})
    assert (answer.status_code, kind(answer)) == (409, "already-associated")
    assert answer.json()["county_provider_id"] == "TC-1013"


@pytest.mark.parametrize("body", [{}, {"county_provider_id": ""}, {"county_provider_id": "x" * 65}])
def test_an_association_without_a_number_is_refused(api: Api, body: dict[str, str]) -> None:
    portal_id = find(api, sed_code="049931880104")[0]["id"]
    answer = api.call("PUT", f"/providers/{portal_id}/association", json=body, fits=False)
    assert (answer.status_code, pointers(answer)) == (422, ["#/county_provider_id"])


def test_counties_do_not_see_each_other(api: Api, other_county: Api) -> None:
    shared = find(api, sed_code="049931880134")[0]
    assert shared["association"] is None
    assert find(other_county, sed_code="049931880134")[0]["association"]["county_provider_id"] == "K-0412"
    path = f"/providers/{shared['id']}/association"
    assert api.call("PUT", path, json={"county_provider_id": "TC-1034"}).status_code == 200
    assert api.call("DELETE", path).status_code == 204
    assert find(other_county, sed_code="049931880134")[0]["association"]["county_provider_id"] == "K-0412"


def test_the_professions_can_be_kept(api: Api) -> None:
    answer = api.get("/professions")
    items = answer.json()["items"]
    assert [items[0]["code"], items[-1]["code"], len(items)] == ["AIDE", "TVI", 24]
    assert {"code": "SLP", "name": "Speech & Language Pathologist"} in items
    assert "max-age" in answer.headers["Cache-Control"]
    headers = {"Authorization": f"Bearer {api.token}", "If-None-Match": answer.headers["ETag"]}
    again = api.http.get(f"{api.url}/v1/professions", headers=headers, timeout=10)
    assert (again.status_code, again.content) == (304, b"")


def test_the_audit_trail_names_who_did_what(portal: Portal, api: Api) -> None:
    api.post("/providers", NEW)
    api.post("/providers", {**NEW, "sed_code": None})
    api.acting_user = None
    api.get("/professions")
    rows = portal.store.all("SELECT acting_user, operation, county_id, status FROM audit ORDER BY place")
    assert [tuple(row) for row in rows] == [
        ("ines.novak@tamarack.example", "add_provider", "tamarack", 201),
        ("ines.novak@tamarack.example", "add_provider", "tamarack", 409),
        (None, "list_professions", "tamarack", 200),
    ]


def test_an_acting_user_that_is_too_long_is_refused(api: Api) -> None:
    api.acting_user = "x" * 255
    assert api.get("/professions", fits=False).status_code == 400


def test_unknown_addresses_and_methods_are_problems_too(portal: Portal, api: Api) -> None:
    unknown = api.http.get(f"{portal.url}/v1/nothing", timeout=10)
    wrong = api.http.delete(f"{portal.url}/v1/providers", timeout=10)
    assert (unknown.status_code, kind(unknown)) == (404, "about:blank")
    assert (wrong.status_code, kind(wrong)) == (405, "about:blank")
    assert set(wrong.headers["Allow"].replace(" ", "").split(",")) >= {"GET", "POST"}


def test_a_problem_names_its_exchange(api: Api) -> None:
    answer = api.get("/providers/P-0")
    assert answer.json()["instance"] == f"urn:uuid:{answer.headers['X-Request-Id']}"


def _person() -> dict[str, str]:
    return {"first_name": "Mara", "last_name": "Vance", "email": "mara.vance@therapy.example"}

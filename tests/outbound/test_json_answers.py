"""JSON is read with distrust: everything odd is one kind of error."""

from datetime import UTC, datetime
from enum import StrEnum

import msgspec
import pytest
import requests

from cpse_plugin.outbound import UnreadableAnswer, checked, read_json
from cpse_plugin.outbound.json_answers import Filled, Maybe, Moment, Rows, Shown, Text, rows


def answer(body: bytes, content_type: str = "application/json") -> requests.Response:
    response = requests.Response()
    response.status_code = 200
    response.headers["Content-Type"] = content_type
    response._content = body
    return response


@pytest.mark.parametrize(
    ("body", "content"),
    [
        (b'{"name": "Zo\xc3\xab"}', {"name": "Zoë"}),
        (b"[]", []),
        (b"null", None),
        (b'\xef\xbb\xbf{"with": "a byte order mark"}', {"with": "a byte order mark"}),
        (b'"\\ud800"', "\ud800"),
    ],
)
def test_json_is_read(body: bytes, content: object) -> None:
    assert read_json(answer(body)) == content


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>Down for maintenance</html>",
        b'{"cut": "of',
        b'{"value": NaN}',
        b'{"value": -Infinity}',
        '{"name": "Zoë"}'.encode("latin-1"),
        '{"name": "Zoë"}'.encode("utf-16"),
        b"[" * 200_000 + b"]" * 200_000,
        b"9" * 10_000,
    ],
    ids=["empty", "html", "truncated", "NaN", "infinity", "latin-1", "utf-16", "deep", "huge number"],
)
def test_what_is_no_json_is_one_kind_of_error(body: bytes) -> None:
    with pytest.raises(UnreadableAnswer):
        read_json(answer(body))


def test_the_error_names_the_content_type() -> None:
    with pytest.raises(UnreadableAnswer, match="text/html"):
        read_json(answer(b"<html>", "text/html"))


class Word(StrEnum):
    OPEN = "open"


class Part(msgspec.Struct):
    name: Filled
    nick: Shown | None = None


class Whole(msgspec.Struct):
    name: Filled
    title: Text = Text()
    word: Word | None = None
    at: Moment | None = None
    phone: Shown | None = None
    part: Maybe[Part] | None = None
    parts: Rows[Part] = Rows()


@pytest.mark.parametrize(
    ("member", "value", "kept"),
    [
        ("name", " Zoe\u0308\ud800\r\n ", "Zoë"),
        ("name", "x" * 10_000, "x" * 500),
        ("title", "", ""),
        ("word", "open", Word.OPEN),
        ("at", "2026-02-03T04:05:06-05:00", datetime(2026, 2, 3, 9, 5, 6, tzinfo=UTC)),
        ("at", "2026-02-03T04:05:06", datetime(2026, 2, 3, 4, 5, 6, tzinfo=UTC)),
        ("phone", " 518 ", "518"),
        ("phone", 518, None),
        ("phone", "--", None),
        ("part", {"name": "Ana", "nick": 7}, Part("Ana")),  # type: ignore[arg-type]
        ("part", {"nick": "A"}, None),
        ("part", "Ana", None),
        ("parts", [{"name": "Ana"}, {"name": ""}, None, {"name": "Bo"}], (Part("Ana"), Part("Bo"))),  # type: ignore[arg-type]
        ("parts", "Ana", ()),
        ("something", "new", None),
    ],
)
def test_a_member_is_cleaned_and_what_is_only_shown_may_be_odd(member: str, value: object, kept: object) -> None:
    read = checked({"name": "Zoë", member: value}, Whole)
    assert getattr(read, member, None) == kept
    assert type(getattr(read, member, None)) is type(kept)


@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("name", None),
        ("name", 7),
        ("name", "\x00"),
        ("title", None),
        ("title", ["canary"]),
        ("word", "canary"),
        ("word", "canary - at `$.canary`"),
        ("word", ["open"]),
        ("at", "canary"),
        ("at", 1_700_000_000),
        ("at", "0001-01-01T00:00:00+05:00"),
    ],
)
def test_what_must_be_right_is_named_where_it_is_not_and_what_it_holds_is_not_told(member: str, value: object) -> None:
    with pytest.raises(UnreadableAnswer, match=rf"`\$\.{member}`") as caught:
        checked({"name": "Zoë", member: value}, Whole)
    assert "canary" not in str(caught.value)


def test_of_a_list_the_good_rows_are_read_and_each_other_one_is_told() -> None:
    told: list[str] = []
    assert rows([{"name": "Ana"}, {"nick": "B"}, 7, {"name": "Bo"}], Part, told.append) == (Part("Ana"), Part("Bo"))  # type: ignore[arg-type]
    assert [("name" in why, "int" in why) for why in told] == [(True, False), (False, True)]

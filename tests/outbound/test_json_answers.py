"""JSON is read with distrust: everything odd is one kind of error."""

import pytest
import requests

from cpse_plugin.outbound import UnreadableAnswer, read_json


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

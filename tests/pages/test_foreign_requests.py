"""Whatever a request's headers and body are, it is answered in an orderly way and never with a fault of ours."""

import json
from typing import Any
from uuid import uuid4

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.routing import Rule

from cpse_plugin.web.parts import Parts
from tests.world import Who, by_number

from .client import PageClient

BASE = "https://localhost"
HTMX = {"HX-Request": "true", "HX-Target": "section#cpse-provider-tab"}
ADDRESSES = ("http://[", "https://localhost:x/", "//[::1", "\x00\xff", "x" * 20_000, "\\\\")
HEADERS: dict[str, dict[str, str]] = {
    **{
        f"{name}: {value[:20]}": {name: value}
        for name in ("Referer", "HX-Current-URL")
        for value in (
            "http://[",
            "//[::1",
            "http://]",
            "http://a:b:c/",
            "\x00\xff",
            "x" * 20_000,
            "javascript:0",
            "\\\\",
        )
    },
    "X-Forwarded": {
        "X-Forwarded-For": "[, 1.2.3, unknown,,",
        "X-Forwarded-Host": "a b/[",
        "X-Forwarded-Proto": "gopher,[",
        "X-Forwarded-Port": "-1",
        "X-Forwarded-Prefix": "//evil.example",
        "Forwarded": 'for="[;;=',
    },
    "Accept-Language": {"Accept-Language": "en;q=NaN,;;;q=1e999,*" + ",x" * 500},
    "Accept": {"Accept": "text/html;q=x, */*;q=-1, /, ;;,\xff"},
    "Cookie": {"Cookie": 'session=.eJ\xff"; __Host-session=; ;;=;=a; session="\\'},
    "HX-Target": {"HX-Request": "true", "HX-Target": "x#\x00[#" + "y" * 5000},
    "HX-Boosted": {"HX-Request": "true", "HX-Boosted": "true", "HX-Current-URL": "http://["},
    "HX-Request-Type": {"HX-Request": "true", "HX-Request-Type": "\xff", "HX-History-Restore-Request": "x"},
    "Range": {"Range": "bytes=9-1,-,x", "If-Range": '"'},
    "Conditions": {"If-None-Match": '"\xff,W/', "If-Modified-Since": "Thu, 99 Foo", "If-Match": "*,"},
    "Authorization": {"Authorization": "Basic \xff\xff", "Proxy-Authorization": "Digest ,,="},
    "Origin": {"Origin": "http://[", "Sec-Fetch-Site": "\xff"},
    "Encodings": {"Content-Encoding": "gzip", "Transfer-Encoding": "chunked, x", "Expect": "x"},
    "X-Request-ID": {"X-Request-ID": '"}\t{' + "x" * 5000},
    "Date": {"Date": "x", "DNT": "\x00", "Sec-CH-UA": '"[,;'},
}
HOSTS = ("", "[", "[::1", "a b", "a:b:c", "x" * 500, "\xff", "a/../b", "@", "host:99999999", "xn--\xe9")
FILE = b'--x\r\nContent-Disposition: form-data; name="%s"; filename="a.txt"\r\nContent-Type: text/plain\r\n\r\nx\r\n'
FIELDS = (
    *("type", "npi", "sed_code", "uses_portal", "version", "operation_id", "portal_id", "seen", "reason", "ticket"),
    *("first_name", "last_name", "email", "email_again", "is_therapist", "profession", "license_number", "next"),
    "logout_token",
)
URLENCODED = "application/x-www-form-urlencoded"
MULTIPART = "multipart/form-data; boundary=x"
_VALUES: tuple[object, ...] = (1, None, True, [1, {}], {"a": []}, 1.5, "x")
BODIES: dict[str, tuple[bytes, str]] = {
    "files": (b"".join(FILE % name.encode() for name in FIELDS) + b"--x--\r\n", MULTIPART),
    **{
        f"JSON {json.dumps(value)[:20]}": (json.dumps(dict.fromkeys(FIELDS, value)).encode(), "application/json")
        for value in _VALUES
    },
    "JSON list": (b"[[1, 2], 3]", "application/json"),
    "JSON text": (b'"text"', "application/json"),
    "JSON nested": (b"[" * 100_000, "application/json"),
    "JSON broken": (b"\xff{", "application/json; charset=x"),
    "charset": (b"reason=\xff\xfe&npi=%ff%fe%00", f"{URLENCODED}; charset=utf-99"),
    "UTF-16": ("reason=é".encode("utf-16"), f"{URLENCODED}; charset=utf-16"),
    "no type": (b"reason=x", ""),
    "type": (b"reason=x", ";;,/\xff".encode("latin-1").decode("latin-1")),
    "boundary": (b"--\r\n--", "multipart/form-data; boundary="),
    "no boundary": (b"--x\r\n", "multipart/form-data"),
    "part without a name": (
        b'--x\r\nContent-Disposition: form-data; =";\r\n\r\nx\r\n--x--\r\n',
        MULTIPART,
    ),
    "part's charset": (
        b'--x\r\nContent-Disposition: form-data; name="npi"\r\nContent-Type: a/b; charset=utf-99\r\n\r\n\xff\r\n--x--',
        MULTIPART,
    ),
    "part's file name": (
        b"--x\r\nContent-Disposition: form-data; name*=utf-99''%ff; filename*=x''y\r\n\r\nx\r\n--x--\r\n",
        MULTIPART,
    ),
    "name not ended": (b'--x\r\nContent-Disposition: form-data; name="\r\n\r\nx', MULTIPART),
    "XML": (b"<?xml version='1.0'?><!DOCTYPE a>", "text/xml"),
    "fields twice": (b"&".join(b"%s=%s&%s=2" % (n.encode(), b"1", n.encode()) for n in FIELDS), URLENCODED),
}
LENGTHS = ("-1", "1e3", "99999999999999999999", "x", "5", "")


class Stranger:
    """Sends requests that no browser makes, to every address."""

    def __init__(self, app: Flask, cpse: Parts) -> None:
        self.client: FlaskClient = app.test_client()
        self._values = {
            "provider_id": by_number(cpse, "TC-1004").id,
            "county_provider_id": "TC-1004",
            "npi": "1999101011",
            "invitation_id": "none",
            "form_id": uuid4(),
            "version": "0",
            "filename": "icon.svg",
            "unknown": "nothing/here",
        }
        self._rules = [rule for rule in app.url_map.iter_rules() if rule.endpoint.startswith("cpse.")]
        self._token = str(PageClient(self.client).get("/cpse/providers/1").one("input[name=csrf_token]")["value"])

    def faults(self, *, headers: dict[str, str] | None = None, **sent: Any) -> list[str]:
        """What is wrong with the answers to a request of this kind, of each method, to each address."""
        asked = [
            (rule, method)
            for rule in self._rules
            for method in ("GET", "POST")
            if method in (rule.methods or {method}) and ("data" not in sent or method == "POST")
        ]
        with_token = {"X-CSRFToken": self._token, **(headers or {})}
        return [fault for rule, method in asked if (fault := self._fault(rule, method, headers=with_token, **sent))]

    def _fault(self, rule: Rule, method: str, **sent: Any) -> str | None:
        built = rule.build(dict(self._values), append_unknown=False)
        if built is None:
            raise LookupError(rule.rule)
        with self.client.open(built[1], method=method, **sent) as answer:
            text = answer.get_data(as_text=True)
            if answer.status_code >= 500 or "Traceback" in text:
                return f"{method} {rule.rule}: {answer.status_code}"
            if answer.status_code >= 400 and not text.strip() and "HX-Redirect" not in answer.headers:
                return f"{method} {rule.rule}: {answer.status_code} without a word"
        return None


@pytest.fixture
def stranger(intranet: Flask, cpse: Parts) -> Stranger:
    return Stranger(intranet, cpse)


@pytest.mark.parametrize("name", HEADERS)
def test_no_header_is_a_fault_of_ours(stranger: Stranger, who: Who, name: str) -> None:
    assert stranger.faults(headers={"Referer": f"{BASE}/", **HEADERS[name]}, base_url=BASE) == []
    who.staff = None
    assert stranger.faults(headers={**HTMX, **HEADERS[name]}) == []


@pytest.mark.parametrize("host", HOSTS)
def test_no_host_is_a_fault_of_ours(stranger: Stranger, host: str) -> None:
    assert stranger.faults(headers={"Host": host}) == []


@pytest.mark.parametrize("name", BODIES)
@pytest.mark.parametrize("headers", [{}, HTMX], ids=["page", "htmx"])
def test_no_body_is_a_fault_of_ours(stranger: Stranger, name: str, headers: dict[str, str]) -> None:
    body, kind = BODIES[name]
    assert stranger.faults(headers=headers, data=body, content_type=kind) == []


@pytest.mark.parametrize("length", LENGTHS)
def test_no_length_is_a_fault_of_ours(stranger: Stranger, length: str) -> None:
    lie = {"CONTENT_LENGTH": length}
    assert stranger.faults(data=b"reason=something", content_type=URLENCODED, environ_overrides=lie) == []

"""A client that reads pages as a browser would, and holds each answer to the laws."""

from dataclasses import dataclass
from typing import Any

from bs4 import BeautifulSoup, Tag
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from .laws import broken_fragment_laws, broken_page_laws, ids_of, parse


@dataclass(frozen=True, slots=True)
class Answer:
    """A page or a fragment as it came."""

    status: int
    headers: Any
    html: str

    @property
    def soup(self) -> BeautifulSoup:
        """The answer, parsed."""
        return parse(self.html)

    @property
    def text(self) -> str:
        """What a person reads, on one line."""
        return " ".join(self.soup.get_text(" ").split())

    def one(self, selector: str) -> Tag:
        """The only element that fits."""
        found = self.soup.select(selector)
        if len(found) != 1:
            raise LookupError(f"{len(found)} elements fit {selector} in: {self.text[:500]}")
        return found[0]

    def texts(self, selector: str) -> list[str]:
        """The words of each element that fits."""
        return [" ".join(tag.get_text(" ").split()) for tag in self.soup.select(selector)]

    def fields(self, form: str) -> dict[str, str]:
        """What a browser would send of a form as it stands."""
        values: dict[str, str] = {}
        for tag in self.one(form).select("input[name], select[name]"):
            kind, name = tag.get("type"), str(tag["name"])
            if tag.name == "select":
                chosen = tag.select_one("option[selected]") or tag.select_one("option")
                values[name] = str(chosen["value"]) if chosen else ""
            elif kind not in ("checkbox", "radio") or tag.has_attr("checked"):
                values[name] = str(tag.get("value", "on" if kind == "checkbox" else ""))
        return values


class PageClient:
    """Opens pages, follows htmx's requests, sends forms. Each answer that breaks a law fails the test."""

    def __init__(self, client: FlaskClient) -> None:
        self._client = client
        self._page_ids: frozenset[str] = frozenset()

    def get(self, address: str) -> Answer:
        """Open a page, following redirects."""
        return self._page(self._client.get(address, follow_redirects=True))

    def post(self, address: str, data: dict[str, str]) -> Answer:
        """Send a form as a browser without a script does, following the redirect."""
        return self._page(self._client.post(address, data=data, follow_redirects=True))

    def htmx_get(self, address: str, target: str) -> Answer:
        """Ask for a fragment as htmx does, for the element `target` (`tag#id`)."""
        return self._fragment(self._client.get(address, headers=_htmx_headers(target)))

    def htmx_post(self, address: str, data: dict[str, str], target: str = "section#provider-tab") -> Answer:
        """Send a form as htmx does."""
        return self._fragment(self._client.post(address, data=data, headers=_htmx_headers(target)))

    def _page(self, response: TestResponse) -> Answer:
        broken = broken_page_laws(response.text)
        if broken:
            raise AssertionError(f"{response.request.path}: {'; '.join(broken)}")
        self._page_ids = ids_of(response.text)
        return Answer(response.status_code, response.headers, response.text)

    def _fragment(self, response: TestResponse) -> Answer:
        broken = broken_fragment_laws(response.text, self._page_ids)
        if broken:
            raise AssertionError(f"{response.request.path}: {'; '.join(broken)}")
        return Answer(response.status_code, response.headers, response.text)


def _htmx_headers(target: str) -> dict[str, str]:
    return {"HX-Request": "true", "HX-Request-Type": "partial", "HX-Target": target}

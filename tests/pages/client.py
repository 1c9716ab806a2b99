"""A client that reads pages as a browser would, and holds each answer to the laws."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from bs4 import BeautifulSoup, Tag
from werkzeug.test import Client, TestResponse

from .laws import broken_fragment_laws, broken_page_laws, ids_of, parse

TAB = "section#cpse-provider-tab"
PORTAL = "section#cpse-portal"
DIALOG = "div#cpse-dialog"
RESULTS = "section#cpse-results"


@dataclass(frozen=True)
class Answer:
    """A page or a fragment as it came; `path` is where it came from, after all redirects."""

    status: int
    headers: Any
    html: str
    path: str

    @cached_property
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

    def has(self, selector: str) -> bool:
        """Whether any element fits."""
        return self.soup.select_one(selector) is not None

    def link(self, text: str) -> str:
        """The address of the only link with these words."""
        found = {str(tag["href"]) for tag in self.soup.select("a[href]") if tag.get_text(" ", strip=True) == text}
        if len(found) != 1:
            raise LookupError(f"{len(found)} links say {text!r} in: {self.text[:500]}")
        return found.pop()

    def error_of(self, field: str) -> str:
        """The message beside a field, tied to it for the ear too; an empty text where there is none."""
        control = self.one(f"[name={field}]:not([type=hidden])")
        name = f"{control['id']}-error"
        if control.get("aria-invalid") != "true" or name not in str(control.get("aria-describedby")).split():
            return ""
        return " ".join(self.one(f"#{name}").get_text(" ").split()).removeprefix("Error: ")

    def fields(self, form: str) -> dict[str, str]:
        """What a browser would send of a form as it stands."""
        values: dict[str, str] = {}
        element = self.one(form)
        controls = element.select("input[name], select[name], textarea[name]")
        if element.get("id"):
            controls += self.soup.select(f"[form={element['id']}][name]")
        for tag in controls:
            kind, name = tag.get("type"), str(tag["name"])
            if tag.has_attr("disabled"):
                continue
            if tag.name == "select":
                chosen = tag.select_one("option[selected]") or tag.select_one("option")
                values[name] = str(chosen["value"]) if chosen else ""
            elif tag.name == "textarea":
                values[name] = tag.get_text()
            elif kind not in ("checkbox", "radio") or tag.has_attr("checked"):
                values[name] = str(tag.get("value", "on" if kind == "checkbox" else ""))
        return values


class PageClient:
    """Opens pages, follows htmx's requests, sends forms. Each answer that breaks a law fails the test."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self._page_ids: frozenset[str] = frozenset()

    def get(self, address: str) -> Answer:
        """Open a page, following redirects."""
        return self._page(self.client.get(address, follow_redirects=True))

    def post(self, address: str, data: dict[str, str]) -> Answer:
        """Send a form as a browser without a script does, following the redirect."""
        return self._page(self.client.post(address, data=data, follow_redirects=True))

    def htmx_get(self, address: str, target: str) -> Answer:
        """Ask for a fragment as htmx does, for the element `target` (`tag#id`)."""
        return self._fragment(self.client.get(address, headers=htmx_headers(target)), target)

    def htmx_post(self, address: str, data: dict[str, str], target: str = TAB) -> Answer:
        """Send a form as htmx does."""
        return self._fragment(self.client.post(address, data=data, headers=htmx_headers(target)), target)

    def submit(self, answer: Answer, form: str, **typed: str | None) -> Answer:
        """Fill in a form of an answer and send it; None leaves a field out, as an unchecked box does."""
        action, data = _filled_in(answer, form, typed)
        if str(answer.one(form)["method"]) == "get":
            query = "&".join(f"{name}={value}" for name, value in data.items())
            return self.get(f"{action}?{query}")
        return self.post(action, data)

    def htmx_submit(self, answer: Answer, form: str, target: str = TAB, **typed: str | None) -> Answer:
        """The same as htmx does it."""
        action, data = _filled_in(answer, form, typed)
        return self.htmx_post(action, data, target)

    def _page(self, response: TestResponse) -> Answer:
        answer = _answer(response)
        broken = broken_page_laws(answer.soup)
        if broken:
            raise AssertionError(f"{answer.path}: {'; '.join(broken)}")
        self._page_ids = ids_of(answer.soup)
        return answer

    def _fragment(self, response: TestResponse, target: str) -> Answer:
        answer = _answer(response)
        broken = broken_fragment_laws(answer.soup, self._page_ids)
        target_id = answer.headers.get("HX-Retarget", target).rpartition("#")[2]
        if answer.html and answer.headers.get("HX-Reswap", _swap(target_id)) == "outerHTML":
            # What is replaced has to be there again, or the next request finds nothing to replace.
            broken += [] if target_id in ids_of(answer.soup) else [f"#{target_id} is gone after the swap"]
        if broken:
            raise AssertionError(f"{answer.path}: {'; '.join(broken)}")
        return answer


def htmx_headers(target: str) -> dict[str, str]:
    """What htmx 4 sends along, as far as the plugin reads it."""
    return {"HX-Request": "true", "HX-Request-Type": "partial", "HX-Target": target}


def _swap(target_id: str) -> str:
    return "outerHTML" if target_id in ("provider-tab", "portal", "results") else "innerHTML"


def _filled_in(answer: Answer, form: str, typed: dict[str, str | None]) -> tuple[str, dict[str, str]]:
    data = answer.fields(form)
    for name, value in typed.items():
        if value is None:
            data.pop(name, None)
        else:
            data[name] = value
    return str(answer.one(form)["action"]), data


def _answer(response: TestResponse) -> Answer:
    return Answer(response.status_code, response.headers, response.text, response.request.full_path.rstrip("?"))

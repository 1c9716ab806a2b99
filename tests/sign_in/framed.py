"""A window in which somebody signs in, and a frame of another site that goes on with its ticket."""

import requests

from .world import EDITOR, Browser, soup

MINUTE = 60
HOUR = 3600
LIST = "/cpse/providers?embed=1"
HAND_IN = "/cpse/sign-in/framed?embed=1"
DONE = "/cpse/sign-in/done"


def ticket_of(window: Browser) -> str:
    """The ticket that the window's last page has for the frame."""
    element = soup(window.open(DONE)).select_one("[data-cpse-ticket]")
    assert element is not None
    return str(element["data-cpse-ticket"])


def hand_in(frame: Browser, ticket: str, page: str = LIST) -> requests.Response:
    """Send the form of the page that a frame shows to somebody who is not signed in there, as its script does."""
    shown = frame.open(page)
    assert shown.status_code == 401, shown.text
    form = soup(shown).select_one("form[data-cpse-framed-sign-in]")
    assert form is not None
    data = {str(field["name"]): str(field.get("value", "")) for field in form.select("input[name]")}
    return frame.submit(str(form["action"]), {**data, "ticket": ticket})


def go_on(frame: Browser, window: Browser) -> None:
    """Sign in in the frame as the window's person."""
    assert hand_in(frame, ticket_of(window)).status_code == 303
    assert (frame.who() or {})["subject"] == EDITOR


def heading(page: requests.Response) -> str:
    found = soup(page).select_one("h1")
    assert found is not None
    return found.text

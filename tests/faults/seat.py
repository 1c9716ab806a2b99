"""A member of staff before the browser, and what the screen tells."""

import re
from dataclasses import dataclass, replace

from flask import Flask
from flask.testing import FlaskClient

from cpse_plugin.operations.register import ALL
from cpse_plugin.web.parts import Parts
from tests.pages.client import Answer, PageClient
from tests.world import by_number, parts_of

_TELLS = {
    "done": re.compile("|".join([*(kind.done for kind in ALL), "The profile was saved", r"\bDone: "])),
    "not done": re.compile(r"Nothing was (changed|saved|lost|linked)|\bNot done: "),
    "not known": re.compile(r"[Pp]lease do not repeat|\bNot known yet: "),
}
DONE, NOT_DONE, NOT_KNOWN = {"done"}, {"not done"}, {"not known"}


def told(answer: Answer) -> set[str]:
    """Which of the three answers the screen gives. The sentence that only the page's live region says counts too."""
    if not answer.text or "Traceback" in answer.text:
        raise AssertionError(f"HTTP {answer.status} with nothing that a person could read: {answer.text[:300]}")
    words = f"{answer.text} {answer.headers.get('HX-Trigger', '')}"
    return {name for name, pattern in _TELLS.items() if pattern.search(words)}


@dataclass(frozen=True, slots=True)
class Form:
    """A form as it stands on the screen, ready to be sent, once or several times."""

    action: str
    fields: dict[str, str]

    def typed(self, **fields: str) -> "Form":
        """The form with something typed into it."""
        return replace(self, fields={**self.fields, **fields})


class Seat:
    """A browser, with htmx (`fragments`) or without any script."""

    def __init__(self, app: Flask, *, fragments: bool) -> None:
        self._client: FlaskClient = app.test_client()
        self._page = PageClient(self._client)
        self._cpse: Parts = parts_of(app)
        self.fragments = fragments

    def providers(self, **query: str) -> Answer:
        """The list of providers."""
        return self._page.get(
            "/cpse/providers" + ("?" + "&".join(f"{k}={v}" for k, v in query.items()) if query else "")
        )

    def provider(self, number: str) -> Answer:
        """Provider Details, before the Portal was asked."""
        return self._page.get(self._address(number))

    def portal_section(self, number: str) -> Answer:
        """What the Portal has for the provider, asked for as the page does."""
        return self._ask(number, "/matches", "section#cpse-portal")

    def check_now(self, number: str) -> Answer:
        """Check now, and the page that it leads to."""
        token = self.provider(number).fields("form#cpse-profile")["csrf_token"]
        return self._page.post(self._address(number, "/operations"), {"csrf_token": token})

    def admin_users(self, number: str) -> Answer:
        """Retrieve Admin Users."""
        return self._ask(number, "/admin-users?retrieve=1", "section#cpse-provider-tab")

    def history(self, number: str) -> Answer:
        """The tab History."""
        return self._ask(number, "/history", "section#cpse-provider-tab")

    def npi_name(self, npi: str, kind: str = "agency") -> Answer:
        """The name that belongs to an NPI."""
        address = f"/cpse/npi/{npi}?type={kind}"
        if not self.fragments:
            return self._page.get(address)
        self.provider("TC-1004")
        return self._page.htmx_get(address, "div#cpse-npi-name")

    def profile_form(self, number: str) -> Form:
        """The tab Billing Provider Profile as it is opened."""
        return self._form(self.provider(number), self._address(number))

    def link_form(self, number: str, portal_id: str) -> Form:
        """Confirm the match."""
        return self.confirmation(number, f"/association/confirm?portal_id={portal_id}", "/association")

    def addition_form(self, number: str) -> Form:
        """The look at what will be sent."""
        return self.confirmation(number, "/portal-provider/new", "/portal-provider")

    def unlink_form(self, number: str, reason: str = "Linked to the wrong provider.") -> Form:
        """The reason for an unlink."""
        return self.confirmation(number, "/association/end").typed(reason=reason)

    def decision_form(self, number: str, keep: str, reason: str = "The other one is from before the move.") -> Form:
        """The decision which link holds; an empty text keeps none."""
        path = "/association/decision"
        return self.confirmation(number, path + (f"?keep={keep}" if keep else ""), path).typed(reason=reason)

    def invitation_form(self, number: str, email: str = "amy.lowe@therapy.example") -> Form:
        """Invite New Admin User, filled in."""
        asked = self._ask(number, "/invitations/new", "section#cpse-provider-tab")
        form = self._form(asked, self._address(number, "/invitations"))
        return form.typed(first_name="Amy", last_name="Lowe", email=email, email_again=email)

    def change_form(self, number: str, invitation_id: str, change: str) -> Form:
        """The question before Send again (`send-again`) or Revoke (`revoke`)."""
        self.admin_users(number)
        return self.confirmation(number, f"/invitations/{invitation_id}/{change}")

    def confirmation(self, number: str, question: str, form: str | None = None) -> Form:
        """What is asked before an operation at an address below the provider's; its form has the same or another."""
        return self._form(self._dialog(number, question), self._address(number, form or question))

    def send(self, form: Form) -> Answer:
        """Send a form."""
        return (self._page.htmx_post if self.fragments else self._page.post)(form.action, form.fields)

    def follow(self, number: str, path: str) -> Answer:
        """Open a link that leads to a dialog."""
        return self._dialog(number, path)

    def _ask(self, number: str, path: str, target: str) -> Answer:
        if not self.fragments:
            return self._page.get(self._address(number, path))
        self.provider(number)
        return self.ask(self._address(number, path), target)

    def ask(self, address: str, target: str) -> Answer:
        """What the page that is open asks for by itself."""
        return self._page.htmx_get(address, target)

    def _dialog(self, number: str, path: str) -> Answer:
        return self._ask(number, path, "div#cpse-dialog")

    def _address(self, number: str, path: str = "") -> str:
        return f"/cpse/providers/{by_number(self._cpse, number).id}{path}"

    @staticmethod
    def _form(answer: Answer, action: str) -> Form:
        return Form(action, answer.fields(f'form[method="post"][action="{action}"]'))

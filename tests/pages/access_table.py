"""Every address, with every method and for everybody: what comes back, asked of the running intranet.

`python -m tests.pages.access_table` writes the answers into docs/access.md, which a test compares.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import requests
from flask import Flask
from werkzeug.routing import Rule

from cpse_plugin.domain.access import Action, Role, Staff
from cpse_plugin.sandbox.runner import Sandbox
from cpse_plugin.web.access import PUBLIC, declared_access
from tests.sign_in.world import Browser

DOCUMENT = Path(__file__).parents[2] / "docs" / "access.md"
BEGIN, END = "<!-- the table begins -->", "<!-- the table ends -->"
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
NOBODY, WITHOUT_ROLE = "nobody", "no role"
# Who asks, with the person's identifier at the sandbox's identity provider.
PEOPLE = {
    NOBODY: None,
    WITHOUT_ROLE: "7f3c2a13-nobody",
    "reader": "7f3c2a10-reader",
    "editor": "7f3c2a11-editor",
    "inviter": "7f3c2a12-inviter",
}
# The provider that every address is asked about: it is linked, and an invitation is pending.
PROVIDER = "TC-1014"
ANYONE = "anyone"


@dataclass(frozen=True, slots=True)
class Row:
    """One address with one method. `least` is the role that it takes, or `ANYONE`."""

    address: str
    method: str
    least: str
    statuses: tuple[int, ...]

    @property
    def line(self) -> str:
        """The row in Markdown."""
        return (
            f"| `{self.address}` | {self.method} | {self.least} | {' | '.join(str(code) for code in self.statuses)} |"
        )


class Intranet:
    """The sandbox's intranet, with a browser for everybody in `PEOPLE`."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.app: Flask = sandbox.intranet
        self.portal = sandbox.portal.faults
        self._url = sandbox.intranet_url
        self.browsers = {who: self._browser(who) for who in PEOPLE}
        provider = self.app.extensions["cpse"].providers.by_county_ids([PROVIDER])[PROVIDER]
        self._values = {
            "provider_id": provider.id,
            "form_id": uuid4(),
            "county_provider_id": PROVIDER,
            "npi": "1999101011",
            "invitation_id": "none",
            "filename": self.app.extensions["cpse"].assets["cpse.css"].name,
        }

    def ask(self, who: str, rule: Rule, method: str, **headers: str) -> requests.Response:
        """Send one request. A form is filled in as far as it takes to be read, and changes nothing."""
        # Who has signed out is gone, and the rows after it need the person.
        browser = self._browser(who) if rule.endpoint == "cpse.sign_out" else self.browsers[who]
        form = {"operation_id": str(uuid4()), "portal_id": "none"}
        return browser.request(
            method,
            browser.absolute(self.address(rule)),
            data=form if method == "POST" else None,
            headers=headers,
            allow_redirects=False,
            timeout=30,
        )

    def address(self, rule: Rule) -> str:
        """The rule's address for the provider that all are asked about."""
        built = rule.build(dict(self._values), append_unknown=False)
        if built is None:
            raise LookupError(f"{rule.rule} has a part that this table does not know")
        return str(built[1])

    def least(self, rule: Rule) -> str:
        """The role that a rule's view declares."""
        access = declared_access(self.app.view_functions[rule.endpoint])
        if access == PUBLIC:
            return ANYONE
        if not isinstance(access, Action):
            raise LookupError(f"{rule.endpoint} declares no permission")
        return min(role for role in Role if Staff("x", "x", None, role).may(access)).name.lower()

    def _browser(self, who: str) -> Browser:
        browser = Browser(self._url)
        person = PEOPLE[who]
        if person is not None:
            browser.sign_in(person)
        return browser


@contextmanager
def running_intranet() -> Iterator[Intranet]:
    """Start a sandbox. Tokens against forged requests are left out here, or every refusal of a form would be theirs."""
    with Sandbox(settings={"WTF_CSRF_ENABLED": False}) as sandbox:
        yield Intranet(sandbox)


def rules(app: Flask) -> list[Rule]:
    """The plugin's rules, in the order of the table, without what leads nowhere."""
    found = (rule for rule in app.url_map.iter_rules() if rule.endpoint.startswith("cpse."))
    shown = (rule for rule in found if rule.endpoint != "cpse.unknown")
    return sorted(shown, key=lambda rule: (rule.rule, methods(rule)))


def methods(rule: Rule) -> tuple[str, ...]:
    """The methods that a rule declares itself; Flask adds HEAD and OPTIONS."""
    return tuple(sorted(set(rule.methods or ()) - {"HEAD", "OPTIONS"}))


def table(intranet: Intranet, ask: Callable[[str, Rule, str], int]) -> list[Row]:
    """Ask for everything."""
    return [
        Row(rule.rule, method, intranet.least(rule), tuple(ask(who, rule, method) for who in PEOPLE))
        for rule in rules(intranet.app)
        for method in methods(rule)
    ]


def asked(intranet: Intranet) -> list[Row]:
    """The table as it is now."""
    return table(intranet, lambda who, rule, method: intranet.ask(who, rule, method).status_code)


def markdown(rows: list[Row]) -> str:
    """The table of the document."""
    head = f"| address | method | least role | {' | '.join(PEOPLE)} |"
    return "\n".join([head, "|---" * (3 + len(PEOPLE)) + "|", *(row.line for row in rows)])


def documented() -> str:
    """The table as docs/access.md has it."""
    return DOCUMENT.read_text(encoding="utf-8").split(BEGIN)[1].split(END)[0].strip()


def write() -> None:
    """Bring docs/access.md up to date."""
    with running_intranet() as intranet:
        made = markdown(asked(intranet))
    before, _, rest = DOCUMENT.read_text(encoding="utf-8").partition(BEGIN)
    after = rest.partition(END)[2]
    DOCUMENT.write_text(f"{before}{BEGIN}\n{made}\n{END}{after}", encoding="utf-8")


if __name__ == "__main__":
    write()

"""What every template of the plugin can use under the name `cpse`."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import uuid4

from flask import request, url_for

from ..domain.access import Action, Staff
from ..services.sign_in_sessions import LiveSession
from ..sign_in import current_session, current_staff
from . import addresses, kept_forms
from .embed import OWN_LAYOUT, Shown, framing_origins, layout, shown
from .parts import parts
from .pieces import HostContext
from .words import SCRIPT_NPI_WORDS, day, moment


@dataclass(frozen=True, slots=True)
class PageContext(HostContext):
    """The county's name, the person who looks, and small helpers.

    `kept_form` says why the page's form holds what was typed before the person signed in again; see `kept_forms`.
    """

    county_name: str
    base_template: str
    county_stylesheet: str | None
    staff: Staff | None
    session: LiveSession | None
    kept_form: str | None
    npi_words: dict[str, str]
    shown: Shown

    def may(self, action: str) -> bool:
        """Whether the person may do the action of this name."""
        return self.staff is not None and self.staff.may(Action(action))

    @property
    def host_signs_in(self) -> bool:
        """Whether people sign in at the host, and not at the identity provider."""
        return parts().oidc is None

    def sign_in_address(self, next_page: str | None) -> str | None:
        """Where a person signs in who is to go on to `next_page`; None where the host has not told where that is."""
        if not self.host_signs_in:
            return url_for("cpse.sign_in", next=next_page)
        sign_in_url = parts().host.sign_in_url
        return sign_in_url(next_page or url_for("cpse.home")) if sign_in_url is not None else None

    @property
    def has_own_layout(self) -> bool:
        """Whether the page stands in the plugin's own layout and not in the host's."""
        return self.base_template == OWN_LAYOUT

    @property
    def is_framed(self) -> bool:
        """Whether the page stands in another site's frame, without the chrome."""
        return self.shown is Shown.FRAMED

    @property
    def is_further_piece(self) -> bool:
        """Whether the page has a piece already, and with it what a page needs once."""
        return self.shown is Shown.FURTHER_PIECE

    def framing_origins(self) -> str:
        """Who may frame the page, with spaces between them."""
        own = f"{request.scheme}://{request.host}"
        return " ".join(framing_origins(parts().settings.frame_ancestors, own))

    def here(self) -> str:
        """Path and query of this page."""
        return addresses.here()

    def day(self, value: date) -> str:
        """A day as it stands on the screen."""
        return day(value)

    def moment(self, value: datetime) -> str:
        """A moment as it stands on the screen."""
        return moment(value)

    def new_operation_id(self) -> str:
        """A number for a form that makes the Portal do something."""
        return str(uuid4())


def context() -> dict[str, Any]:
    """The context processor of the plugin's own pages."""
    return {"cpse": page_context()}


def page_context() -> PageContext:
    """What the templates of this request's answer can use."""
    settings = parts().settings
    return PageContext(
        county_name=settings.county_name,
        base_template=layout(),
        county_stylesheet=settings.stylesheet,
        staff=current_staff(),
        session=current_session(),
        kept_form=kept_forms.notice(),
        npi_words=SCRIPT_NPI_WORDS,
        shown=shown(),
    )

"""What every template of the plugin can use under the name `cpse`."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import uuid4

from flask import url_for

from ..domain.access import Action, Staff
from ..services.sign_in_sessions import LiveSession
from ..sign_in import current_session, current_staff
from . import kept_forms
from .parts import parts
from .words import NPI_WORDS, day, moment


@dataclass(frozen=True, slots=True)
class PageContext:
    """The county's name, the person who looks, and small helpers.

    `kept_form` says why the page's form holds what was typed before the person signed in again; see `kept_forms`.
    """

    county_name: str
    base_template: str
    staff: Staff | None
    session: LiveSession | None
    kept_form: str | None
    npi_words: dict[str, str]
    asset_versions: dict[str, str]

    def may(self, action: str) -> bool:
        """Whether the person may do the action of this name."""
        return self.staff is not None and self.staff.may(Action(action))

    def asset(self, filename: str) -> str:
        """The address of a static file; it changes with the file's content, so that it can be cached for a year."""
        return url_for("cpse.static", filename=filename, v=self.asset_versions[filename])

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
    settings = parts().settings
    page = PageContext(
        county_name=settings.county_name,
        base_template=settings.base_template,
        staff=current_staff(),
        session=current_session(),
        kept_form=kept_forms.notice(),
        npi_words=NPI_WORDS,
        asset_versions=parts().asset_versions,
    )
    return {"cpse": page}

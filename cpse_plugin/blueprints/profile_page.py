"""The page of a provider with the tab Billing Provider Profile, in each state that it can be in."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from flask import Response, request, url_for
from jinja2_fragments.flask import render_block
from markupsafe import Markup

from ..domain.differences import FieldComparison
from ..domain.portal_records import PortalProvider
from ..domain.providers import CountyProvider, Profile
from ..forms import ProfileForm
from ..operations.kind import Operation
from ..operations.links import LinkOperation
from ..services.association import Match
from ..services.claims import Claims
from ..services.history import shown_profile
from ..services.npi import NpiAnswer
from ..web.answers import page_or_block
from ..web.outcomes import Problem
from ..web.parts import parts

# Seconds before what was busy is asked again by itself, the first time and the second.
PAUSES = (2, 5)
_LONGEST_PAUSE = 15
# More than a provider has open at once; an address that names more was not made here.
_MOST_CHECKED = 50


@dataclass(frozen=True, slots=True)
class ConflictRow:
    """A field that two people have set to different values."""

    label: str
    theirs: str
    yours: str

    @property
    def differs(self) -> bool:
        """Whether the two values differ."""
        return self.theirs != self.yours


@dataclass(frozen=True, slots=True)
class Conflict:
    """A profile that somebody else has saved since the form was opened."""

    current: CountyProvider
    rows: tuple[ConflictRow, ...]

    @classmethod
    def between(cls, current: CountyProvider, yours: Profile) -> "Conflict":
        """Set what stands now beside what was typed."""
        theirs, mine = shown_profile(current.profile), shown_profile(yours)
        return cls(current, tuple(ConflictRow(label, theirs[label], mine[label]) for label in theirs))


@dataclass(frozen=True, slots=True)
class OperationReport:
    """What was left open for a provider: finished by this request, or still not known."""

    finished: Sequence[Operation] = ()
    still_open: Sequence[Operation] = ()

    @classmethod
    def of_visit(cls, provider_id: int) -> "OperationReport":
        """Look into what was left open for a provider, and report; nothing is sent that changes the Portal."""
        operations = parts().operations
        found = operations.look_into(provider_id)
        # What Check now has ended, before it led here.
        checked = request.args.get("checked", "").split(",")[:_MOST_CHECKED]
        earlier = operations.ended(provider_id, checked) if checked[0] else ()
        return cls(finished=(*earlier, *found.ended), still_open=found.still_open)

    @property
    def link_is_open(self) -> bool:
        """Whether what was left open is about the provider's link."""
        return any(operation.kind.is_of_link for operation in self.still_open)


@dataclass(frozen=True, slots=True)
class AskedAgain:
    """That a page asks again by itself after so many seconds, for the `time`-th time."""

    seconds: int
    time: int

    @classmethod
    def after(cls, problem: Problem, times: str) -> "AskedAgain | None":
        """Ask again what may pass by itself and was asked again so many `times` already, at most twice.

        Where the Portal says how long it takes, so long; what takes longer than somebody waits is left to the person.
        """
        done = int(times) if times in ("0", "1") else len(PAUSES)
        if not problem.may_pass or done >= len(PAUSES):
            return None
        seconds = max(PAUSES[done], problem.retry_after or 0)
        return cls(seconds, done + 1) if seconds <= _LONGEST_PAUSE else None


@dataclass(frozen=True, slots=True)
class PortalSection:
    """The lower part of the page: the matches of a provider, or the details of the one that it is linked to.

    Where it is `pending`, the page asks for it once it stands.
    """

    pending: bool = True
    matches: Sequence[Match] = ()
    portal: PortalProvider | None = None
    claims: Claims | None = None
    differences: Sequence[FieldComparison] = ()
    operations: OperationReport = OperationReport()
    message: str | None = None
    problem: Problem | None = None
    asked_again: AskedAgain | None = None


@dataclass(frozen=True, slots=True)
class ProfilePage:
    """All that the page shows. `done` is what was just completed, for a box that confirms it."""

    provider: CountyProvider
    form: ProfileForm | None = None
    conflict: Conflict | None = None
    problem: Problem | None = None
    section: PortalSection = PortalSection()
    npi_answer: NpiAnswer | None = None
    done: type[LinkOperation[Any, Any]] | None = None
    is_saved: bool = False

    def context(self) -> dict[str, Any]:
        """What the template needs."""
        form = self.form or ProfileForm.of(self.provider)
        name = ""
        if self.npi_answer is not None:
            known = {"answer": self.npi_answer, "provider_type": form.type.data}
            name = render_block("cpse/npi/show.html", "cpse_answer", **known)
        return {
            "provider": self.provider,
            "form": form,
            "conflict": self.conflict,
            "problem": self.problem,
            "section": self.section,
            # The block was escaped when it was rendered.
            "npi_name": Markup(name),  # noqa: S704
            "done": self.done,
            "is_saved": self.is_saved,
            "tabs": tab_items(self.provider, "profile"),
        }

    def respond(self, status: int = 200, block: str = "cpse_provider_tab") -> Response:
        """Answer with the page, or with the block to htmx."""
        return page_or_block("cpse/providers/profile.html", block, status, **self.context())


def tab_items(provider: CountyProvider, current: str) -> list[tuple[str, str, bool]]:
    """The tabs of a provider's page, each with its address."""
    return [
        ("Billing Provider Profile", url_for("cpse.provider", provider_id=provider.id), current == "profile"),
        ("Provider Admin Users", url_for("cpse.admin_users", provider_id=provider.id), current == "admin-users"),
        ("History", url_for("cpse.history", provider_id=provider.id), current == "history"),
    ]

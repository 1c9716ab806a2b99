"""How a person is asked before an operation, and what the answer leads to."""

from collections.abc import Mapping
from typing import Any, Generic, TypeVar
from uuid import UUID

from flask import Blueprint, Response, redirect, request, url_for
from flask.typing import ResponseReturnValue
from limits import RateLimitItem

from ..domain.access import Staff
from ..domain.providers import CountyProvider
from ..forms import OperationForm
from ..operations.kind import OperationKind
from ..portal.gateway import PortalError
from ..services.errors import ServiceError, done_already
from ..web.access import requires, signed_in_staff
from ..web.answers import also, page_or_dialog
from ..web.htmx import into_dialog, wants_fragment
from ..web.outcomes import Problem, describe
from ..web.parts import parts
from ..web.rate_limit import limited
from .profile_page import ProfilePage

Form = TypeVar("Form", bound=OperationForm)
# What an address names beside the provider, such as an invitation.
Place = Mapping[str, str]


class NotAskable(Exception):
    """There is nothing to ask any more; the problem says why."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.title)
        self.problem = problem


class Asking(Generic[Form]):
    """Asks for one kind of operation: in a dialog over the page, or on a page of its own where there is no script.

    `question_at` and `form_at` are the addresses of the question and of its form, below the provider's own. `about`
    names what the question's address says of the form, and `template` shows what there is beside the kind's words.
    """

    kind: type[OperationKind[Any, Any]]
    question_at: str
    form_at: str
    form: type[Form]
    about: tuple[str, ...] = ()
    template: str | None = None
    limit: RateLimitItem | None = None

    @property
    def name(self) -> str:
        """The form's endpoint; the question's has `confirm_` in front."""
        return self.kind.name.replace("-", "_")

    @property
    def crumb(self) -> str:
        """The last words of the way to its page."""
        return self.kind.question

    def register(self, parent: Blueprint) -> None:
        """Put both routes on the parent blueprint."""

        @requires(self.kind.permission)
        def ask(provider_id: int, **place: str) -> ResponseReturnValue:
            return self.ask(parts().providers.get(provider_id, signed_in_staff()), place)

        @requires(self.kind.permission)
        def take(provider_id: int, **place: str) -> ResponseReturnValue:
            return self.take(parts().providers.get(provider_id, signed_in_staff()), place)

        if self.limit is not None:
            take = limited(self.limit)(take)
        below = "/providers/<int:provider_id>"
        for name, address, view, method in (
            (f"confirm_{self.name}", self.question_at, ask, "GET"),
            (self.name, self.form_at, take, "POST"),
        ):
            view.__name__ = name
            parent.add_url_rule(f"{below}/{address}", name, view, methods=[method])

    def ask(self, provider: CountyProvider, place: Place) -> ResponseReturnValue:
        """The question, with what it is about in its form. Raises `PortalError` and `ServiceError`."""
        about = {name: request.args.get(name, "") for name in self.about}
        return self.question(provider, self.form(formdata=None, data=about), place)

    def question(self, provider: CountyProvider, form: Form, place: Place, problem: Problem | None = None) -> Response:
        """The question as both sides now stand. Raises `PortalError` and `ServiceError`."""
        try:
            return self.answer(provider, form, place, problem, self.shown(provider, form, place))
        except NotAskable as error:
            return self.answer(provider, form, place, problem or error.problem, None)

    def shown(self, provider: CountyProvider, form: Form, place: Place) -> dict[str, Any]:  # noqa: ARG002
        """What the template shows; the form is told what a person sees.

        Raises `NotAskable`, `PortalError`, `ServiceError`.
        """
        return {}

    def take(self, provider: CountyProvider, place: Place) -> ResponseReturnValue:
        """Carry out what the form says."""
        staff = signed_in_staff()
        form, operation_id = self.form.sent()
        if not form.validate():
            return into_dialog(self.question(provider, form, place))
        try:
            present = self.carry_out(provider, form, place, operation_id, staff)
        except (PortalError, ServiceError) as error:
            return self.refused(provider, form, place, error)
        with done_already():
            return self.completed(present, place)

    def carry_out(
        self, provider: CountyProvider, form: Form, place: Place, operation_id: UUID, staff: Staff
    ) -> CountyProvider:
        """Do it; return the provider as it then stands. Raises `PortalError` and `ServiceError`."""
        said = {**form.said(), **place}
        return parts().operations.carry_out(self.kind.name, provider.id, said, form=operation_id, staff=staff)[1]

    def refused(self, provider: CountyProvider, form: Form, place: Place, error: Exception) -> Response:
        """The question again, with what kept the operation from being carried out; alone if it cannot be had."""
        problem = self.problem(provider, error)
        try:
            # The provider too may have changed meanwhile.
            present = parts().providers.read(provider.id)
            return into_dialog(self.question(present, form, place, problem))
        except (PortalError, ServiceError):
            return into_dialog(self.answer(provider, form, place, problem, None))

    def problem(self, provider: CountyProvider, error: Exception) -> Problem:  # noqa: ARG002
        """What kept the operation from being carried out, in words."""
        return describe(error)

    def completed(self, provider: CountyProvider, place: Place) -> ResponseReturnValue:  # noqa: ARG002
        """The page as it now stands, with a box that confirms what was done."""
        if not wants_fragment():
            done = self.kind.history.value
            return redirect(url_for("cpse.matches", provider_id=provider.id, done=done), 303)
        page = ProfilePage(provider).respond()
        return also(page, "cpse/operations/_after.html", kind=self.kind, provider=provider)

    def button(self, form: Form) -> tuple[str, bool]:  # noqa: ARG002
        """The words of the button, and whether it is grave to click it."""
        return self.kind.button, self.kind.is_grave

    def page_address(self, provider: CountyProvider) -> str:
        """The page that a person comes from."""
        return url_for("cpse.provider", provider_id=provider.id)

    def way_back(self, provider: CountyProvider) -> str:
        """Where Cancel leads."""
        return url_for("cpse.matches", provider_id=provider.id)

    def answer(
        self,
        provider: CountyProvider,
        form: Form,
        place: Place,
        problem: Problem | None,
        shown: dict[str, Any] | None,
    ) -> Response:
        """Without `shown`, what is wrong and the way back are all that there is."""
        return page_or_dialog(
            "cpse/operations/confirm.html",
            problem.status if problem else 422 if form.errors else 200,
            asking=self,
            kind=self.kind,
            provider=provider,
            form=form,
            place=place,
            problem=problem,
            can_be_sent=shown is not None,
            **(shown or {}),
        )

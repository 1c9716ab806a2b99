"""What people see of the Portal: the page behind an invitation's link, and the sign-in."""

import re
from typing import Any

from flask import Blueprint, Response, make_response, redirect, render_template, request, url_for

from .invitations import Invitations, Link, LinkState

MIN_PASSWORD_LENGTH = 12
_LONGEST_PASSWORD = 200
_USERNAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{2,39}")
_STATUS = {LinkState.UNKNOWN: 404}
_REFUSALS = {
    "unknown": "The username or the password is not right.",
    "locked": "This account is locked. Ask another admin user of your agency, or the county.",
    "disabled": "This account is disabled. Ask another admin user of your agency, or the county.",
}


def create_pages(invitations: Invitations) -> Blueprint:
    """The pages, which work without JavaScript and are kept by no cache."""
    blueprint = Blueprint("pages", __name__)

    @blueprint.get("/")
    def home() -> str:
        return render_template("portal/home.html")

    @blueprint.get("/invitations/<token>")
    def invitation(token: str) -> Response:
        return _invitation_page(invitations.follow(token))

    @blueprint.post("/invitations/<token>")
    def accept(token: str) -> Response:
        link = invitations.follow(token)
        if link.state is not LinkState.OPEN:
            return _invitation_page(link)
        username = request.form.get("username", "").strip()
        errors = _faults(username, request.form.get("password", ""), request.form.get("password_again", ""))
        if not errors:
            outcome = invitations.accept(token, username, request.form["password"])
            if outcome is LinkState.ACCEPTED:
                return make_response(redirect(url_for("pages.accepted"), 303))
            if outcome is not LinkState.OPEN:
                return _invitation_page(invitations.follow(token))
            errors = {"username": "Somebody else has this username. Choose another one."}
        return _invitation_page(link, username=username, errors=errors, status=422)

    @blueprint.get("/invitations/accepted")
    def accepted() -> str:
        return render_template("portal/accepted.html")

    @blueprint.get("/sign-in")
    def sign_in() -> str:
        return render_template("portal/sign_in.html", username="", error="")

    @blueprint.post("/sign-in")
    def check() -> tuple[str, int]:
        username = request.form.get("username", "").strip()
        status, user = invitations.sign_in(username, request.form.get("password", ""))
        if status != "active":
            return render_template("portal/sign_in.html", username=username, error=_REFUSALS[status]), 422
        return render_template("portal/signed_in.html", user=user), 200

    @blueprint.after_request
    def protect(response: Response) -> Response:
        # The address of an invitation is as good as a password: no cache and no other site may learn it.
        response.headers["Cache-Control"] = "no-store"
        response.headers["Referrer-Policy"] = "no-referrer"
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.headers["Content-Security-Policy"] = (
            "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
        )
        return response

    return blueprint


def _invitation_page(link: Link, status: int = 200, **context: Any) -> Response:
    html = render_template(
        "portal/invitation.html",
        link=link,
        states=LinkState,
        min_length=MIN_PASSWORD_LENGTH,
        **{"username": "", "errors": {}, **context},
    )
    return make_response(html, _STATUS.get(link.state, status))


def _faults(username: str, password: str, again: str) -> dict[str, str]:
    """What is wrong with each field of the form."""
    errors = {}
    if not _USERNAME.fullmatch(username):
        errors["username"] = (
            "Use 3 to 40 letters, digits, dots, hyphens and underscores; begin with a letter or a digit."
        )
    if len(password) < MIN_PASSWORD_LENGTH:
        errors["password"] = f"Use {MIN_PASSWORD_LENGTH} characters or more."
    elif len(password) > _LONGEST_PASSWORD:
        errors["password"] = f"Use {_LONGEST_PASSWORD} characters at most."
    elif username and username.casefold() in password.casefold():
        errors["password"] = "Do not use the username in the password."
    elif password != again:
        errors["password_again"] = "The two passwords are not the same. Type it again."
    return errors

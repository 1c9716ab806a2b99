"""Signing in and out."""

import logging

from flask import Blueprint, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue

from ..sign_in import (
    AuthorizationAnswer,
    Identity,
    NotBegunHere,
    SignInFailed,
    current_staff,
    parts,
    pending,
    person_without_role,
    remember_without_role,
    safe_next_page,
    sign_in,
    sign_out,
)
from ..web.access import public

_LOGGER = logging.getLogger("cpse_plugin.sign_in")


def register(parent: Blueprint) -> None:
    """Put the addresses on the plugin's blueprint."""
    parent.add_url_rule("/sign-in", "sign_in", _begin, methods=["GET"])
    parent.add_url_rule("/sign-in/callback", "sign_in_callback", _finish, methods=["GET"])
    parent.add_url_rule("/sign-out", "sign_out", _end, methods=["POST"])
    parent.add_url_rule("/signed-out", "signed_out", _ended, methods=["GET"])


@public
def _begin() -> ResponseReturnValue:
    """Send the person to the identity provider; with `again`, also one whom it has signed in without a role."""
    next_page = safe_next_page(request.args.get("next"))
    if current_staff() is not None:
        return redirect(next_page or url_for("cpse.providers"))
    client = parts().oidc
    if client is None:
        return render_template("cpse/sign_in/by_the_host.html", next_page=next_page), 403
    if person_without_role() is not None and "again" not in request.args:
        return _without_role(next_page)
    try:
        begun, address = client.begin(_redirect_uri(), next_page)
    except SignInFailed as failure:
        return _failed(failure, next_page)
    pending.keep(session, begun)
    return redirect(address)


@public
def _finish() -> ResponseReturnValue:
    """Sign the person in with what the identity provider sent back."""
    client = parts().oidc
    next_page = None
    try:
        answer = AuthorizationAnswer.from_query(request.args)
        begun = pending.take(session, answer.state)
        if begun is None or client is None:
            if current_staff() is not None:
                # Somebody went back in the browser's history; they are signed in as they were.
                return redirect(url_for("cpse.providers"))
            raise NotBegunHere("the state is none that this browser has open")
        next_page = begun.next_page
        identity = client.finish(answer, begun, _redirect_uri())
    except SignInFailed as failure:
        return _failed(failure, next_page)
    return _admit(identity, next_page)


@public
def _end() -> ResponseReturnValue:
    """Sign out here, then at the identity provider."""
    address = _provider_sign_out()
    sign_out()
    if address is None:
        return redirect(url_for("cpse.signed_out"), 303)
    # The way on is a page and no redirect: a Content-Security-Policy with `form-action 'self'` stops a form that is
    # redirected to another host.
    return render_template("cpse/sign_in/signing_out.html", address=address)


@public
def _ended() -> ResponseReturnValue:
    """Say that the person is signed out, unless the host says otherwise."""
    return render_template("cpse/sign_in/signed_out.html", still_signed_in=current_staff() is not None)


def _admit(identity: Identity, next_page: str | None) -> ResponseReturnValue:
    staff = identity.as_staff(parts().settings.role_map)
    if staff is None:
        _LOGGER.warning("signed in without a role: none of %d groups gives one", len(identity.groups))
        remember_without_role(identity.name)
        return _without_role(next_page)
    sign_in(staff)
    return redirect(next_page or url_for("cpse.providers"))


def _without_role(next_page: str | None) -> ResponseReturnValue:
    roles: dict[str, list[str]] = {}
    for group, role in sorted(parts().settings.role_map.items(), key=lambda pair: (pair[1], pair[0])):
        roles.setdefault(role.name.lower(), []).append(group)
    return (
        render_template(
            "cpse/sign_in/without_role.html", name=person_without_role(), groups_by_role=roles, next_page=next_page
        ),
        403,
    )


def _failed(failure: SignInFailed, next_page: str | None) -> ResponseReturnValue:
    _LOGGER.warning("sign-in refused: %s", failure.reason)
    return (
        render_template("cpse/sign_in/failed.html", sentence=failure.sentence, next_page=next_page),
        failure.status,
    )


def _provider_sign_out() -> str | None:
    client = parts().oidc
    if client is None or (current_staff() is None and person_without_role() is None):
        return None
    try:
        return client.sign_out_address(url_for("cpse.signed_out", _external=True))
    except SignInFailed as failure:
        # The person wants to be gone from here; that the provider does not answer is no reason to stay.
        _LOGGER.warning("no sign-out at the identity provider: %s", failure.reason)
        return None


def _redirect_uri() -> str:
    return url_for("cpse.sign_in_callback", _external=True)

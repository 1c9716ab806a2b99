"""Signing in and out."""

import logging

from flask import Blueprint, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue

from ..domain.access import Staff
from ..domain.text import clean_text
from ..services.sign_in_sessions import RoleCheck
from ..sign_in import (
    AuthorizationAnswer,
    Identity,
    NotBegunHere,
    OidcClient,
    ProviderRefused,
    ProviderUnavailable,
    SignInFailed,
    WithoutRole,
    comes_without_cookie,
    current_session,
    current_staff,
    parts,
    pending,
    person_without_role,
    remember_without_role,
    safe_next_page,
    session_id,
    sign_in,
    sign_out_of_frames_too,
)
from ..web.access import public
from ..web.addresses import here
from ..web.htmx import client_redirect, is_htmx
from ..web.rate_limit import SIGN_IN, limited
from ..web.request_log import note_error

_LOGGER = logging.getLogger("cpse_plugin.sign_in")
# So many of a person's groups are named in the log.
_FIRST_GROUPS = 10


def register(parent: Blueprint) -> None:
    """Put the addresses on the plugin's blueprint."""
    parent.add_url_rule("/sign-in", "sign_in", _begin, methods=["GET"])
    parent.add_url_rule("/sign-in/callback", "sign_in_callback", _finish, methods=["GET"])
    parent.add_url_rule("/sign-out", "sign_out", _end, methods=["POST"])
    parent.add_url_rule("/signed-out", "signed_out", _ended, methods=["GET"])


@public
@limited(SIGN_IN)
def _begin() -> ResponseReturnValue:
    """Send the person to the identity provider; with `again`, also one whom it has signed in without a role."""
    next_page = safe_next_page(request.args.get("next"))
    live = current_session()
    if current_staff() is not None and (live is None or live.role_check is RoleCheck.FRESH):
        return redirect(next_page or url_for("cpse.providers"))
    client = parts().oidc
    if client is None:
        contact = parts().settings.contact
        return render_template("cpse/sign_in/by_the_host.html", next_page=next_page, contact=contact), 403
    if person_without_role() is not None and "again" not in request.args:
        return _without_role(next_page)
    if live is not None and "again" not in request.args:
        return _ask_for_the_role(client, next_page)
    return _go_to_provider(client, next_page)


def _ask_for_the_role(client: OidcClient, next_page: str | None) -> ResponseReturnValue:
    """Let the identity provider say anew what the person may do; the person notices nothing of it.

    While the provider is down, whoever is signed in goes on with the role last known, and it is asked a minute later.
    """
    try:
        client.make_sure_it_answers()
    except SignInFailed as failure:
        return _go_on_with_role(failure, next_page)
    return _go_to_provider(client, next_page, silent=True)


def _go_on_with_role(failure: SignInFailed, next_page: str | None) -> ResponseReturnValue:
    _LOGGER.warning("a role could not be confirmed: %s", failure.reason)
    parts().sessions.postpone_role_check(session_id() or "")
    return redirect(next_page or url_for("cpse.providers"))


def _go_to_provider(client: OidcClient, next_page: str | None, *, silent: bool = False) -> ResponseReturnValue:
    try:
        begun, address = client.begin(_redirect_uri(), next_page, silent=silent)
    except SignInFailed as failure:
        return _failed(failure, next_page)
    pending.keep(session, begun)
    return redirect(address)


@public
@limited(SIGN_IN)
def _finish() -> ResponseReturnValue:
    """Sign the person in with what the identity provider sent back."""
    if comes_without_cookie():
        return render_template("cpse/sign_in/coming_back.html", address=here())
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
    except (ProviderRefused, ProviderUnavailable) as failure:
        if begun is None or client is None or not begun.silent:
            return _failed(failure, next_page)
        if isinstance(failure, ProviderUnavailable):
            return _go_on_with_role(failure, next_page)
        # The person is not signed in there any more, so it has to ask; until it has, nobody is signed in here. The id
        # of the session stays with the browser: it tells whose form it is that somebody had begun to fill in.
        parts().sessions.end_sign_in(session_id() or "")
        return _go_to_provider(client, next_page)
    except SignInFailed as failure:
        return _failed(failure, next_page)
    return _admit(identity, next_page, silent=begun.silent)


@public
def _end() -> ResponseReturnValue:
    """Sign out here, then at the identity provider."""
    address, staff = _provider_sign_out(), current_staff()
    sign_out_of_frames_too()
    if staff is not None:
        _LOGGER.info("%s signed out", staff.subject)
    if address is None:
        return redirect(url_for("cpse.signed_out"), 303)
    if is_htmx():
        # A host's own boosted form; a page of ours has no place in the host's.
        return client_redirect(address)
    # The way on is a page and no redirect: a Content-Security-Policy with `form-action 'self'` stops a form that is
    # redirected to another host.
    return render_template("cpse/sign_in/signing_out.html", address=address)


@public
def _ended() -> ResponseReturnValue:
    """Say that the person is signed out, unless the host says otherwise."""
    return render_template("cpse/sign_in/signed_out.html", still_signed_in=current_staff() is not None)


def _admit(identity: Identity, next_page: str | None, *, silent: bool) -> ResponseReturnValue:
    staff = identity.as_staff(parts().settings.role_map) or (_role_last_known(identity) if silent else None)
    if staff is None:
        _LOGGER.warning("%s signed in without a role: %s", identity.subject, _what_came(identity))
        remember_without_role(identity)
        # The page has an address of its own, so that loading it again does not send the answer a second time.
        return redirect(url_for("cpse.sign_in", next=next_page))
    sign_in(staff, identity, silent=silent)
    _LOGGER.info("%s signed in as %s", staff.subject, staff.role.name.lower())
    return redirect(next_page or url_for("cpse.providers"))


def _role_last_known(identity: Identity) -> Staff | None:
    """The person as known so far, where the provider says that it has left the groups out: that takes no role away.

    A claim that is not there at all does. Some providers leave it out for a person who is in no group any more.
    """
    before = current_session()
    if before is None or before.staff.subject != identity.subject or identity.without_role is not WithoutRole.LEFT_OUT:
        return None
    _LOGGER.warning("%s goes on with the role last known: %s", identity.subject, _what_came(identity))
    return before.staff


def _what_came(identity: Identity) -> str:
    """What the provider told of the groups, so that an operator can write the map or ask for the claim."""
    claim = parts().settings.role_claim
    match identity.without_role:
        case WithoutRole.NOT_TOLD:
            return f"the identity provider did not tell the groups (there is no claim {claim!r})"
        case WithoutRole.LEFT_OUT:
            return f"the identity provider left the groups out because there are too many (claim {claim!r})"
        case WithoutRole.NOT_MAPPED:
            groups = identity.groups or ()
            first = ", ".join(repr(clean_text(group, 100)) for group in groups[:_FIRST_GROUPS]) or "none"
            more = f" and {len(groups) - _FIRST_GROUPS} more" if len(groups) > _FIRST_GROUPS else ""
            return f"none of the groups is mapped in CPSE_ROLE_MAP (claim {claim!r}: {first}{more})"


def _without_role(next_page: str | None) -> ResponseReturnValue:
    person = person_without_role()
    roles: dict[str, list[str]] = {}
    for group, role in sorted(parts().settings.role_map.items(), key=lambda pair: (pair[1], pair[0])):
        roles.setdefault(role.name.lower(), []).append(group)
    return (
        render_template(
            "cpse/sign_in/without_role.html",
            person=person,
            groups_by_role=roles,
            contact=parts().settings.contact,
            next_page=next_page,
        ),
        403,
    )


def _failed(failure: SignInFailed, next_page: str | None) -> ResponseReturnValue:
    note_error(failure)
    _LOGGER.warning("sign-in refused: %s", failure.reason)
    return (
        render_template("cpse/sign_in/failed.html", sentence=failure.sentence, next_page=next_page),
        failure.status,
    )


def _provider_sign_out() -> str | None:
    client = parts().oidc
    if client is None or (current_session() is None and person_without_role() is None):
        return None
    try:
        return client.sign_out_address(_signed_out_address())
    except SignInFailed as failure:
        # The person wants to be gone from here; that the provider does not answer is no reason to stay.
        _LOGGER.warning("no sign-out at the identity provider: %s", failure.reason)
        return None


def _signed_out_address() -> str:
    """As the provider has it on record, so without what says that a page is framed."""
    return url_for("cpse.signed_out", _external=True, embed=None)


def _redirect_uri() -> str:
    return url_for("cpse.sign_in_callback", _external=True)

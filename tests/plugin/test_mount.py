"""Mounting the plugin: what it needs, what it refuses, and that two applications do not meet."""

import pytest
from flask import Flask
from flask_sqlalchemy import SQLAlchemy

from cpse_plugin import Cpse
from cpse_plugin.domain.access import Action
from cpse_plugin.settings import SettingsError
from cpse_plugin.web.access import PUBLIC, declared_access

from .hosts import ANN, SETTINGS, bare_host, host

PUBLIC_ENDPOINTS = {
    "cpse.health",
    "cpse.sign_in",
    "cpse.sign_in_callback",
    "cpse.sign_in_framed",
    "cpse.static",
    "cpse.sign_out",
    "cpse.signed_out",
    "cpse.session",
    "cpse.stay_signed_in",
    "cpse.back_channel_logout",
    "cpse.unknown",
}


@pytest.mark.parametrize("key", ["CPSE_COUNTY_NAME", "CPSE_PORTAL_URL", "CPSE_PORTAL_CLIENT_ID"])
def test_a_missing_setting_stops_the_start_by_name(key: str) -> None:
    with pytest.raises(SettingsError, match=f"^{key} is required"):
        host(**{key: None})


def test_an_unknown_setting_stops_the_start_by_name() -> None:
    with pytest.raises(SettingsError, match=r"^CPSE_PORTAL_ULR is no setting"):
        host(CPSE_PORTAL_ULR="https://portal.example")


def test_without_identity_provider_and_staff_loader_nobody_could_sign_in() -> None:
    with pytest.raises(SettingsError, match="CPSE_OIDC_DISCOVERY_URL is required, or a staff_loader"):
        host(staff_loader=None)


def test_mounting_twice_is_refused() -> None:
    app = host()
    with pytest.raises(SettingsError, match="mounted on this application already"):
        Cpse().init_app(app, staff_loader=lambda: ANN)


def test_a_host_without_csrf_protection_is_refused() -> None:
    app = Flask("host")
    app.config.update(SETTINGS)
    SQLAlchemy(app)
    with pytest.raises(SettingsError, match="CSRFProtect is required"):
        Cpse().init_app(app, staff_loader=lambda: ANN)


def test_a_host_without_database_is_refused() -> None:
    app = Flask("host")
    app.config.update(SETTINGS)
    app.extensions["csrf"] = object()
    with pytest.raises(SettingsError, match="SQLALCHEMY_DATABASE_URI is required"):
        Cpse().init_app(app, staff_loader=lambda: ANN)


def test_two_applications_in_one_process_have_settings_of_their_own() -> None:
    one, other = host(), host(CPSE_COUNTY_NAME="Kestrel County")
    one_page = one.test_client().get("/cpse/sign-in?next=/cpse/health", follow_redirects=True)
    names = [app.extensions["cpse"].settings.county_name for app in (one, other)]
    assert names == ["Tamarack County", "Kestrel County"]
    assert one_page.status_code == 200
    assert one.blueprints["cpse"] is not other.blueprints["cpse"]


def test_the_bind_called_cpse_is_used_where_there_is_one() -> None:
    app = host(SQLALCHEMY_BINDS={"cpse": "sqlite:///:memory:"})
    with app.app_context():
        assert app.extensions["cpse"].database.engine is app.extensions["sqlalchemy"].engines["cpse"]


def test_every_route_declares_its_permission() -> None:
    app = host()
    declared = {
        rule.endpoint: declared_access(app.view_functions[rule.endpoint])
        for rule in app.url_map.iter_rules()
        if rule.endpoint.startswith("cpse.")
    }
    assert [endpoint for endpoint, access in declared.items() if access not in (PUBLIC, *Action)] == []
    assert {endpoint for endpoint, access in declared.items() if access == PUBLIC} == PUBLIC_ENDPOINTS


def test_the_host_keeps_what_it_had() -> None:
    plain = bare_host()
    mounted = host()
    assert mounted.jinja_env.globals.keys() - plain.jinja_env.globals.keys() == {"cpse"}
    assert mounted.jinja_env.filters.keys() == plain.jinja_env.filters.keys()
    assert mounted.error_handler_spec[None] == plain.error_handler_spec[None]
    assert len(mounted.before_request_funcs[None]) == len(plain.before_request_funcs[None])
    assert None not in mounted.after_request_funcs
    answers = [app.test_client().get("/nothing-here").headers for app in (mounted, plain)]
    assert dict(answers[0]) == dict(answers[1])


def test_secrets_do_not_show_when_settings_are_printed() -> None:
    settings = host().extensions["cpse"].settings
    assert SETTINGS["CPSE_PORTAL_CLIENT_SECRET"] not in repr(settings)

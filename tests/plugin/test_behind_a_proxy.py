"""The stand-alone host behind reverse proxies: which of their headers it believes."""

from typing import Any

import pytest
from flask import jsonify, request, url_for
from flask.typing import ResponseReturnValue

from cpse_plugin.settings import SettingsError
from cpse_plugin.standalone import create_app

from .hosts import SETTINGS
from .test_standalone import OIDC

FORWARDED = {
    "X-Forwarded-For": "203.0.113.1, 192.0.2.9, 198.51.100.7",
    "X-Forwarded-Proto": "https",
    "X-Forwarded-Host": "evil.example",
}


def seen(**settings: Any) -> tuple[str, str]:
    """The visitor's address, and the address to come back to from the identity provider, by one request's headers."""
    app = create_app({**SETTINGS, **OIDC, **settings})

    def tell() -> ResponseReturnValue:
        return jsonify([request.remote_addr, url_for("cpse.sign_in_callback", _external=True)])

    app.add_url_rule("/seen", view_func=tell)
    answer = app.test_client().get("/seen", base_url="http://intranet.county.example", headers=FORWARDED)
    address, callback = answer.get_json()
    return address, callback


CALLBACK = "intranet.county.example/cpse/sign-in/callback"


def test_without_a_proxy_nobodys_headers_are_believed() -> None:
    assert seen() == ("127.0.0.1", f"http://{CALLBACK}")


@pytest.mark.parametrize(("proxies", "visitor"), [(1, "198.51.100.7"), ("2", "192.0.2.9"), (3, "203.0.113.1")])
def test_so_many_proxies_tell_who_comes_and_whether_over_tls(proxies: int | str, visitor: str) -> None:
    assert seen(CPSE_PROXIES=proxies) == (visitor, f"https://{CALLBACK}")


@pytest.mark.parametrize("wrong", ["-1", "all", "11", True])
def test_what_is_no_number_of_proxies_stops_the_start(wrong: object) -> None:
    with pytest.raises(SettingsError, match="CPSE_PROXIES: must be a whole number"):
        seen(CPSE_PROXIES=wrong)


@pytest.mark.parametrize("none", [None, "", " ", 0, "0"])
def test_what_is_left_empty_is_no_proxy(none: object) -> None:
    assert seen(CPSE_PROXIES=none) == ("127.0.0.1", f"http://{CALLBACK}")

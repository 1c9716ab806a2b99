from collections.abc import Iterator

import pytest
import responses

from cpse_plugin.portal.client import HttpPortalGateway

from . import samples


@pytest.fixture(autouse=True)
def _no_waiting_between_repetitions(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cpse_plugin.portal.exchange.random.uniform", lambda *_: 0.0)


@pytest.fixture
def portal() -> Iterator[responses.RequestsMock]:
    """The Portal's answers; a token is to be had."""
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        mock.post(samples.TOKEN_URL, json=samples.token_answer())
        yield mock


@pytest.fixture
def gateway() -> HttpPortalGateway:
    return HttpPortalGateway(samples.settings())

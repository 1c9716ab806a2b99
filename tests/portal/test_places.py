"""The Portal's calls take a share of the server's threads and no more."""

import pytest
import responses

from cpse_plugin.outbound import Bulkhead
from cpse_plugin.portal.client import HttpPortalGateway
from cpse_plugin.portal.gateway import PortalBusy, PortalError

from . import samples


def test_a_call_without_a_place_is_busy_and_not_sent(portal: responses.RequestsMock) -> None:
    places = Bulkhead(2).section()
    gateway = HttpPortalGateway(samples.settings(), places)
    with places.place(), pytest.raises(PortalBusy):
        gateway.list_admin_users("pp_1", acting_user="ines@albany.example")
    # Not even a token was asked for.
    assert len(portal.calls) == 0


def test_a_call_gives_its_place_back_when_it_failed(portal: responses.RequestsMock) -> None:
    portal.get(f"{samples.BASE}/providers/pp_1/admin-users", status=500)
    gateway = HttpPortalGateway(samples.settings(), Bulkhead(2).section())
    for _ in range(3):
        with pytest.raises(PortalError) as caught:
            gateway.list_admin_users("pp_1", acting_user="ines@albany.example")
        assert not isinstance(caught.value, PortalBusy)

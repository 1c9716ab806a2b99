"""The plugin's health, for a load balancer."""

from flask import Flask

from cpse_plugin.sandbox.faults import Faults, Status
from cpse_plugin.sandbox.portal import Portal
from tests.conftest import MakeIntranet
from tests.world import Who

from .conftest import BothDatabases


@BothDatabases
def test_all_is_well(intranet: Flask, who: Who) -> None:
    who.staff = None
    answer = intranet.test_client().get("/cpse/health")
    assert (answer.status_code, answer.json) == (200, {"database": "ok", "portal": "ok", "npi_registry": "ok"})


def test_what_does_not_answer_is_named_and_nothing_more(intranet: Flask, portal: Portal, registry: Faults) -> None:
    portal.faults.plan(Status(500), times=None)
    registry.plan(Status(500), times=None)
    answer = intranet.test_client().get("/cpse/health")
    expected = {"database": "ok", "portal": "unavailable", "npi_registry": "unavailable"}
    assert (answer.status_code, answer.json) == (200, expected)


def test_without_the_database_nothing_works(make_intranet: MakeIntranet, tmp_path: object) -> None:
    app = make_intranet(f"sqlite:///{tmp_path}/no/such/folder.db")
    answer = app.test_client().get("/cpse/health")
    assert answer.status_code == 503
    assert answer.json is not None
    assert answer.json["database"] == "unavailable"

"""Lets time pass for operations that a worker seemed to be at still."""

from datetime import timedelta

from sqlalchemy import update

from cpse_plugin.models import OperationRow
from cpse_plugin.services.database import now
from cpse_plugin.web.parts import Parts


def end_leases(cpse: Parts) -> None:
    """From now on every open operation may be finished by whoever comes."""
    with cpse.database.write() as session:
        session.execute(update(OperationRow).values(leased_until=now() - timedelta(seconds=1)))

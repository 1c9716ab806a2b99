"""Row U6: random staff, held to the laws after each step."""

from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.conftest import MakeIntranet
from tests.databases import Databases
from tests.world import Neighbours, Who

from .model import RandomStaff, Surroundings

# The same examples in each run: a failure is one of the change at hand.
_BOUNDED = settings(
    max_examples=20,
    stateful_step_count=30,
    derandomize=True,
    database=None,
    # Shrinking costs minutes, and what fails is a list of at most thirty steps anyway.
    phases=(Phase.generate,),
    deadline=None,
    suppress_health_check=list(HealthCheck),
)


def test_u6_whatever_staff_do_and_whatever_fails_both_sides_agree_or_an_open_operation_says_why(
    neighbours: Neighbours, make_intranet: MakeIntranet, databases: Databases, who: Who
) -> None:
    surroundings = Surroundings(
        new_portal=neighbours.new_portal,
        new_intranet=lambda **settings: make_intranet(databases.fresh(), **settings),
        who=who,
    )

    class RandomStaffHere(RandomStaff):
        def __init__(self) -> None:
            super().__init__(surroundings)

    run_state_machine_as_test(RandomStaffHere, settings=_BOUNDED)

"""For those who write or try connectors: stand-ins, fixtures, and the conformance suite.

>>> from careerrelay.connectors.testing import conformance_suite
>>> TestAcme = conformance_suite(AcmeConnector, fixtures=Path(__file__).parent)

Stand-ins need nothing further; running the suite needs ``careerrelay-ats[testing]``, which is
imported only then.
"""

from .conformance import conformance_suite
from .fixtures import read_request
from .network import closed_network
from .standin import Request, Response, Scene, StandIn, route
from .story import Person, Record, Story
from .webhooks import Attempt

__all__ = [
    "Attempt",
    "Person",
    "Record",
    "Request",
    "Response",
    "Scene",
    "StandIn",
    "Story",
    "closed_network",
    "conformance_suite",
    "read_request",
    "route",
]

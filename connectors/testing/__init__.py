"""For those who write or try connectors: stand-ins, fixtures, and the conformance suite.

>>> from careerrelay.connectors.testing import conformance_suite
>>> TestAcme = conformance_suite(AcmeConnector, fixtures=Path(__file__).parent)

Stand-ins need nothing further; the suite needs ``careerrelay-ats[testing]``, which it imports
only when asked for.
"""

from .standin import Request, Response, Scene, StandIn, route
from .webhooks import Attempt

__all__ = ["Attempt", "Request", "Response", "Scene", "StandIn", "route"]

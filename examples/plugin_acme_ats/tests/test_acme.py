"""The whole conformance suite, in one line."""

from pathlib import Path

from careerrelay_acme import AcmeConnector

from careerrelay.connectors.testing import conformance_suite

TestAcme = conformance_suite(AcmeConnector, fixtures=Path(__file__).parent)

"""The whole conformance suite, and the conformance run, in a line each."""

from pathlib import Path

from careerrelay_acme import AcmeConnector

from careerrelay.cli.rehearsal import rehearse
from careerrelay.connectors.testing import conformance_suite

TestAcme = conformance_suite(AcmeConnector, fixtures=Path(__file__).parent)


def test_the_whole_story_with_the_real_engine(tmp_path: Path) -> None:
    rehearse(AcmeConnector, folder=tmp_path / "installation", bulk=12)

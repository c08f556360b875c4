"""The example units, containers and manifests are valid, and name only what there is."""

from __future__ import annotations

import configparser
import os
import re
import shlex
import shutil
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml
from compose_spec import ComposeSpecification  # pyright: ignore[reportAttributeAccessIssue] - it has no types

from careerrelay.cli.main import COMMANDS
from careerrelay.engine.config import load
from careerrelay.webhook_server import wsgi

EXAMPLES = Path(__file__).parents[1] / "examples"
UNITS = sorted((EXAMPLES / "systemd").glob("*.service"))
COMPOSE = EXAMPLES / "docker/compose.yaml"
MANIFEST = EXAMPLES / "kubernetes/manifest.yaml"
ENVIRONMENT = {"DATABASE_URL": "postgresql://db/careerrelay", "SMTP_PASSWORD": "secret"}


def documents() -> list[dict[str, Any]]:
    return list(yaml.safe_load_all(MANIFEST.read_text(encoding="utf-8")))


def known(command: list[str]) -> bool:
    """A command line of ours, or a server on our WSGI entry point."""
    program = Path(command[0]).name
    if program == "gunicorn":
        module, _, call = command[-1].partition(":")
        return module == wsgi.__name__ and hasattr(wsgi, call.removesuffix("()"))
    if program == "careerrelay":
        return command[1] in COMMANDS
    return program == "install"


def unit_commands(unit: Path) -> Iterator[list[str]]:
    text = unit.read_text(encoding="utf-8").replace("\\\n", " ")
    for line in text.splitlines():
        name, _, value = line.partition("=")
        if name.startswith("Exec"):
            yield shlex.split(value)


def test_there_are_units_for_both_shapes() -> None:
    assert {unit.name for unit in UNITS} >= {
        "careerrelay.service",
        "careerrelay-web.service",
        "careerrelay-worker@.service",
        "careerrelay-relay@.service",
    }


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_unit_starts_what_there_is_and_gives_it_time_to_end(unit: Path) -> None:
    parser = configparser.RawConfigParser(strict=False)
    parser.optionxform = str  # type: ignore[assignment,method-assign] - configparser's own way
    parser.read_string(unit.read_text(encoding="utf-8"))
    assert parser["Service"]["Restart"] == "always"
    assert int(parser["Service"]["TimeoutStopSec"]) >= 60
    assert parser["Service"]["UMask"] == "0077"
    for command in unit_commands(unit):
        assert known(command), command


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_systemd_finds_no_fault_in_unit(unit: Path, tmp_path: Path) -> None:
    program = shutil.which("systemd-analyze")
    if program is None:
        assert not os.environ.get("CI"), "systemd is not installed: make system"
        pytest.skip("systemd-analyze is not installed")
    programs = tmp_path / "bin"
    programs.mkdir()
    for name in ("careerrelay", "gunicorn"):
        (programs / name).symlink_to("/bin/true")
    text = unit.read_text(encoding="utf-8").replace("/opt/careerrelay/bin", str(programs))
    # A user that this machine does not have is none of the unit's faults.
    copy = tmp_path / unit.name.replace("@", "@1")
    copy.write_text(text.replace("User=careerrelay\n", ""))
    done = subprocess.run(
        [program, "verify", "--man=no", copy], capture_output=True, text=True, check=False
    )
    ours = [line for line in done.stderr.splitlines() if copy.name in line]
    assert ours == []


def test_compose_file_follows_the_specification() -> None:
    text = COMPOSE.read_text(encoding="utf-8")
    found = yaml.safe_load(text)
    checked = ComposeSpecification.model_validate(found)
    for name, service in found["services"].items():
        understood = checked.services[name].model_dump(exclude_unset=True, by_alias=True)
        assert set(service) == set(understood), name
        waited_for = service.get("depends_on", {})
        assert set(waited_for) <= set(found["services"])
        if service["image"] == "careerrelay":
            assert known(service["command"])
    mounted = set(re.findall(r"- (\w+):/", text))
    assert mounted == set(found["volumes"])


def test_image_is_what_the_compose_file_expects() -> None:
    text = (EXAMPLES / "docker/Dockerfile").read_text(encoding="utf-8")
    lines = [line.split(maxsplit=1)[0] for line in text.splitlines() if re.match(r"[A-Z]", line)]
    assert lines[0] == "FROM"
    assert set(lines) <= {"FROM", "RUN", "COPY", "USER", "ENV", "CMD"}
    assert "[postgresql]" in text
    assert "CAREERRELAY_CONFIG=/etc/careerrelay/careerrelay.toml" in text
    assert "./careerrelay.toml:/etc/careerrelay/careerrelay.toml:ro" in COMPOSE.read_text("utf-8")


def test_kubernetes_takes_every_manifest() -> None:
    for document in documents():
        kubernetes_validate.validate(document, "1.33", strict=True)


def test_manifests_fit_together() -> None:
    found = {(d["kind"], d["metadata"]["name"]): d for d in documents()}
    pods = [d["spec"]["template"] for (kind, _), d in found.items() if kind == "Deployment"]
    for service in (d["spec"]["selector"] for (kind, _), d in found.items() if kind == "Service"):
        assert sum(service.items() <= pod["metadata"]["labels"].items() for pod in pods) == 1
    for pod in pods:
        volumes = {volume["name"] for volume in pod["spec"]["volumes"]}
        containers = pod["spec"]["containers"] + pod["spec"]["initContainers"]
        for container in containers:
            assert known(container["command"]), container["name"]
            assert {mount["name"] for mount in container["volumeMounts"]} <= volumes
        assert len({container["image"] for container in containers}) == 1


@pytest.mark.parametrize("where", ["docker", "kubernetes"])
def test_settings_of_the_examples_are_known(where: str, tmp_path: Path) -> None:
    text = (EXAMPLES / "docker/careerrelay.toml").read_text(encoding="utf-8")
    if where == "kubernetes":
        (settings,) = (d["data"] for d in documents() if d["kind"] == "ConfigMap")
        text = settings["careerrelay.toml"]
    secret = tmp_path / "smtp_password"
    secret.write_text("secret")
    path = tmp_path / "careerrelay.toml"
    path.write_text(text.replace("/run/secrets/smtp_password", str(secret)))
    assert tomllib.loads(text)
    loaded = load(path, environ=ENVIRONMENT)
    assert loaded.work["embedded"] is False
    assert loaded.database_url == ENVIRONMENT["DATABASE_URL"]
    assert loaded.server["host"] == "0.0.0.0"

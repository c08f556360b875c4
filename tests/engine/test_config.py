"""Settings: defaults, file, environment; each fault named with file, section and setting."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from careerrelay.engine.config import SECTIONS, load, resolve
from careerrelay.models.errors import ConfigurationError

EXAMPLE = Path(__file__).parents[2] / "examples" / "careerrelay.toml"


def test_no_file_at_all_is_fine() -> None:
    settings = load(environ={})
    assert settings.server["port"] == 8080
    assert settings.database_url.startswith("sqlite:///")
    assert settings.database_url.endswith("careerrelay-data/careerrelay.db")
    assert settings.key_file == Path("careerrelay-data/keys.toml")


def test_the_environment_wins_over_the_file_and_flags_over_both(tmp_path: Path) -> None:
    path = tmp_path / "careerrelay.toml"
    path.write_text("[server]\nport = 1\nhost = 'file'\nthreads = 3\n")
    environ = {"CAREERRELAY_SERVER_PORT": "2", "CAREERRELAY_SERVER_HOST": "environment"}
    settings = load(path, environ=environ, overrides={"server": {"host": "flag"}})
    found = settings.server
    assert (found["port"], found["host"], found["threads"]) == (2, "flag", 3)


def test_values_come_from_environment_and_files(tmp_path: Path) -> None:
    (tmp_path / "password").write_text("from-a-file\n")
    path = tmp_path / "careerrelay.toml"
    path.write_text(
        f'[mail]\npassword = {{ file = "{tmp_path}/password" }}\nhost = {{ env = "HOST_NAME" }}\n'
    )
    mail = load(path, environ={"HOST_NAME": "smtp.example.jp"}).mail
    assert (mail["password"], mail["host"]) == ("from-a-file", "smtp.example.jp")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('[mail]\nhost = { env = "NOT_SET" }', r"\[mail\] host: the environment variable NOT_SET"),
        ('[mail]\nhost = { file = "/no/file" }', r"\[mail\] host: cannot read the file"),
        ('[mail]\nhost = { url = "x" }', r"\[mail\] host: expected a value"),
        ("[mial]\n", r"unknown section \[mial\]"),
        ("mail = 3\n", "must stand in a"),
        ("[server]\nprot = 80\n", r"careerrelay.toml: \[server\] prot"),
        ("[server]\nport = 'x'\n", r"careerrelay.toml: \[server\] port"),
        ("[server]\nbase_url = 'https://a/b'\n", r"\[server\] base_url: must be https://host"),
        ("[role]\nname = 'x'\n", r"\[role\] name"),
    ],
)
def test_a_fault_names_file_section_and_setting(tmp_path: Path, text: str, told: str) -> None:
    path = tmp_path / "careerrelay.toml"
    path.write_text(text)
    with pytest.raises(ConfigurationError, match=told):
        load(path, environ={})


def test_a_wrong_value_in_the_environment_is_named_too() -> None:
    with pytest.raises(ConfigurationError, match=r"\[work\] threads"):
        load(environ={"CAREERRELAY_WORK_THREADS": "many"})


def test_a_password_does_not_show_in_a_repr() -> None:
    settings = load(environ={"CAREERRELAY_MAIL_PASSWORD": "secret-pass"})
    assert "secret-pass" not in repr(settings)


def test_literals_resolve_to_themselves() -> None:
    assert resolve(7, where="x", environ={}) == 7
    assert resolve([1], where="x", environ={}) == [1]


def test_the_example_file_has_every_setting_and_is_right(tmp_path: Path) -> None:
    text = EXAMPLE.read_text(encoding="utf-8")
    data = tomllib.loads(text)
    assert {n: set(values) for n, values in data.items()} == {
        name: set(schema().fields) for name, schema in SECTIONS.items()
    }
    for section, values in data.items():
        for name, value in values.items():
            if isinstance(value, dict):
                data[section][name] = "looked-up"
    load(environ={}, overrides=data)


def test_the_example_file_says_of_every_setting_what_it_is() -> None:
    lines = EXAMPLE.read_text(encoding="utf-8").splitlines()
    settings = [i for i, line in enumerate(lines) if " = " in line and not line.startswith("#")]
    assert settings
    assert all(lines[i - 1].startswith("#") for i in settings)

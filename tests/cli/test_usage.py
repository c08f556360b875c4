"""Help, usage errors and languages of the command line."""

from __future__ import annotations

from collections.abc import Iterator

import click
import pytest
from click.testing import CliRunner

from careerrelay import __version__
from careerrelay.cli.main import root
from careerrelay.cli.wording import told_error, translated
from careerrelay.models.errors import ApiPermissionError, ConfigurationError
from tests.cli.conftest import CommandLine


def commands(group: click.Group, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    context = click.Context(group)
    for name in group.list_commands(context):
        found = group.get_command(context, name)
        assert found is not None
        if isinstance(found, click.Group):
            yield from commands(found, (*path, name))
        else:
            yield (*path, name)


ALL = [path for path in commands(root) if path[0] != "demo"]


@pytest.mark.parametrize("path", ALL, ids=" ".join)
def test_every_command_explains_itself_and_speaks_json(path: tuple[str, ...]) -> None:
    done = CliRunner().invoke(root, [*path, "--help"])
    assert done.exit_code == 0
    assert "--json" in done.output
    assert len(done.output.splitlines()) > 5


def test_the_help_of_the_whole_names_the_exit_codes() -> None:
    done = CliRunner().invoke(root, ["--help"])
    assert "Exit codes" in done.output
    listed = done.output.partition("Commands:")[2].splitlines()
    assert not [line for line in listed if line.endswith("...") and "demo" not in line]


@pytest.mark.parametrize(
    ("args", "told"),
    [
        (["no-such"], "No such command 'no-such'"),
        (["init", "--no-such"], "No such option"),
        (["work", "replay"], "Missing argument"),
        (["serve", "--port", "x"], "Invalid value for '--port'"),
        (["signals", "list", "--since", "someday"], "Invalid value for '--since'"),
    ],
)
def test_wrong_usage_is_one_sentence_and_exit_2(args: list[str], told: str) -> None:
    done = CliRunner().invoke(root, args)
    assert done.exit_code == 2
    assert told in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("args", "english", "japanese"),
    [
        (["conections"], "Did you mean 'connections'?", "（近いもの：'connections'）"),
        (["company", "shw"], "Did you mean 'show'?", "（近いもの：'show'）"),
        (["slots", "show", "--jsn"], "Did you mean '--json'?", "（近いもの：'--json'）"),
        (["company", "add"], "ID (short name) is missing", "短い名前）を指定してください"),
        (["links", "static", "--stage", "x"], "is not one of", "--stage に 'x' は指定できません"),
    ],
)
def test_what_was_mistyped_is_told_with_what_was_meant(
    args: list[str], english: str, japanese: str
) -> None:
    runner = CliRunner()
    assert english in runner.invoke(root, ["--lang", "en", *args]).stderr
    told = runner.invoke(root, ["--lang", "ja", *args]).stderr
    assert japanese in told
    assert "Did you" not in told


@pytest.mark.parametrize("name", ["company", "connections", "csv", "mail-relay", "links"])
def test_no_command_of_a_group_is_explained_by_half_a_sentence(name: str) -> None:
    done = CliRunner().invoke(root, [name, "--help"])
    assert "..." not in done.output.partition("Commands:")[2]


def test_the_language_follows_the_environment() -> None:
    runner = CliRunner()
    assert "ありません" in runner.invoke(root, ["x"], env={"LC_ALL": "ja_JP.UTF-8"}).stderr
    english = runner.invoke(root, ["--lang", "en", "x"], env={"LC_ALL": "ja_JP.UTF-8"})
    assert "No such command" in english.stderr


def test_errors_are_japanese_for_japanese_readers(fresh: CommandLine) -> None:
    assert "鍵ファイル" in fresh("company", "list", code=2, lang="ja").stderr
    fresh("init")
    error = fresh("connections", "show", "nope", code=1, lang="ja").stderr
    assert error.startswith("careerrelay: 接続「nope」はありません")


def test_a_message_without_translation_follows_a_japanese_sentence() -> None:
    error = ApiPermissionError("Toy lacks scope X.", connector="toy", operation="list", status=403)
    told, code = told_error(error, lang="ja", place="")
    assert (told, code) == ("ATSの権限が不足しています（Toy lacks scope X）", 1)


def test_a_value_in_a_message_is_never_taken_for_a_placeholder() -> None:
    error = ConfigurationError("the file {id} is empty")
    assert told_error(error, lang="ja", place="")[0] == "ファイル {id} が空です"


def test_the_closest_pattern_wins() -> None:
    text = "company send_until_hour: must be later than send_from_hour"
    assert "送信終了時刻" in translated(text, lang="ja")


def test_both_sides_of_the_catalogue_have_the_same_placeholders() -> None:
    import re
    from importlib.resources import files

    from babel.messages.pofile import read_po

    with files("careerrelay.cli").joinpath("translations", "ja.po").open("rb") as file:
        catalogue = read_po(file, locale="ja")
    hole = re.compile(r"\{([a-z_]+)\}")
    for message in catalogue:
        if message.id:
            assert set(hole.findall(str(message.string))) <= set(hole.findall(str(message.id)))
            assert message.string


def test_version_says_which_build_of_the_injection_engine_runs() -> None:
    said = CliRunner().invoke(root, ["--version"])
    assert said.exit_code == 0
    assert said.output == f"careerrelay, version {__version__} (injection: pure Python)\n"

"""``careerrelay connectors``: the ATSs there is code for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import click

from ..connectors.base import Connector
from ..connectors.registry import connector_class, connector_classes
from ..connectors.scaffold import create
from ..connectors.spec import ConnectorSpec, Setting
from ..engine.connections import possible_strategies
from ..models.errors import RefusedError
from .context import Cli, Group, command
from .output import Output


@click.group(short_help="The ATSs there is code for.", cls=Group)
def connectors() -> None:
    """Connectors: the ATSs this installation has code for."""


@command(connectors, "list")
def list_(cli: Cli, out: Output) -> None:  # noqa: ARG001 - every command has both
    """List the connectors and what each can do."""
    found = [_summary(cls) for cls in connector_classes().values()]
    if not out.data(found):
        rows = [(c["name"], _marked(c), c["strategies"], c["capabilities"], c["limit"], c["source"])
                for c in found]  # fmt: skip
        out.table(("name", "ATS", "strategies", "capabilities", "limit", "source"), rows)


def _marked(summary: Mapping[str, Any]) -> str:
    return summary["title"] + (" (experimental)" if summary["experimental"] else "")


def _summary(cls: type[Connector]) -> dict[str, Any]:
    spec = cls.spec
    return {
        "name": spec.name,
        "title": spec.title,
        "experimental": spec.experimental,
        "strategies": possible_strategies(spec),
        "capabilities": {c.value: s.evidence.value for c, s in spec.capabilities.items()},
        "limit": limit_of(spec),
        "source": source_of(cls),
    }


def limit_of(spec: ConnectorSpec) -> str:
    """The pace that we keep to, in a few words; "" where there is none."""
    limit = spec.rate_limit
    return f"{limit.calls} calls in {limit.seconds:g} s, per {limit.per}" if limit else ""


def source_of(cls: type[Connector]) -> str:
    """``built in``, or the plug-in's package."""
    kit = Connector.__module__.rpartition(".")[0]
    inside = cls.__module__.startswith(f"{kit}.")
    return "built in" if inside else f"plug-in {cls.__module__.partition('.')[0]}"


@command(connectors, "show")
@click.argument("name")
def show(cli: Cli, out: Output, name: str) -> None:
    """Show a connector's settings, what it can do, and how that is known.

    Evidence: live (run against a real account), documented (by the vendor), reported (by third
    parties), unconfirmed (follows from what is documented, and nobody says it), gated (needs an
    agreement or a plan), missing (the vendor offers no way).
    """
    cls = connector_class(name)
    if out.data(_details(cls)):
        return
    spec = cls.spec
    out.line(f"{spec.title} ({spec.name}, {source_of(cls)})  {spec.docs_url}")
    rows = [(c.value, s.evidence.value, s.note, s.source) for c, s in spec.capabilities.items()]
    out.table(("capability", "evidence", "note", "source"), rows)
    out.table(("setting", "kind", "default", "meaning"), _setting_rows(spec, cli.lang))
    for note in spec.notes:
        out.line(f"- {note}")


def _setting_rows(spec: ConnectorSpec, lang: str) -> list[tuple[str, str, str, str]]:
    return [
        (s.name, kind_of(s), s.default or "", s.help_ja if lang == "ja" else s.help)
        for s in spec.settings
    ]


def kind_of(setting: Setting) -> str:
    """``secret``, ``required`` and what may be chosen, in a few words."""
    words = ["secret"] if setting.secret else []
    words.append("required" if setting.required else "optional")
    if setting.choices:
        words.append(f"one of {', '.join(c or '(empty)' for c in setting.choices)}")
    return ", ".join(words)


def _details(cls: type[Connector]) -> dict[str, Any]:
    spec = cls.spec
    return {
        **_summary(cls),
        "docs_url": spec.docs_url,
        "capabilities": dict(spec.capabilities),
        "settings": list(spec.settings),
        "events": spec.events,
        "ignored_events": spec.ignored_events,
        "webhook": spec.webhook,
        "rate_limit": spec.rate_limit,
        "poll_seconds": spec.poll_seconds,
        "notes": spec.notes,
    }


@command(connectors, "new")
@click.argument("name")
@click.option("--title", required=True, help="The ATS's brand, as people know it.")
@click.option(
    "--into",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("connectors"),
    show_default=True,
    help="Folder of connectors.",
)
@click.option(
    "--tests-into",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("tests/connectors"),
    show_default=True,
    help="Folder of their tests.",
)
def new(cli: Cli, out: Output, name: str, title: str, into: Path, tests_into: Path) -> None:  # noqa: ARG001
    """Begin a connector called NAME in a checkout: a copied folder that passes its tests."""
    written = [str(path) for path in create(name, title=title, into=into, tests_into=tests_into)]
    if not out.data({"name": name, "files": written}):
        for path in written:
            out.line(path)
        out.line(f"next: make {tests_into / name} say what the ATS really sends")


@command(connectors, "rehearse")
@click.argument("name")
@click.option(
    "--bulk",
    type=click.IntRange(8, 1000),
    default=20,
    show_default=True,
    help="How many people are rejected at once.",
)
@click.option(
    "--examples",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="Folder of the connector's tests; an OpenAPI document in it is compared with.",
)
def rehearse_(cli: Cli, out: Output, name: str, bulk: int, examples: Path | None) -> None:  # noqa: ARG001
    """Play a company's whole story on a connector's stand-in, with the real engine.

    People apply, are rejected, withdraw, are taken back, register and are erased, while the
    vendor fails and the worker is killed once; then every record must be exactly right. Needs
    nothing but pip install 'careerrelay-ats[testing]', and touches no installation.
    """
    from .rehearsal import rehearse

    with TemporaryDirectory() as folder:
        try:
            played = rehearse(
                connector_class(name), folder=Path(folder) / "it", bulk=bulk, examples=examples
            )
        except AssertionError as error:
            raise RefusedError(f"{name}: {error}") from None
    if not out.data(asdict(played)):
        out.facts(asdict(played))

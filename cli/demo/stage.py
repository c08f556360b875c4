"""The stage: product, sandbox ATS and mailbox, running and introduced to each other."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from . import cast
from .ats import FIELD_TOKEN, SandboxAts, mail_by_smtp
from .mailbox import Mailbox
from .ports import Ports
from .product import Product

CONNECTION = "sandbox"
SECRET_VARIABLE = "DEMO_WEBHOOK_SECRET"  # noqa: S105 - a variable's name
KEY_VARIABLE = "DEMO_CLIENT_SECRET"


@dataclass(frozen=True, slots=True)
class Stage:
    """What runs, and where."""

    product: Product
    ats: SandboxAts
    ats_url: str
    mailbox_url: str
    ports: Ports


@contextmanager
def running(folder: Path, ports: Ports) -> Iterator[Stage]:
    """Everything started; stopped in turn, the product first. Raises ConfigurationError."""
    mailbox = Mailbox()
    ats = SandboxAts(send_mail=mail_by_smtp(ports.smtp))
    product = Product(folder, ports)
    with (
        mailbox.listen(ports.smtp),
        mailbox.serve(ports.mailbox) as mailbox_url,
        ats.serve(ports.ats) as ats_url,
        product.serving(),
    ):
        ats.mailbox_url, mailbox.ats_url = mailbox_url, ats_url
        yield Stage(product, ats, ats_url, mailbox_url, ports)


def add_company(stage: Stage) -> None:
    """As an administrator would: by command. Mails may leave at any hour, for the demo's sake."""
    stage.product.command(
        "company", "add", cast.COMPANY,
        "--name", cast.COMPANY_NAME,
        "--address", "東京都港区例示1-1-1",
        "--contact-email", cast.COMPANY_SENDER,
        "--contact-phone", "03-0000-0001",
        "--recruiter-name", "見本",
        "--send-from-hour", "0",
        "--send-until-hour", "24",
        "--business-days-only", "no",
        "--smtp-host", "127.0.0.1",
        "--smtp-port", str(stage.ports.smtp),
        "--smtp-security", "none",
        "--smtp-sender", cast.COMPANY_SENDER,
    )  # fmt: skip


def connect(stage: Stage, *, ats_secret: str | None = None) -> str:
    """Connect company and ATS, then save web hook and paragraph in the ATS; the hook's address.

    ``ats_secret`` is what the ATS signs with, by default the connection's own.
    """
    secret = secrets.token_hex(16)
    settings = stage.ats.settings(stage.ats_url, webhook_secret=secret)
    variables = {
        "webhook_secret": (SECRET_VARIABLE, settings.pop("webhook_secret")),
        "client_secret": (KEY_VARIABLE, settings.pop("client_secret")),
    }
    options = [f"--set={name}={value}" for name, value in settings.items()]
    options += [f"--secret-env={name}={variable}" for name, (variable, _) in variables.items()]
    made = stage.product.command(
        "connections", "add", CONNECTION, "--company", cast.COMPANY, "--connector", "greenhouse",
        "--strategy", "field_token", *options, secrets=dict(variables.values()),
    )  # fmt: skip
    stage.ats.add_hook(made["webhook_url"], secret=ats_secret or secret)
    printed = stage.product.command("links", "static", CONNECTION, "--field-token", FIELD_TOKEN)
    stage.ats.paste(printed["texts"]["ja"])
    return made["webhook_url"]

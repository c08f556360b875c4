"""For gunicorn and the like: ``gunicorn "careerrelay.webhook_server.wsgi:application()"``.

Without ``--preload``: a writer thread started before the fork would be missing in its children.
The queue is worked by ``careerrelay worker`` beside it.
"""

from __future__ import annotations

import os
from pathlib import Path

from flask import Flask

from ..engine import tracing
from ..engine.config import load
from ..engine.installation import check_schema, store_errors
from ..engine.logs import server_logs
from ..engine.runtime import Runtime
from ..models.errors import ConfigurationError
from .app import create_app

SETTINGS = "CAREERRELAY_CONFIG"
"""The environment variable that names the settings file."""


def application() -> Flask:
    """The app on PostgreSQL.

    Raises ConfigurationError for a store that has but one process, or is not prepared.
    """
    server_logs()
    path = os.environ.get(SETTINGS)
    settings = load(Path(path) if path else None)
    if settings.database_url.startswith("sqlite"):
        raise ConfigurationError(
            "[store] url: several processes need PostgreSQL; use 'careerrelay serve' with SQLite"
        )
    tracing.configure()
    runtime = Runtime(settings)
    with store_errors():
        check_schema(runtime.database)
    return create_app(runtime)

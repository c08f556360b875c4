"""The Template ATS connector: glue between the contract and this folder's modules."""

from __future__ import annotations

from careerrelay.connectors import (
    ApiAuthenticationError,
    ApiError,
    ApiNotFoundError,
    Application,
    ApplicationEvent,
    Check,
    Connector,
    RegistrationReport,
    WebhookRequest,
)

from . import webhook
from .client import READ, TemplateClient
from .spec import SPEC


class TemplateConnector(Connector):
    """One account of Template ATS."""

    spec = SPEC

    def verify_webhook(self, request: WebhookRequest) -> None:
        webhook.verify(request, secrets=self.settings["webhook_secret"])

    def parse_webhook(self, request: WebhookRequest) -> list[ApplicationEvent]:
        return webhook.parse(request)

    def sign_webhook(self, request: WebhookRequest) -> WebhookRequest:
        return webhook.sign(request, secrets=self.settings["webhook_secret"])

    def fetch_application(
        self,
        application_id: str,
        *,
        candidate_id: str | None = None,  # noqa: ARG002 - this ATS needs only one id
    ) -> Application:
        return webhook.application_from(self._client.application(application_id))

    def report_registration(self, application: Application, report: RegistrationReport) -> None:
        notes = self._client.notes(application.external_id)
        if not any(report.marker in note for note in notes):
            self._client.add_note(application.external_id, report.text)

    def check(self) -> list[Check]:
        """One cheap call: an id nobody has is "not found" when key and permission are good."""
        try:
            self._client.application("0")
        except ApiNotFoundError:
            return [Check("API key", True, f"has {READ}")]
        except ApiAuthenticationError as error:
            return [Check("API key", False, error.message, "Type the API key in again: api_key")]
        except ApiError as error:
            return [Check("API", False, error.message, f"Check the permission {READ} and api_url")]
        return [Check("API key", True, f"has {READ}")]

    @property
    def _client(self) -> TemplateClient:
        return TemplateClient(
            self.http, url=self.settings["api_url"], api_key=self.settings["api_key"]
        )

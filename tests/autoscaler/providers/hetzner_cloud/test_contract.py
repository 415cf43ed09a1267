import pytest

from autoscaler.providers.provider import Provider
from tests.autoscaler.providers.contract import Call, Fault, ProviderPages
from tests.autoscaler.providers.hetzner_cloud.clouds import a_cloud, an_order
from tests.autoscaler.providers.hetzner_cloud.double import TOKEN, Project

CALLS: dict[Call, tuple[str, str]] = {
    "machines": ("GET", "/servers"),
    "launch": ("POST", "/servers"),
    "terminate": ("DELETE", "/servers/{id}"),
}
ANSWERS: dict[Fault, tuple[int | None, str]] = {
    "timeout before": (None, ""),
    "timeout after": (None, ""),
    "server error": (500, "server_error"),
    "rate limit": (429, "rate_limit_exceeded"),
    "out of stock": (412, "resource_unavailable"),
    "quota": (403, "resource_limit_exceeded"),
    "auth": (401, "unauthorized"),
    "broken page": (503, "unavailable"),
}


class TestHetznerCloud(ProviderPages):
    project: Project
    page_size = 3
    unknown_ids = ("no-such-machine", "4711", "9007199254740991")
    secrets = (TOKEN, "planted-join-token")

    @pytest.fixture
    def provider(self, project) -> Provider:
        self.project = project
        project.page = self.page_size
        return a_cloud(project, user_data=lambda _: "#cloud-config\n# planted-join-token\n")

    def order(self, key, node_id=None):
        return an_order(key, node_id)

    def wait(self, seconds):
        self.project.clock.pass_s(seconds)

    def add_foreign(self):
        return str(self.project.add_foreign().id)

    def break_next(self, fault: Fault, call: Call = "launch") -> None:
        status, code = ANSWERS[fault]
        self.project.fault(
            *CALLS[call], status, code, is_after=fault == "timeout after", skip=int(fault == "broken page")
        )

    def mend(self) -> None:
        self.project.http.faults.clear()

    def appear_late(self, seconds):
        self.project.late_s = seconds

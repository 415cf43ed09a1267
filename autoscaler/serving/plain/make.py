"""The plain fleet that fleet.toml describes, with the secrets it needs handed in."""

from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from autoscaler.serving.metrics import MetricsReader
from autoscaler.serving.plain.file_router import FileRouter
from autoscaler.serving.plain.litellm_router import LiteLlmRouter
from autoscaler.serving.plain.probe import Prober
from autoscaler.serving.plain.router import Router
from autoscaler.serving.plain.serving import PlainServing
from planner.errors import InputError
from planner.fleet.daemon import DaemonSettings, RouterSettings

if TYPE_CHECKING:
    from pydantic import SecretStr


def plain_serving(
    settings: DaemonSettings,
    models: Sequence[str],
    *,
    clock: Callable[[], datetime],
    metrics: MetricsReader | None = None,
    master_key: "SecretStr | None" = None,
    node_key: "SecretStr | None" = None,
) -> PlainServing:
    """The serving side of `[router]`. `metrics`: who reads `[metrics]`; `master_key`: LiteLLM's, where it routes."""
    router = settings.router
    if router is None:
        raise InputError("[router] is missing; expected it, or [cluster], to say who sends requests to the nodes")
    folder = Path(settings.folder)
    served_names = {} if settings.metrics is None else settings.metrics.served_names
    return PlainServing(
        router=_router(settings, router, models, master_key=master_key, node_key=node_key),
        prober=Prober(
            health_path=router.health_path, served_names=served_names, key=node_key, timeout_s=router.probe_timeout_s
        ),
        clock=clock,
        metrics=metrics,
        port=router.port,
        targets_file=None if router.targets_file is None else folder / Path(router.targets_file).expanduser(),
    )


def _router(
    settings: DaemonSettings,
    router: RouterSettings,
    models: Sequence[str],
    *,
    master_key: "SecretStr | None",
    node_key: "SecretStr | None",
) -> Router:
    served_names = {} if settings.metrics is None else settings.metrics.served_names
    if router.kind == "litellm":
        if master_key is None or router.url is None:
            raise InputError("[router] kind is litellm; expected url, and its master key in LITELLM_MASTER_KEY")
        return LiteLlmRouter(
            router.url,
            master_key=master_key,
            fleet=settings.autoscale.fleet,
            served_names=served_names,
            node_key=node_key,
        )
    if router.endpoints_file is None:
        raise InputError("[router] endpoints_file is missing; expected the file to keep")
    return FileRouter(
        path=Path(settings.folder) / Path(router.endpoints_file).expanduser(),
        models=tuple(models),
        served_names=served_names,
        format=router.format,
        reload_command=router.reload_command,
        has_node_key=node_key is not None,
    )

"""A real Prometheus for tests: Debian's program, in a folder of its own, scraping each second what a file lists."""

import json
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import mkdtemp

from tests.needs import program
from tests.servers.process import free_port, serving

CONFIG = """\
global: {{scrape_interval: {every_s}s, scrape_timeout: {every_s}s}}
scrape_configs:
  - job_name: {job}
    file_sd_configs: [{{files: ["{targets}"], refresh_interval: 1s}}]
{more}"""
ALSO = """\
  - job_name: {job}
    static_configs: [{{targets: ["{target}"]}}]
"""


@dataclass(frozen=True, kw_only=True)
class RealPrometheus:
    """One that runs."""

    url: str
    targets: Path
    """The file of targets it watches."""

    def scrape(self, targets: Mapping[str, Mapping[str, str]]) -> None:
        """Instances (host:port) to scrape from now on, each with labels."""
        groups = [{"targets": [instance], "labels": dict(labels)} for instance, labels in targets.items()]
        beside = self.targets.with_suffix(".new")
        beside.write_text(json.dumps(groups))
        beside.replace(self.targets)


@contextmanager
def real_prometheus(
    *, job: str = "vllm", every_s: int = 1, data: Path | None = None, also: Mapping[str, str] | None = None
) -> Iterator[RealPrometheus]:
    """It runs while the block does. `data`: blocks of samples to begin with, as promtool makes them.

    `also`: further jobs, each with one target (host:port).
    """
    binary = program("prometheus", "prometheus")
    folder = Path(mkdtemp(prefix="baseload-prometheus-"))
    targets = folder / "targets.json"
    targets.write_text("[]")
    more = "".join(ALSO.format(job=name, target=target) for name, target in (also or {}).items())
    (folder / "p.yml").write_text(CONFIG.format(every_s=every_s, job=job, targets=targets, more=more))
    port = free_port()
    log = folder / "log"
    url = f"http://127.0.0.1:{port}"
    command = [
        binary,
        f"--config.file={folder / 'p.yml'}",
        f"--storage.tsdb.path={data or folder / 'data'}",
        "--storage.tsdb.retention.time=10y",
        f"--web.listen-address=127.0.0.1:{port}",
    ]
    try:
        with serving(command, ready_url=f"{url}/-/ready", log=log, name="prometheus"):
            yield RealPrometheus(url=url, targets=targets)
    finally:
        shutil.rmtree(folder, ignore_errors=True)

"""How long it takes to publish fifty models at a proxy: told, read back, and a chat request each."""

import time
from collections.abc import Iterator
from decimal import Decimal

from benchmarks.measure import Row, Spread

MODELS = 50


def publish_rows(runs: int) -> Iterator[Row]:
    """Fifty models that are new, then fifty whose price moved, at a double of the proxy on this machine."""
    spent = [_published() for _ in range(runs)]
    for index, what in enumerate(("new", "whose price moved")):
        yield Row(
            what=f"prices of {MODELS} models {what}: told, read back, probed",
            unit="s",
            measured=Spread.of([one[index] for one in spent]),
            at_most=30.0,
            note="the proxy is a double over HTTP on this machine; LiteLLM's own time for 150 calls comes on top",
        )


def _published() -> tuple[float, float]:
    """Seconds for new ones, and for changed ones."""
    from pydantic import SecretStr

    from planner.fleet.publish import PublishedModel
    from planner.publish.entry import Price, changes_of
    from planner.publish.proxy import Proxy
    from tests.servers.litellm_double import KEY, litellm_double

    spent = []
    with litellm_double() as double, Proxy(double.url, key=SecretStr(KEY)) as proxy:
        for cents in (3, 4):
            begun = time.perf_counter()
            held = proxy.entries()
            changes = [
                change
                for number in range(MODELS)
                for change in changes_of(
                    Price(
                        model=f"model-{number}",
                        input_usd_token=Decimal(cents).scaleb(-6),
                        output_usd_token=Decimal(cents).scaleb(-5),
                        max_tokens=8192,
                        description="a benchmark",
                        policy="cost",
                    ),
                    PublishedModel(model=f"model-{number}", api_base="http://127.0.0.1:9/v1"),
                    held,
                    min_change_ratio=Decimal("0.05"),
                )
            ]
            for change in changes:
                proxy.tell(change)
            for change in changes:
                proxy.read_back(change)
            alarms = [probe.alarm for change in changes if (probe := proxy.probe(change)).alarm is not None]
            spent.append(time.perf_counter() - begun)
            if alarms or len(changes) != MODELS:
                raise ValueError(f"{len(changes)} changes, alarms {alarms}")
    return spent[0], spent[1]

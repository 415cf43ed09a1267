"""What all tests share: hypothesis draws the same examples every time, and no deadline (the machine may be busy).

Tests marked `live` run against a real account and cost money: only where `--live PROVIDER` asks for them. The rented
world's clock does not wait for a busy machine, so its tests come last, when little else is left to run.
Tasks stay in the process of the test, unless it asks for others: several tests run side by side already.
"""

import os
from pathlib import Path

import pytest
from hypothesis import settings

settings.register_profile("steady", derandomize=True, deadline=None, print_blob=True)
settings.register_profile("search", deadline=None)  # fresh examples: pytest --hypothesis-profile=search
settings.load_profile("steady")
os.environ["LOKY_MAX_CPU_COUNT"] = "1"

RENTED = Path(__file__).parent / "rented"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--live",
        action="append",
        default=[],
        metavar="PROVIDER",
        help="run the contract of this provider against a real account, which costs money (docs/providers.md)",
    )


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    asked = set(config.getoption("--live"))
    left_out = [
        item for item in items if (mark := item.get_closest_marker("live")) is not None and mark.args[0] not in asked
    ]
    items.sort(key=lambda item: item.path.is_relative_to(RENTED))  # a stable sort: the order is kept but for that
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in left_out]

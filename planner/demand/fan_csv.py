"""A fan as the CSV that plans are made from: mean rows, rows of each quantile, and scenarios where asked for. Pure.

Numbers have seven significant digits, times are UTC hours. Rows without a scenario are the mean and its quantiles; a
scenario's rows carry its name and probability and have no quantile.
"""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from planner.demand.fan import Fan
from planner.demand.forecast import Forecast

_COLUMNS = ("timestamp", "input_tokens_per_s", "output_tokens_per_s")


def fan_csv(fan: Fan) -> str:
    """The text of the file."""
    has_models = fan.mean.models != ("",)
    has_paths = fan.paths is not None
    header = (*_COLUMNS, *(("model",) if has_models else ()), "quantile")
    lines = [",".join((*header, *(("scenario", "probability") if has_paths else ())))]
    times = [f"{fan.mean.hour(index):%Y-%m-%dT%H:%MZ}" for index in range(fan.mean.hours)]
    names = [f"{_cell(model)}," if has_models else "" for model in fan.mean.models]
    empty = ",," if has_paths else ""
    lines += _rows(times, names, fan.mean.input_tok_s[0], fan.mean.output_tok_s[0], empty)
    for number, quantile in enumerate(fan.quantiles):
        lines += _rows(times, names, fan.input_tok_s[number], fan.output_tok_s[number], f"{quantile:g}{empty}")
    if fan.paths is not None:
        lines += _scenarios(fan.paths, times, names)
    return "\n".join(lines) + "\n"


def _scenarios(paths: Forecast, times: Sequence[str], names: Sequence[str]) -> Iterator[str]:
    for number, (name, probability) in enumerate(zip(paths.scenarios, paths.probability, strict=True)):
        end = f",{_cell(name)},{probability:.9g}"
        yield from _rows(times, names, paths.input_tok_s[number], paths.output_tok_s[number], end)


def _rows(
    times: Sequence[str],
    names: Sequence[str],
    input_tok_s: NDArray[np.float64],
    output_tok_s: NDArray[np.float64],
    end: str,
) -> Iterator[str]:
    """One row per model and hour; arrays are (models, hours)."""
    for model, name in enumerate(names):
        for at, came, made in zip(times, input_tok_s[model], output_tok_s[model], strict=True):
            yield f"{at},{came:.7g},{made:.7g},{name}{end}"


def _cell(text: str) -> str:
    return '"' + text.replace('"', '""') + '"' if set(text) & set(',"\n') else text

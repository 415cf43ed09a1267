"""Whether single requests are as long as those that the rates of their model hold for. Pure.

A machine's rates are measured, and its SLO is checked, at the lengths a model states: requests four times as long may
cost more than four times as much. A replay serves them at the same two rates all the same, so it says so.
"""

from collections.abc import Iterator, Mapping, Sequence

from autoscaler.replay.world import ServedModel, Traffic
from planner.profile.curve import Profile
from planner.profile.model import Model

UNLIKE = 1.25
"""Mean lengths that differ by this factor are said."""


def length_remarks(
    traffic: Traffic, served: Mapping[str, ServedModel], models: Sequence[Model], profiles: Mapping[str, Profile]
) -> Iterator[str]:
    """A remark for each model whose requests are of other lengths than its rates; rates without a curve have none."""
    for model in models:
        requests, profile = traffic.requests.get(model.name), profiles.get(model.profile)
        if requests is None or not requests.input_tokens.size or profile is None or not served[model.name].curves:
            continue
        came = float(requests.input_tokens.mean()), float(requests.output_tokens.mean())
        rated = model.input_tokens or profile.prompt_tokens, model.output_tokens or profile.output_tokens
        if all(_is_alike(a, b) for a, b in zip(came, rated, strict=True)):
            continue
        hold = "for lengths the model does not state" if None in rated else f"for {rated[0]:,.0f} and {rated[1]:,.0f}"
        yield (
            f"{model.name}: requests of this traffic are {came[0]:,.0f} tokens in and {came[1]:,.0f} out on average, "
            f"rates are {hold}: set input_tokens and output_tokens of the model"
        )


def _is_alike(came: float, rated: float | None) -> bool:
    return rated is not None and came <= UNLIKE * rated and rated <= UNLIKE * came

"""Which model a listing is about, at which SLO and mix of tokens: shared by `catalog list` and `profile show`."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from planner.fleet import Fleet
    from planner.profile.curve import Profile
    from planner.profile.model import Model, Slo


def model_named(
    fleet: "Fleet", profiles: Mapping[str, "Profile"], name: str | None, slo: Sequence[str] = ()
) -> tuple["Model", tuple[str, ...]]:
    """The model meant by a name, with remarks: one of the fleet, or that of a profile; none means the fleet's first.

    A profile that a model of the fleet uses stands for that model; any other for a model without lengths and SLO.
    """
    from planner.catalog.nearest import nearest
    from planner.errors import InputError
    from planner.profile.model import Model

    of_fleet = {model.name: model for model in fleet.models}
    if name is None:
        return _with_slo(fleet, fleet.models[0], slo), ()
    if name in of_fleet:
        return _with_slo(fleet, of_fleet[name], slo), ()
    if name not in profiles:
        known = sorted({*fleet.model_names, *profiles})
        near = nearest(name, known)
        meant = f"did you mean {near[0]!r}?" if near else f"expected one of {', '.join(known)}"
        raise InputError(f"{name!r}: neither a model of {fleet.source} nor a profile; {meant}")
    users = [model for model in fleet.models if model.profile == name]
    if users:
        others = f", also of {', '.join(user.name for user in users[1:])}" if users[1:] else ""
        return _with_slo(fleet, users[0], slo), (f"profile {name}: shown for model {users[0].name}{others}",)
    model = _with_slo(fleet, Model(name=name, profile=name), slo)
    if slo:
        return model, (f"{name}: no model of {fleet.source} uses this profile; shown at the SLO given",)
    return model, (
        f"{name}: no model of {fleet.source} uses this profile, so there is no SLO: shown at saturation, the most "
        "output tokens whatever the latency; --slo ttft_ms=2000 --slo tpot_ms=200 shows it at an SLO",
    )


def mix_of(model: "Model", mix: float | None) -> float:
    """Input tokens per output token: as given, else by the model's own mean lengths, else 1."""
    from planner.errors import InputError

    if mix is None:
        if model.input_tokens is None or model.output_tokens is None:
            return 1.0
        return model.input_tokens / model.output_tokens
    if not 0 <= mix < float("inf"):
        raise InputError(f"--mix {mix}: expected a number of 0 or more")
    return mix


def slo_of(settings: Sequence[str]) -> "Slo":
    """The SLO that `--slo` settings alone make. Raises InputError."""
    from planner.fleet import default_fleet
    from planner.profile.model import Model

    return _with_slo(default_fleet(), Model(name="profile", profile="profile"), settings).slo


def _with_slo(fleet: "Fleet", model: "Model", settings: Sequence[str]) -> "Model":
    """The model with each of `settings`, such as ttft_ms=500, in force."""
    from planner.catalog.nearest import nearest
    from planner.errors import InputError
    from planner.fleet import apply_set

    keys = ("ttft_ms", "tpot_ms")
    for setting in settings:
        key, equals, value = (part.strip() for part in setting.partition("="))
        if not (equals and value):
            raise InputError(f"--slo {setting}: expected KEY=MS, such as ttft_ms=500")
        if key not in keys:
            near = nearest(key, keys)
            meant = f"did you mean {near[0]!r}?" if near else f"expected one of {', '.join(keys)}"
            raise InputError(f"--slo {setting}: unknown key {key!r}; {meant}")
        plain = f"slo.{key}={value}"
        try:
            model = apply_set(replace(fleet, models=(model,)), plain).models[0]
        except InputError as error:
            raise InputError(str(error).replace(f"--set {plain}", f"--slo {setting}", 1)) from None
    return model

"""Change: a named what-if of a case; `changed`, the case it makes. Pure but for a policy file it may name."""

from dataclasses import dataclass, replace

from planner.case import Case, kept_to, policy_remarks
from planner.catalog.nearest import nearest
from planner.catalog.offer import Catalog
from planner.catalog.select import only, without
from planner.errors import InputError
from planner.fleet import apply_set, with_policy
from planner.whatif.settings import apply_setting, spelt_out

SLO_KEYS = ("ttft_ms", "tpot_ms")


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What is different: each field as a person writes it on the command line or in a scenario file."""

    name: str = ""
    """Of the scenario; empty for the one change of a command line."""
    settings: tuple[str, ...] = ()
    """KEY=VALUE each, see `planner.whatif.settings`."""
    without: tuple[str, ...] = ()
    only: tuple[str, ...] = ()
    slo: tuple[str, ...] = ()
    """ttft_ms=500 or MODEL.ttft_ms=500 each."""
    policy: str | None = None
    """A preset or a policy file; None: the fleet's own."""
    measured_only: bool = False

    @property
    def words(self) -> tuple[str, ...]:
        """Each thing changed, as written, in the order it is applied."""
        return (
            *([f"policy {self.policy}"] if self.policy is not None else ()),
            *([f"only {', '.join(self.only)}"] if self.only else ()),
            *([f"without {', '.join(self.without)}"] if self.without else ()),
            *self.settings,
            *self.slo,
            *(["measured rates only"] if self.measured_only else ()),
        )


def changed(case: Case, change: Change) -> Case:
    """The case with the change made: policy, only, without, settings, SLO, measured only, in this order."""
    if change.policy is not None:
        case = _under_policy(case, change.policy)
    if change.only:
        case = _cut(case, only(case.catalog, spelt_out(case.catalog, change.only)))
    if change.without:
        case = _cut(case, without(case.catalog, spelt_out(case.catalog, change.without)))
    for setting in change.settings:
        case = apply_setting(case, setting)
    for setting in change.slo:
        case = _with_slo(case, setting)
    if change.measured_only:
        case = replace(case, fleet=replace(case.fleet, policy=replace(case.fleet.policy, measured_only=True)))
    return replace(case, remarks=(*case.remarks, remark(change))) if change.words else case


def _under_policy(case: Case, policy: str) -> Case:
    """The case under another policy, kept to the policy's offers, with a remark, unless the fleet names its own."""
    fleet = with_policy(case.fleet, policy)
    case = replace(case, fleet=fleet, remarks=(*case.remarks, *policy_remarks(fleet)))
    return case if fleet.catalog.only else _cut(case, kept_to(case.catalog, fleet.policy_offers))


def remark(change: Change) -> str:
    """What the reader of a changed plan should know: what differs from the files."""
    return f"planned with changed inputs: {'; '.join(change.words)}"


def _cut(case: Case, catalog: Catalog) -> Case:
    """The case with fewer offers; owned servers of an offer that is gone are gone with it, and a remark says so."""
    gone = [one for one in case.fleet.owned if one.offer in case.catalog and one.offer not in catalog]
    if not gone:
        return replace(case, catalog=catalog)
    named = ", ".join(f"{one.count} {one.offer}" for one in gone)
    return replace(
        case,
        catalog=catalog,
        fleet=replace(case.fleet, owned=tuple(one for one in case.fleet.owned if one not in gone)),
        remarks=(*case.remarks, f"owned servers left out with their offers: {named}"),
    )


def _with_slo(case: Case, setting: str) -> Case:
    """The case with ttft_ms=500 (every model) or MODEL.ttft_ms=500 in force."""
    source = f"--slo {setting}"
    written_key, equals, value = (part.strip() for part in setting.partition("="))
    head, _, key = written_key.rpartition(".")
    model = head.removesuffix("slo").removesuffix(".")
    if not (equals and key and value):
        raise InputError(f"{source}: expected KEY=MS, such as ttft_ms=500")
    if model and model not in case.fleet.model_names:
        near = nearest(model, case.fleet.model_names)
        meant = f"did you mean {near[0]!r}?" if near else f"expected one of {', '.join(case.fleet.model_names)}"
        raise InputError(f"{source}: unknown model {model!r}; {meant}")
    if key not in SLO_KEYS:
        near = nearest(key, SLO_KEYS)
        meant = f"did you mean {near[0]!r}?" if near else f"expected one of {', '.join(SLO_KEYS)}"
        raise InputError(f"{source}: unknown key {key!r}; {meant}")
    plain = f"{model}.slo.{key}={value}" if model else f"slo.{key}={value}"
    try:
        return replace(case, fleet=apply_set(case.fleet, plain))
    except InputError as error:
        raise InputError(str(error).replace(f"--set {plain}", source, 1)) from None

"""The options that say which case a command is about: forecast, fleet, month, and what is changed of them."""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from planner.cli.options import (
    Fill,
    FillOption,
    FleetOption,
    ForecastOption,
    MeasuredOption,
    MonthOption,
    OnlyOption,
    PolicyOption,
    QuantileOption,
    SetOption,
    SloOption,
    WithoutOption,
    split,
)

if TYPE_CHECKING:
    from planner.case import Case
    from planner.fleet import Fleet
    from planner.whatif import Change


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangedGiven:
    """Forecast, fleet and what is changed of them, as written; for whatever months."""

    forecast: ForecastOption
    config: FleetOption = None
    fill: FillOption = None
    quantile: QuantileOption = None
    settings: SetOption = None
    without: WithoutOption = None
    only: OnlyOption = None
    slo: SloOption = None
    policy: PolicyOption = None
    measured_only: MeasuredOption = False

    def change(self) -> "Change":
        """What is changed of the files, the policy among it."""
        from planner.whatif import Change

        return Change(
            settings=tuple(self.settings or ()),
            without=split(self.without),
            only=split(self.only),
            slo=tuple(self.slo or ()),
            policy=self.policy,
            measured_only=self.measured_only,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseGiven(ChangedGiven):
    """The same for one month, or for the forecast's own hours."""

    month: MonthOption = None

    def case(self) -> "Case":
        """The case of the files, before anything is changed."""
        from planner.case import load_fleet

        fleet, remarks = load_fleet(self.config)
        return self._loaded(fleet, remarks)

    def changed_case(self, *settings: str) -> "Case":
        """The case under the policy named, with everything else changed; `settings` before those given."""
        from planner.case import load_fleet
        from planner.whatif import changed

        fleet, remarks = load_fleet(self.config, self.policy)
        change = self.change()
        return changed(
            self._loaded(fleet, remarks), replace(change, policy=None, settings=(*settings, *change.settings))
        )

    def _loaded(self, fleet: "Fleet", remarks: tuple[str, ...]) -> "Case":
        from planner.case import load_case
        from planner.cli.clock import today

        return load_case(
            forecast=self.forecast,
            fleet=fleet,
            month=self.month,
            fill=None if self.fill is None else Fill.WEEKLY.value,
            quantile=self.quantile,
            remarks=remarks,
            as_of=today(),
        )

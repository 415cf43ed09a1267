"""Options of `baseload price`, as written: what is priced, what is shown of its cost, what is charged, and how."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from planner.cli.options import CurrencyCode, CurrencyOption, JsonOption, PolicyOption

PlanFileOption = Annotated[
    Path | None, typer.Option("--plan", metavar="FILE", help="A plan.json of `baseload plan -o`.")
]
LedgerMonthOption = Annotated[
    str | None, typer.Option("--month", metavar="MONTH", help="A month of the ledger, such as 2026-11 (UTC).")
]
PriceFleetOption = Annotated[
    Path | None,
    typer.Option("-c", "--config", metavar="FILE", help="fleet.toml: rates of a month, and [policy.pricing]."),
]
UsdHourOption = Annotated[
    str | None, typer.Option("--usd-hour", metavar="USD", help="Quick quote: a machine's price per hour.")
]
UsdMonthOption = Annotated[
    str | None, typer.Option("--usd-month", metavar="USD", help="Or its price per month, quoted at 720 h.")
]
TokSOption = Annotated[
    str | None, typer.Option("--tok-s", metavar="TOK/S", help="Tokens per second at full load, input and output.")
]
DecodeOnlyOption = Annotated[
    bool, typer.Option("--decode-only", help="--tok-s counts output alone; input is taken to cost no time.")
]
UtilizationOption = Annotated[
    str | None,
    typer.Option("--utilization", metavar="RATIOS", help="Assumed, such as 0.7,0.5; the first is used throughout."),
]
MtokMonthOption = Annotated[
    str | None, typer.Option("--mtok-month", metavar="MTOK", help="Or the million tokens served in a month.")
]
MixOption = Annotated[
    str | None, typer.Option("--mix", metavar="RATIO", help="Input tokens per output token of a quote (1).")
]
CostsOption = Annotated[
    Path | None, typer.Option("--costs", metavar="FILE", help="A price sheet, TOML: several machines to quote.")
]
MachineOption = Annotated[
    str | None, typer.Option("--machine", metavar="NAME", help="The machine of the price sheet to look at.")
]
CurveOption = Annotated[bool, typer.Option("--curve", help="USD per million tokens against load.")]
PatternsOption = Annotated[
    bool, typer.Option("--patterns", help="How full a fleet can be: steady, business hours, bursty, dev.")
]
ShapeOption = Annotated[
    list[Path] | None, typer.Option("--shape", metavar="FILE", help="Measure this forecast beside the patterns.")
]
HiddenOption = Annotated[
    Path | None,
    typer.Option("--hidden", metavar="FILE", help="Hidden costs, TOML: the true cost beside the direct."),
]
PriceOption = Annotated[
    str | None,
    typer.Option("--price", metavar="USD", help="With --hidden: what these prices, such as 0.25,0.5, earn."),
]
MarginOption = Annotated[
    str | None,
    typer.Option("--margin", metavar="RATIO", help="With --hidden: name the price of this margin (0.5)."),
]
ChartOption = Annotated[
    Path | None, typer.Option("--chart", metavar="FILE", help="Draw the cost curve to an .svg or .png file.")
]
TiersOption = Annotated[bool, typer.Option("--tiers", help="What to charge: tiers, splits, discounts, commitments.")]
MarketOption = Annotated[bool, typer.Option("--market", help="Where our prices stand among hosted models.")]
MarketClassOption = Annotated[
    str | None,
    typer.Option("--market-class", metavar="CLASS", help="7-8B, 70B, frontier-small ... (told by the model's name)."),
]
MarketPricesOption = Annotated[
    Path | None, typer.Option("--market-prices", metavar="FILE", help="A price list of your own, CSV.")
]
MarketChartOption = Annotated[
    Path | None, typer.Option("--market-chart", metavar="FILE", help="Draw the market to an .svg or .png file.")
]
BreakEvenOption = Annotated[
    str | None, typer.Option("--break-even", metavar="USD", help="Traffic at which prices such as 0.10,0.20 pay.")
]
TokensPerRequestOption = Annotated[
    str | None, typer.Option("--tokens-per-request", metavar="N", help="With --break-even: as requests a day too.")
]
ScenariosOption = Annotated[
    Path | None, typer.Option("--scenarios", metavar="FILE", help="Profit scenarios, TOML, with feasibility.")
]
PerTokenOption = Annotated[
    bool, typer.Option("--per-token", help="Input and output price per single token, as LiteLLM takes them.")
]
CardOption = Annotated[bool, typer.Option("--card", help="A quick reference card.")]
ClaimsOption = Annotated[
    Path | None, typer.Option("--claims", metavar="FILE", help="Figures someone states, held against these, TOML.")
]


@dataclass(frozen=True, slots=True, kw_only=True)
class SubjectGiven:
    """What is priced, unless it is a quick quote."""

    plan: PlanFileOption = None
    month: LedgerMonthOption = None
    config: PriceFleetOption = None
    costs: CostsOption = None
    machine: MachineOption = None


@dataclass(frozen=True, slots=True, kw_only=True)
class QuoteGiven:
    """A quick quote."""

    usd_hour: UsdHourOption = None
    usd_month: UsdMonthOption = None
    tok_s: TokSOption = None
    decode_only: DecodeOnlyOption = False
    utilization: UtilizationOption = None
    mtok_month: MtokMonthOption = None
    mix: MixOption = None

    @property
    def given(self) -> tuple[str, ...]:
        """Names of the options that were given."""
        return tuple(f"--{name.replace('_', '-')}" for name in self.__slots__ if getattr(self, name))


@dataclass(frozen=True, slots=True, kw_only=True)
class CostGiven:
    """What is shown of the cost."""

    curve: CurveOption = False
    patterns: PatternsOption = False
    shapes: ShapeOption = None
    hidden: HiddenOption = None
    prices: PriceOption = None
    margin: MarginOption = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChargeGiven:
    """What is charged."""

    tiers: TiersOption = False
    market: MarketOption = False
    market_class: MarketClassOption = None
    market_prices: MarketPricesOption = None
    break_even: BreakEvenOption = None
    tokens_per_request: TokensPerRequestOption = None
    scenarios: ScenariosOption = None
    per_token: PerTokenOption = False
    card: CardOption = False
    claims: ClaimsOption = None
    policy: PolicyOption = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Output:
    """Where the result goes, and how."""

    chart: ChartOption = None
    market_chart: MarketChartOption = None
    currency: CurrencyOption = CurrencyCode.USD
    as_json: JsonOption = False

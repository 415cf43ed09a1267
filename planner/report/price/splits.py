"""Section `splits`: input and output apart under each named policy, and how much of the cost it recovers."""

from typing import TYPE_CHECKING

from planner.economics.spend import Spend
from planner.economics.split import MIXES, Split, splits
from planner.report.numbers import Currency, number
from planner.report.price.section import MONEY, NUMBER, TEXT, Json, Section, Wide, listed, money, or_null, record, said
from planner.report.screen import Cell, Column, words

if TYPE_CHECKING:
    from rich.console import RenderableType

KEY = "splits"
Made = list[tuple[str, float | None, tuple[Split, ...]]]
"""Model, its input tokens per output token, its splits."""
SCHEMA: Json = listed(
    record(
        {
            "model": TEXT,
            "input_per_output": said(or_null(NUMBER), "Input tokens per output token really served."),
            "splits": listed(
                record(
                    {
                        "policy": TEXT,
                        "rule": TEXT,
                        "input_usd_mtok": or_null(MONEY),
                        "output_usd_mtok": or_null(MONEY),
                        "recovery_ratio": said(or_null(NUMBER), "Revenue at the real mix over cost."),
                        "recovery_at": listed(record({"input_per_output": NUMBER, "recovery_ratio": or_null(NUMBER)})),
                    }
                )
            ),
        }
    )
)


def splits_section(spend: Spend) -> Section:
    """The splits of every model's cost, idle time included."""
    made = [(model.model, _mix(model.input_tokens, model.output_tokens), splits(model)) for model in spend.models]
    return Section(
        key=KEY,
        title="Input and output apart, at cost",
        parts=lambda currency: _parts(made, currency),
        document=[
            {"model": name, "input_per_output": mix, "splits": [_document(one) for one in each]}
            for name, mix, each in made
        ],
    )


def _mix(input_tokens: float, output_tokens: float) -> float | None:
    return input_tokens / output_tokens if output_tokens > 0 else None


def _document(split: Split) -> Json:
    return {
        "policy": split.policy,
        "rule": split.rule,
        "input_usd_mtok": money(split.input_usd_mtok),
        "output_usd_mtok": money(split.output_usd_mtok),
        "recovery_ratio": split.recovery_ratio,
        "recovery_at": [{"input_per_output": float(mix), "recovery_ratio": ratio} for mix, ratio in split.recovery_at],
    }


def _parts(
    made: list[tuple[str, float | None, tuple[Split, ...]]], currency: Currency
) -> "list[RenderableType | Wide]":
    code = currency.code
    columns = [
        words("model"),
        words("split"),
        Column(title="input", unit=f"{code}/Mtok", places=4),
        Column(title="output", unit=f"{code}/Mtok", places=4),
        Column(title="recovers", unit="% of cost", places=1, is_ratio=True),
        *(Column(title=f"at {number(mix, 0)} : 1", unit="%", places=1, is_ratio=True) for mix in MIXES),
    ]
    rows: list[list[Cell]] = []
    for name, mix, each in made:
        for index, split in enumerate(each):
            label = name if mix is None else f"{name}, {number(mix, 2)} : 1"
            rows.append(
                [
                    label if index == 0 else "",
                    split.policy,
                    currency.amount(split.input_usd_mtok),
                    currency.amount(split.output_usd_mtok),
                    split.recovery_ratio,
                    *(ratio for _, ratio in split.recovery_at),
                ]
            )
    rules = [f"{split.policy}: {split.rule}." for split in made[0][2]] if made else []
    return [
        Wide(
            columns=columns,
            rows=rows,
            dispensable=[f"at {number(mix, 0)} : 1" for mix in (MIXES[1], MIXES[2], MIXES[0])],
            sections=[len(each) * (at + 1) - 1 for at, (_, _, each) in enumerate(made[:-1])],
        ),
        "",
        *rules,
        "n : 1 is input tokens per output token; below 100 % the split loses money at that mix.",
    ]

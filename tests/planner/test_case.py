"""The case: what files, options and packaged defaults become before anything is solved."""

from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from planner.case import Case, Recorded, load_case, load_catalog, load_fleet, load_profiles, owned_servers, solve_case
from planner.errors import InputError
from planner.fleet import Fleet, read_fleet
from planner.tasks.digest import Digests

MODEL = '[[model]]\nname = "chat"\nprofile = "llama-7b-q4"\n'
FORECAST = "timestamp,input_tokens_per_s,output_tokens_per_s\n2026-12-07T00:00:00Z,100,10\n2026-12-07T01:00:00Z,50,5\n"


def a_case(folder: Path, fleet: str = MODEL, forecast: str = FORECAST, as_of: date | None = None) -> Case:
    path = folder / "f.csv"
    path.write_text(forecast)
    return load_case(forecast=path, fleet=read_fleet(fleet, source="fleet.toml", folder=str(folder)), as_of=as_of)


def test_without_a_file_the_packaged_fleet_is_used_and_said() -> None:
    fleet, remarks = load_fleet(None)
    assert fleet.model_names == ("llama-7b-q4",)
    assert len(remarks) == 1
    assert "packaged default fleet" in remarks[0]


def test_a_policy_named_on_the_command_line_replaces_the_fleets() -> None:
    plain, _ = load_fleet(None)
    funded, _ = load_fleet(None, "enterprise")
    assert funded.policy != plain.policy
    assert funded.models == plain.models


def test_a_case_takes_the_models_that_have_demand(tmp_path: Path) -> None:
    header = "timestamp,model,input_tokens_per_s,output_tokens_per_s\n"
    case = a_case(tmp_path, MODEL + MODEL.replace("chat", "code"), header + "2026-12-07T00:00:00Z,code,1,1\n")
    assert [model.name for model in case.models] == ["code"]
    assert any("no demand for chat" in remark for remark in case.remarks)


def test_the_fleets_selectors_cut_the_catalog() -> None:
    def providers(settings: str) -> set[str]:
        fleet = read_fleet(f"{MODEL}[catalog]\n{settings}\n", source="fleet.toml")
        return {offer.provider for offer in load_catalog(fleet)}

    assert providers('only = ["ovh"]') == {"ovh"}
    assert providers('shipped = ["aws"]') == {"aws"}
    assert "aws" not in providers('without = ["aws"]')


def test_a_group_limit_of_no_offer_is_refused() -> None:
    fleet = read_fleet(f"{MODEL}[catalog.group_max]\nnobody = 3\n", source="fleet.toml")
    with pytest.raises(InputError, match=r"fleet\.toml, \[catalog\] group_max\.nobody"):
        load_catalog(fleet)


def test_an_unknown_profile_is_named_with_those_there_are() -> None:
    fleet = read_fleet(MODEL.replace("llama-7b-q4", "gpt-9"), source="fleet.toml")
    with pytest.raises(InputError, match=r"chat: unknown profile 'gpt-9'; expected one of .*llama-7b-q4"):
        load_profiles(fleet)


def test_owned_servers_keep_the_price_in_force_at_the_catalogs_rate(tmp_path: Path) -> None:
    block = '\n[[owned]]\noffer = "hetzner/ax102"\ncount = 2\nordered_on = 2025-06-02\nfee_eur_month = 100.00\n'
    rate = "\n[catalog]\nusd_per_eur = 1.25\nusd_per_eur_date = 2026-10-01\n"
    (server,) = owned_servers(a_case(tmp_path, MODEL + block + rate))
    assert server.count == 2
    assert server.offer.fee_usd_month == Decimal(125)


def test_a_burst_offer_cannot_be_owned(tmp_path: Path) -> None:
    block = '\n[[owned]]\noffer = "ovh/b3-64"\ncount = 1\nordered_on = 2025-06-02\n'
    with pytest.raises(InputError, match=r"\[\[owned\]\] ovh/b3-64: is a burst offer; expected a base one"):
        owned_servers(a_case(tmp_path, MODEL + block))


def test_fill_needs_a_month(tmp_path: Path) -> None:
    fleet, _ = load_fleet(None)
    (tmp_path / "f.csv").write_text(FORECAST)
    with pytest.raises(InputError, match="--fill needs --month"):
        load_case(forecast=tmp_path / "f.csv", fleet=fleet, fill="weekly")


def test_a_plan_carries_where_it_comes_from(tmp_path: Path) -> None:
    solved = solve_case(a_case(tmp_path, MODEL + '[catalog]\nonly = ["ovh"]\n'))
    origin = solved.plan.provenance
    assert origin.forecast == str(tmp_path / "f.csv")
    assert origin.catalog.startswith("ovh; ")
    assert origin.policy == "fleet.toml"


def test_an_owned_server_that_cannot_win_is_told_to_be_cancelled(tmp_path: Path) -> None:
    # The same server costs less when bought anew, so no plan keeps these two: they are paid for until cancelled.
    block = '\n[[owned]]\noffer = "hetzner/ax102"\ncount = 2\nordered_on = 2025-06-02\nfee_usd_month = 9000\n'
    solved = solve_case(a_case(tmp_path, MODEL + block))
    assert sum(solved.plan.owned_changes.cancel.values()) == 2


OF_LEDGER = f'{MODEL}[catalog]\nprices = "ledger"\n\n[[owned]]\noffer = "hetzner/ax102"\nordered_on = 2025-06-02\n'


def test_the_ledger_is_read_once_for_a_case(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def counted(fleet: Fleet) -> Recorded:
        asked.append(fleet)
        return Recorded()

    monkeypatch.setattr("planner.case.recorded", counted)
    case = a_case(tmp_path, OF_LEDGER)
    assert case.fleet.owned[0] != read_fleet(OF_LEDGER, source="fleet.toml").owned[0]  # its fee was looked up
    assert len(asked) == 1


def test_a_server_ordered_on_a_day_to_come_is_said(tmp_path: Path) -> None:
    def remarks(on: date | None) -> list[str]:
        block = '\n[[owned]]\noffer = "hetzner/ax102"\nordered_on = 2026-12-01\n'
        return [one for one in a_case(tmp_path, MODEL + block, as_of=on).remarks if "ordered_on" in one]

    assert remarks(None) == remarks(date(2026, 12, 1)) == []
    assert remarks(date(2026, 11, 30)) == [
        "fleet.toml, [[owned]] hetzner/ax102: ordered_on 2026-12-01 is yet to come; "
        "it counts as a server that is there, with its setup fee paid"
    ]


def test_a_case_is_another_on_another_day_only_where_a_price_became_old(tmp_path: Path) -> None:
    """Of a checkpoint what was planned the day before is taken; the marks are in plans, and so in what they are of."""
    (tmp_path / "own.toml").write_text(
        'provider = "hetzner"\nprice_date = 2026-08-01\ncurrency = "USD"\nnet_of_vat = true\nsource = "list"\n'
        '[[offer]]\nproduct = "ax102"\nrole = "base"\nbilling = "month"\nregion = "EU"\nfee_usd_month = 72\n'
    )
    fleet = f'{MODEL}[catalog]\nshipped = false\nfiles = ["own.toml"]\n'
    fresh, later, old = (Digests().hex(a_case(tmp_path, fleet, as_of=date(2026, 10, day))) for day in (1, 30, 31))
    assert fresh == later != old  # 90 days after 1 August are 30 October

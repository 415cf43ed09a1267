"""Preparation: what becomes an option, what is set aside and why, and what a node costs over the horizon."""

from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal

import numpy as np
import pytest

from planner.catalog.offer import Catalog, LeftOut, Offer, Role
from planner.demand.forecast import Forecast
from planner.errors import InputError
from planner.optimize.prepare import OwnedServers, Prepared, interruption_usd_hour, lead_time_s, prepare
from planner.profile.model import Basis, Model, Rates, Unfit
from policies.billing import Billing
from policies.planning import PlanningPolicy

CHAT = Model(name="chat", profile="chat", load_time_s=120)
SPEED = {"base": 100.0, "small": 50.0, "big": 100.0, "slow": 40.0, "spot": 100.0}


def an_offer(offer_id: str, *, usd_hour: str | None = None, usd_month: str | None = None, **more: object) -> Offer:
    values: dict[str, object] = {
        "id": offer_id,
        "provider": "p",
        "product": offer_id,
        "role": Role.BURST if usd_hour else Role.BASE,
        "region": "here",
        "billing": Billing.SECOND if usd_hour else Billing.MONTH_PRORATED,
        "price_usd_hour": Decimal(usd_hour) if usd_hour else None,
        "fee_usd_month": Decimal(usd_month) if usd_month else None,
        "price_date": date(2026, 10, 1),
        "source": "made up",
    }
    return Offer(**(values | more))  # type: ignore[arg-type] # a builder


def speed_of(model: Model, offer: Offer) -> Rates | Unfit:
    speed = SPEED.get(offer.id)
    if speed is None:
        return Unfit(reason="no measured rate")
    return Rates(prefill_tok_s=speed, decode_tok_s=speed, basis=Basis.MEASURED)


def prepared(
    *offers: Offer,
    owned: tuple[OwnedServers, ...] = (),
    policy: PlanningPolicy | None = None,
    hours: int = 744,
    **catalog: object,
) -> Prepared:
    demand = np.full((1, 1, hours), 100.0)
    return prepare(
        forecast=Forecast(
            start=datetime(2026, 12, 1, tzinfo=UTC), models=("chat",), input_tok_s=demand, output_tok_s=demand
        ),
        models=(CHAT,),
        catalog=Catalog(offers=offers, **catalog),  # type: ignore[arg-type] # group_max, left_out
        owned=owned,
        policy=policy or PlanningPolicy(),
        rate_of=speed_of,
    )


def keys(found: Prepared) -> list[str]:
    return [o.key for o in found.problem.base] + [o.key for o in found.problem.burst]


def test_two_small_nodes_that_cost_less_than_a_big_one_replace_it() -> None:
    found = prepared(an_offer("small", usd_hour="0.10"), an_offer("big", usd_hour="0.21"))
    assert keys(found) == ["small"]
    (gone,) = found.rejected
    assert gone.offer == "big"
    assert "2 x small" in gone.reason
    assert gone.cheaper_by_usd == pytest.approx(Decimal("0.01"))


def test_a_big_node_cheaper_than_two_small_ones_stays_beside_them() -> None:
    assert keys(prepared(an_offer("small", usd_hour="0.10"), an_offer("big", usd_hour="0.19"))) == ["small", "big"]


def test_a_limited_offer_replaces_nothing() -> None:
    limited = an_offer("small", usd_hour="0.10", max_count=5)
    assert keys(prepared(limited, an_offer("big", usd_hour="0.21"))) == ["small", "big"]


def test_spot_replaces_on_demand_only_where_spot_is_not_limited() -> None:
    offers = (
        an_offer("spot", usd_hour="0.10", is_spot=True, interruptions_per_hour=0.0),
        an_offer("big", usd_hour="0.20"),
    )
    assert keys(prepared(*offers)) == ["spot"]
    assert keys(prepared(*offers, policy=PlanningPolicy(max_spot_share=0.5))) == ["spot", "big"]


def test_an_owned_server_stays_an_option_however_dear() -> None:
    base = an_offer("base", usd_month="100", setup_fee_usd=Decimal(60))
    dear = OwnedServers(offer=replace(base, fee_usd_month=Decimal(900)), count=2)
    found = prepared(base, owned=(dear,))
    assert keys(found) == ["base", "base#owned"]
    new, owned = found.problem.base
    assert (new.setup_usd, new.setup_due_usd) == (5, 60)
    assert (owned.fee_usd, owned.setup_usd, owned.setup_due_usd, owned.max_count) == (900, 0, 0, 2)


def test_an_owned_server_that_serves_nothing_is_to_be_cancelled() -> None:
    unfit = an_offer("unfit", usd_month="100")
    found = prepared(an_offer("base", usd_month="100"), unfit, owned=(OwnedServers(offer=unfit, count=3),))
    assert found.owned_unused == {"unfit#owned": 3}


def test_an_offers_max_count_counts_what_is_owned_of_it() -> None:
    base = an_offer("base", usd_month="100", max_count=4)
    found = prepared(base, owned=(OwnedServers(offer=base, count=3),))
    groups = {option.count_group for option in found.problem.base}
    assert [found.problem.group_max[group] for group in groups if group is not None] == [4]


def test_setup_is_spread_over_the_tenure_and_never_charged_twice() -> None:
    base = an_offer("base", usd_month="100", setup_fee_usd=Decimal(60))
    assert prepared(base).problem.base[0].setup_usd == 5
    assert prepared(base, policy=PlanningPolicy(tenure_months=1), hours=2 * 744).problem.base[0].setup_usd == 60


def test_a_model_no_offer_can_serve_is_refused_with_the_reason() -> None:
    with pytest.raises(InputError, match="model chat: no offer can serve it; unfit: no measured rate"):
        prepared(an_offer("unfit", usd_hour="1"))


def test_what_the_catalog_leaves_out_is_rejected_with_its_reason() -> None:
    found = prepared(an_offer("big", usd_hour="0.2"), left_out=(LeftOut(id="ax42", reason="no price"),))
    assert [(one.offer, one.reason) for one in found.rejected] == [("ax42", "no price")]


def test_an_interruption_costs_the_relaunch_and_the_work_done_again() -> None:
    # 0.01 an hour x 0.36 USD/h x (60 s start + 120 s load + 120 s of work) / 3600 s.
    spot = an_offer("spot", usd_hour="0.36", is_spot=True, interruptions_per_hour=0.01, lead_time_s=60.0)
    assert float(interruption_usd_hour(spot, [CHAT], PlanningPolicy())) == pytest.approx(0.01 * 0.36 * 300 / 3600)


def test_an_unknown_lead_time_is_the_policys_never_zero() -> None:
    assert lead_time_s(an_offer("big", usd_hour="1"), CHAT, PlanningPolicy(unknown_lead_time_s=300)) == 420


def test_spot_without_a_known_interruption_rate_is_remarked() -> None:
    found = prepared(an_offer("spot", usd_hour="0.36", is_spot=True))
    assert any("no interruption rate is known" in remark for remark in found.remarks)

"""The relaxed bound of a plan document, solved anew from plan.json alone with scipy's MILP solver.

Written from the design's "planning problem", without importing the program: base counts whole, burst in fractions of
nodes. Covers plans with one scenario, no losses to survive, no budget and a node for one model; `relaxed_bound_usd`
returns None for others. An owned option is an option like any other, its least and most counts stated.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import coo_array

Json = Mapping[str, Any]


class Rows:
    """Inequalities Σ coefficient · x ≤ most, collected one by one."""

    def __init__(self) -> None:
        self.terms: list[tuple[int, int, float]] = []
        self.least: list[float] = []
        self.most: list[float] = []

    def add(self, terms: list[tuple[int, float]], *, most: float, least: float = -np.inf) -> None:
        self.terms += [(len(self.most), column, value) for column, value in terms]
        self.least.append(least)
        self.most.append(most)

    def constraint(self, columns: int) -> LinearConstraint:
        row, column, value = zip(*self.terms, strict=True)
        matrix = coo_array((value, (row, column)), shape=(len(self.most), columns))
        return LinearConstraint(matrix.tocsr(), self.least, self.most)


def is_covered(document: Json) -> bool:
    """Whether the document is of the kind that is solved here."""
    policy = document["policy"]
    return (
        len(document["scenarios"]) == 1
        and policy["survive_base_losses"] == 0
        and policy["max_usd_month"] is None
        and (policy["sharing"] == "none" or len(document["models"]) == 1)
    )


def relaxed_bound_usd(document: Json) -> float | None:
    """min over whole N of fees + cheapest continuous burst and unserved, USD; None where not covered."""
    if not is_covered(document):
        return None
    offers, models = document["offers"], document["models"]
    tau = document["policy"]["target_utilization"]
    rows, cost, upper, whole = Rows(), list[float](), list[float](), list[int]()

    def variable(usd: float, most: float, *, integer: bool = False) -> int:
        cost.append(usd)
        upper.append(most)
        whole.append(int(integer))
        return len(cost) - 1

    based = {}
    for model, terms in models.items():
        for key in terms["rates"]:
            if offers[key]["role"] == "base":
                fee = float(offers[key]["fee_usd_horizon"]) + float(offers[key]["setup_usd_horizon"])
                based[model, key] = variable(fee, np.inf, integer=True)
    for hour in document["hours_detail"]:
        nodes: dict[str, list[tuple[int, float]]] = {}
        for model, terms in models.items():
            asked = hour["demand"][model]
            tok_s, output = asked["input_tok_s"] + asked["output_tok_s"], asked["output_tok_s"]
            if tok_s <= 0:
                continue
            served = [(variable(float(terms["unserved_usd_mtok"]) * tok_s * 0.0036, 1.0), 1.0)]
            for key, rates in terms["rates"].items():
                offer = offers[key]
                fresh = asked["input_tok_s"] * (1 - terms["cache_hit_ratio"])
                need = (fresh / rates["prefill_tok_s"] + output / rates["decode_tok_s"]) / tau
                usd = float(offer["egress_usd_mtok"]) * output * 0.0036
                if offer["role"] == "burst":
                    usd += need * (float(offer["rate_usd_hour"]) + float(offer["interruption_usd_hour"]))
                share = variable(usd, 1.0)
                served.append((share, 1.0))
                if offer["role"] == "base":
                    rows.add([(share, need), (based[model, key], -1.0)], most=0.0)
                else:
                    nodes.setdefault(key, []).append((share, need))
            rows.add(served, least=1.0, most=1.0)
        if document["policy"]["max_pool_share"] < 1 or document["policy"]["max_spot_share"] < 1:
            for key, terms in nodes.items():  # idle nodes make room for others
                idle = float(offers[key]["rate_usd_hour"]) + float(offers[key]["interruption_usd_hour"])
                terms.append((variable(idle, np.inf), 1.0))
            _share_rows(rows, document, nodes)
        _count_rows(rows, offers, based, nodes)
    result = milp(
        np.array(cost),
        integrality=np.array(whole),
        bounds=Bounds(0.0, np.array(upper)),
        constraints=rows.constraint(len(cost)),
        options={"mip_rel_gap": 1e-9},
    )
    assert result.success, result.message
    return float(result.fun)


def _share_rows(rows: Rows, document: Json, nodes: Mapping[str, list[tuple[int, float]]]) -> None:
    """Nodes of one pool ≤ max_pool_share × burst nodes + 1, spot nodes ≤ max_spot_share × burst nodes + 1; 0: none."""
    policy, offers = document["policy"], document["offers"]
    spot = [key for key in nodes if offers[key]["is_spot"]]
    limited = [([key], policy["max_pool_share"]) for key in nodes] + [(spot, policy["max_spot_share"])]
    for inside, share in limited:
        if share < 1 and inside:
            terms = [(column, value * ((key in inside) - share)) for key in nodes for column, value in nodes[key]]
            rows.add(terms, most=1.0 if share > 0 else 0.0)


def _count_rows(
    rows: Rows, offers: Json, based: Mapping[tuple[str, str], int], nodes: Mapping[str, list[tuple[int, float]]]
) -> None:
    """max_count and group_max of one hour."""
    groups: dict[str, list[tuple[int, float]]] = {}
    for key, offer in offers.items():
        terms = (
            nodes.get(key, []) if offer["role"] == "burst" else [(n, 1.0) for (_, o), n in based.items() if o == key]
        )
        if offer["role"] == "base" and offer["min_count"] > 0 and terms:
            rows.add(terms, most=np.inf, least=offer["min_count"])
        if offer["max_count"] is not None and terms:
            rows.add(terms, most=offer["max_count"])
        if "count_group" in offer:
            groups.setdefault(offer["count_group"], []).extend(terms)
    for group, terms in groups.items():
        if terms:
            rows.add(terms, most=min(o["group_max"] for o in offers.values() if o.get("count_group") == group))

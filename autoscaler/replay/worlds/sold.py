"""What the fleet of a world can rent, and what one node of it sustains: rates, and the curve its delay is read from."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from planner.catalog.offer import Catalog, Offer
from planner.fleet import Fleet
from planner.profile.curve import Curve, Point, Profile
from planner.profile.model import Basis, Model, Rates, Unfit
from planner.profile.rate import rated_for
from planner.profile.rating import Rated


@dataclass(frozen=True, slots=True, kw_only=True)
class Sold:
    """What the fleet can rent: its catalog, and what an offer sustains of a model."""

    fleet: Fleet
    catalog: Catalog
    profiles: Mapping[str, Profile]

    def rated(self, model: Model, offer: Offer) -> Rated | Unfit:
        """Rates of one node of the offer serving the model, or why it cannot."""
        return rated_for(model, offer, self.profiles, measured_only=self.fleet.policy.measured_only)


def written_rates(prefill_tok_s: float | None, decode_tok_s: float) -> Rates:
    """The rates that a world file writes out; without one for input, that of output."""
    return Rates(
        prefill_tok_s=prefill_tok_s or decode_tok_s,
        decode_tok_s=decode_tok_s,
        basis=Basis.ESTIMATED,
        rule="as the world file says",
    )


def nearest_curve(rated: Rated, offer: Offer, input_tok_s: float, output_tok_s: float) -> Curve | None:
    """The measured curve whose mix is nearest to the traffic's, for the whole node; None: there is none.

    Where nothing is asked for, the traffic counts as one to one.
    """
    if not rated.workloads:
        return None
    total_tok_s = input_tok_s + output_tok_s
    share = input_tok_s / total_tok_s if total_tok_s > 0 else 0.5

    def distance(curve: Curve) -> float:
        return abs(curve.prompt_tokens / (curve.prompt_tokens + curve.output_tokens) - share)

    curve = min((one.curve for one in rated.workloads), key=distance)
    cards = rated.machine.gpu_count
    replicas = offer.gpu_count // cards if cards and offer.gpu_count else 1
    return curve if replicas == 1 else replace(curve, points=tuple(_times(point, replicas) for point in curve.points))


def _times(point: Point, replicas: int) -> Point:
    return replace(
        point,
        concurrency=point.concurrency * replicas,
        input_tok_s=point.input_tok_s * replicas,
        output_tok_s=point.output_tok_s * replicas,
    )

"""Traffic in long steps made to rise and fall within them, as measured traffic does, each step's tokens kept. Pure.

A mean over ten minutes or an hour says nothing of the minutes. Held flat it would stand still and then jump: a
controller would have nothing to foresee and everything to catch up with. So the middles of steps are joined by straight
lines, as in the reference world, and each step is scaled to keep its mean.
"""

from dataclasses import replace

import numpy as np

from autoscaler.replay.world import Floats, Traffic

LONG_STEP_S = 300.0
"""Steps as long are joined; shorter ones are what was measured."""
JOINED_STEP_S = 60.0


def joined(traffic: Traffic) -> Traffic:
    """The traffic in steps of a minute where its own are 5 minutes or longer; single requests stay as they are."""
    parts = int(traffic.step_s // JOINED_STEP_S)
    if traffic.step_s < LONG_STEP_S or traffic.requests or parts * JOINED_STEP_S != traffic.step_s:
        return traffic
    return replace(
        traffic,
        step_s=JOINED_STEP_S,
        input_tok_s=_lines(traffic.input_tok_s, parts),
        output_tok_s=_lines(traffic.output_tok_s, parts),
        is_gap=np.repeat(traffic.is_gap, parts),
        remarks=(
            *traffic.remarks,
            f"steps of {traffic.step_s / 60:g} minutes are joined by straight lines, each keeping its tokens",
        ),
    )


def _lines(means: Floats, parts: int) -> Floats:
    """(M, T x parts) straight lines between the middles of steps, each step scaled to its mean."""
    models, steps = means.shape
    middles = np.arange(steps) + 0.5
    at = (np.arange(steps * parts) + 0.5) / parts
    lines = np.array([np.interp(at, middles, row) for row in means]).reshape(models, steps, parts)
    own = lines.mean(axis=2)
    scale = np.divide(means, own, out=np.zeros_like(means), where=own > 0)
    scaled: Floats = (lines * scale[:, :, np.newaxis]).reshape(models, steps * parts)
    return scaled

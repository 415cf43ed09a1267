"""Mixes of faults by name: what goes wrong in an ordinary month, and in a storm. Pure: values.

No public record counts these for the clouds simulated here. The ordinary mix is of the size that public issue trackers
and operators' notes speak of, and is meant to be replaced by one's own counts; the storm is made to find mistakes.
"""

from collections.abc import Mapping
from types import MappingProxyType

from autoscaler.providers.simulated.spec import NO_FAULTS, FaultMix

NORMAL = FaultMix(
    name="normal",
    timeout_before=0.0005,  # one call in 2,000; a list every 30 s makes 86,400 calls a month
    timeout_after=0.0005,  # half of all timeouts had their effect: the caller cannot tell
    server_error=0.001,
    rate_limited=0.001,
    stale_list=0.002,  # a cache in front of the API that was not told
    stale_most_s=120.0,
    partial_list=0.0005,
    visible_after_most_s=10.0,  # lists follow writes within seconds
    extra_no_capacity=0.02,  # sold out for a moment, although the pool has stock
    never_boots=0.005,  # 3 of 73 recorded starts on AWS have no first line of user-data, not all for this reason
    breaks_per_hour=0.0005,  # once in 2,000 node-hours: a card falls off the bus, a disk fills up
    notice_missing=0.02,  # notices are best effort
    notice_late=0.05,
    duplicate_event=0.01,
    metrics_vanish_per_day=0.1,  # three times a month
    metrics_stale_per_day=0.1,
    metrics_zero_per_day=0.02,
    metrics_gone_most_s=1200.0,
    outage_per_day=0.03,  # about once a month and provider, for up to half an hour
    outage_most_s=1800.0,
    crash=0.00001,  # of the loop, per tick: about once a month at a tick of 30 s
)

STORM = FaultMix(
    name="storm",
    timeout_before=0.05,
    timeout_after=0.05,
    server_error=0.05,
    rate_limited=0.05,
    stale_list=0.1,
    stale_most_s=300.0,
    partial_list=0.05,
    visible_after_most_s=90.0,  # longer than a tick, so that a node that was made is not seen by the next one
    extra_no_capacity=0.2,
    never_boots=0.1,
    breaks_per_hour=0.05,
    notice_missing=0.3,
    notice_late=0.3,
    duplicate_event=0.3,
    metrics_vanish_per_day=12.0,
    metrics_stale_per_day=12.0,
    metrics_zero_per_day=6.0,
    metrics_gone_most_s=1200.0,
    outage_per_day=6.0,
    outage_most_s=1800.0,
    crash=0.02,  # per tick: a few times in every hour of a storm
)

MIXES: Mapping[str, FaultMix] = MappingProxyType({mix.name: mix for mix in (NO_FAULTS, NORMAL, STORM)})
"""The mixes `--faults` and world files name: none, normal, storm."""

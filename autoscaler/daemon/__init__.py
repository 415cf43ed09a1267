"""The daemon: the loop on a clock, over real clouds, with a plan that changes, a lease, a port and a log.

Where a change goes: a key of fleet.toml becomes a part in `build`, with `clouds` and `sides`; what is looked at before
a start is in `check` (no calls) and `probe` (read-only calls); one tick is `acting`, its time `budget` and `lane`, its
leave to act `reign`; the plan comes by `plan_source`, `plan_watch` and `parts`; what is told is a `status`, made in
`known` and shown by `telemetry`; `daemon` is the clockwork, `serve` the process around it.
"""

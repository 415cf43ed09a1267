"""The daemon: the loop on a clock, over real clouds, with a plan that changes, a lease, a port and a log.

Where a change goes: a key of fleet.toml becomes a part in `start`, where `check` (no calls) and `probe` (read-only
calls) look before the first tick; all parts together are a `setup`. One tick is `acting`; the time, the turn and the
leave of each call are in `calls`; where the plan comes from, what follows from it and live prices in `plan`. What is
told is a `status`, made in `known` and shown by `telemetry`; `daemon` is the clockwork, `serve` the process around it.
"""

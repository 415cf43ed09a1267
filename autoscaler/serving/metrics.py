"""Demand and health of a fleet from Prometheus: what `Serving.read` of every kind of serving side is made of.

Nothing measured is never 0 (S4). A model that is absent or stale is in no reading: the loop keeps the last one, which
grows old. Where some that should answer do not (partial), what the others say is raised to what all would say, and is
never less than the last reading when all answered, for as long as that is not older than KEPT_S; where fewer than half
answer there is no reading. Each is said in `remarks`.
"""

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from autoscaler.fleet import Node, NodeState
from autoscaler.serving.serving import ModelReading, ServingError
from planner.fleet.daemon import MetricsSettings
from planner.measure.dialect import DIALECTS, Dialect
from planner.measure.load import (
    UP,
    Absent,
    Load,
    Partial,
    RequestMeans,
    Stale,
    Standing,
    Target,
    Whole,
    loads_of,
    targets_of,
)
from planner.measure.prometheus import Answer, MetricsError, Prometheus, selector

if TYPE_CHECKING:
    from pydantic import SecretStr

KEPT_S = 900.0
"""A reading of the whole fleet is a floor under partial ones for this long; a server that is gone holds nothing up."""
LEAST_ANSWERING = 0.5
"""Share of a model's servers that must answer."""
MEANS_OVER_S = 600.0
"""What requests are like is measured over this long."""
LEAST_REQUESTS = 5
"""Requests that must have ended for a mean."""
LOOK_BACK = "1h"
"""How far back is looked for the last sample of a model that is not answered for."""
SETTLING_S = 60.0
"""A node that has served for the window and this long is scraped, or should be."""
SHOULD_ANSWER = frozenset({NodeState.READY, NodeState.DRAINING})


@dataclass(frozen=True, slots=True, kw_only=True)
class InstanceReading:
    """What the metrics say of one server."""

    instance: str
    """Its label, such as 10.0.0.7:8000."""
    node_id: str | None
    """The node it is on, as its label (its id, or its Node's name) or address says; None: no known node's."""
    model: str | None
    is_answering: bool
    """Its last scrape was answered, not long ago."""
    in_flight: int | None
    """Requests it works on or keeps waiting; None: not known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FleetMetrics:
    """What the metrics say at one time."""

    standings: Mapping[str, Standing]
    """By model, all that were asked for."""
    models: Mapping[str, ModelReading]
    """Those there is a reading of."""
    instances: Mapping[str, InstanceReading]
    """By instance label."""
    remarks: tuple[str, ...] = ()

    def on(self, node_id: str) -> tuple[InstanceReading, ...]:
        """The servers on a node."""
        return tuple(one for one in self.instances.values() if one.node_id == node_id)

    def in_flight(self) -> dict[str, int | None]:
        """By node, requests that its servers work on or keep waiting; None: of one of them it is not known."""
        total: dict[str, int | None] = {}
        for one in self.instances.values():
            if one.node_id is not None:
                known = total.get(one.node_id, 0)
                total[one.node_id] = None if known is None or one.in_flight is None else known + one.in_flight
        return total


@dataclass(slots=True, kw_only=True)
class MetricsReader:
    """Reads the metrics of one fleet. Of what it read it keeps the last reading of each whole model, and no more."""

    prometheus: Prometheus
    dialect: Dialect
    models: Sequence[str]
    """The fleet's own names."""
    window_s: float = 60.0
    matchers: str = ""
    """Of target labels, such as `job="vllm"`."""
    node_label: str = "node"
    served_names: Mapping[str, str] = field(default_factory=dict)
    """Model -> its name in the metrics, where that is another."""
    default_means: RequestMeans = field(default=RequestMeans(input_tokens=500.0, output_tokens=200.0))
    _whole: dict[str, ModelReading] = field(default_factory=dict)
    _names: frozenset[str] = frozenset()
    """Ids, hosts and names of the nodes that were known at the last reading."""
    _left: dict[str, datetime] = field(default_factory=dict)
    """Ids, hosts and names of nodes that were known and are not any more, and since when: their silence is no lack."""

    def read(self, now: datetime, nodes: Sequence[Node] = ()) -> FleetMetrics:
        """What the metrics say; `nodes` are those that are known, and say who should answer. Raises ServingError."""
        try:
            return self._read(now, nodes)
        except MetricsError as error:
            raise ServingError(str(error)) from error

    def _read(self, now: datetime, nodes: Sequence[Node]) -> FleetMetrics:
        known = _Known(nodes=nodes, reader=self)
        self._take_leave(known, now)
        names = (UP, *self.dialect.names)
        answer = self.prometheus.instant(f"{selector(names, self.matchers)}[{self.window_s * 1000:.0f}ms]", at=now)
        targets = _serving(targets_of(answer.series))
        loads = loads_of(
            targets,
            self.dialect,
            whose=known.model_of,
            means=self._means(now, known),
            default_means=self.default_means,
            now_s=now.timestamp(),
            window_s=self.window_s,
        )
        instances = {target.instance: self._instance(target, known, now) for target in targets}
        heard = {target.instance for target in targets if target.by_name}
        left = {target.instance for target in targets if self._has_left(target.labels)}
        missing = self._missing(instances, known, heard=heard, left=left, now=now)
        standings = {
            model: self._standing(model, loads.get(model), instances, missing[model], answer) for model in self.models
        }
        if any(isinstance(one, Absent) for one in standings.values()):
            standings |= self._stale_of(now, known, standings)
        models, remarks = {}, [f"Prometheus warns: {one}" for one in answer.warnings]
        for model, standing in standings.items():
            reading, remark = self._reading(model, standing)
            if reading is not None:
                models[model] = reading
            if remark:
                remarks.append(f"{model}: {remark}")
        return FleetMetrics(standings=standings, models=models, instances=instances, remarks=tuple(remarks))

    def _instance(self, target: Target, known: "_Known", now: datetime) -> InstanceReading:
        is_silent = target.is_silent(now.timestamp(), self.window_s)
        running, waiting = target.last(self.dialect.running), target.last(self.dialect.waiting)
        in_flight = None if running is None else round(running + (waiting or 0.0))
        return InstanceReading(
            instance=target.instance,
            node_id=known.node_of(target.labels),
            model=next(
                (known.model_of(one[0].labels) for one in target.by_name.values()), known.model_of(target.labels)
            ),
            is_answering=not is_silent,
            in_flight=None if is_silent else in_flight,
        )

    def _missing(
        self,
        instances: Mapping[str, InstanceReading],
        known: "_Known",
        *,
        heard: Set[str],
        left: Set[str],
        now: datetime,
    ) -> dict[str, tuple[str, ...]]:
        """By model, what should answer and does not.

        That is a node that serves and was heard within the window, or has served for so long that it should have been;
        and a server on no known node, unless its node was known and left: what ended is still in the window.
        """
        missing: dict[str, set[str]] = {model: set() for model in self.models}
        answering = {one.node_id for one in instances.values() if one.is_answering}
        was_heard = {one.node_id for one in instances.values() if one.instance in heard}
        due = timedelta(seconds=self.window_s + SETTLING_S)
        for node in () if self.dialect.is_gateway else known.nodes.values():
            should_answer = node.state in SHOULD_ANSWER and (node.id in was_heard or now - node.since > due)
            if should_answer and node.id not in answering and node.model in missing:
                missing[node.model].add(node.id)
        for one in instances.values():
            if not one.is_answering and one.node_id is None and one.instance not in left:
                for model, names in missing.items():
                    if one.model in (model, None):
                        names.add(one.instance)
        return {model: tuple(sorted(names)) for model, names in missing.items()}

    def _take_leave(self, known: "_Known", now: datetime) -> None:
        """Notes which nodes left since the last reading; forgets those whose samples are long out of the window."""
        names = known.names
        for name in self._names - names:
            self._left[name] = now
        past = timedelta(seconds=2 * self.window_s + SETTLING_S)
        self._left = {name: at for name, at in self._left.items() if name not in names and now - at <= past}
        self._names = names

    def _has_left(self, labels: Mapping[str, str]) -> bool:
        return labels.get(self.node_label) in self._left or host_of(labels.get("instance", "")) in self._left

    def _standing(
        self,
        model: str,
        load: Load | None,
        instances: Mapping[str, InstanceReading],
        missing: tuple[str, ...],
        answer: Answer,
    ) -> Standing:
        answering = [one for one in instances.values() if one.is_answering and one.model in (model, None)]
        if load is None:
            if answering:
                return Absent(why=f"no rate: expected two samples of its servers within {self.window_s:g} s")
            return Absent(why="no server of it is in the metrics")
        if not answering:
            return Stale(at_s=load.at_s, why=f"none of its servers has answered since {_time(load.at_s)}")
        if missing:
            return Partial(
                load=load,
                missing=missing,
                why=f"{len(missing)} of its servers {'does' if len(missing) == 1 else 'do'} not answer",
            )
        if answer.warnings:
            return Partial(load=load, missing=(), why="Prometheus warns that series may be missing")
        return Whole(load=load)

    def _reading(self, model: str, standing: Standing) -> tuple[ModelReading | None, str]:
        """The reading of a model, if there is one, and what is to be said of it."""
        match standing:
            case Whole(load=load):
                reading = self._whole[model] = _reading_of(load)
                return reading, ""
            case Partial(load=load, missing=missing, why=why):
                answering = max(load.targets, 1)
                share = answering / (answering + len(missing))
                names = f" ({', '.join(missing[:3])}{', …' if len(missing) > 3 else ''})" if missing else ""
                if share < LEAST_ANSWERING:
                    return None, f"{why}{names}: not measured"
                return self._at_least(model, _raised(_reading_of(load), 1 / share)), f"{why}{names}: taken as no less"
            case _:
                return None, standing.why

    def _at_least(self, model: str, reading: ModelReading) -> ModelReading:
        """The reading, nowhere below the last of the whole fleet, unless that is long ago."""
        floor = self._whole.get(model)
        if floor is None or reading.measured_at - floor.measured_at > timedelta(seconds=KEPT_S):
            return reading
        return replace(
            reading,
            input_tok_s=max(reading.input_tok_s, floor.input_tok_s),
            output_tok_s=max(reading.output_tok_s, floor.output_tok_s),
            queue_input_tokens=max(reading.queue_input_tokens, floor.queue_input_tokens),
            queue_output_tokens=max(reading.queue_output_tokens, floor.queue_output_tokens),
        )

    # --- what requests are like, and when a model was last heard of

    def _means(self, now: datetime, known: "_Known") -> dict[str, RequestMeans]:
        """By model, a mean request of those that ended lately; a model of which too few have is not in it."""
        dialect = self.dialect
        pairs = [("input", pair) for pair in dialect.request_input] + [("output", p) for p in dialect.request_output]
        if not pairs:
            return {}
        by = ", ".join(dialect.model_labels)
        wanted = {(f"{role}_{part}", name) for role, pair in pairs for part, name in zip(_PARTS, pair, strict=True)}
        query = " or ".join(
            f"label_replace(label_replace(sum by ({by}) (increase({selector((name,), self.matchers)}"
            f'[{MEANS_OVER_S:.0f}s])), "part", "{part}", "", ""), "metric", "{name}", "", "")'
            for part, name in sorted(wanted)
        )
        sums: dict[str, dict[str, float]] = {}
        for one in self.prometheus.instant(query, at=now).series:
            model, part = known.model_of(one.labels), one.labels["part"]
            if model is not None:
                found = sums.setdefault(model, {})
                found[part] = found.get(part, 0.0) + one.values[-1]
        return {
            model: RequestMeans(
                input_tokens=found["input_tokens"] / found["input_requests"],
                output_tokens=found["output_tokens"] / found["output_requests"],
            )
            for model, found in sums.items()
            if min(found.get("input_requests", 0.0), found.get("output_requests", 0.0)) >= LEAST_REQUESTS
            and {"input_tokens", "output_tokens"} <= found.keys()
        }

    def _stale_of(self, now: datetime, known: "_Known", standings: Mapping[str, Standing]) -> dict[str, Stale]:
        """The absent models that were heard of within LOOK_BACK, and when."""
        by = ", ".join(dict.fromkeys((*self.dialect.model_labels, self.node_label, "instance")))
        query = " or ".join(
            f"label_replace(max by ({by}) (max_over_time(timestamp({selector((name,), self.matchers)})"
            f'[{LOOK_BACK}:30s])), "metric", "{name}", "", "")'
            for name in self.dialect.input_tokens
        )
        last: dict[str, float] = {}
        for one in self.prometheus.instant(query, at=now).series:
            model = known.model_of(one.labels)
            if model is not None and isinstance(standings.get(model), Absent):
                last[model] = max(last.get(model, 0.0), one.values[-1])
        recent_s = now.timestamp() - self.window_s
        return {
            model: Stale(at_s=at_s, why=f"none of its servers has answered since {_time(at_s)}")
            for model, at_s in last.items()
            if at_s < recent_s
        }


def metrics_reader(
    settings: MetricsSettings, models: Sequence[str], *, token: "SecretStr | None", folder: str = "."
) -> MetricsReader:
    """The reader that `[metrics]` describes; `folder`: where its relative paths start."""
    ca_file = None if settings.ca_file is None else str(Path(folder) / Path(settings.ca_file).expanduser())
    return MetricsReader(
        prometheus=Prometheus(settings.prometheus_url, token=token, ca_file=ca_file, timeout_s=settings.timeout_s),
        dialect=DIALECTS[settings.engine],
        models=tuple(models),
        window_s=settings.window_s,
        matchers=settings.selector,
        node_label=settings.node_label,
        served_names=settings.served_names,
        default_means=RequestMeans(
            input_tokens=settings.request_input_tokens, output_tokens=settings.request_output_tokens
        ),
    )


@dataclass(slots=True, kw_only=True)
class _Known:
    """Nodes and models by the names that metrics give them."""

    nodes: dict[str, Node]
    reader: MetricsReader
    by_cluster_name: dict[str, str]
    by_address: dict[str, str]
    models: dict[str, str]

    def __init__(self, *, nodes: Sequence[Node], reader: MetricsReader) -> None:
        self.reader = reader
        self.nodes = {node.id: node for node in nodes}
        self.by_cluster_name = {node.cluster_name: node.id for node in nodes if node.cluster_name is not None}
        self.by_address = {host_of(node.address): node.id for node in nodes if node.address is not None}
        self.models = {reader.served_names.get(model, model): model for model in reader.models}
        self.models.update({model: model for model in reader.models})

    @property
    def names(self) -> frozenset[str]:
        """Ids, hosts and names in the cluster of the nodes."""
        return frozenset(self.nodes) | frozenset(self.by_cluster_name) | frozenset(self.by_address)

    def node_of(self, labels: Mapping[str, str]) -> str | None:
        """The node a target is on."""
        named = labels.get(self.reader.node_label)
        if named in self.nodes:
            return named
        by_name = None if named is None else self.by_cluster_name.get(named)
        return by_name or self.by_address.get(host_of(labels.get("instance", "")))

    def model_of(self, labels: Mapping[str, str]) -> str | None:
        """The fleet's model that a series is about; None: another's, or it cannot be told."""
        named = [labels[name] for name in self.reader.dialect.model_labels if name in labels]
        for name in named:
            if name in self.models:
                return self.models[name]
        if named:
            return None
        node = self.node_of(labels)
        if node is not None:
            return self.nodes[node].model
        return self.reader.models[0] if len(self.reader.models) == 1 else None


_PARTS = ("tokens", "requests")


def host_of(address: str) -> str:
    """The host of an address with or without a port: 10.0.0.7:8000, [fd00::7]:8000, fd00::7, node-7."""
    if address.startswith("["):
        return address[1:].partition("]")[0]
    return address.partition(":")[0] if address.count(":") == 1 else address


def _serving(targets: Sequence[Target]) -> tuple[Target, ...]:
    """Those that serve models, and those of the same jobs that say nothing: not what else is scraped."""
    jobs = {target.labels.get("job") for target in targets if target.by_name}
    return tuple(target for target in targets if target.labels.get("job") in jobs)


def _reading_of(load: Load) -> ModelReading:
    return ModelReading(
        measured_at=datetime.fromtimestamp(load.at_s, UTC),
        input_tok_s=load.input_tok_s,
        output_tok_s=load.output_tok_s,
        queue_input_tokens=load.queue_input_tokens,
        queue_output_tokens=load.queue_output_tokens,
        cache_hit_ratio=load.cache_hit_ratio,
    )


def _raised(reading: ModelReading, factor: float) -> ModelReading:
    return replace(
        reading,
        input_tok_s=reading.input_tok_s * factor,
        output_tok_s=reading.output_tok_s * factor,
        queue_input_tokens=reading.queue_input_tokens * factor,
        queue_output_tokens=reading.queue_output_tokens * factor,
    )


def _time(at_s: float) -> str:
    return f"{datetime.fromtimestamp(at_s, UTC):%H:%M:%S} UTC"

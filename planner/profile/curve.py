"""What was measured of a model on a machine: curves, single-stream rates or plain rates. Pure: values."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from planner.profile.model import Basis, Memory


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """One load step: `concurrency` requests in flight on the machine, and what came of it."""

    concurrency: float
    input_tok_s: float
    output_tok_s: float
    ttft_p95_ms: float | None = None
    tpot_ms: float | None = None
    """Time per output token; the median over requests where the source has several figures."""
    ttft_ms: float | None = None
    """Median time to first token."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """Load steps of one workload, by rising concurrency, at fixed prompt and output lengths."""

    workload: str
    prompt_tokens: float
    output_tokens: float
    points: tuple[Point, ...]

    def __post_init__(self) -> None:
        if not self.points:
            raise ValueError(f"workload {self.workload}: a curve needs at least one point")
        steps = [point.concurrency for point in self.points]
        if steps != sorted(steps):
            raise ValueError(f"workload {self.workload}: points must be in order of concurrency, got {steps}")

    @property
    def single_user(self) -> Point:
        """The step with the fewest requests in flight."""
        return self.points[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class SingleStream:
    """Rates of one request alone on the machine, by length: (tokens, tok/s), rising tokens."""

    prompt: tuple[tuple[int, float], ...]
    """Reading a prompt of that many tokens."""
    generate: tuple[tuple[int, float], ...]
    """Generating that many tokens from an empty context."""
    threads: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PlainRates:
    """Rates without a curve, as a person may write them: the rated point is theirs."""

    prefill_tok_s: float
    decode_tok_s: float
    concurrency: float | None = None
    is_blended: bool = False
    """One rate for input and output tokens alike."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """A machine and what was measured on it: exactly one of `curves`, `single_stream` and `plain`."""

    provider: str | None = None
    server: str | None = None
    """None with `gpu`: holds for every machine with that card and count."""
    vcpu: int | None = None
    cpu: str | None = None
    gpu: str | None = None
    gpu_count: int = 0
    gpu_name: str = ""
    tensor_parallel: int = 0
    engine: str = ""
    curves: tuple[Curve, ...] = ()
    single_stream: SingleStream | None = None
    plain: PlainRates | None = None
    basis: Basis = Basis.MEASURED
    rule: str = ""
    """How the figures came about, where they are not plain measurements."""
    source: str = ""
    source_date: str = ""

    def __post_init__(self) -> None:
        kinds = bool(self.curves) + (self.single_stream is not None) + (self.plain is not None)
        if kinds != 1:
            raise ValueError(
                f"machine {self.key}: expected one of curves, single-stream rates and plain rates, got {kinds}"
            )

    @property
    def key(self) -> str:
        """`provider/server`, or the card and its count."""
        if self.server is not None:
            return f"{self.provider}/{self.server}".lower()
        return f"{self.gpu} x {self.gpu_count}"


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchingGain:
    """How decode speeds up and the first token slows down with requests in flight; 1 at one. A named assumption."""

    name: str
    concurrency: tuple[float, ...]
    decode_gain: tuple[float, ...]
    """Decode tok/s of the machine over that of one request alone."""
    ttft_growth: tuple[float, ...]
    """95th percentile of the time to first token over the median of one request alone."""
    machine_count: int
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A machine nobody measured, and the figures an estimate may use."""

    provider: str
    server: str
    cpu: str
    generation: str
    cores: int
    clock_ghz: float
    memory_gb_s: float
    """Peak bandwidth: memory channels x 8 bytes x transfers per second."""
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """A measured machine that calibrates an estimate, by `provider/server`."""

    key: str
    group: str
    """Machines that are the same hardware; left out together when the rule is tested."""
    cores: int
    clock_ghz: float
    memory_gb_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class EstimateRule:
    """Which machines may be estimated, and the measured ones of the same core generation that calibrate the rule."""

    name: str
    generation: str
    targets: tuple[Target, ...]
    samples: tuple[Sample, ...]
    bandwidth_per_core_gb_s: float
    """Share of the socket's bandwidth a core of the samples has; more per core than this was never seen to help."""
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """Throughput of one model on the machines it was measured on, and the assumptions needed to read it."""

    name: str
    title: str
    machines: Mapping[str, Machine]
    """By `Machine.key`."""
    source: str
    source_date: str
    licence: str = ""
    weights_bytes: float | None = None
    """Bytes of weights read per token."""
    prompt_tokens: float | None = None
    """Prompt length assumed where a model states none and the rates are by length."""
    output_tokens: float | None = None
    gain: BatchingGain | None = None
    """Needed by single-stream machines."""
    context_slowdown: float = 0.0
    """Relative growth of the time per output token with each token of context beyond the longest measured."""
    estimate: EstimateRule | None = None
    memory: Memory | None = None
    """Memory figures of the model measured, used where the fleet states none."""
    has_cards: bool = True
    """False: no machine has a GPU, so none need be looked through for one."""
    remarks: tuple[str, ...] = ()


def by_key(machines: tuple[Machine, ...]) -> Mapping[str, Machine]:
    """The machines by key, read-only; a key that appears twice raises ValueError."""
    found: dict[str, Machine] = {}
    for machine in machines:
        if machine.key in found:
            raise ValueError(f"machine {machine.key} appears twice")
        found[machine.key] = machine
    return MappingProxyType(found)

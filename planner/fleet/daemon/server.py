"""[server]: how a node without a cluster serves its model."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerSettings:
    """What a plain node runs at boot."""

    command: dict[str, str] = field(default_factory=dict)
    """Model -> shell command that serves it, kept running; BASELOAD_NODE, _MODEL, _POOL and _FLEET are set for it."""

    def __post_init__(self) -> None:
        for model, command in self.command.items():
            if not command.strip():
                raise ValueError(f"command for {model!r} must say how it is served, got an empty one")

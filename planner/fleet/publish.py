"""[publish]: where prices are published, and how each model is priced and named there."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedModel:
    """A model as the gateway knows it; a model of the fleet without an entry keeps these defaults."""

    model: str
    """Of the fleet."""
    name: str | None = None
    """What requests ask for (`model_name`); None: the fleet's own name."""
    policy: Literal["cost", "single-stream", "market"] = "cost"
    """cost: all that is paid, idle time included. single-stream: as if a node served one request at a time, which the
    chargeback guide does. market: the reference price of the class of hosted models, split as the cost is."""
    api_base: str | None = None
    """Where it is served, up to and with /v1; needed where the gateway does not have the model yet."""
    served_model: str | None = None
    """What the server calls it, such as /mnt/models; None: the fleet's own name."""
    api_key: str = "not-needed"
    """What the server asks for, as LiteLLM reads it: os.environ/NAME. Never the key itself."""
    base_model: str | None = None
    """Such as Qwen/Qwen2.5-7B-Instruct."""
    min_usd_mtok: Decimal | None = None
    """Its price, blended at the mix that is served, is never below; None: no such bound."""
    max_usd_mtok: Decimal | None = None
    """Nor above."""

    def __post_init__(self) -> None:
        low, high = self.min_usd_mtok, self.max_usd_mtok
        for name in ("min_usd_mtok", "max_usd_mtok"):
            value = getattr(self, name)
            if value is not None and not (value.is_finite() and value > 0):
                raise ValueError(f"{name} must be above 0, got {value}")
        if low is not None and high is not None and high < low:
            raise ValueError(f"max_usd_mtok must be min_usd_mtok or more, got {high} under {low}")
        if self.api_base is not None and not self.api_base.startswith(("http://", "https://")):
            raise ValueError(f"api_base must begin with http:// or https://, got {self.api_base!r}")
        if self.api_key != "not-needed" and not self.api_key.startswith("os.environ/"):
            raise ValueError("api_key must be os.environ/NAME, which LiteLLM reads: a fleet file is shared")


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishSettings:
    """The gateway, and what makes a price worth a change."""

    config_file: str | None = None
    """The config.yaml of a LiteLLM proxy without a database, relative to the fleet file."""
    url: str | None = None
    """Of the running proxy: told of prices where there is no config_file, and always asked what it charges."""
    key_file: str | None = None
    """Holds its master key; else LITELLM_MASTER_KEY does."""
    reload_command: tuple[str, ...] = ()
    """Run once the file has changed, such as ["systemctl", "restart", "litellm"]; without a shell."""
    min_change_ratio: Decimal = Decimal("0.05")
    """A price is changed only where input or output moves by this share of the published one."""
    half_life_days: Decimal | None = None
    """A price goes half of the way to what is computed in this time; None: the whole way at once."""
    model: tuple[PublishedModel, ...] = ()
    """Models that need more than the defaults."""

    def __post_init__(self) -> None:
        if self.url is not None and not self.url.startswith(("http://", "https://")):
            raise ValueError(f"url must begin with http:// or https://, got {self.url!r}")
        if self.min_change_ratio < 0:
            raise ValueError(f"min_change_ratio must be 0 or more, got {self.min_change_ratio}")
        half_life = self.half_life_days
        if half_life is not None and not (half_life.is_finite() and half_life > 0):
            raise ValueError(f"half_life_days must be above 0, got {self.half_life_days}")
        if self.reload_command and self.config_file is None:
            raise ValueError("reload_command is run where config_file changes; expected config_file too")
        for what in ("model", "name"):
            names = [getattr(one, what) or one.model for one in self.model]
            for name in names:
                if names.count(name) > 1:
                    raise ValueError(f"{what} {name!r} appears twice; expected each once")

    def of(self, model: str) -> PublishedModel:
        """How a model of the fleet is published."""
        return next((one for one in self.model if one.model == model), PublishedModel(model=model))

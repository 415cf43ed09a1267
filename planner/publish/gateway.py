"""Publishing: prices told to a LiteLLM proxy by its file or its API, read back, and tried. Needs the extra `publish`.

What was told is known even where the rest breaks off: a price that may be charged is never forgotten.
"""

import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

from planner import files
from planner.errors import InputError
from planner.fleet.publish import PublishSettings
from planner.measure.prometheus import without_user
from planner.publish.config_file import diff, diff_of_entries, entries_of, with_changes
from planner.publish.entry import Change, Entry, Kind, Price, changes_of, entries_named
from planner.publish.litellm_api import GatewayError
from planner.publish.outcome import Probe, Published
from planner.publish.proxy import Proxy
from planner.publish.steady import Standing, standing_of, steadied

if TYPE_CHECKING:
    from pydantic import SecretStr

RELOAD_TIMEOUT_S = 60.0
STARTS_WITHIN_S = 120.0
"""How long a proxy that was restarted may take to answer; LiteLLM takes 20 to 40 s."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gateway:
    """Where prices go, as the fleet's settings say."""

    settings: PublishSettings
    key: "Callable[[], SecretStr]"
    """The proxy's master key; asked for only where the proxy is."""
    now: datetime
    """The moment the prices hold from."""
    reviewed: Mapping[str, Standing] = field(default_factory=dict)
    """By name, where the last review left prices it did not tell."""

    @property
    def where(self) -> str:
        """What a person calls it, and the ledger: the file, or the URL without a password."""
        return where_of(self.settings)

    def publish(self, prices: Sequence[Price], *, is_dry_run: bool, probe: bool) -> Published:
        """The changes, made where it is no dry run. Raises InputError; GatewayError where nothing was told yet."""
        by = self._by_proxy if self.settings.config_file is None else self._by_file
        return by(prices, is_dry_run, probe)

    def _by_file(self, prices: Sequence[Price], is_dry_run: bool, probe: bool) -> Published:
        """Writes the file where a price moved, restarts what reads it, and asks it where its URL is known."""
        settings = self.settings
        path = Path(settings.config_file or "")
        is_there = path.exists()
        text = files.read_text(path) if is_there else ""
        changes = self._changes(prices, entries_of(text, source=str(path)))
        new = text if all(one.kind is Kind.KEPT for one in changes) else with_changes(text, changes, source=str(path))
        if is_dry_run:
            shown = diff(text, new, source=str(path))
            return Published(where=str(path), changes=changes, is_dry_run=True, diff=shown, notes=self._owed(path))
        can_ask = settings.url is not None and bool(settings.reload_command or new == text)
        key = self.key() if can_ask else None  # before anything is written: without it nothing is
        notes = [] if is_there or new == text else [f"{path}: was not there, and was made"]
        mark = unread_mark(path)
        is_unread = new != text or mark.exists()
        if new != text:
            if settings.reload_command:
                files.write_atomic(mark, "Changed, and not read by the proxy yet: publishing runs reload_command.\n")
            files.write_atomic(path, new)
        probes: Sequence[Probe] = ()
        problem = None
        try:
            if is_unread:
                _reload(settings.reload_command)
            if settings.url is not None and key is not None:
                with Proxy(settings.url, key=key) as proxy:
                    proxy.wait(STARTS_WITHIN_S)
                    _read_back(proxy, changes)
                    mark.unlink(missing_ok=True)
                    probes = _probed(proxy, changes, probe)
            elif is_unread:
                lacking = "reload_command" if settings.url is not None else "url"
                notes.append(f"{path}: changed, and not read back: there is no {lacking} in [publish]")
                mark.unlink(missing_ok=True)
        except OSError as error:
            problem = f"{mark}: cannot be removed ({error.strerror}); the next run reloads again"
        except GatewayError as error:
            problem = str(error)
        return Published(
            where=str(path),
            changes=changes,
            told=changes,
            is_dry_run=False,
            probes=probes,
            problem=problem,
            notes=tuple(notes),
        )

    def _owed(self, path: Path) -> tuple[str, ...]:
        """What publishing would do although no price moved."""
        if not (self.settings.reload_command and unread_mark(path).exists()):
            return ()
        return (f"{path}: changed before, and not read by the proxy yet; publishing runs reload_command",)

    def _by_proxy(self, prices: Sequence[Price], is_dry_run: bool, probe: bool) -> Published:
        """Tells the proxy, and asks it again."""
        with Proxy(self.settings.url or "", key=self.key()) as proxy:
            held = proxy.entries()
            changes = self._changes(prices, held)
            if is_dry_run:
                shown = diff_of_entries(changes, source=self.where)
                return Published(where=self.where, changes=changes, is_dry_run=True, diff=shown)
            told: list[Change] = []
            probes: Sequence[Probe] = ()
            problem = None
            try:
                for change in changes:
                    proxy.tell(change)
                    told.append(change)
                _read_back(proxy, changes)
                probes = _probed(proxy, changes, probe)
            except GatewayError as error:
                if not any(one.kind is not Kind.KEPT for one in told):
                    raise
                problem = str(error)
        return Published(where=self.where, changes=changes, told=told, is_dry_run=False, probes=probes, problem=problem)

    def _changes(self, prices: Sequence[Price], held: Sequence[Entry]) -> list[Change]:
        settings = self.settings
        found: list[Change] = []
        for price in prices:
            how = settings.of(price.model)
            name = how.name or price.model
            places = entries_named(held, name)
            standing = standing_of(held[places[0]] if places else None, self.reviewed.get(name))
            calm = steadied(price, standing, how, half_life_days=settings.half_life_days, now=self.now)
            # What was announced is told, however near it is to what stands by now.
            least = Decimal(0) if calm.is_announced else settings.min_change_ratio
            try:
                found += changes_of(calm, how, held, min_change_ratio=least, effective_at=self.now)
            except ValueError as error:
                raise InputError(str(error)) from None
        return found


def unread_mark(config_file: Path) -> Path:
    """The file beside LiteLLM's that says it was changed and its proxy not made to read it yet."""
    return config_file.with_name(f"{config_file.name}.unread")


def where_of(settings: PublishSettings) -> str:
    """The gateway's file, or its URL without a password."""
    return settings.config_file or without_user(settings.url or "")


def key_of(settings: PublishSettings) -> str:
    """The same in the ledger: one file is one gateway, wherever a command was run and however its path was written."""
    return where_of(settings) if settings.config_file is None else str(Path(settings.config_file).resolve())


def _read_back(proxy: Proxy, changes: Sequence[Change]) -> None:
    """Waits until the proxy shows each price. Raises GatewayError."""
    for change in changes:
        proxy.read_back(change)


def _probed(proxy: Proxy, changes: Sequence[Change], probe: bool) -> tuple[Probe, ...]:
    """What the proxy charges. Raises GatewayError."""
    once = {change.name: change for change in changes}
    return tuple(proxy.probe(change) for change in once.values()) if probe else ()


def _reload(command: tuple[str, ...]) -> None:
    """Runs the command that makes the proxy read its file. Raises GatewayError."""
    if not command:
        return
    try:
        done = subprocess.run(  # noqa: S603 - the operator's own command, without a shell
            command, stdin=subprocess.DEVNULL, capture_output=True, check=False, timeout=RELOAD_TIMEOUT_S
        )
    except subprocess.TimeoutExpired:
        raise GatewayError(f"reload_command {command[0]}: did not end within {RELOAD_TIMEOUT_S:g} s") from None
    except OSError as error:
        raise GatewayError(f"reload_command {command[0]}: cannot be run ({error.strerror})") from None
    if done.returncode != 0:
        raise GatewayError(f"reload_command {command[0]}: ended with {done.returncode}")

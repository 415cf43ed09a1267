"""What Robot says of the settings: whether the login holds, and whether the base servers are there. Reads only."""

from collections.abc import Collection

from autoscaler.providers.check import Finding
from autoscaler.providers.hetzner.inventory import RobotServer
from autoscaler.providers.hetzner.provider import HetznerProvider, offer_id
from autoscaler.providers.provider import Permanent, ProviderError
from planner.fleet.daemon.hetzner import RobotSettings


def check_hetzner(
    provider: HetznerProvider, settings: RobotSettings, *, models: Collection[str], offers: Collection[str]
) -> tuple[Finding, ...]:
    """What was found of the login and of each base server; `offers`: ids of the catalog's base offers."""
    try:
        servers = {one.number: one for one in provider.servers()}
    except Permanent as error:
        return (_finding("login", False, f"{error}; expected a web service user of Robot"),)
    except ProviderError as error:
        return (_finding("login", None, str(error)),)
    login = _finding("login", True, f"it is valid; {len(servers)} servers in the account")
    return (
        login,
        *(_server(number, model, servers, models, offers) for number, model in sorted(settings.base.items())),
    )


def _server(
    number: str, model: str, servers: dict[int, RobotServer], models: Collection[str], offers: Collection[str]
) -> Finding:
    what = f"server {number}"
    found = servers.get(int(number)) if number.isascii() and number.isdigit() else None
    if found is None:
        return _finding(what, False, "it is not in this account; expected a server number of Robot")
    if model not in models:
        return _finding(what, False, f"it serves {model!r}; expected one of {', '.join(sorted(models))}")
    offer = offer_id(found.product)
    if offer not in offers:
        return _finding(what, False, f"{found.product}: there is no offer {offer} in the catalog; expected one there")
    if found.is_cancelled:
        return _finding(what, None, f"{offer}, and it is cancelled: it is paid until {found.paid_until}")
    if not found.is_ready:
        return _finding(what, None, f"{offer}, and it is still being set up")
    return _finding(what, True, f"{offer}, serves {model}")


def _finding(what: str, is_ok: bool | None, detail: str) -> Finding:
    return Finding(what=f"hetzner: {what}", is_ok=is_ok, detail=detail)

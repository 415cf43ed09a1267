"""A file at a URL, downloaded to the disk: no larger than allowed, and of no other address than the one given."""

from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from planner.catalog.sources.source import SourceError
from planner.catalog.sources.tls import certificates
from planner.errors import InputError

SCHEMES = ("http", "https")
MAX_DOWNLOAD_BYTES = 1 << 30
"""1 GiB; the published files have some 100 MB."""
TIMEOUT_S = 25.0


def is_url(place: str) -> bool:
    """Whether `place` is an address and no path."""
    return urlsplit(place).scheme.lower() in SCHEMES and "://" in place


def check_place(place: str) -> None:
    """Raises InputError for an address that is not read."""
    if "://" in place and not is_url(place):
        raise InputError(f"{shown(place)}: is no address that is read; expected a file, http:// or https://")


def shown(place: str) -> str:
    """The place as it may be printed: a URL without user, password and query, which may hold secrets."""
    if "://" not in place:
        return place
    parts = urlsplit(place)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


def download(url: str, target: Path, *, timeout_s: float = TIMEOUT_S, max_bytes: int = MAX_DOWNLOAD_BYTES) -> None:
    """Writes what is at the URL to `target`. Raises SourceError; InputError where it is larger than `max_bytes`."""
    certified = certificates()
    import httpx

    what = f"spare cores: GET {shown(url)}"
    size = 0
    try:
        with (
            httpx.stream(
                "GET", url, timeout=timeout_s, verify=certified, headers={"Accept-Encoding": "identity"}
            ) as answer,
            target.open("wb") as file,
        ):
            if answer.is_redirect:
                raise SourceError(
                    f"{what}: is moved to {shown(answer.headers.get('location', ''))}; expected that address"
                )
            if not answer.is_success:
                raise SourceError(f"{what}: {answer.status_code} {answer.reason_phrase}")
            for chunk in answer.iter_raw():
                size += len(chunk)
                if size > max_bytes:
                    raise InputError(f"{shown(url)}: more than {max_bytes / (1 << 30):g} GiB; expected a smaller file")
                file.write(chunk)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise SourceError(f"{what}: {type(error).__name__}, no answer") from error
    except OSError as error:
        raise SourceError(f"{what}: cannot be kept on this machine's disk ({error.strerror})") from error

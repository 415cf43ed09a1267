"""The page as a PDF, by WeasyPrint (the extra `pdf`) from the same HTML with its print styles. Fetches nothing.

WeasyPrint draws with the Pango library, which a Python package cannot bring; what is missing is said in one line.
"""

from typing import Any

from planner.errors import InputError

APT = "apt-get install libpango-1.0-0 libpangoft2-1.0-0 libharfbuzz-subset0"


def pdf(page: str) -> bytes:
    """The PDF of an HTML page, tagged for screen readers."""
    weasyprint = _weasyprint()
    nothing = weasyprint.urls.URLFetcher(allowed_protocols=())
    document = weasyprint.HTML(string=page, url_fetcher=nothing)
    made: bytes = document.write_pdf(pdf_tags=True, optimize_images=False)
    return made


def check_pdf() -> None:
    """Raises InputError where no PDF could be made, before any work is done for it."""
    _weasyprint()


def _weasyprint() -> Any:
    try:
        import weasyprint
    except ImportError as error:
        raise InputError("PDF needs WeasyPrint, which is not installed; install baseload[pdf]") from error
    except OSError as error:  # a shared library that cannot be loaded
        raise InputError(f"PDF needs the Pango library, which is not installed; on Debian: {APT}") from error
    return weasyprint

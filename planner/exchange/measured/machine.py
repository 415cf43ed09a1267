"""A machine's name as people write it: provider/product, as in the catalog."""

from planner.errors import InputError


def provider_and_server(text: str, where: str) -> tuple[str, str]:
    """The two parts of provider/product. Raises InputError."""
    provider, slash, server = str(text).partition("/")
    if not slash or not provider or not server:
        raise InputError(f"{where}: expected provider/product as in the catalog, such as ovh/b3-64, got {text!r}")
    return provider, server

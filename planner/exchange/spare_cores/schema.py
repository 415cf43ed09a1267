"""Tables and columns of Spare Cores' database that are read. Pure: values."""

TABLES: dict[str, tuple[str, ...]] = {
    "server": ("vendor_id", "server_id", "api_reference"),
    "region": ("vendor_id", "region_id", "name", "api_reference", "aliases"),
    "zone": ("vendor_id", "region_id", "zone_id", "name", "api_reference"),
    "server_price": (
        "vendor_id",
        "region_id",
        "zone_id",
        "server_id",
        "operating_system",
        "allocation",
        "unit",
        "price",
        "price_upfront",
        "price_tiered",
        "currency",
        "status",
        "observed_at",
    ),
    "benchmark_score": ("vendor_id", "benchmark_id", "config", "score", "status", "observed_at"),
}
"""Columns by table."""
MAX_VALUE_BYTES = 1 << 22
"""4 MiB: of one value or statement; the longest of theirs are some 100 kB."""
SCORED = ("resource_id", "server_id")
"""Of benchmark_score: the server measured, from revision 0.9.0 on and before."""

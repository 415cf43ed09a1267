"""Databases with the tables of sc-crawler (`table_bases.py`, revision 0.9), with a few rows of made-up figures.

Columns, enumerations by name, JSON as text and times without a zone are as sc-crawler writes them into SQLite. No row
is of Spare Cores: prices and rates are chosen so that one can check what follows in the head.
"""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

META = "status VARCHAR(8) NOT NULL, observed_at DATETIME NOT NULL"
TABLES = {
    "region": f"""vendor_id VARCHAR NOT NULL, region_id VARCHAR NOT NULL, name VARCHAR NOT NULL,
        api_reference VARCHAR NOT NULL, display_name VARCHAR NOT NULL, aliases JSON NOT NULL,
        country_id VARCHAR NOT NULL, {META}, CONSTRAINT pk_region PRIMARY KEY (vendor_id, region_id)""",
    "zone": f"""vendor_id VARCHAR NOT NULL, region_id VARCHAR NOT NULL, zone_id VARCHAR NOT NULL, name VARCHAR NOT NULL,
        api_reference VARCHAR NOT NULL, display_name VARCHAR NOT NULL, {META},
        CONSTRAINT pk_zone PRIMARY KEY (vendor_id, region_id, zone_id),
        FOREIGN KEY(vendor_id, region_id) REFERENCES region (vendor_id, region_id)""",
    "server": f"""vendor_id VARCHAR NOT NULL, server_id VARCHAR NOT NULL, name VARCHAR NOT NULL,
        api_reference VARCHAR NOT NULL, display_name VARCHAR NOT NULL, description VARCHAR, family VARCHAR,
        vcpus INTEGER, gpu_count FLOAT NOT NULL, {META}, CONSTRAINT pk_server PRIMARY KEY (vendor_id, server_id)""",
    "server_price": f"""vendor_id VARCHAR NOT NULL, region_id VARCHAR NOT NULL, zone_id VARCHAR NOT NULL,
        server_id VARCHAR NOT NULL, operating_system VARCHAR NOT NULL, allocation VARCHAR(8) NOT NULL,
        unit VARCHAR(8) NOT NULL, price FLOAT NOT NULL, price_upfront FLOAT NOT NULL, price_tiered JSON,
        currency VARCHAR NOT NULL, {META},
        CONSTRAINT pk_server_price PRIMARY KEY (vendor_id, region_id, zone_id, server_id, allocation)""",
    "benchmark_score": f"""vendor_id VARCHAR NOT NULL, benchmark_id VARCHAR NOT NULL, resource_type VARCHAR(8) NOT NULL,
        resource_id VARCHAR NOT NULL, config JSON NOT NULL, framework_version VARCHAR, environment JSON,
        score FLOAT NOT NULL, score_breakdown JSON, note VARCHAR, {META},
        CONSTRAINT pk_benchmark_score PRIMARY KEY (vendor_id, benchmark_id, resource_type, resource_id, config)""",
    "storage": "vendor_id VARCHAR NOT NULL, storage_id VARCHAR NOT NULL",
}
BEFORE_0_9 = {
    **TABLES,
    "benchmark_score": f"""vendor_id VARCHAR NOT NULL, server_id VARCHAR NOT NULL, benchmark_id VARCHAR NOT NULL,
        config JSON NOT NULL, framework_version VARCHAR, kernel_version VARCHAR, score FLOAT NOT NULL, note VARCHAR,
        {META}, CONSTRAINT pk_benchmark_score PRIMARY KEY (vendor_id, server_id, benchmark_id, config)""",
}
"""As sc-crawler 0.8 made them."""
DAY = "2026-11-20 08:00:00.000000"
MODEL = "tiny-7b.Q4_K_M.gguf"

Row = dict[str, object]


def region(vendor: str, key: str, name: str, *aliases: str) -> Row:
    return {
        "vendor_id": vendor,
        "region_id": key,
        "name": name,
        "api_reference": name,
        "display_name": name,
        "aliases": json.dumps(aliases),
        "country_id": "DE",
        "status": "ACTIVE",
        "observed_at": DAY,
    }


def zone(vendor: str, place: str, key: str, name: str) -> Row:
    return {
        "vendor_id": vendor,
        "region_id": place,
        "zone_id": key,
        "name": name,
        "api_reference": name,
        "display_name": name,
        "status": "ACTIVE",
        "observed_at": DAY,
    }


def server(vendor: str, key: str, name: str) -> Row:
    return {
        "vendor_id": vendor,
        "server_id": key,
        "name": name,
        "api_reference": name,
        "display_name": name,
        "gpu_count": 0.0,
        "status": "ACTIVE",
        "observed_at": DAY,
    }


def price(vendor: str, place: str, key: str, server_id: str, amount: float, **other: object) -> Row:
    return {
        "vendor_id": vendor,
        "region_id": place,
        "zone_id": key,
        "server_id": server_id,
        "operating_system": "Linux",
        "allocation": "ONDEMAND",
        "unit": "HOUR",
        "price": amount,
        "price_upfront": 0.0,
        "price_tiered": "[]",
        "currency": "USD" if vendor == "aws" else "EUR",
        "status": "ACTIVE",
        "observed_at": DAY,
        **other,
    }


def score(vendor: str, server_id: str, phase: str, tokens: object, tok_s: float, **other: object) -> Row:
    """`phase`: prompt_processing or text_generation."""
    return {
        "vendor_id": vendor,
        "benchmark_id": f"llm_speed:{phase}",
        "resource_type": "SERVER",
        "resource_id": server_id,
        "config": json.dumps({"model": MODEL, "tokens": tokens}),
        "framework_version": "51f311e0",
        "score": tok_s,
        "status": "ACTIVE",
        "observed_at": DAY,
        **other,
    }


def rows() -> dict[str, list[Row]]:
    """One small fleet: a type each of hcloud, OVH and AWS, on demand and spot, in two zones."""
    return {
        "region": [
            region("hcloud", "4", "fsn1-dc14", "fsn1"),
            region("hcloud", "2", "nbg1-dc3", "nbg1"),
            region("ovh", "GRA11", "GRA11"),
            region("aws", "us-east-1", "us-east-1"),
        ],
        "zone": [
            zone("hcloud", "4", "4", "fsn1-dc14"),
            zone("hcloud", "2", "2", "nbg1-dc3"),
            zone("ovh", "GRA11", "gra11-a", "gra11-a"),
            zone("aws", "us-east-1", "use1-az1", "us-east-1a"),
            zone("aws", "us-east-1", "use1-az2", "us-east-1b"),
        ],
        "server": [
            server("hcloud", "99", "ccx43"),
            server("ovh", "b3-64", "b3-64"),
            server("aws", "r7a.4xlarge", "r7a.4xlarge"),
            server("aws", "g6.xlarge", "g6.xlarge"),
        ],
        "server_price": [
            price("hcloud", "4", "4", "99", 0.25),
            price("hcloud", "2", "2", "99", 0.75),  # another location
            price("ovh", "GRA11", "gra11-a", "b3-64", 0.5, operating_system="linux"),
            price("aws", "us-east-1", "use1-az1", "r7a.4xlarge", 1.25),
            price("aws", "us-east-1", "use1-az2", "r7a.4xlarge", 1.25),
            price("aws", "us-east-1", "use1-az1", "r7a.4xlarge", 0.4, allocation="SPOT"),
            price("aws", "us-east-1", "use1-az2", "r7a.4xlarge", 0.6, allocation="SPOT"),
        ],
        "benchmark_score": [
            score("aws", "r7a.4xlarge", "prompt_processing", 128, 100.0),
            score("aws", "r7a.4xlarge", "text_generation", 128, 20.0),
            score("ovh", "b3-64", "prompt_processing", 128, 80.0),
            score("ovh", "b3-64", "text_generation", 128, 10.0),
        ],
        "storage": [{"vendor_id": "aws", "storage_id": "it's; gp3"}],
    }


def write(path: Path, held: dict[str, list[Row]] | None = None, tables: dict[str, str] = TABLES) -> Path:
    """The database as a SQLite file."""
    with closing(sqlite3.connect(path)) as made:
        for table, columns in tables.items():
            made.execute(f"CREATE TABLE {table} ({columns})")
        for table, found in (rows() if held is None else held).items():
            for row in found:
                marks = ", ".join("?" for _ in row)
                made.execute(f"INSERT INTO {table} ({', '.join(row)}) VALUES ({marks})", tuple(row.values()))
        made.commit()
    return path


def dump(path: Path) -> str:
    """The database as Python writes it into SQL."""

    def lines() -> Iterator[str]:
        with closing(sqlite3.connect(path)) as made:
            yield from made.iterdump()

    return "\n".join(lines()) + "\n"

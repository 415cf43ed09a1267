"""A cloud-config as text. Pure: values in, text out.

The document is written as JSON, which is YAML: a value cannot leave its quotes, whatever is in it.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass

from autoscaler.providers.provider import Permanent

LIMIT_BYTES = {"aws": 16384, "hetzner-cloud": 32768, "ovh": 65535}
"""Longest user data, before any encoding: EC2 16 KB, Hetzner Cloud 32 KiB, OpenStack 64 KB."""


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """A file that is written at boot, for root alone."""

    path: str
    content: str
    is_program: bool = False


def cloud_config(files: Sequence[File], commands: Sequence[Sequence[str]], *, provider: str) -> str:
    """The user data that writes `files` and then runs `commands`. Raises Permanent where it is too long."""
    document = {
        "write_files": [
            {
                "path": file.path,
                "content": file.content,
                "owner": "root:root",
                "permissions": "0700" if file.is_program else "0600",
            }
            for file in files
        ],
        "runcmd": [list(command) for command in commands],
    }
    for file in files:
        if not all(c.isprintable() or c in "\n\t" for c in file.content):
            raise Permanent(f"{file.path} would hold a character that is not printable; expected plain text")
    text = f"#cloud-config\n{json.dumps(document, indent=1, ensure_ascii=False)}\n"
    limit, size = LIMIT_BYTES.get(provider), len(text.encode())
    if limit is not None and size > limit:
        raise Permanent(f"user data is {size} bytes; {provider} takes {limit} at most: shorten labels or commands")
    return text

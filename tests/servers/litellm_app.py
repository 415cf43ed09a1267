"""The real LiteLLM proxy, without a database until SIGUSR1 gives it one in memory: `python litellm_app.py PORT`.

It runs in an environment that has LiteLLM (`make .venv-litellm/stamp`), not in that of the tests. Its database client
(Prisma) fetches an engine when it is first used, which a test cannot: every table is a list of rows here. All else,
from the checks of the master key to the router that serves, is LiteLLM's own code.
"""

import asyncio
import json
import os
import signal
import sys
from datetime import UTC, datetime
from typing import Any


class Row:
    """One row: attributes, as the client's own rows have them; what it lacks is None."""

    def __init__(self, values: dict[str, Any]) -> None:
        now = datetime.now(UTC)
        self.__dict__.update({"created_at": now, "updated_at": now}, **values)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return None

    def __iter__(self) -> Any:
        return iter(self.__dict__.items())

    def model_dump(self, **_: Any) -> dict[str, Any]:
        return dict(self.__dict__)

    dict = model_dump

    def model_dump_json(self, **_: Any) -> str:
        return json.dumps(self.__dict__, default=str)

    json = model_dump_json


class Table:
    """Rows, and the calls of the client on them."""

    def __init__(self) -> None:
        self.rows: list[Row] = []

    def _where(self, where: dict[str, Any] | None) -> list[Row]:
        exact = {name: value for name, value in (where or {}).items() if not isinstance(value, dict)}
        return [row for row in self.rows if all(getattr(row, name) == value for name, value in exact.items())]

    async def create(self, data: dict[str, Any], **_: Any) -> Row:
        row = Row(_parsed(data))
        self.rows.append(row)
        return row

    async def find_many(self, where: dict[str, Any] | None = None, **_: Any) -> list[Row]:
        return self._where(where)

    async def find_first(self, where: dict[str, Any] | None = None, **_: Any) -> Row | None:
        return next(iter(self._where(where)), None)

    find_unique = find_first

    async def count(self, where: dict[str, Any] | None = None, **_: Any) -> int:
        return len(self._where(where))

    async def update(self, where: dict[str, Any], data: dict[str, Any], **_: Any) -> Row | None:
        row = await self.find_first(where)
        if row is not None:
            row.__dict__.update(_parsed(data))
        return row

    async def upsert(self, where: dict[str, Any], data: dict[str, Any], **_: Any) -> Row:
        return await self.update(where, data["update"]) or await self.create(data["create"])

    async def delete(self, where: dict[str, Any], **_: Any) -> Row | None:
        row = await self.find_first(where)
        if row is not None:
            self.rows.remove(row)
        return row

    async def delete_many(self, where: dict[str, Any] | None = None, **_: Any) -> int:
        gone = self._where(where)
        self.rows = [row for row in self.rows if row not in gone]
        return len(gone)


def _parsed(data: dict[str, Any]) -> dict[str, Any]:
    """JSON columns arrive as text and are read as values."""
    return {
        name: json.loads(value) if isinstance(value, str) and value[:1] in ("{", "[") else value
        for name, value in data.items()
    }


class Database:
    """Tables by name, made when they are asked for; raw queries find nothing."""

    def __init__(self) -> None:
        self._tables: dict[str, Table] = {}

    def __getattr__(self, name: str) -> Table:
        if name.startswith("_"):
            raise AttributeError(name)
        return self._tables.setdefault(name, Table())

    async def query_raw(self, *_: Any, **__: Any) -> list[Any]:
        return []

    async def query_first(self, *_: Any, **__: Any) -> None:
        return None

    async def execute_raw(self, *_: Any, **__: Any) -> int:
        return 0

    def tx(self, *_: Any, **__: Any) -> "Transaction":
        return Transaction(self)


class Transaction:
    """One that always succeeds."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def __aenter__(self) -> Database:
        return self._database

    async def __aexit__(self, *_: object) -> None:
        return None


class Client:
    """What the proxy holds as its database client."""

    def __init__(self) -> None:
        self.db = Database()
        self.spend_log_transactions: list[Any] = []

    def jsonify_object(self, data: dict[str, Any]) -> dict[str, Any]:
        return data

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)

        async def nothing(*_: Any, **__: Any) -> None:
            return None

        return nothing


async def main(port: int) -> None:
    import uvicorn
    from litellm.proxy import proxy_server

    os.environ["LITELLM_SALT_KEY"] = os.environ["LITELLM_MASTER_KEY"]
    server = uvicorn.Server(uvicorn.Config(proxy_server.app, host="127.0.0.1", port=port, log_level="warning"))
    serving = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.05)

    def attach() -> None:
        proxy_server.prisma_client = Client()
        proxy_server.store_model_in_db = True
        proxy_server.general_settings["store_model_in_db"] = True
        print("database", flush=True)  # noqa: T201 - what the test waits for

    asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, attach)
    print("ready", flush=True)  # noqa: T201 - what the test waits for
    await serving


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))

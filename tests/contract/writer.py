"""A process that writes to a store for all it is worth and reports on stdout what has been acknowledged.

    + KEY    created        ~ KEY    about to be deleted        - KEY    deleted

Run as `writer.py FILE ROUND WORKERS`; it ends only by being killed.
"""

from __future__ import annotations

import asyncio
import os
import sys

from pybernetes.store.sqlite import SqliteStore

VALUE = b"x" * 2800


def report(line: str) -> None:
    os.write(1, f"{line}\n".encode())


async def work(store: SqliteStore, name: str) -> None:
    number = 0
    while True:
        key = f"/{name}/{number}"
        revision = await store.put(key, VALUE, 0)
        report(f"+ {key}")
        if number % 3 == 0:
            revision = await store.put(key, VALUE + b"again", revision)
            report(f"~ {key}")
            await store.delete(key, revision)
            report(f"- {key}")
        number += 1


async def main(path: str, name: str, workers: int) -> None:
    store = await SqliteStore.open(path, keep_revisions=2000)
    await asyncio.gather(*(work(store, f"{name}/{worker}") for worker in range(workers)))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3])))

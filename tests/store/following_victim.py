"""Follows the journal of a store in small steps until it is killed: python -m tests.store.following_victim URL."""

import sys

from goodstanding.store import standing
from goodstanding.store.db import Database


def main() -> None:
    database = Database(sys.argv[1])
    with database.view() as tx:
        followed = standing.load(tx)
    while True:
        with database.read() as tx:
            standing.read_on(tx, followed, limit=5)
        with database.tx() as tx:
            assert standing.save(tx, followed)
        print(followed.cursor, flush=True)


if __name__ == "__main__":
    main()

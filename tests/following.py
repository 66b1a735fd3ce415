"""A step of the follower within a transaction of a test's own."""

from goodstanding.store import standing
from goodstanding.store.db import Tx
from goodstanding.store.standing import Followed


def follow(tx: Tx, followed: Followed | None, limit: int = standing.LIMIT, speed: float = 1.0) -> Followed:
    """Read on and save; give the answer back in with the next call."""
    standing.alone(tx)  # the server may not have noticed yet that a killed one is gone
    if followed is None or not standing.is_current(tx, followed):
        followed = standing.anew(tx, followed)
    standing.read_on(tx, followed, limit, speed)
    assert standing.save(tx, followed)
    return followed

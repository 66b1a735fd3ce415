"""api: what the world reaches over HTTPS: where recipients unsubscribe, and where senders see how they stand.

In: requests. Out: pages, and calls of `operate`, which holds the rules. `server.py` is a process of its own
(``python -m goodstanding.api.server``), started by the supervisor, so that no flood of visitors slows the mail down.
"""

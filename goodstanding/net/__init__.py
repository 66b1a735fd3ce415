"""The real clock, DNS and TCP: what `outside` promises, done with the operating system.

Nothing enters or leaves but the values of `outside` and `model`. Only `app` and `cli` build these; everybody else is
handed one and knows it by its Protocol.
"""

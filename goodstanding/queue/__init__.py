"""Waiting safely: what may become of a recipient, when it is tried again, and whose turn it is.

Pure: values and ``now`` enter, values leave. The rows themselves are in ``store.queue``; ``delivery`` asks here.
"""

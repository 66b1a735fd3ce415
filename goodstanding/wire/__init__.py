"""wire: the standards as bytes and values.

In: octets from a peer. Out: frozen events and the octets to send back; one file per RFC family.
Nothing here has heard of tenants, streams or policies, and nothing here touches a clock, a socket or a log.
Peer nonsense is answered (server core) or raised as `RemoteProtocolError` (client core, reply reader).
Every room may import this one; it imports `model` and `errors` alone.
"""

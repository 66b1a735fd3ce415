"""goodstanding: an outbound e-mail platform that keeps every sender in good standing.

Mail flows through the rooms in this order; each is a package:
wire (the standards as bytes and values) · submission (mail comes in) · queue (waiting safely) ·
delivery (mail goes out) · store (all SQL) · net (the real clock, DNS, TCP) · cli (the operator's face) ·
sandbox (a receiving internet on loopback). ``docs/flow.md`` follows one message by function.
"""

__version__ = "0.1.0"

"""goodstanding: an outbound e-mail platform that keeps every sender in good standing.

Mail flows through the rooms in this order; each is a package:
wire (the standards as bytes and values) · submission (mail comes in) · admission (may it enter, and why) ·
queue (waiting safely) · delivery (mail goes out) · feedback (what came back) · reputation (what it means) ·
enforcement (what we do about it) · webhooks (programs are told). Beside them: store (all SQL) · net (the real clock,
DNS, TCP) · operate (the operator's verbs) · api and cli (faces) · sandbox (a receiving internet on loopback) ·
simulator (what would become of a campaign, in virtual time). ``docs/flow.md`` follows one message by function.
"""

__version__ = "0.1.0"

"""A receiving internet on loopback, spoken to over real SMTP and DNS: what the relay is tried on.

In: connections from a relay or from swaks. Out: the replies of mailbox providers of distinct character, and their mail.
``providers.toml`` says who exists and how they behave; `provider` decides every reply and is pure, `zones` is the name
space and pure too; `smtp`, `dns`, `control` and `shelf` are shells; `world` puts them together, `run` is the process.
Only the CLI and tests import this room; it imports ``wire``, ``net.tls`` and the bottom.
"""

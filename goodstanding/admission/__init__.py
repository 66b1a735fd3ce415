"""2. May it enter, and why: identities, isolation, permissions, campaigns, the trust budget.

In come Facts, everything a rule may see; out goes a verdict with every finding, in words a sender can act on. Nothing
here does I/O or asks for the time: shells fetch the facts, and the simulator runs the same code.
"""

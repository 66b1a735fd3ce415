"""6. What it means: journal events become counts, counts become evidence, evidence becomes charges.

Enters: events of the journal, in order. Leaves: `Standing` and `Charge` values, in words and numbers. It measures and
has no powers: nothing here changes mail. Pure throughout; enforcement, operate and store import it.
"""

"""What would become of a campaign: recipients, mailbox providers and platforms in virtual time, many runs at once.

Pure: it imports no I/O, so whatever it takes from admission, reputation and enforcement is shown to need none.
"""

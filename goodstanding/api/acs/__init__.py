"""The face of Azure Communication Services Email: its paths, signatures, statuses and errors, so that a program moves
here by changing its endpoint. What ACS leaves unsaid (why, and what to do) stands in ``error.details`` and
``recipients``.
"""

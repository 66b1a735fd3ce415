"""Mail comes in: sockets, credentials, and the one front door.

What enters: bytes from applications. What leaves: queue entries that are on disk before the 250, or a refusal that
says why. ``accept.py`` is the front door that every face calls; ``smtp_listener.py`` is the first of those faces.
"""

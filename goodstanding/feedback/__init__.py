"""feedback: what came back, read.

In: messages, and bodies of requests, that somebody sent to us because of mail that went out. Out: values that say what
they ask for or report, unproven. Pure; one file a source. Whoever acts on it is in `operate` or in a later room.
"""

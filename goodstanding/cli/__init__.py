"""The command line: one file per noun, each command a few lines around `operate` or a reading function of the store.

What enters: arguments and the settings file. What leaves: tables for people, with ``--json`` the same for programs,
and an exit code: 0 done, 1 a problem was found, 2 the command line itself was wrong. No business rule lives here.
"""

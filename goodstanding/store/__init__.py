"""Every SQL statement of the program, and the spool that holds message bytes.

What enters: values and a transaction (``tx`` comes first; the caller opened it and alone commits). What leaves:
frozen rows. One file per table group, named like the room that uses it. Shells import this room; pure files never do.
``db.py`` alone knows that there are two engines, SQLite and PostgreSQL.
"""

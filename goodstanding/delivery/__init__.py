"""Stage 4, mail goes out: claimed recipients enter, outcomes leave.

Pure: `plan` (where to), `outcome` (what an answer means). Shells: `connection` (one SMTP session), `run` (the loop).
Nobody imports this room's shells but `app`; earlier rooms learn of deliveries only through the journal.
"""

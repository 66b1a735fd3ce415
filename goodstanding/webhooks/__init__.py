"""8. Whom we tell: endpoints of tenants hear what happened to their mail and to their standing.

Journal events become outgoing events (`content`) in a shape (`shapes`), signed (`signature`), posted only where it is
safe to (`guard`, `exchange`, `posting`), at a pace the receiver bears (`pacing`, `answers`). The process: `messenger`.
"""

"""``goodstanding serve``: run the relay."""

from __future__ import annotations

from goodstanding.cli.configuration import ConfigOption, SetOption, load


def serve(config: ConfigOption = None, overrides: SetOption = None) -> int:
    """Run the relay until SIGTERM or Ctrl-C; SIGHUP reloads settings and certificates.

    What was accepted is delivered or kept: a stopping relay finishes its conversations and loses nothing.
    """
    settings = load(config, overrides)
    from goodstanding import app  # only this command needs the whole relay

    return app.serve(settings, lambda: load(config, overrides))

"""``python -m goodstanding``: the command line."""

from goodstanding.cli.main import main

if __name__ == "__main__":
    main()

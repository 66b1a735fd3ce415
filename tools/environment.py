"""Make or refresh the virtual environment: ``python3 tools/environment.py FOLDER REQUIREMENTS``.

Runs before anything is installed, under whatever Python the machine has, so it uses the standard library only and
says what to do when that Python is too old or incomplete. Everything installed is pinned and checked by hash.
"""

import os
import subprocess
import sys

WANTED = (3, 11)


def main(folder, requirements):
    """Install the locked requirements and this package, in place, into a virtual environment."""
    complain_about_this_python()
    python = os.path.join(folder, "bin", "python")
    if not works(python):
        print(f"making {folder} with {sys.executable}", flush=True)
        run([sys.executable, "-m", "venv", "--clear", folder])
    pip = [python, "-m", "pip", "--disable-pip-version-check", "install", "--quiet"]
    print(f"installing {requirements} into {folder} (the first time takes about a minute)", flush=True)
    run([*pip, "--require-hashes", "-r", requirements])
    run([*pip, "--no-deps", "--no-build-isolation", "--editable", "."])


def complain_about_this_python():
    """Stop with the remedy when this Python cannot be used."""
    if sys.version_info < WANTED:
        sys.exit(
            f"goodstanding needs Python 3.11 or newer, and {sys.executable} is Python {version()}.\n"
            "If a newer one is installed, name it: make PYTHON=python3.12 ..."
        )
    try:
        import ensurepip  # noqa: F401
        import venv  # noqa: F401
    except ImportError as missing:
        sys.exit(
            f"{sys.executable} has no module {missing.name}, so it cannot make virtual environments.\n"
            f"On Debian and Ubuntu: apt-get install python{version()}-venv"
        )


def version():
    """``3.11``: this Python's, as package names write it."""
    return "{}.{}".format(*sys.version_info)


def works(python):
    """Whether an environment is there, with pip, and its Python is recent (a machine's Python may move on)."""
    probe = f"import pip, sys; sys.exit(sys.version_info < {WANTED})"
    try:
        return subprocess.run([python, "-c", probe], stderr=subprocess.DEVNULL).returncode == 0
    except OSError:
        return False


def run(command):
    """Run a step; its own output tells what went wrong."""
    status = subprocess.call(command)
    if status:
        sys.exit(f"this step failed with status {status}: {' '.join(command)}")


if __name__ == "__main__":
    main(*sys.argv[1:])

"""``python -m fuzz.fuzz_api EXAMPLES``: Schemathesis, all its phases, against the native API on a loopback socket.

The property test of `tests/api/native/test_conformance.py` asks operation by operation, in the process; this also
follows links, covers every bound, and speaks HTTP. Its exit code is that of schemathesis: 1 when an answer is not as
documented.
"""

import subprocess
import sys
import tempfile
import threading
from pathlib import Path

import uvicorn

from tests.api.native.installation import Installation
from tests.scenarios.relay import free_port

MEANT = """
[checks.positive_data_acceptance]
expected-statuses = ["2xx", "401", "403", "404", "409", "412", "422"]
[checks.missing_required_header]
expected-statuses = ["401", "428"]
"""
"""What is valid may be refused by a rule (422), and never as invalid (400)."""


def main(examples: str) -> int:
    """Serve, ask, and say what came of it."""
    port = free_port()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        installation = Installation(folder)
        installation.furnish()
        config = uvicorn.Config(installation.app(), port=port, log_level="error", lifespan="off")
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run)
        thread.start()
        (folder / "meant.toml").write_text(MEANT)
        command = [sys.executable, "-m", "schemathesis.cli", "--config-file", str(folder / "meant.toml"), "run"]
        shown = ["-H", f"Authorization: Bearer {installation.operator}", "--max-examples", examples]
        done = subprocess.run([*command, f"http://127.0.0.1:{port}/v1/openapi.json", *shown, "--wait-for-schema", "10"])
        server.should_exit = True
        thread.join()
        installation.close()
    return done.returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1] if len(sys.argv) > 1 else "10"))

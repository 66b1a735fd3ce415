"""Debian's Postfix as somebody's own mail server that sends everything through us; a private instance."""

import shutil
import subprocess
import tempfile
from pathlib import Path

from tests.scenarios.patience import eventually

PROGRAMS = Path("/usr/lib/postfix/sbin")

MAIN = """\
compatibility_level = 3.6
queue_directory = {folder}/queue
data_directory = {folder}/data
maillog_file = {folder}/log/maillog
maillog_file_prefixes = {folder}
myhostname = upstream.example
inet_interfaces = loopback-only
inet_protocols = ipv4
mydestination =
alias_maps =
alias_database =
local_transport = error:nobody lives here
smtp_dns_support_level = disabled
smtp_host_lookup = native
relayhost = [127.0.0.1]:{port}
smtp_tls_security_level = encrypt
smtp_sasl_auth_enable = yes
smtp_sasl_password_maps = inline:{{ [127.0.0.1]:{port}={user}:{secret} }}
smtp_sasl_security_options =
import_environment = MAIL_CONFIG
"""

MASTER = """\
cleanup unix n - n - 0 cleanup
pickup unix n - n 60 1 pickup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
smtp unix - - n - - smtp
error unix - - n - - error
retry unix - - n - - error
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
"""


class Postfix:
    """Runs while the block lasts."""

    def __init__(self, port: int, user: str, secret: str) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="goodstanding-postfix-"))
        self.folder.chmod(0o755)  # its daemons run as another user
        for name in ("queue", "data", "etc", "log"):
            (self.folder / name).mkdir()
        shutil.chown(self.folder / "data", "postfix")
        main = MAIN.format(folder=self.folder, port=port, user=user, secret=secret)
        (self.folder / "etc/main.cf").write_text(main)
        (self.folder / "etc/master.cf").write_text(MASTER)

    def __enter__(self) -> "Postfix":
        self._run("postfix", "-c", str(self.folder / "etc"), "start")
        eventually(lambda: (self.folder / "queue/public/pickup").exists(), "Postfix starts")
        return self

    def __exit__(self, *_: object) -> None:
        self._run("postfix", "-c", str(self.folder / "etc"), "stop")
        shutil.rmtree(self.folder, ignore_errors=True)

    def send(self, octets: bytes, sender: str, recipient: str) -> None:
        """Hand it a message as programs on its machine do."""
        self._run("sendmail", "-C", str(self.folder / "etc"), "-i", "-f", sender, recipient, octets=octets)

    def log(self) -> str:
        """What it said."""
        return (self.folder / "log/maillog").read_text(errors="replace")

    def _run(self, *command: str, octets: bytes = b"") -> None:
        done = subprocess.run(command, input=octets, capture_output=True, timeout=60)
        assert done.returncode == 0, done.stderr.decode(errors="replace")

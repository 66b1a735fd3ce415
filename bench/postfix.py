"""Postfix as the yardstick: a private instance, tuned for exactly this workload and as honest about fsync as we are.

Everything lives below one directory; nothing of the machine's own Postfix is read but its program files.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from bench.children import Child, spawn
from bench.load import Trouble, free_port, wait_for_greeting
from bench.values import DOMAIN, SELECTOR, Setup, System

DAEMONS = Path("/usr/lib/postfix/sbin")

MAIN_CF = """\
compatibility_level = 3.6
queue_directory = {directory}/queue
data_directory = {directory}/data
# No log: without /dev/log a line costs one failed system call; asking for /dev/null would bring in postlogd.
maillog_file =
myhostname = postfix.bench.example
inet_interfaces = loopback-only
inet_protocols = ipv4
mynetworks = 127.0.0.0/8
smtpd_relay_restrictions = permit_mynetworks, reject
smtpd_recipient_restrictions = permit_mynetworks, reject
smtpd_peername_lookup = no
smtp_dns_support_level = disabled
smtp_host_lookup = native
relayhost = [127.0.0.1]:{sink_port}
# Nothing is local, nothing is looked up in a file.
mydestination =
local_recipient_maps =
local_transport = error:no local mail here
alias_maps =
alias_database =
fast_flush_domains =
smtp_tls_security_level = none
smtpd_tls_security_level = none
smtpd_sasl_auth_enable = no
# No brakes.
in_flow_delay = 0
default_process_limit = 200
smtp_destination_concurrency_limit = {concurrency}
initial_destination_concurrency = {concurrency}
smtpd_client_connection_count_limit = 0
smtpd_client_connection_rate_limit = 0
smtpd_error_sleep_time = 0
qmgr_message_active_limit = 200000
qmgr_message_recipient_limit = 200000
message_size_limit = 26214400
{extra}
"""

# `postfix check` insists on lines of 7 words and on nothing else; a service that is not needed is not there.
MASTER_CF = """\
127.0.0.1:{port} inet n - n - - smtpd
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
smtp unix - - n - - smtp
relay unix - - n - - smtp
error unix - - n - - error
retry unix - - n - - error
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
"""

HOLD = "smtpd_data_restrictions = check_client_access static:HOLD"
"""Acceptance only: cleanup fsyncs the message in the hold queue, which the queue manager never reads: the cheapest way
Postfix has of taking responsibility (defer_transports costs it a defer file per message)."""

OPENDKIM_CONF = """\
Syslog no
Background no
Mode s
Canonicalization relaxed/relaxed
SignatureAlgorithm rsa-sha256
OversignHeaders From
Domain {domain}
Selector {selector}
KeyFile {key}
RequireSafeKeys no
InternalHosts 127.0.0.0/8
Socket inet:{port}@127.0.0.1
UserID opendkim
"""


def postfix_config(setup: Setup, *, concurrency: int, milter_port: int = 0) -> tuple[str, str]:
    """Texts of main.cf and master.cf."""
    extra = [HOLD] if setup.mode == "accept" else []
    if milter_port:
        extra += [f"smtpd_milters = inet:127.0.0.1:{milter_port}", "milter_default_action = tempfail"]
    main = MAIN_CF.format(
        directory=setup.directory, sink_port=setup.sink_port, concurrency=concurrency, extra="\n".join(extra)
    )
    return main, MASTER_CF.format(port=setup.port)


def start_postfix(setup: Setup, *, concurrency: int = 50) -> System:
    """Postfix, and OpenDKIM beside it when it is to sign, up and listening."""
    children: list[Child] = []
    milter_port = 0
    if setup.signed:
        milter_port = free_port()
        children.append(_start_opendkim(setup, milter_port))
    configuration = setup.directory / "etc"
    configuration.mkdir(parents=True)
    main, master = postfix_config(setup, concurrency=concurrency, milter_port=milter_port)
    (configuration / "main.cf").write_text(main)
    (configuration / "master.cf").write_text(master)
    (setup.directory / "queue").mkdir()
    (setup.directory / "data").mkdir()
    shutil.chown(setup.directory / "data", "postfix")
    check = subprocess.run(["postfix", "-c", configuration, "check"], capture_output=True, check=False)
    if check.returncode:
        raise Trouble(f"postfix check: {check.stderr.decode(errors='replace')}")
    # The master itself in the foreground: `postfix start-fg` puts a shell in between.
    command: list[str | Path] = [*setup.wrapper, DAEMONS / "master", "-c", configuration, "-s"]
    children.append(spawn(command, environment={"MAIL_CONFIG": str(configuration)}))
    wait_for_greeting(setup.port, children[-1])
    return System("postfix", setup.port, tuple(children))


def _start_opendkim(setup: Setup, port: int) -> Child:
    assert setup.key is not None, "a signed run needs a key"
    key = setup.directory / "opendkim.pem"
    shutil.copy(setup.key, key)
    shutil.chown(key, "opendkim")
    file = setup.directory / "opendkim.conf"
    file.write_text(OPENDKIM_CONF.format(domain=DOMAIN, selector=SELECTOR, key=key, port=port))
    return spawn(["opendkim", "-f", "-x", file])


def versions() -> dict[str, str]:
    """What is being compared with."""
    postfix = subprocess.run(["postconf", "-dh", "mail_version"], capture_output=True, text=True, check=False)
    found = {"postfix": postfix.stdout.strip()}
    if shutil.which("opendkim"):
        words = subprocess.run(["opendkim", "-V"], capture_output=True, text=True, check=False)
        found["opendkim"] = words.stdout.partition("\n")[0].rpartition("v")[2]
    return found


def logging_costs() -> bool:
    """Whether a log daemon is present and Postfix's log lines are therefore not free."""
    return os.path.exists("/dev/log")

"""The benchmark: smtp-source -> system -> smtp-sink, for goodstanding and for Postfix, in one run on one machine.

``python -m bench`` compares the two (pairs of runs, interleaved, because machines are noisy), ``depth`` fills the
queue with a million recipients, ``fsyncs`` proves from a system call trace that no 250 comes before its fsync,
``profile`` shows where the time goes. Needs root, Debian's postfix package, opendkim for the signed runs.
"""

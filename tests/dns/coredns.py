"""The program under the name of coredns: a Corefile, and a stand-in for kuma-dp that starts it as the
real one does."""

import contextlib
import http.client
import os
import re
import signal
import subprocess

import dns.message
import dns.query
import dns.rcode
import server as s

VERSION = re.compile(r"CoreDNS-(.*)")  # what kuma-dp looks for


class KumaDp:
    """Finds the version, writes the Corefile with mode 0600, starts `coredns -conf FILE -quiet` in
    its own group and ends with it; ends it with SIGTERM."""

    def __init__(self, folder, program):
        self.folder = folder
        self.program = program
        self.corefile = folder / "Corefile"
        self.process = None
        self.starts = 0

    def version(self):
        done = subprocess.run([self.program, "--version"], capture_output=True, text=True, check=True,
                              timeout=s.PATIENCE)
        return VERSION.search(done.stdout).group(1)

    def write(self, text):
        new = self.corefile.with_suffix(".new")
        new.write_text(text)
        new.chmod(0o600)
        new.rename(self.corefile)

    def start(self, *more, env=None):
        self.starts += 1
        self.log = self.folder / f"log-{self.starts}"
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(
                [self.program, "-conf", self.corefile, "-quiet", *more], stdin=subprocess.DEVNULL,
                stdout=log, stderr=log, start_new_session=True, env={**os.environ, **(env or {})})
        s.wait_until(lambda: "ready: " in self.output() or self.process.poll() is not None, "ready")
        assert self.process.poll() is None, self.output()
        return self

    def output(self):
        return self.log.read_text()

    def reload(self):
        """SIGUSR1, and the outcome."""
        before = len(self.output())
        self.process.send_signal(signal.SIGUSR1)
        s.wait_until(lambda: re.search(r"reloaded |reload failed", self.output()[before:]), "reload")
        return self.output()[before:]

    def stop(self):
        self.process.terminate()
        return self.process.wait(5)  # then kuma-dp kills it

    def close(self):
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait()


class AnswerAs(s.FakeUpstream):
    """A name server whose answers are of the code that the name's first label says: "nxdomain-1.x"."""

    def reply(self, wire):
        reply = super().reply(wire)
        code = str(reply.question[0].name).split("-", 1)[0].upper()
        if code == "NODATA":
            reply.answer.clear()
        elif code in dns.rcode.Rcode.__members__ and code != "NOERROR":
            reply.answer.clear()
            reply.set_rcode(dns.rcode.from_text(code))
        return reply


def ask(port, name, rdtype="A", tcp=False, host="127.0.0.1", **options):
    query = dns.message.make_query(name, rdtype, **options)
    exchange = dns.query.tcp if tcp else dns.query.udp
    return exchange(query, host, port=port, timeout=s.PATIENCE)


def get(port, path):
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", port,
                                                       timeout=s.PATIENCE)) as connection:
        connection.request("GET", path)
        reply = connection.getresponse()
        return reply.status, reply.read().decode()

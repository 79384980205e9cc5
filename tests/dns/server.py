"""meshgate-dns as a process: a configuration and ports of its own, its admin endpoint, its end."""

import contextlib
import http.client
import json
import os
import pathlib
import random
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time

import dns.flags
import dns.message
import dns.query
import dns.rcode
import dns.rrset

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROGRAM = pathlib.Path(os.environ.get("MESHGATE_BUILD", ROOT / "build")) / "src/meshgate-dns/meshgate-dns"
PATIENCE = 20  # seconds an event may take on a machine under load; none is ever waited for in full


def wait_until(event, what):
    """Asks again and again, within bounds."""
    end = time.monotonic() + PATIENCE
    while True:
        answer = event()
        if answer:
            return answer
        assert time.monotonic() < end, f"{what}: not within {PATIENCE} s"
        threading.Event().wait(0.01)


def free_port():
    """A port that is free on 127.0.0.1 and ::1, for UDP and TCP, and that no socket gets which asks
    for any: those of a resolver in the same test are many (ip_local_port_range, from 32768 on)."""
    while True:
        with contextlib.ExitStack() as sockets, contextlib.suppress(OSError):
            port = random.randrange(20000, 32768)
            for family, host in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")):
                for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
                    each = sockets.enter_context(socket.socket(family, kind))
                    each.bind((host, port))
            return port


class Folder:
    """A folder that every user can reach; pytest's own are root's alone."""

    def __init__(self):
        self.path = pathlib.Path(tempfile.mkdtemp(prefix="meshgate-dns-"))
        self.path.chmod(0o755)

    def close(self):
        shutil.rmtree(self.path, ignore_errors=True)


class UnixHttp(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("localhost", timeout=PATIENCE)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(PATIENCE)
        self.sock.connect(str(self.path))


class Server:
    """One configuration and the program with it."""

    def __init__(self, folder):
        self.folder = folder
        self.port = free_port()
        self.config = folder / "meshgate.toml"
        self.admin = folder / "run" / "dns.sock"
        self.state = folder / "lib" / "vips.toml"
        self.resolv_conf = folder / "resolv.conf"
        self.process = None
        self.starts = 0
        self.resolv_conf.write_text("")
        self.user = '"root"' if os.geteuid() == 0 else str(os.geteuid())
        self.upstreams = []
        self.configure()

    def configure(self, more="", services=("backend_default_svc_8080",), dns="", head=""):
        """Writes the configuration; `dns` and `head` are more lines of [dns] and of the top."""
        names = "".join(f'\n[[service]]\nname = "{name}"\nport = 80\n'
                        'endpoints = ["192.0.2.10:8080"]\n' for name in services)
        user = f"user = {self.user}\n" if self.user else ""
        text = f"""{head}
resolv_conf = "{self.resolv_conf}"
[dns]
listen = ["127.0.0.1:{self.port}", "[::1]:{self.port}"]
admin = "unix:{self.admin}"
upstreams = {json.dumps(self.upstreams)}
{user}{dns}
[vip]
state = "{self.state}"
{names}{more}
"""
        self.write(text)

    def write(self, text):
        """Replaces the file in one step, as editors do."""
        new = self.config.with_suffix(".new")
        new.write_text(text)
        new.chmod(0o644)
        new.rename(self.config)

    def edit(self, old, new):
        text = self.config.read_text()
        assert old in text, old
        self.write(text.replace(old, new, 1))

    # --- the process ------------------------------------------------------------------------------

    def start(self, wrapper=(), ready="/readyz", env=None):
        """Starts `serve`; waits until the path answers 200, or for nothing."""
        self.starts += 1
        self.log = self.folder / f"log-{self.starts}"
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen([*wrapper, PROGRAM, "--config", self.config],
                                            stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                            env={**os.environ, **(env or {})})
        if ready:
            wait_until(lambda: self.is_ready(ready), "ready")
        return self

    def is_ready(self, path):
        assert self.process.poll() is None, self.output()
        try:
            return self.get(path)[0] == 200
        except OSError:
            return False

    def output(self):
        return self.log.read_text()

    def stop(self, number=signal.SIGTERM):
        """Its exit status after the signal."""
        self.process.send_signal(number)
        return self.process.wait(PATIENCE)

    def close(self):
        if self.process and self.process.poll() is None:
            # What a wrapper such as strace started would go on without it.
            children = pathlib.Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
            for child in children.read_text().split():
                os.kill(int(child), signal.SIGKILL)
            self.process.kill()
            self.process.wait()

    def run(self, *words, wrapper=(), config=True, **options):
        """Another call of the program, with the same configuration."""
        more = ["--config", self.config] if config else []
        return subprocess.run([*wrapper, PROGRAM, *words, *more], text=True, capture_output=True,
                              timeout=PATIENCE * 4, stdin=subprocess.DEVNULL, **options)

    def reload(self):
        done = self.run("reload")
        assert done.returncode == 0, done.stderr
        return done

    # --- the admin endpoint -----------------------------------------------------------------------

    def request(self, method, path, body=None, headers=None):
        with contextlib.closing(UnixHttp(self.admin)) as connection:
            connection.request(method, path, body, headers or {})
            reply = connection.getresponse()
            return reply.status, reply.read().decode(), reply.headers

    def get(self, path):
        return self.request("GET", path)[:2]

    def status(self):
        return json.loads(self.get("/api/v1/status")[1])

    def metrics(self):
        """Series to value."""
        lines = self.get("/metrics")[1].splitlines()
        return {line.rsplit(" ", 1)[0]: float(line.rsplit(" ", 1)[1])
                for line in lines if not line.startswith("#")}

    # --- questions --------------------------------------------------------------------------------

    def ask(self, name, rdtype="A", tcp=False, host="127.0.0.1", **options):
        query = dns.message.make_query(name, rdtype, **options)
        exchange = dns.query.tcp if tcp else dns.query.udp
        return exchange(query, host, port=self.port, timeout=PATIENCE)

    def address(self, name, **options):
        """The first A record of a name."""
        reply = self.ask(name, **options)
        assert reply.rcode() == dns.rcode.NOERROR and reply.answer, reply
        return reply.answer[0][0].to_text()


class FakeUpstream:
    """A name server on loopback that answers every A question with one address and remembers the
    questions."""

    def __init__(self, address="192.0.2.55"):
        self.address = address
        self.port = free_port()
        self.questions = []  # names in lower case
        self.spellings = []  # as they came
        self.closed = False
        self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.udp.bind(("127.0.0.1", self.port))
        self.tcp = socket.create_server(("127.0.0.1", self.port))
        for serve in (self.serve_udp, self.serve_tcp):
            threading.Thread(target=serve, daemon=True).start()

    @property
    def endpoint(self):
        return f"127.0.0.1:{self.port}"

    def reply(self, wire):
        query = dns.message.from_wire(wire)
        name, rest = query.question[0].to_text().split(" ", 1)
        self.spellings.append(name)
        self.questions.append(f"{name.lower()} {rest}")
        reply = dns.message.make_response(query, recursion_available=True)
        question = query.question[0]
        if question.rdtype == dns.rdatatype.A:
            reply.answer.append(dns.rrset.from_text(question.name, 60, "IN", "A", self.address))
        if str(question.name).lower().startswith("big."):
            texts = [f'"{number:03}{"x" * 200}"' for number in range(30)]
            reply.answer.append(dns.rrset.from_text(question.name, 60, "IN", "TXT", *texts))
        return reply

    def serve_udp(self):
        with contextlib.suppress(OSError):
            while True:
                wire, client = self.udp.recvfrom(65535)
                if self.closed:
                    return
                reply = self.reply(wire)
                if len(reply.to_wire(max_size=65535)) > 1232:
                    reply.answer.clear()
                    reply.flags |= dns.flags.TC
                self.udp.sendto(reply.to_wire(), client)

    def serve_tcp(self):
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self.tcp.accept()
                threading.Thread(target=self.serve_connection, args=(connection,),
                                 daemon=True).start()

    def serve_connection(self, connection):
        with connection, contextlib.suppress(OSError, EOFError):
            while True:
                wire = dns.query.receive_tcp(connection)[0].to_wire()
                dns.query.send_tcp(connection, self.reply(wire).to_wire(max_size=65535))

    def close(self):
        self.closed = True
        for each in (self.udp, self.tcp):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()

"""Network namespaces, processes and packet captures for tests that need real packets.

Nothing here has a name that could be left behind: a namespace lives as long as the pipe to its
holder, and the holder kills whatever is left inside when that pipe closes, which it does even when
the test run itself is killed.
"""

import contextlib
import itertools
import json
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile
import time

PATIENCE_S = 20  # the longest that any single event is waited for
PYTHON = "/usr/bin/python3"  # Debian's: a foreign python3 may come first in PATH

# Runs as the first process of a namespace. When its standard input ends it ends every other
# process of the namespace, whoever started it.
HOLDER = """
import os, signal, sys
print("ready", flush=True)
sys.stdin.read()
mine = os.readlink("/proc/self/ns/net")
for pid in filter(str.isdigit, os.listdir("/proc")):
    try:
        if int(pid) != os.getpid() and os.readlink(f"/proc/{pid}/ns/net") == mine:
            os.kill(int(pid), signal.SIGKILL)
    except OSError:
        pass
"""


def wait_until(condition, what, patience_s=PATIENCE_S):
    """Polls `condition` until it returns something true, and returns that."""
    deadline = time.monotonic() + patience_s
    pause = 0.002
    while True:
        result = condition()
        if result:
            return result
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {patience_s} s in vain for {what}")
        time.sleep(pause)
        pause = min(pause * 1.5, 0.1)


def public_folder(prefix):
    """A new folder that every uid can enter, wherever the checkout and TMPDIR are."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix=prefix, dir="/tmp"))
    folder.chmod(0o755)
    return folder


def publish(source, folder, mode=0o755):
    """Copies a file to where every uid can read it, and returns its new place."""
    target = pathlib.Path(folder) / pathlib.Path(source).name
    shutil.copyfile(source, target)
    target.chmod(mode)
    return target


class Process:
    """A process in a namespace, its output in a file."""

    def __init__(self, name, argv, log, stdin=subprocess.DEVNULL):
        self.name, self.log = name, pathlib.Path(log)
        with open(log, "wb") as out:
            self.popen = subprocess.Popen(argv, stdin=stdin, stdout=out, stderr=subprocess.STDOUT,
                                          start_new_session=True)

    @property
    def pid(self):
        return self.popen.pid

    def output(self):
        return self.log.read_text(errors="replace")

    def running(self):
        return self.popen.poll() is None

    def send_signal(self, number):
        self.popen.send_signal(number)

    def wait(self, patience_s=PATIENCE_S):
        return self.popen.wait(patience_s)

    def stop(self, number=signal.SIGTERM):
        """Asks it to end; returns its exit status."""
        if self.running():
            self.send_signal(number)
        try:
            return self.wait()
        except subprocess.TimeoutExpired:
            self.popen.kill()
            self.popen.wait()
            raise AssertionError(f"{self.name} did not end:\n{self.output()}") from None

    def wait_ready(self, condition, what):
        """Waits for `condition`, and fails at once, with its output, if the process ends."""

        def ready_or_ended():
            return not self.running() or condition()

        try:
            wait_until(ready_or_ended, what)
        except AssertionError as late:
            raise AssertionError(f"{late}\n{self.name} said:\n{self.output()}") from None
        assert self.running(), (
            f"{self.name} ended with {self.popen.returncode}:\n{self.output()}")


class Namespace:
    """A network namespace with its own mounts, as long as this object is open."""

    def __init__(self, name, folder):
        self.name, self.folder = name, pathlib.Path(folder)
        self._count = itertools.count()
        self.holder = subprocess.Popen(
            ["unshare", "--net", "--mount", "--propagation", "private", PYTHON, "-c", HOLDER],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True)
        assert self.holder.stdout.readline() == b"ready\n", "no namespace: are you root?"
        self.run("ip", "link", "set", "lo", "up")

    def close(self):
        self.holder.stdin.close()
        self.holder.wait()

    def inside(self, argv, uid=None):
        """The command line that runs `argv` in here, as `uid` or as root. Each step execs the
        next, so the process is the one that signals reach."""
        enter = ["nsenter", f"--net=/proc/{self.holder.pid}/ns/net",
                 f"--mount=/proc/{self.holder.pid}/ns/mnt", "--wd=/"]
        if uid is not None:
            enter += ["setpriv", f"--reuid={uid}", f"--regid={uid}", "--clear-groups"]
        return enter + [str(word) for word in argv]

    def try_run(self, *argv, uid=None, input=None, patience_s=60):
        """Runs to the end; returns the CompletedProcess whatever the exit status."""
        return subprocess.run(self.inside(argv, uid), input=input, capture_output=True, text=True,
                              timeout=patience_s,
                              stdin=subprocess.DEVNULL if input is None else None)

    def run(self, *argv, uid=None, input=None, patience_s=60):
        """Runs to the end, expects status 0, and returns the standard output."""
        done = self.try_run(*argv, uid=uid, input=input, patience_s=patience_s)
        assert done.returncode == 0, (
            f"{self.name}: {' '.join(map(str, argv))} ended with {done.returncode}\n"
            f"{done.stdout}{done.stderr}")
        return done.stdout

    def start(self, *argv, uid=None, stdin=subprocess.DEVNULL):
        name = pathlib.Path(str(argv[0])).name
        log = self.folder / f"{self.name}-{next(self._count)}-{name}.log"
        return Process(name, self.inside(argv, uid), log, stdin)

    def json(self, *argv):
        text = self.run(*argv)
        return json.loads(text) if text.strip() else []

    def bind_file(self, source, target):
        """Shows `source` at `target`, in here only."""
        self.run("mount", "--bind", source, os.path.realpath(target))

    def capture(self, interface, expression):
        return Capture(self, interface, expression)


def connect(left, right, left_name, right_name, addresses):
    """A veth pair between two namespaces; `addresses` are (left, right) with prefix lengths."""
    left.run("ip", "link", "add", left_name, "type", "veth", "peer", "name", right_name,
             "netns", f"/proc/{right.holder.pid}/ns/net")
    for side, name in ((left, left_name), (right, right_name)):
        # Duplicate address detection would keep IPv6 addresses tentative for a second or two.
        side.run("sysctl", "-qw", f"net.ipv6.conf.{name}.accept_dad=0",
                 f"net.ipv6.conf.{name}.accept_ra=0")
        side.run("ip", "link", "set", name, "up")
    for ours, theirs in addresses:
        left.run("ip", "address", "add", ours, "dev", left_name)
        right.run("ip", "address", "add", theirs, "dev", right_name)


class Capture:
    """Counts the packets of one interface that match a filter, while the `with` block runs.

    Both ends are exact: the block starts when tcpdump listens, and ends when it has seen a marker
    packet that was sent after everything else.
    """

    MARKER_PORT = 4790

    def __init__(self, namespace, interface, expression):
        self.namespace, self.interface, self.expression = namespace, interface, expression
        self.packets = []

    def __enter__(self):
        marker = f"udp dst port {self.MARKER_PORT}"
        self.process = self.namespace.start(
            "tcpdump", "-n", "-q", "-l", "-p", "--immediate-mode", "-B", "8192",
            "-i", self.interface, f"({self.expression}) or ({marker})")
        self.process.wait_ready(lambda: "listening on" in self.process.output(),
                                f"tcpdump on {self.interface}")
        return self

    def __exit__(self, failed, *_):
        if failed:
            self.process.stop(signal.SIGINT)
            return
        send = ("import socket; s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM);"
                "s.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b'%s');"
                "s.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1);"
                "s.sendto(b'end', ('%s', %d))")
        interface = "lo" if self.interface == "any" else self.interface
        target = "127.0.0.1" if interface == "lo" else "255.255.255.255"
        self.namespace.run(PYTHON, "-c", send % (interface, target, self.MARKER_PORT))
        self.process.wait_ready(lambda: f".{self.MARKER_PORT}: " in self.process.output(),
                                "the marker packet")
        self.process.stop(signal.SIGINT)
        lines = self.process.output().splitlines()
        assert "0 packets dropped by kernel" in lines, self.process.output()
        self.packets = [line for line in lines
                        if (" IP " in line or " IP6 " in line)
                        and f".{self.MARKER_PORT}: " not in line]

    def count(self):
        return len(self.packets)


@contextlib.contextmanager
def lab_folder():
    """The folder of one lab: reachable by every uid, and gone afterwards."""
    folder = public_folder("meshgate-lab-")
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)

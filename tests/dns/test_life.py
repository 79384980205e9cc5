"""Start, user, reload, end: what an operator and a service manager see."""

import os
import pathlib
import re
import signal
import socket
import subprocess
import threading

import dns.flags
import dns.message
import dns.rcode
import pytest
from conftest import needs_root
from server import PATIENCE, PROGRAM, FakeUpstream, Server, free_port, wait_until

NAME = "backend_default_svc_8080.mesh"
FULL = bool(os.environ.get("MESHGATE_FULL"))


class ServiceManager:
    """The socket of $NOTIFY_SOCKET."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(path)
        self.socket.settimeout(PATIENCE)

    def receive(self):
        """The next message, as a dictionary."""
        return dict(line.split("=", 1) for line in self.socket.recv(4096).decode().splitlines())

    def expect(self, key):
        """The next message that has the key."""
        while True:
            message = self.receive()
            if key in message:
                return message


# --- start ----------------------------------------------------------------------------------------

def test_a_second_instance_ends_with_1_and_the_first_goes_on(running):
    done = running.run("serve")
    assert done.returncode == 1
    assert "another" in done.stderr and len(done.stderr.splitlines()) == 1
    assert running.address(NAME) and running.status()["pid"] == running.process.pid


def test_a_second_instance_on_other_ports_is_found_by_its_admin_socket(running):
    running.edit(f"127.0.0.1:{running.port}", f"127.0.0.1:{free_port()}")
    running.edit(f'"[::1]:{running.port}"', "")
    done = running.run("serve")
    assert done.returncode == 1
    assert "another instance" in done.stderr
    assert running.status()["pid"] == running.process.pid


@pytest.mark.parametrize("kind", [socket.SOCK_DGRAM, socket.SOCK_STREAM], ids=["udp", "tcp"])
@pytest.mark.parametrize("reuse", [False, True], ids=["plain", "reuseport"])
def test_a_port_in_use_is_1_and_named(server, kind, reuse):
    with socket.socket(socket.AF_INET, kind) as holder:
        if reuse:
            holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        holder.bind(("127.0.0.1", server.port))
        if kind == socket.SOCK_STREAM:
            holder.listen()
        done = server.run("serve")
    assert done.returncode == 1
    assert f"127.0.0.1:{server.port}" in done.stderr and "in use" in done.stderr
    assert not server.admin.exists()


def test_an_interface_stands_for_its_addresses(server):
    server.edit(f'"127.0.0.1:{server.port}", "[::1]:{server.port}"', f'"lo:{server.port}"')
    server.start()
    assert server.ask(NAME, host="127.0.0.1").answer and server.ask(NAME, host="::1").answer


def test_an_interface_that_is_not_there_is_1(server):
    server.edit(f'"127.0.0.1:{server.port}", "[::1]:{server.port}"', f'"nosuch0:{server.port}"')
    done = server.run("serve")
    assert done.returncode == 1 and "nosuch0" in done.stderr


def test_a_socket_left_by_a_killed_server_is_replaced(running):
    running.process.kill()
    running.process.wait()
    assert running.admin.exists()
    running.start()
    assert running.status()["pid"] == running.process.pid


def test_an_admin_path_that_cannot_be_made_is_1(server):
    server.edit(str(server.admin), "/proc/nowhere/dns.sock")
    done = server.run("serve")
    assert done.returncode == 1 and "/proc/nowhere" in done.stderr


def test_a_corrupt_state_file_is_told_and_replaced(server):
    server.state.parent.mkdir()
    server.state.write_bytes(b"\x00\xff not TOML = = [")
    server.start()
    assert str(server.state) in server.output()
    assert server.address(NAME) == "240.0.0.0"
    assert b"240.0.0.0" in server.state.read_bytes()


def test_addresses_stay_over_restarts_and_a_new_order(server):
    server.configure(services=("a", "b", "c"))
    server.start()
    assert [server.address(f"{name}.mesh") for name in "abc"] == ["240.0.0.0", "240.0.0.1", "240.0.0.2"]
    assert server.stop() == 0
    server.configure(services=("c", "new", "b"))
    server.start()
    assert server.address("b.mesh") == "240.0.0.1" and server.address("c.mesh") == "240.0.0.2"
    assert server.address("new.mesh") == "240.0.0.3"  # what was of a rests


@needs_root
def test_with_a_state_that_cannot_be_written_addresses_stay_over_reloads(server):
    server.edit(str(server.state), "/proc/nowhere/vips.toml")
    server.start()
    assert "/proc/nowhere" in server.output()
    server.edit("[[service]]", '[[service]]\nname = "first"\n\n[[service]]')
    server.reload()
    assert server.address(NAME) == "240.0.0.0"
    assert server.address("first.mesh") == "240.0.0.1"


# --- user -----------------------------------------------------------------------------------------

def process_status(pid):
    return pathlib.Path(f"/proc/{pid}/status").read_text()


def sockets_of(pid):
    """inode to uid of the UDP sockets that the process holds now."""
    inodes = set()
    for fd in pathlib.Path(f"/proc/{pid}/fd").iterdir():
        try:
            match = re.fullmatch(r"socket:\[(\d+)\]", os.readlink(fd))
        except FileNotFoundError:
            continue  # closed since
        if match:
            inodes.add(match[1])
    rows = [line.split() for file in ("udp", "udp6")
            for line in pathlib.Path(f"/proc/{pid}/net/{file}").read_text().splitlines()[1:]]
    return {row[9]: int(row[7]) for row in rows if row[9] in inodes}


@needs_root
@pytest.mark.parametrize("uid", [5678, 3999999999])
def test_it_becomes_its_user_and_only_then_asks_upstream(server, upstream, uid):
    server.user = str(uid)
    server.upstreams = [upstream.endpoint]
    server.configure()
    server.start(wrapper=["setpriv", "--groups=4,27"])  # groups of root's that it has to lose
    status = process_status(server.process.pid)
    assert re.search(rf"^Uid:(\s+{uid}){{4}}$", status, re.M), status
    assert not re.search(r"^Gid:.*\b0\b", status, re.M), status
    assert re.search(r"^Groups:\s*$", status, re.M), status
    for kind in ("CapPrm", "CapEff", "CapAmb"):
        assert re.search(rf"^{kind}:\s+0+$", status, re.M), status
    assert re.search(r"^NoNewPrivs:\s+1$", status, re.M), status
    before = sockets_of(server.process.pid)
    assert set(before.values()) == {0}  # the listeners: another uid cannot join them
    assert server.address("www.outside.example") == upstream.address
    later = {inode: owner for inode, owner in sockets_of(server.process.pid).items()
             if inode not in before}
    assert later and set(later.values()) == {uid}
    for path in (server.admin, server.admin.parent, server.state, server.state.parent):
        assert path.stat().st_uid == uid, path
    assert server.admin.stat().st_mode & 0o777 == 0o660
    assert server.stop() == 0
    assert not server.admin.exists()


@needs_root
def test_root_without_more_capabilities_than_the_unit_gives_starts_twice(server):
    confined = ["sh", "-c", 'umask 077 && exec "$@"', "sh", "setpriv", "--inh-caps=-all",
                "--bounding-set=-all,+setuid,+setgid,+chown,+net_bind_service"]
    server.user = "5678"
    server.admin = server.folder / "run" / "meshgate" / "dns.sock"
    server.state = server.folder / "lib" / "meshgate" / "vips.toml"
    for path in (server.admin.parent, server.state.parent):
        path.mkdir(parents=True)
    server.configure()
    for _ in range(2):
        server.start(wrapper=confined)
        assert "warning" not in server.output()
        assert server.stop() == 0
    server.start(wrapper=confined)
    server.process.kill()  # its socket stays, another user's
    server.process.wait()
    server.start(wrapper=confined)
    assert server.status()["pid"] == server.process.pid


@needs_root
def test_who_stays_root_has_no_capabilities_either(running):
    assert re.search(r"^CapEff:\s+0+$", process_status(running.process.pid), re.M)


def as_nobody(server):
    """The program where an ordinary user can run it, as one."""
    program = server.folder / "program"
    program.write_bytes(PROGRAM.read_bytes())
    program.chmod(0o755)
    return ["setpriv", "--reuid=4711", "--regid=4711", "--clear-groups", program]


@needs_root
def test_an_ordinary_user_can_run_it_where_nothing_needs_root(server):
    server.user = None
    server.configure()
    for path in (server.admin.parent, server.state.parent):
        path.mkdir()
        os.chown(path, 4711, 4711)
    program = as_nobody(server)
    server.starts += 1
    server.log = server.folder / "log-nobody"
    with open(server.log, "wb") as log:
        server.process = subprocess.Popen([*program, "--config", server.config], stdout=log, stderr=log)
    wait_until(lambda: server.is_ready("/readyz"), "ready")
    assert re.search(r"^Uid:(\s+4711){4}$", process_status(server.process.pid), re.M)
    assert server.address(NAME)
    assert server.stop() == 0


@needs_root
@pytest.mark.parametrize("change", ["user", "port"])
def test_what_an_ordinary_user_may_not_do_is_77(server, change):
    server.user = "5678" if change == "user" else None
    server.configure()
    if change == "port":
        server.edit(f"127.0.0.1:{server.port}", "127.0.0.1:53")
    server.edit(str(server.admin), str(server.folder / "a.sock"))
    server.folder.chmod(0o777)
    # A network namespace has its own idea of which ports are for everybody: 1024 and up.
    alone = ["unshare", "--net", "sh", "-c", 'ip link set lo up && exec "$@"', "sh"]
    done = subprocess.run([*alone, *as_nobody(server), "--config", server.config], text=True,
                          capture_output=True, timeout=PATIENCE)
    assert done.returncode == 77, done.stderr
    assert ("uid 5678" if change == "user" else "127.0.0.1:53") in done.stderr


# --- end ------------------------------------------------------------------------------------------

@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_ends_with_0_and_leaves_nothing(running, number):
    assert running.stop(number) == 0
    assert not running.admin.exists()
    assert running.run("status").returncode == 3


def test_what_was_asked_before_the_end_is_still_answered(server):
    """An upstream answers only after SIGTERM has arrived."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as slow, \
            socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        slow.bind(("127.0.0.1", 0))
        slow.settimeout(PATIENCE)
        client.settimeout(PATIENCE)
        server.upstreams = [f"127.0.0.1:{slow.getsockname()[1]}"]
        server.configure()
        server.start()
        query = dns.message.make_query("slow.example", "A")
        client.sendto(query.to_wire(), ("127.0.0.1", server.port))
        wire, sender = slow.recvfrom(65535)
        server.process.send_signal(signal.SIGTERM)
        wait_until(lambda: server.get("/readyz") == (503, "draining\n"), "draining")
        assert server.status()["state"] == "draining"
        slow.sendto(dns.message.make_response(dns.message.from_wire(wire)).to_wire(), sender)
        assert query.is_response(dns.message.from_wire(client.recv(65535)))
    assert server.process.wait(PATIENCE) == 0


# --- service manager ------------------------------------------------------------------------------

@pytest.mark.parametrize("abstract", [False, True], ids=["path", "abstract"])
def test_the_service_manager_hears_of_everything(server, abstract):
    path = str(server.folder / "notify")
    manager = ServiceManager("\0" + path if abstract else path)
    server.start(env={"NOTIFY_SOCKET": "@" + path if abstract else path})
    first = manager.receive()
    assert first["READY"] == "1" and "names" in first["STATUS"]
    server.reload()
    assert int(manager.expect("RELOADING")["MONOTONIC_USEC"]) > 0
    assert manager.receive()["READY"] == "1"
    server.edit("port = 80", "port = true")
    server.process.send_signal(signal.SIGHUP)
    manager.expect("RELOADING")
    assert "failed" in manager.receive()["STATUS"]
    assert server.stop() == 0
    assert manager.expect("STOPPING")["STOPPING"] == "1"


@needs_root
def test_the_service_manager_is_heard_though_its_socket_is_roots(server):
    path = server.folder / "private" / "notify"
    path.parent.mkdir(mode=0o700)
    manager = ServiceManager(str(path))
    server.user = "5678"
    server.configure()
    server.start(env={"NOTIFY_SOCKET": str(path)})
    assert manager.receive()["READY"] == "1"


def test_the_watchdog_is_fed_by_the_workers(server):
    path = str(server.folder / "notify")
    manager = ServiceManager(path)
    server.start(env={"NOTIFY_SOCKET": path, "WATCHDOG_USEC": "200000"})
    for _ in range(3):
        manager.expect("WATCHDOG")


def test_ready_comes_only_when_the_names_are_served(server):
    path = str(server.folder / "notify")
    manager = ServiceManager(path)
    server.start(ready=None, env={"NOTIFY_SOCKET": path})
    assert manager.receive()["READY"] == "1"
    assert server.address(NAME) == "240.0.0.0"


def test_a_message_of_65507_bytes_and_a_stalled_client_do_not_stop_others(running):
    with socket.create_connection(("127.0.0.1", running.port), PATIENCE) as stalled:
        stalled.sendall(b"\x00\x40\x12")
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
            client.sendto(bytes(65507), ("127.0.0.1", running.port))
        assert running.address(NAME, tcp=True) and running.address(NAME)

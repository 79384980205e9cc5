"""Many virtual addresses: all of their elements are there, a connection costs the same, and a change
sends what differs. MESHGATE_FULL: a hundred thousand, with four endpoints each."""

import contextlib
import os
import re
import shutil
import threading

import lab
import network as n
import pytest

FULL = bool(os.environ.get("MESHGATE_FULL"))
MANY, FEW = 100_000 if FULL else 2_000, 10
ENDPOINTS = 4
KERNEL_MEMORY_MAX = 400 << 20
PATIENCE_S = 600


def vip(number):
    return f"240.{number >> 16}.{number >> 8 & 255}.{number & 255}"


def endpoints(number):
    """The first VIP has one on this machine, for the packets."""
    if number == 0:
        return ["127.0.0.1:9000"]
    return [f"10.{100 + each}.{number >> 8 & 255}.{number & 255}:{8000 + (number >> 16)}"
            for each in range(ENDPOINTS)]


class Machine:
    """A namespace of its own with so many VIPs."""

    def __init__(self, folder, count):
        self.count, self.namespace = count, lab.Namespace(f"vips{count}", folder)
        self.path = folder / f"{count}.toml"
        lines = ["[proxy]", "enabled = false", "[vip]", 'mode = "kernel"',
                 f'state = "{folder}/{count}.vips"']
        for number in range(count):
            words = ", ".join(f'"{each}"' for each in endpoints(number))
            lines += ["[[service]]", f'name = "s{number}"', 'protocols = ["tcp", "udp"]'
                      if number == 0 else "", f"endpoints = [{words}]"]
        self.path.write_text("\n".join(lines) + "\n")
        self.program = lab.publish(n.program(), folder)

    def install(self, *options):
        self.run("install", *options, "--config", self.path)

    def run(self, *words):
        done = self.namespace.try_run(self.program, *words, patience_s=PATIENCE_S)
        assert done.returncode == 0, done.stderr

    def elements(self, name):
        listed = self.namespace.run("nft", "list", "map", "inet", "meshgate", name,
                                    patience_s=PATIENCE_S)
        return len(re.findall(r"240\.\d+\.\d+\.\d+ \. 80", listed))

    def flow_us(self, count=3000):
        return float(self.namespace.run(lab.PYTHON, n.HERE / "flows.py", vip(0), 80, count))


class KernelMemory:
    """The most that the kernel had taken of the machine's memory, above what it had before. Others
    on the machine count too."""

    FIELDS = ("Slab", "VmallocUsed", "Percpu")

    def _now(self):
        with open("/proc/meminfo") as lines:
            sizes = dict(line.split(":") for line in lines)
        return sum(int(sizes[field].split()[0]) << 10 for field in self.FIELDS)

    def __enter__(self):
        self.before, self.most, self.ended = self._now(), 0, threading.Event()
        self.sampler = threading.Thread(target=self._sample)
        self.sampler.start()
        return self

    def _sample(self):
        while not self.ended.wait(0.02):
            self.most = max(self.most, self._now() - self.before)

    def __exit__(self, *_):
        self.ended.set()
        self.sampler.join()
        self.left = self._now() - self.before


@pytest.fixture(scope="module")
def machines():
    with contextlib.ExitStack() as stack:
        folder = lab.public_folder("vips")
        stack.callback(shutil.rmtree, folder)
        pair = {}
        for count in (FEW, MANY):
            pair[count] = Machine(folder, count)
            stack.callback(pair[count].namespace.close)
        pair[FEW].install()
        with beside_a_listener(pair[FEW]), KernelMemory() as pair[MANY].memory:
            pair[MANY].install()
        yield pair


@contextlib.contextmanager
def beside_a_listener(machine):
    """For whoever listens, in whatever namespace, the kernel makes news of each element."""
    listener = machine.namespace.start(lab.PYTHON, "-u", n.HERE / "nft_events.py")
    listener.wait_ready(lambda: "ready" in listener.output(), "the listener")
    yield
    listener.stop()


def test_no_element_is_lost(machines):
    for machine in machines.values():
        assert machine.elements("vip_tcp4") == machine.count
        assert machine.elements("vip_tcp4_endpoints") == 1 + (machine.count - 1) * ENDPOINTS


def test_the_memory_of_the_kernel_is_bounded(machines):
    memory = machines[MANY].memory
    print(f"{MANY} VIPs: at most {memory.most >> 20} MiB of the kernel, {memory.left >> 20} then")
    assert memory.most <= KERNEL_MEMORY_MAX


def test_a_connection_costs_the_same(machines):
    """The least of each, in turn: others use the machine, and more rounds can only come nearer to
    what it really costs."""
    least = dict.fromkeys(machines, float("inf"))
    for number in range(60):
        for count, machine in machines.items():
            least[count] = min(least[count], machine.flow_us())
        ratio = least[MANY] / least[FEW]
        if number >= 5 and ratio <= 1.10:
            break
    print(f"a flow: {least[FEW]:.2f} us with {FEW} VIPs, {least[MANY]:.2f} with {MANY}: {ratio:.3f}")
    assert ratio <= 1.10


def test_a_change_of_one_endpoint_is_one_transaction_of_two_elements(machines):
    machine = machines[MANY]
    text = machine.path.read_text()
    changed = text.replace(endpoints(7)[2], "10.99.0.7:9999")
    assert changed != text
    events = machine.namespace.start(lab.PYTHON, "-u", n.HERE / "nft_events.py")
    events.wait_ready(lambda: "ready" in events.output(), "the listener")
    machine.path.write_text(changed)
    machine.install()
    machine.namespace.run("nft", "add", "table", "ip", "end")
    lab.wait_until(lambda: "new-table\ngeneration" in events.output(), "the end")
    events.stop()
    assert events.output().split("\n")[1:-3] == ["del-element", "new-element", "generation"]
    assert machine.elements("vip_tcp4_endpoints") == 1 + (machine.count - 1) * ENDPOINTS
    at = re.escape(f"{vip(7)} . 80 . 2 : 10.99.0.7 . 9999")
    listed = machine.namespace.run("nft", "get", "element", "inet", "meshgate", "vip_tcp4_endpoints",
                                   f"{{ {vip(7)} . 80 . 2 }}")
    assert re.search(at, listed), listed


def test_what_may_come_back_is_kept_in_bounded_memory(machines):
    machine = machines[MANY]
    machine.path.write_text(machine.path.read_text() + "port = [80, 81]\n")  # of the last one
    with beside_a_listener(machines[FEW]), KernelMemory() as memory:
        machine.install("--confirm", "1h")
    assert "meshgate-previous" in machine.namespace.run("nft", "list", "tables")
    machine.run("confirm")
    print(f"install --confirm: at most {memory.most >> 20} MiB more of the kernel")
    assert memory.most <= KERNEL_MEMORY_MAX
    assert "meshgate-previous" not in machine.namespace.run("nft", "list", "tables")

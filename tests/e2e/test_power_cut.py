"""The appliance loses its power at random instants: while it starts, while it reads another file,
while endpoints die and return. All that the kernel had is gone then, and the disk is as it was. It
starts as the units start it: whoever had an address has it, and the rules are the planned ones."""

import json
import os
import pathlib
import random
import signal
import time

import edge as e
import lab
import mesh as m
import pytest
import units

FULL = bool(os.environ.get("MESHGATE_FULL"))
ROUNDS = 100 if FULL else 6
DNS, GUARD = "meshgate-dns.service", "meshgate-guard.service"
STAY = ["backend", "shop"]
ENDPOINTS = list(e.SERVICES["backend"])
# Of the whole network stack, in one go: what was configured of addresses comes with the next start.
POWER_OFF = f"""
nft flush ruleset
for link in lo {e.LAN_LINK} {e.OUTSIDE_LINK}; do
    ip link set $link down; ip address flush dev $link; ip link set $link up
done
ip address add {e.BOX}/24 dev {e.OUTSIDE_LINK}
ip address add {e.LAN_BOX}/24 dev {e.LAN_LINK}
ip route add default via {e.OUTSIDE}
conntrack -F
"""


class Appliance(e.Edge):
    """Its services change from round to round."""

    def __init__(self, folder):
        super().__init__(folder)
        self.state = self.folder / "lib/meshgate/vips.toml"
        self.told = {}  # who was seen to have which address, ever
        self.running = []

    def write_services(self, names):
        """As an editor does: the old file or the new one."""
        head = e.CONFIG[:e.CONFIG.index("[[service]]")].format(folder=self.folder, user="")
        text = head + "".join(
            f'[[service]]\nname = "{name}"\nendpoints = {json.dumps(ENDPOINTS)}\n'
            'health = { check = "tcp", interval = "1s" }\n' for name in names)
        self._write("new.toml", text).rename(self.config)
        self.names = list(names)

    def asked(self):
        return [f"{name}.mesh" for name in self.names]

    def command(self, unit, key):
        for words in units.Unit(unit).commands(key):
            name = pathlib.Path(words[0]).name
            if name.startswith("meshgate-"):
                yield [self.program(name), *words[1:], "--config", self.config]

    def start_units(self, until=lambda: False):
        """In their order, each after the one before is ready. @return False when `until` came true,
        where it is left."""
        for unit in units.start_order([DNS, GUARD]):
            for words in self.command(unit, "ExecStartPre"):
                self.box.run(*words)
            words, = self.command(unit, "ExecStart")
            process = self.box.start(*words)
            self.running.append(process)
            is_ready = self.dns_is_ready if unit == DNS else self.guard_is_ready
            process.wait_ready(lambda is_ready=is_ready: until() or is_ready(), unit)
            if until():
                return False
        return True

    def dns_is_ready(self):
        return self.http("dns", "/readyz").strip() == "ready"

    def guard_is_ready(self):
        return self.http("guard", "/readyz") == "ready"

    def reload_units(self):
        """What `systemctl reload` has done, without waiting for the outcome."""
        for process in self.running:
            process.send_signal(signal.SIGHUP)

    def power_off(self):
        for process in self.running:
            process.send_signal(signal.SIGKILL)
        for process in self.running:
            process.wait()
        self.running = []
        self.box.run("sh", "-ec", POWER_OFF)
        for left in (self.folder / "run").glob("*"):
            left.unlink()  # /run is memory

    def learn(self, lines):
        for name, address in (line.split() for line in lines if "." in line):
            assert self.told.setdefault(name, address) == address, (name, self.told)
        assert len(set(self.told.values())) == len(self.told), self.told

    def check(self):
        """As it is meant to be: the addresses, the rules, the endpoints, and a request."""
        found = self.box.run("dig", "+noall", "+answer", "@8.8.8.8", *self.asked()).splitlines()
        self.learn(f"{words[0].rstrip('.')} {words[4]}" for words in map(str.split, found))
        assert set(self.asked()) <= set(self.told)
        lab.wait_until(self.all_are_used, "all endpoints are alive")
        for verb in ("status", "diff"):
            done = self.verb("meshgate-redirect", verb)
            assert done.returncode == 0, (verb, done.stdout, done.stderr)
        planned = self.verb("meshgate-redirect", "install", "--dry-run").stdout
        for name in self.names:
            assert f"{self.told[name + '.mesh']} . 80 : goto vip_random_2" in planned
        name = random.choice(self.names)
        assert self.curl(f"http://{name}.mesh/")[1] in ("blue", "green")
        assert sorted(each.name for each in self.state.parent.iterdir()) == [
            "vips.toml", "vips.toml.lock"]

    def all_are_used(self):
        told = json.loads(self.http("guard", "/api/v1/endpoints") or '{"endpoints": []}')["endpoints"]
        return (len(told) == 2 * len(self.names) and all(each["used"] and each["checked"] for each in told)
                and self.guard_is_ready())


@pytest.fixture
def appliance():
    with lab.lab_folder() as folder:
        made = Appliance(folder)
        try:
            made.build_network()
            made.write_services(STAY)
            began = time.monotonic()
            made.start_units()
            made.start_takes = time.monotonic() - began
            made.check()
            yield made
        finally:
            made.close()


def cut_while(box, chance, what):
    """Does it, and ends the power within; returns what it saw."""
    asker = box.box.start(lab.PYTHON, m.HELPERS / "asker.py", 15053, *box.asked(), uid=e.APP_UID)
    asker.wait_ready(lambda: "ready" in asker.output(), "asker.py")
    at = time.monotonic() + chance.uniform(0, box.start_takes)

    def is_time():
        return time.monotonic() >= at

    if what == "start":
        box.start_units(is_time)
    elif what == "reload":
        box.reload_units()
    else:
        box.stop_back_end(ENDPOINTS[0])
    lab.wait_until(is_time, "the instant")
    box.power_off()
    asker.stop(signal.SIGKILL)
    box.learn(asker.output().splitlines())
    if what == "endpoint":
        box.start_back_end(ENDPOINTS[0])


def names_of(chance, number):
    """Others come and go, in any order: by that alone addresses would change."""
    names = STAY + [f"n{chance.randrange(max(1, number - 3), number + 1)}", f"n{number}"]
    names = list(dict.fromkeys(names))
    chance.shuffle(names)
    return names


# What a write that was cut leaves beside the file.
BESIDE = [None, b"", b"# Which service has which address: kept so that addr", b"\0" * 4096]


def test_whoever_had_an_address_has_it_after_a_power_cut_at_any_instant(appliance):
    seed = random.randrange(1 << 32)
    chance = random.Random(seed)
    print(f"seed {seed}, a start takes {appliance.start_takes:.2f} s")
    seen = {}
    for number in range(1, ROUNDS + 1):
        what = chance.choice(["start", "reload", "endpoint"]) if FULL else (
            "start", "reload", "endpoint")[number % 3]
        seen[what] = seen.get(what, 0) + 1
        appliance.write_services(names_of(chance, number))
        if what == "start":
            appliance.power_off()
        cut_while(appliance, chance, what)
        left = chance.choice(BESIDE)
        if left is not None:
            pathlib.Path(f"{appliance.state}.new").write_bytes(left)
        assert appliance.start_units()
        appliance.check()
    print(f"{ROUNDS} power cuts ({seen}): {len(appliance.told)} names kept their addresses")


@pytest.mark.parametrize("damage, said", [
    (lambda text: "", "vips.toml is empty, and said who has which address"), (lambda text: text[:-4], "no line of a state file")],
    ids=["emptied", "cut"])
def test_a_state_file_that_a_disk_has_lost_is_told_and_made_anew(appliance, damage, said):
    """What is in it no more cannot be known; both programs say the same again."""
    appliance.power_off()
    appliance.state.write_text(damage(appliance.state.read_text()))
    assert appliance.start_units()
    assert said in appliance.running[0].output()
    appliance.check()  # in the order of the file, as they were given

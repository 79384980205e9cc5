"""install.py ROUNDS: see install.sh, which runs this in a network namespace of its own."""

import os
import pathlib
import statistics
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(__file__))

from processes import run  # noqa: E402

REDIRECT = os.environ["MESHGATE_REDIRECT"]
CONFIG = """\
[proxy]
user = 5678
[redirect.inbound]
exclude_ports = [22]
[redirect.dns]
enabled = true
capture = "all"
protocols = ["udp", "tcp"]
"""


def report(times, base):
    """`base` says beside what each row stands."""
    print(f"{'':32} wall ms: min  median   / it         CPU ms: median   / it")
    for name, rows in times.items():
        wall, cpu = (statistics.median(row[i] for row in rows) for i in (0, 1))
        beside = [statistics.median(row[i] for row in times[base(name)]) for i in (0, 1)]
        print(f"{name:32} {min(row[0] for row in rows):12.1f} {wall:7.1f} {wall / beside[0]:10.2f}"
              f" {cpu:18.1f} {cpu / max(beside[1], 0.001):10.2f}")


def iptables(backend, rounds, folder):
    """The iptables engine beside the two programs that load the same rules."""
    engine = f'[redirect]\nengine = "iptables"\niptables_backend = "{backend}"\n'
    first, second = folder / f"{backend}.toml", folder / f"{backend}-other.toml"
    first.write_text(CONFIG + engine)
    second.write_text(CONFIG.replace("[22]", "[22, 2222]") + engine)
    text = subprocess.run([REDIRECT, "install", "--dry-run", "--format", "iptables", "--config", first],
                          stdout=subprocess.PIPE, text=True, check=True).stdout
    programs = [f"iptables-{backend}-restore", f"ip6tables-{backend}-restore"]
    rules = [folder / name for name in programs]
    for path, part in zip(rules, text.split("# ip6tables-restore --noflush\n")):
        path.write_text(part)
    empty = folder / "empty"
    empty.write_text("*nat\nCOMMIT\n*mangle\nCOMMIT\n*raw\nCOMMIT\n")

    def both(name, files):
        parts = [run(program, *name, str(file)) for program, file in zip(programs, files)]
        return [sum(part[i] for part in parts) for i in (0, 1)]

    meshgate = lambda verb, config: run(REDIRECT, verb, "--config", str(config))  # noqa: E731
    times = {}
    for _ in range(rounds):
        for name, measure in ((f"iptables-{backend}-restore, both", lambda: both(["--noflush"], rules)),
                              ("all tables emptied", lambda: both([], [empty, empty])),
                              ("install, nothing there", lambda: meshgate("install", first)),
                              ("install, a replacement", lambda: meshgate("install", second)),
                              ("install, a no-op", lambda: meshgate("install", second)),
                              ("uninstall", lambda: meshgate("uninstall", second))):
            times.setdefault(name, []).append(measure())
    report(times, lambda name: f"iptables-{backend}-restore, both")


def main(rounds, folder):
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    first, second = folder / "meshgate.toml", folder / "other.toml"
    first.write_text(CONFIG)
    second.write_text(CONFIG.replace("[22]", "[22, 2222]"))
    rules = folder / "rules.nft"
    with open(rules, "w") as out:
        subprocess.run([REDIRECT, "install", "--dry-run", "--config", first], stdout=out, check=True)
    meshgate = lambda verb, config: run(REDIRECT, verb, "--config", str(config))  # noqa: E731
    times = {}
    for _ in range(rounds):
        for name, measure, after in (
                ("nft -f, nothing there", lambda: run("nft", "-f", str(rules)), None),
                ("nft -f, a replacement", lambda: run("nft", "-f", str(rules)),
                 lambda: run("nft", "delete", "table", "inet", "meshgate")),
                ("install, nothing there", lambda: meshgate("install", first), None),
                ("install, a replacement", lambda: meshgate("install", second), None),
                ("install, a no-op", lambda: meshgate("install", second), None),
                ("uninstall", lambda: meshgate("uninstall", second), None),
                ("/bin/true", lambda: run("/bin/true"), None)):
            times.setdefault(name, []).append(measure())
            if after:
                after()
    report(times, lambda name: f"nft -f, {'a replacement' if 'replacement' in name else 'nothing there'}")
    for backend in ("nft", "legacy"):
        iptables(backend, rounds, folder)


with tempfile.TemporaryDirectory() as scratch:
    main(int(sys.argv[1]), pathlib.Path(scratch))

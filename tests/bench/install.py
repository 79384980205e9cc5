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
    base = {kind: [statistics.median(row[i] for row in times[f"nft -f, {kind}"]) for i in (0, 1)]
            for kind in ("nothing there", "a replacement")}
    print(f"{'':24} wall ms: min  median   / nft -f     CPU ms: median   / nft -f")
    for name, rows in times.items():
        wall, cpu = (statistics.median(row[i] for row in rows) for i in (0, 1))
        beside = base["a replacement" if "replacement" in name else "nothing there"]
        print(f"{name:24} {min(row[0] for row in rows):12.1f} {wall:7.1f} {wall / beside[0]:10.2f}"
              f" {cpu:18.1f} {cpu / max(beside[1], 0.001):10.2f}")


with tempfile.TemporaryDirectory() as scratch:
    main(int(sys.argv[1]), pathlib.Path(scratch))

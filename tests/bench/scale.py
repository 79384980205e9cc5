"""scale.py ROUNDS: see scale.sh, which runs this in a network namespace of its own."""

import os
import pathlib
import statistics
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(__file__))

import processes  # noqa: E402

REDIRECT = os.environ["MESHGATE_REDIRECT"]


def config(networks, users, ports):
    cidrs = [f"10.{i // 128}.{2 * (i % 128)}.0/24" for i in range(networks)]
    port_list = [2000 + 2 * i for i in range(ports)]
    return f"""\
[proxy]
user = 5678
exempt_users = {[100000 + 2 * i for i in range(users)]}
[redirect.inbound]
exclude_ports = {port_list}
exclude_sources = {cidrs}
[redirect.outbound]
exclude_ports = {port_list}
exclude_destinations = {cidrs}
[redirect.dns]
enabled = true
capture = "all"
protocols = ["udp", "tcp"]
"""


def main(rounds, folder):
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    sizes = {"10 of each": (10, 10, 10), "1,000 CIDRs, 500 uids, 200 ports": (1000, 500, 200)}
    times, rules = {}, {}
    for name, size in sizes.items():
        path = folder / f"{size[0]}.toml"
        path.write_text(config(*size))
        words = (REDIRECT, "install", "--config", str(path))
        dry = subprocess.run([*words, "--dry-run"], capture_output=True, text=True, check=True)
        rules[name] = sum(line.startswith("\t\t") and " comment " in line and "elements" not in line
                          for line in dry.stdout.splitlines())
        sizes[name] = words
    for _ in range(rounds):
        for name, words in sizes.items():
            row = times.setdefault(name, {"install": [], "no-op": []})
            row["install"].append(processes.run(*words))
            row["no-op"].append(processes.run(*words))
            processes.run(REDIRECT, "uninstall")
    print(f"{'':34} {'rules':>6} {'':>8} wall ms: min  median   CPU ms: median   / 10 of each")
    few = {}
    for name, row in times.items():
        for verb, measured in row.items():
            wall, cpu = (statistics.median(one[i] for one in measured) for i in (0, 1))
            few.setdefault(verb, cpu)
            print(f"{name:34} {rules[name]:6} {verb:>8} {min(one[0] for one in measured):12.1f}"
                  f" {wall:7.1f} {cpu:17.1f} {cpu / max(few[verb], 0.001):14.2f}")


with tempfile.TemporaryDirectory() as scratch:
    main(int(sys.argv[1]), pathlib.Path(scratch))

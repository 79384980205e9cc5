"""traffic.py ROUNDS: see traffic.sh, which runs this in a network namespace of its own."""

import os
import re
import pathlib
import statistics
import subprocess
import sys
import tempfile

BUILD = pathlib.Path(os.environ["MESHGATE_BUILD"])
REDIRECT = BUILD / "src" / "meshgate-redirect" / "meshgate-redirect"
TRAFFIC = BUILD / "tests" / "bench" / "bench-traffic"
KUMA = pathlib.Path(__file__).resolve().parents[1] / "netns" / "meshes" / "kuma.rules"
CONFIG = '[proxy]\nuser = 5678\n[redirect.dns]\nenabled = true\ncapture = "all"\n'
FAR = "198.51.100.1"  # nobody has it: only what is captured is answered
COUNT = {"tcp": 2000, "udp": 5000, "udp-reused": 10000}
WHAT = {"tcp": "a TCP connection", "udp": "a query, a socket each", "udp-reused": "a query, one socket"}


def shell(*words, text=None):
    subprocess.run([str(word) for word in words], input=text, text=True, check=True,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def traffic(kind, captured):
    server = 15001 if kind == "tcp" else 15053
    port = server if not captured else 443 if kind == "tcp" else 53
    done = subprocess.run([TRAFFIC, kind, FAR if captured else "127.0.0.1", str(port), str(server),
                           str(COUNT[kind])], stdout=subprocess.PIPE, text=True, check=True)
    return float(done.stdout)


def rules(config, *, counter):
    """Ours, with another statement in the place of each counter."""
    done = subprocess.run([REDIRECT, "install", "--dry-run", "--config", config],
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=True)
    shell("nft", "-f", "-", text=re.sub(r' counter name "\w+"', counter, done.stdout))


def kuma():
    text = KUMA.read_text().format(six="127.0.0.6/32", loopback="127.0.0.1/32")
    shell("iptables-nft-restore", "--noflush", text=text)


def main(rounds, folder):
    shell("ip", "link", "set", "lo", "up")
    # A way out that nothing of the captured takes.
    shell("ip", "link", "add", "up0", "type", "veth", "peer", "name", "up1")
    for name in ("up0", "up1"):
        shell("ip", "link", "set", name, "up")
    shell("ip", "address", "add", "192.0.2.1/24", "dev", "up0")
    shell("ip", "route", "add", "default", "dev", "up0")
    config = folder / "meshgate.toml"
    config.write_text(CONFIG)
    tracked = ("table inet tracking {\n chain c {\n  type filter hook output priority 0;\n"
               "  ct state established accept\n }\n}\n")
    ways = {"nothing": lambda: None,
            "conntrack alone": lambda: shell("nft", "-f", "-", text=tracked),
            "meshgate": lambda: shell(REDIRECT, "install", "--config", config),
            "no counters": lambda: rules(config, counter=""),
            "unnamed counters": lambda: rules(config, counter=" counter"),
            "kuma's rules": kuma}
    times = {}
    for _ in range(rounds):
        for way, begin in ways.items():
            begin()
            for kind in COUNT:
                times.setdefault((kind, way), []).append(
                    traffic(kind, captured=way not in ("nothing", "conntrack alone")))
            shell("nft", "flush", "ruleset")
            shell("conntrack", "-F")
    print(f"{'us of CPU, both ends':24} {'':16} median   / nothing   / kuma's rules   / no counters")
    for (kind, way), measured in times.items():
        median = statistics.median(measured)
        beside = [median / statistics.median(times[kind, other]) for other in ("nothing", "kuma's rules", "no counters")]
        print(f"{WHAT[kind]:24} {way:16} {median:6.1f} {beside[0]:11.2f} {beside[1]:16.2f} "
              f"{beside[2]:15.2f}")


with tempfile.TemporaryDirectory() as scratch:
    main(int(sys.argv[1]), pathlib.Path(scratch))

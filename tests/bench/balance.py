"""balance.py ROUNDS: see balance.sh. CPU is that of all processes on the way: client, proxy, back ends."""

import json
import pathlib
import shutil
import statistics
import sys

import envoy
import lab
import mesh as m

BOX, BACK_END, PORTS = "10.77.2.1", "10.77.2.2", (9001, 9002)
VIP = "240.0.0.0"
WAYS = {"direct": (BACK_END, PORTS[0]), "meshgate": (VIP, 80), "haproxy": ("127.0.0.1", 8001),
        "envoy": ("127.0.0.1", 8002)}
CONNECTIONS, MEGABYTES = 3000, 2000
CONFIG = """[proxy]
enabled = false
[vip]
mode = "kernel"
state = "{folder}/vips.toml"
[[service]]
name = "a"
balance = "round-robin"
endpoints = ["10.77.2.2:9001", "10.77.2.2:9002"]
"""
HAPROXY = """defaults
  mode tcp
  timeout connect 5s
  timeout client 1m
  timeout server 1m
listen a
  bind 127.0.0.1:8001
  balance roundrobin
  server one 10.77.2.2:9001
  server two 10.77.2.2:9002
"""


def envoy_config():
    def at(address, port):
        return {"address": {"socket_address": {"address": address, "port_value": port}}}

    return {"static_resources": {
        "listeners": [{"name": "a", **at("127.0.0.1", 8002), "filter_chains": [{"filters": [{
            "name": "envoy.filters.network.tcp_proxy", "typed_config": {
                "@type": envoy.TCP_PROXY, "stat_prefix": "a", "cluster": "a"}}]}]}],
        "clusters": [{"name": "a", "type": "STATIC", "connect_timeout": "5s", "load_assignment": {
            "cluster_name": "a", "endpoints": [{"lb_endpoints": [
                {"endpoint": at(BACK_END, port)} for port in PORTS]}]}}]}}


def cpu_us(process):
    """Of all its threads, in the clock of the scheduler."""
    tasks = pathlib.Path(f"/proc/{process.pid}/task").glob("*/schedstat")
    return sum(int(task.read_text().split()[0]) for task in tasks) / 1000


def build(folder):
    box, outside = lab.Namespace("box", folder), lab.Namespace("outside", folder)
    lab.connect(box, outside, "out0", "box0", [(f"{BOX}/24", f"{BACK_END}/24")])
    box.run("ip", "route", "add", "default", "via", BACK_END)
    program = lab.publish(m.build_folder() / "tests/bench/bench-balance", folder)
    servers = [outside.start(program, "serve", port) for port in PORTS]
    for server in servers:
        server.wait_ready(lambda server=server: "ready" in server.output(), "a back end")
    config = folder / "meshgate.toml"
    config.write_text(CONFIG.format(folder=folder))
    redirect = lab.publish(m.build_folder() / "src/meshgate-redirect/meshgate-redirect", folder)
    box.run(redirect, "install", "--config", config)
    return box, outside, program, servers


def start_proxies(box, folder):
    proxies = {}
    if shutil.which("haproxy"):
        (folder / "haproxy.cfg").write_text(HAPROXY)
        proxies["haproxy"] = box.start("haproxy", "-db", "-f", folder / "haproxy.cfg")
    if envoy.program():
        (folder / "envoy.json").write_text(json.dumps(envoy_config()))
        proxies["envoy"] = box.start(lab.publish(envoy.program(), folder), "-c",
                                     folder / "envoy.json", "--log-level", "error", "--base-id", "77")
    for name in proxies:
        port = WAYS[name][1]
        lab.wait_until(lambda port=port: f":{port} " in box.run("ss", "-Hltn"), name)
    return proxies


def measure(box, program, way, others):
    """(connections a second, median us, p99 us, CPU us), (MB a second, CPU us a MB)"""
    address, port = WAYS[way]
    results = []
    for what, count in (("connections", CONNECTIONS), ("stream", MEGABYTES)):
        before = sum(map(cpu_us, others))
        *speed, own = map(float, box.run(program, what, address, port, count).split())
        results.append([*speed, own + (sum(map(cpu_us, others)) - before) / count])
    return results


def main(rounds):
    with lab.lab_folder() as folder:
        folder = pathlib.Path(folder)
        box, outside, program, servers = build(folder)
        try:
            proxies = start_proxies(box, folder)
            ways = [way for way in WAYS if way in ("direct", "meshgate") or way in proxies]
            found = {way: [] for way in ways}
            for _ in range(rounds):
                for way in ways:
                    others = servers + ([proxies[way]] if way in proxies else [])
                    found[way].append(measure(box, program, way, others))
            report(found)
        finally:
            box.close()
            outside.close()


def report(found):
    heads = ["conn/s", "median us", "p99 us", "CPU us/conn", "MB/s", "CPU us/MB"]
    print(f"{'':10}" + "".join(f"{head:>20}" for head in heads) + "     (ratio to direct)")
    medians = {way: [statistics.median(column) for column in
                     zip(*([*first, *second] for first, second in rows))]
               for way, rows in found.items()}
    for way, values in medians.items():
        print(f"{way:10}" + "".join(f"{value:12.1f} ({value / base:4.2f}) " for value, base in
                                    zip(values, medians["direct"])))


main(int(sys.argv[1]))

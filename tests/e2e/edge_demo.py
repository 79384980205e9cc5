"""The edge appliance, step by step, for contrib/quickstart.sh: what the end-to-end tests prove, told."""

import signal
import sys

import edge as e
import lab
from demo import expect, show, step

BLUE = "10.77.2.11:8080"


def told(found):
    return "  ".join(f"{count} x {name}" for name, count in sorted(found.items()))


def ask(edge, url, count, namespace=None, where="the box"):
    found = edge.answers(url, count, namespace)
    show(f"curl {url}     # {count} times, on {where}", told(found))
    return found


def services(edge):
    step("An application on the box that knows nothing of all this (uid 1000)")
    show("dig +short backend.mesh", edge.box.run("dig", "+short", "backend.mesh", f"@{e.OUTSIDE}",
                                                 uid=e.APP_UID))
    expect(set(ask(edge, "http://backend.mesh/", 40)) == {"blue", "green"}, "backend.mesh")
    expect(set(ask(edge, "http://shop.mesh/", 40)) == {"apple", "pear"}, "shop.mesh")
    show("dig +short www.outside.example   # forwarded",
         edge.box.run("dig", "+short", "www.outside.example", f"@{e.OUTSIDE}", uid=e.APP_UID))


def death(edge, namespace, where):
    step(f"A back end dies, and returns; seen from {where}")
    seen = edge.guard.output().count(f"{BLUE} is dead")
    edge.stop_back_end(BLUE)
    edge.wait_log(f"{BLUE} is dead", seen + 1)
    show("journalctl -u meshgate-guard | tail -1", edge.guard.output().splitlines()[-1])
    expect(ask(edge, "http://backend.mesh/", 20, namespace, where) == {"green": 20}, "one is dead")
    edge.start_back_end(BLUE)
    edge.wait_log(f"{BLUE} is alive again", seen + 1)
    show("journalctl -u meshgate-guard | tail -1", edge.guard.output().splitlines()[-1])
    expect(set(ask(edge, "http://backend.mesh/", 20, namespace, where)) == {"blue", "green"}, "back")


def removal(edge, before):
    step("Uninstall takes away exactly what was put there")
    done = edge.verb("meshgate-redirect", "uninstall")
    expect(done.returncode == 0, done.stderr)
    edge.guard.stop(signal.SIGTERM)
    expect(edge.box.run("nft", "list", "ruleset") == before, "rules were left behind")
    print("   nft list ruleset: as before")


def main():
    with lab.lab_folder() as folder:
        edge = e.Edge(folder)
        try:
            step("Private network namespaces: a box, a LAN behind it, and outside two services with "
                 "two back ends each")
            edge.build_network()
            show("cat meshgate.toml", edge.write_config().read_text(), 60)
            before = edge.box.run("nft", "list", "ruleset")
            step("The two programs: meshgate-dns has the names, meshgate-redirect guard the rules and "
                 "the health of the back ends")
            edge.start_dns()
            edge.start_guard()
            show("meshgate-redirect status", edge.verb("meshgate-redirect", "status").stdout, 40)
            services(edge)
            death(edge, edge.box, "the box")
            step("A machine of the LAN, whose resolv.conf says 8.8.8.8")
            expect(set(ask(edge, "http://backend.mesh/", 20, edge.lan, "the LAN")) ==
                   {"blue", "green"}, "from the LAN")
            death(edge, edge.lan, "the LAN")
            removal(edge, before)
        finally:
            edge.close()
    step("Done: namespaces, processes and files of this demonstration are gone. "
         "contrib/quickstart.sh --proxy shows the same names with a real Envoy; tests/run.sh proves "
         "the rest.")


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(130)

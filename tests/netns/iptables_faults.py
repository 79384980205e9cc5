"""Programs of iptables of which the nth run goes wrong, in front of the real ones in PATH."""

import os
import shutil

BACKENDS = ("nft", "legacy")
PROGRAMS = [f"{family}tables-{backend}-{verb}" for family in ("ip", "ip6") for backend in BACKENDS
            for verb in ("save", "restore")]
# What goes wrong: it does nothing and says so; it is killed; it has done it, and fails all the same;
# another one holds the lock.
HOW = ("refused", "killed", "done", "busy")
WRAPPER = """#!/bin/sh
read -r number how < {order}
case $number in
    [1-9]*) echo "$((number - 1)) $how" > {order} ;;
esac
[ "$number" = 1 ] || exec {real} "$@"
case $how in
    refused) echo "{name}: line 2 failed" >&2; exit 1 ;;
    killed) kill -KILL $$ ;;
    done) {real} "$@"; exit 1 ;;
    busy) echo "Another app is currently holding the xtables lock" >&2; exit 4 ;;
esac
"""


class IptablesFaults:
    """None goes wrong until arm()."""

    def __init__(self, folder):
        programs = folder / "failing-iptables"
        programs.mkdir(exist_ok=True)
        self.order = folder / "failing-iptables.order"
        self.disarm()
        for name in PROGRAMS:
            wrapper = programs / name
            real = shutil.which(name, path="/usr/sbin:/sbin:/usr/bin")
            wrapper.write_text(WRAPPER.format(order=self.order, real=real, name=name))
            wrapper.chmod(0o755)
        self.wrapper = ["env", f"PATH={programs}:{os.defpath}:/usr/sbin:/sbin"]

    def arm(self, number, how):
        self.order.write_text(f"{number} {how}\n")

    def disarm(self):
        self.order.write_text("0 none\n")

    def failed(self):
        return self.order.read_text().startswith("0")

"""A real firewalld of its own, on a D-Bus of its own, in one namespace."""

import os
import shutil

import lab

PROGRAMS = ("firewalld", "firewall-cmd", "dbus-daemon")
BUS = """<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-BUS Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>system</type>
  <listen>unix:path={socket}</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow user="*"/><allow own="*"/>
    <allow send_destination="*" eavesdrop="true"/><allow receive_sender="*"/>
  </policy>
</busconfig>
"""


def missing():
    return [name for name in PROGRAMS if not shutil.which(name)]


class Firewalld:
    """`with Firewalld(namespace, folder) as firewalld: firewalld.cmd("--reload")`"""

    def __init__(self, namespace, folder, rfc3964="no"):
        self.namespace, self.folder, self.rfc3964 = namespace, folder, rfc3964
        self.socket = folder / "bus"
        self.etc = folder / "etc"

    def __enter__(self):
        self.etc.mkdir()
        (self.etc / "firewalld.conf").write_text(
            "DefaultZone=public\nFirewallBackend=nftables\nCleanupModulesOnExit=no\n"
            f"RFC3964_IPv4={self.rfc3964}\n")
        self.namespace.bind_file(self.etc, "/etc/firewalld")
        config = self.folder / "bus.conf"
        config.write_text(BUS.format(socket=self.socket))
        self.bus = self.namespace.start("dbus-daemon", f"--config-file={config}", "--nofork",
                                        "--nopidfile")
        self.bus.wait_ready(self.socket.exists, "the private D-Bus")
        self.start()
        return self

    def __exit__(self, *_):
        self.daemon.stop()
        self.bus.stop()
        self.namespace.run("umount", "/etc/firewalld")

    def _with_bus(self, *argv):
        return ["env", f"DBUS_SYSTEM_BUS_ADDRESS=unix:path={self.socket}", *argv]

    def start(self):
        self.daemon = self.namespace.start(*self._with_bus(
            "firewalld", "--nofork", "--nopid", f"--log-file={self.folder}/firewalld.log"))
        self.daemon.wait_ready(self._is_running, "firewalld")

    def _is_running(self):
        done = self.namespace.try_run(*self._with_bus("firewall-cmd", "--state"))
        return done.returncode == 0

    def cmd(self, *words):
        return self.namespace.run(*self._with_bus("firewall-cmd", *words))

    def restart(self):
        self.daemon.stop()
        self.start()

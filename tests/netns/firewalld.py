"""A real firewalld of its own, on a D-Bus of its own, in one namespace."""

import shutil

import private_bus

PROGRAMS = ("firewalld", "firewall-cmd", "dbus-daemon")


def missing():
    return [name for name in PROGRAMS if not shutil.which(name)]


class Firewalld:
    """`with Firewalld(namespace, folder) as firewalld: firewalld.cmd("--reload")`"""

    def __init__(self, namespace, folder, rfc3964="no"):
        self.namespace, self.folder, self.rfc3964 = namespace, folder, rfc3964
        self.etc = folder / "etc"
        self.bus = private_bus.PrivateBus(namespace, folder)

    def __enter__(self):
        self.etc.mkdir()
        (self.etc / "firewalld.conf").write_text(
            "DefaultZone=public\nFirewallBackend=nftables\nCleanupModulesOnExit=no\n"
            f"RFC3964_IPv4={self.rfc3964}\n")
        self.namespace.bind_file(self.etc, "/etc/firewalld")
        self.bus.__enter__()
        self.start()
        return self

    def __exit__(self, *_):
        self.daemon.stop()
        self.bus.__exit__()
        self.namespace.run("umount", "/etc/firewalld")

    def start(self):
        self.daemon = self.namespace.start(*self.bus.using(
            "firewalld", "--nofork", "--nopid", f"--log-file={self.folder}/firewalld.log"))
        self.daemon.wait_ready(self._is_running, "firewalld")

    def _is_running(self):
        done = self.namespace.try_run(*self.bus.using("firewall-cmd", "--state"))
        return done.returncode == 0

    def cmd(self, *words):
        return self.namespace.run(*self.bus.using("firewall-cmd", *words))

    def restart(self):
        self.daemon.stop()
        self.start()

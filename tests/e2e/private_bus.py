"""A D-Bus of a test's own, for daemons that want one."""

import shutil

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


def is_there():
    return bool(shutil.which("dbus-daemon"))


class PrivateBus:
    """`with PrivateBus(namespace, folder) as bus: namespace.run(*bus.using("firewall-cmd", ...))`"""

    def __init__(self, namespace, folder):
        self.namespace, self.folder = namespace, folder
        self.socket = folder / "bus"

    def __enter__(self):
        config = self.folder / "bus.conf"
        config.write_text(BUS.format(socket=self.socket))
        self.daemon = self.namespace.start("dbus-daemon", f"--config-file={config}", "--nofork",
                                           "--nopidfile")
        self.daemon.wait_ready(self.socket.exists, "the private D-Bus")
        return self

    def __exit__(self, *_):
        self.daemon.stop()

    def using(self, *argv):
        """The command line of a program that takes this bus for the system's."""
        return ["env", f"DBUS_SYSTEM_BUS_ADDRESS=unix:path={self.socket}", *argv]

"""Has the nth netlink call of a program fail (netlink_faults.c), while it runs or from its start."""

import contextlib
import mmap
import struct
import subprocess

import network as n

KINDS = ("send", "receive", "lost", "cut", "socket", "refuse")
EVERYBODY, FIRST_PROCESS, CHILDREN = range(3)


class Faults:
    """None fails until arm()."""

    FIELDS = "=6i"  # countdown, kind, error, whose, failed, times

    def __init__(self, folder):
        self.library = folder / "netlink_faults.so"
        if not self.library.exists():
            subprocess.run(["cc", "-shared", "-fPIC", "-o", self.library,
                            n.HERE / "netlink_faults.c", "-ldl"], check=True)
        self.path = folder / "netlink_faults.page"
        self.path.write_bytes(bytes(mmap.PAGESIZE))
        self.path.chmod(0o666)
        with open(self.path, "r+b") as file:
            self.page = mmap.mmap(file.fileno(), mmap.PAGESIZE)
        self.wrapper = ["env", f"LD_PRELOAD={self.library}", f"MESHGATE_FAULTS={self.path}"]

    def arm(self, kind, number, error, whose=EVERYBODY, times=1):
        """From now on the nth call of that kind fails, and the ones after it up to `times`."""
        self.disarm()
        struct.pack_into("=5i", self.page, 4, KINDS.index(kind), error, whose, 0, times)
        struct.pack_into("=i", self.page, 0, number)

    def disarm(self):
        struct.pack_into("=i", self.page, 0, 0)

    @contextlib.contextmanager
    def later(self):
        """Nothing fails in this block; what was armed does after it."""
        armed = self.page[:24]
        self.disarm()
        yield
        self.page[:24] = armed

    def failed(self):
        return struct.unpack_from(self.FIELDS, self.page)[4]

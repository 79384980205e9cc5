"""What a unit of systemd may do, as far as it can be had without systemd: its capabilities, its umask,
the paths it may write, and its system calls, of which those that it may not make fail as they would.

    Sandbox(unit).wrap(program...)    the command line that runs it so, in a lab.Namespace
"""

import functools
import re
import subprocess

SCRIPT = r"""
umask $1
writable=" $2 "
shift 2
for path in $writable; do [ ! -d $path ] || mount --bind $path $path; done
for path in /tmp /var/tmp /home /root; do mount -t tmpfs none $path; done
mount --bind /proc/sys /proc/sys
for path in $(awk '{ print $5 }' /proc/self/mountinfo); do
    case "$writable" in *" $path "*) continue ;; esac
    case $path in /proc/sys) ;; /proc | /proc/* | /sys/* | /dev | /dev/*) continue ;; esac
    mount -o remount,bind,ro $path 2>/dev/null || [ ! -e $path ]
done
exec "$@"
"""


@functools.cache
def system_call_groups():
    """{"@chown": ["chown", ...]}, with groups among them."""
    listed = subprocess.run(["systemd-analyze", "--no-pager", "syscall-filter"], check=True,
                            capture_output=True, text=True).stdout
    groups, name = {}, None
    for line in listed.splitlines():
        if line.startswith("@"):
            name = line
            groups[name] = []
        elif line.startswith("    ") and not line.strip().startswith("#"):
            groups[name].append(line.strip())
        elif line.startswith("#"):
            name = "unlisted"
            groups.setdefault(name, [])
    return groups


def system_calls(word):
    if not word.startswith("@"):
        return {word}
    return set().union(*map(system_calls, system_call_groups()[word]))


class Sandbox:
    def __init__(self, unit):
        self.unit = unit

    def writable(self):
        """Folders; one that is not there is left out by "-" alone."""
        paths = [f"{base}/{name}" for key, base in (("RuntimeDirectory", "/run"),
                                                    ("StateDirectory", "/var/lib"),
                                                    ("LogsDirectory", "/var/log"))
                 for name in self.unit.words(key)]
        return paths + [path.removeprefix("-") for path in self.unit.words("ReadWritePaths")]

    def own_folders(self):
        """What the service manager makes before; what is there keeps its owner, as the unit has no
        User=."""
        return [path for path in self.writable() if path not in
                [each.removeprefix("-") for each in self.unit.words("ReadWritePaths")]]

    def forbidden(self):
        """System calls. The unit has a list of those that it may make, and then some less."""
        allowed = set()
        for line in re.findall(r"^SystemCallFilter=(.*)$", self.unit.text, re.M):
            words = set().union(*map(system_calls, line.removeprefix("~").split()))
            allowed = allowed - words if line.startswith("~") else allowed | words
        known = set().union(*map(system_calls, system_call_groups()))
        return sorted(known - allowed)

    def wrap(self, *program, trace):
        """@param trace  a file below a folder that is writable; it gets the calls that were refused,
        and all of socket()"""
        mask, = self.unit.words("UMask")
        allowed = ",".join("+" + name.removeprefix("CAP_").lower()
                           for name in self.unit.words("CapabilityBoundingSet"))
        refused = ",".join(f"?{name}" for name in self.forbidden())
        return ["unshare", "--mount", "--propagation", "private", "sh", "-uc", SCRIPT, "sh", mask,
                " ".join([*self.writable(), str(trace.parent)]),
                "setpriv", "--no-new-privs", f"--bounding-set=-all,{allowed}", "--inh-caps=-all",
                "strace", "-f", "-qq", "-o", trace, "-e", f"trace={refused},socket",
                "-e", f"inject={refused}:error=EPERM", "-e", "signal=none", *program]

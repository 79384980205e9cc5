"""The recipes of contrib/resolver, carried out by their own instructions: a VM with an /etc, a /run
and programs of its own, where `systemctl` is a function that starts the real daemons."""

import os
import pathlib
import re

ROOT = pathlib.Path(__file__).resolve().parents[2]
FOLDER = ROOT / "contrib/resolver"
PACKAGES = pathlib.Path(os.environ.get("MESHGATE_PACKAGES", ROOT / ".packages-tests"))  # of tests/setup.sh


def package(name):
    """Where the files of a Debian package lie that is not installed on the machine; None if nowhere."""
    found = PACKAGES / name
    return found if found.is_dir() else None


def steps(recipe, heading):
    """The commands below "# Apply:" or "# Undo:" (or "# Apply, with ...:") of a recipe."""
    text = re.sub("^[#;]", "", (FOLDER / recipe).read_text(), flags=re.M)
    found = re.search(rf"^ {heading}\b[^\n]*:\n((?:     \S[^\n]*\n)+)", text, re.M)
    assert found, f"{recipe} does not say how: {heading}"
    return [line.strip() for line in found[1].splitlines()]


class Host:
    """The VM of a mesh, where recipes are applied. `services`: what `systemctl` knows, each with
    restart(); it is filled by the test."""

    def __init__(self, mesh):
        self.mesh, self.vm = mesh, mesh.vm
        self.services = {}
        self.instead = {}  # words of units that this kernel cannot do, and what it can
        self.etc = mesh.folder / "etc"
        self.vm.run("cp", "-a", "/etc/.", self.etc)
        self.vm.run("mount", "--bind", self.etc, "/etc")
        self.vm.run("mount", "-t", "tmpfs", "none", "/run")

    def use(self, *packages):
        """Shows the files of packages where they would be installed."""
        shown = {}
        for name in packages:
            files = package(name)
            assert files, f"no {name}: tests/run.sh fetches it"
            for inside, place in (("lib", "/usr/lib"), ("usr/lib", "/usr/lib"), ("sbin", "/usr/sbin"),
                                  ("usr/sbin", "/usr/sbin"), ("usr/bin", "/usr/bin")):
                if (files / inside).is_dir():
                    shown.setdefault(place, []).append(str(files / inside))
        for place, folders in shown.items():
            self.vm.run("mount", "-t", "overlay", "overlay", "-o",
                        f"lowerdir={':'.join([*folders, place])}", place)

    def write(self, path, text):
        """A file of /etc."""
        target = self.etc / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)
        return target

    def edit(self, path, old, new):
        text = (self.etc / path).read_text()
        assert old in text, old
        (self.etc / path).write_text(text.replace(old, new))

    def files(self):
        """What is in /etc, to tell whether anything is left behind."""
        return {str(path.relative_to(self.etc)): path.read_bytes()
                for path in self.etc.rglob("*") if path.is_file() and not path.is_symlink()}

    def carry_out(self, recipe, heading):
        for line in steps(recipe, heading):
            if line.startswith("systemctl "):
                self.systemctl(*line.split()[1:])
            else:
                self.vm.run("sh", "-ec", f"cd '{FOLDER}'\n{line}")

    def apply(self, recipe):
        self.carry_out(recipe, "Apply")

    def undo(self, recipe):
        self.carry_out(recipe, "Undo")

    # --- the service manager ----------------------------------------------------------------------

    def systemctl(self, verb, *words):
        names = [word for word in words if not word.startswith("--")]
        if verb == "daemon-reload":
            return
        assert len(names) == 1, words
        if verb in ("start", "stop", "restart", "reload"):
            getattr(self.services[names[0]], verb)()
        else:
            self.run_unit(names[0], {"enable": "ExecStart", "disable": "ExecStopPost"}[verb])

    def run_unit(self, name, key):
        """The commands of a unit in /etc, or of its drop-ins, as they stand there."""
        folder = self.etc / "systemd/system"
        text = "".join(path.read_text() for path in [folder / f"{name}.service",
                                                     *folder.glob(f"{name}.service.d/*.conf")]
                       if path.exists())
        for prefix, command in re.findall(rf"^{key}=([-+]*)(.*)$", text, re.M):
            for words, others in self.instead.items():
                command = command.replace(words, others)
            done = self.vm.try_run(*self.environment(), "sh", "-c", command)
            assert done.returncode == 0 or "-" in prefix, f"{command}: {done.stderr}"

    def environment(self):
        bus = self.services.get("bus")
        return bus.using() if bus else []


class Daemon:
    """A real daemon of the VM, started as its package starts it."""

    def __init__(self, host, argv, is_ready, using=None):
        self.host, self.argv, self.is_ready = host, argv, is_ready
        self.using = using or (lambda *argv: list(argv))
        self.process = None

    def start(self):
        self.process = self.host.vm.start(*self.using(*self.argv))
        self.process.wait_ready(self.is_ready, self.argv[0])
        return self

    def stop(self):
        self.process.stop()

    def restart(self):
        self.stop()
        self.start()

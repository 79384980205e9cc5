"""systemd's units read as text, for tests that play what a service manager does: their commands, one
after the other, in the order that the units ask for."""

import graphlib
import pathlib
import re
import shlex

import mesh as m

FOLDERS = (m.build_folder() / "contrib", pathlib.Path("/lib/systemd/system"))


class Unit:
    """unit.words("After"), unit.commands("ExecStart")."""

    def __init__(self, name):
        self.name = name
        files = [folder / name for folder in FOLDERS if (folder / name).is_file()]
        self.text = files[0].read_text() if files else ""

    def words(self, key):
        return [word for line in re.findall(rf"^{key}=(.*)$", self.text, re.M) for word in line.split()]

    def commands(self, key):
        """Each as a list of words. "+" before it says with which privileges."""
        return [shlex.split(line.lstrip("+-@")) for line in re.findall(rf"^{key}=(.*)$", self.text, re.M)]


def start_order(names):
    """These units as a service manager starts them; the targets between them count."""
    between = {"network-pre.target", "network.target"}
    graph = {name: set() for name in {*names, *between}}
    for name in graph:
        unit = Unit(name)
        graph[name].update(set(unit.words("After")) & graph.keys())
        for other in set(unit.words("Before")) & graph.keys():
            graph[other].add(name)
    return [name for name in graphlib.TopologicalSorter(graph).static_order() if name in names]

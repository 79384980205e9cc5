"""tally.py RESULTS SKIPS: sums up what tests/run.sh left in the folder RESULTS.

*.junit.xml from pytest, *.meson.json from Meson (a line of JSON for each test), and *.failed for
suites that did not get to their end (its text says why). Skips are compared with the file SKIPS:
lines `pattern: reason`, where pattern is a shell pattern of the test's name. One that is not listed
is a failure. The last line is `N passed, N failed`.
"""

import fnmatch
import json
import pathlib
import re
import sys
import xml.etree.ElementTree


class Tally:
    def __init__(self):
        self.passed, self.failures, self.skips = 0, [], []

    def pytest(self, path):
        suite = path.name.removesuffix(".junit.xml")
        for case in xml.etree.ElementTree.parse(path).iter("testcase"):
            # A suite that was broken off may leave a case without a class.
            where = (case.get("classname") or "").rsplit(".", 1)[-1]
            name = f"{suite}::{where}::{case.get('name')}"
            skipped = case.find("skipped")
            if case.find("failure") is not None or case.find("error") is not None:
                self.failures.append(name)
            elif skipped is not None:
                self.skips.append((name, skipped.get("message", "")))
            else:
                self.passed += 1

    def meson(self, path):
        """Each doctest case counts; a program that reports none (a fuzz replay) counts as one."""
        suite = path.name.removesuffix(".meson.json")
        for line in path.read_text().splitlines():
            test = json.loads(line)
            name = f"{suite}::{test['name'].split(' / ')[-1]}"
            cases = re.search(r"\[doctest\] test cases: *(\d+) \| *(\d+) passed \| *(\d+) failed"
                              r" \| *(\d+) skipped", test.get("stdout") or "")
            if test["result"] == "SKIP":
                self.skips.append((name, (test.get("stdout") or "").strip()))
            elif test["result"] not in ("OK", "EXPECTEDFAIL"):
                self.failures.append(f"{name}: {test['result']}")
            elif cases:
                self.passed += int(cases[2])
                # doctest counts the cases that a filter or skip() left out.
                self.skips += [(name, "doctest skip()")] * int(cases[4])
            else:
                self.passed += 1

    def folder(self, folder):
        for path in sorted(folder.iterdir()):
            if path.name.endswith(".junit.xml"):
                self.pytest(path)
            elif path.name.endswith(".meson.json"):
                self.meson(path)
            elif path.name.endswith(".failed"):
                self.failures.append(f"{path.name.removesuffix('.failed')}: {path.read_text()}")


def allowed_skips(path):
    lines = [line.strip() for line in path.read_text().splitlines()]
    return [line.split(": ", 1)[0] for line in lines if line and not line.startswith("#")]


def main(results, skips):
    tally = Tally()
    tally.folder(pathlib.Path(results))
    allowed = allowed_skips(pathlib.Path(skips))
    print(f"\n{len(tally.skips)} skipped")
    for name, reason in tally.skips:
        print(f"  {name}: {reason}")
        if not any(fnmatch.fnmatchcase(name, pattern) for pattern in allowed):
            tally.failures.append(f"{name}: skipped, and not listed in tests/skips.txt")
    for failure in tally.failures:
        print(f"FAILED {failure}")
    print(f"{tally.passed} passed, {len(tally.failures)} failed")
    return 1 if tally.failures or not tally.passed else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))

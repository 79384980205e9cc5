"""The verbs as a person or a script calls them: words, output, exit status."""

import json
import os
import re
import subprocess

import pytest
from conftest import needs_root
from server import PROGRAM

NAME = "backend_default_svc_8080.mesh"
AS_NOBODY = ["setpriv", "--reuid=4711", "--regid=4711", "--clear-groups"]


def test_help_and_version_need_nothing():
    done = subprocess.run([PROGRAM, "--help"], text=True, capture_output=True, check=True)
    for verb in ("serve", "check", "names", "query NAME [TYPE]", "status", "flush [NAME]", "reload", "--config"):
        assert verb in done.stdout
    assert done.stderr == ""
    done = subprocess.run([PROGRAM, "--version"], text=True, capture_output=True, check=True)
    assert re.fullmatch(r"meshgate-dns (\d+\.\d+\.\d+)\nCoreDNS-\d+\.\d+\.\d+\+meshgate\.\1\n", done.stdout)


@pytest.mark.parametrize("words, message", [
    (["serv"], "did you mean 'serve'"),
    (["flush", "a..b"], "is no name"),
    (["flush", "a?b"], "is no name"),
    (["flush", "a", "b"], "takes no 'b'"),
    (["--confg", "x"], "did you mean '--config'"),
    (["query"], "needs a NAME"),
    (["query", "a", "A", "extra"], "takes no 'extra'"),
    (["check", "--json"], "--json"),
    (["--config"], "needs a value"),
    (["check", "x"], "takes no 'x'"),
])
def test_a_command_line_that_makes_no_sense_is_2(words, message):
    done = subprocess.run([PROGRAM, *words], text=True, capture_output=True)
    assert (done.returncode, done.stdout) == (2, "")
    assert message in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_check_is_silent_and_writes_no_state(server):
    done = server.run("check")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert not server.state.parent.exists() and not server.admin.parent.exists()


@pytest.mark.parametrize("old, new, message", [
    ("[vip]", "[vipp]", "vip"),
    ("port = 80", "port = true", ""),
    ("port = 80", 'port = 80\naddress = "240.0.0.9"\n[[service]]\nname = "b"\naddress = "240.0.0.9"', "240.0.0.9"),
    ("[[service]]", '[[record]]\nname = "x.mesh"\ntype = "A"\nvalue = "10.0.0"\n[[service]]', "10.0.0"),
    ("[[service]]", '[[record]]\nname = "x.mesh"\ntype = "CNAME"\nvalue = "y.mesh."\n'
     '[[record]]\nname = "x.mesh"\ntype = "A"\nvalue = "10.0.0.1"\n[[service]]', "x.mesh"),
    ("[vip]", "", "240.0.0.0/31"),
], ids=["unknown-key", "wrong-type", "duplicate-pin", "bad-record", "cname-beside-a", "full-range"])
@pytest.mark.parametrize("verb", ["check", "names", "serve"])
def test_what_is_wrong_is_65_and_has_its_place(server, verb, old, new, message):
    if not new:
        server.write(server.config.read_text().replace("[vip]", '[vip]\nipv4 = "240.0.0.0/31"') +
                     '[[service]]\nname = "a"\n[[service]]\nname = "b"\n')
    else:
        server.edit(old, new)
    done = server.run(verb)
    assert (done.returncode, done.stdout) == (65, ""), done.stderr
    assert re.search(rf"{re.escape(str(server.config))}:\d+:\d+: .*{message}", done.stderr), done.stderr


def test_a_missing_explicit_file_is_65(server):
    server.config.unlink()
    done = server.run("check")
    assert done.returncode == 65
    assert str(server.config) in done.stderr


def test_the_configuration_can_come_from_standard_input(server):
    text = server.config.read_text()
    done = subprocess.run([PROGRAM, "--config", "-", "names"], input=text, text=True,
                          capture_output=True)
    assert done.returncode == 0, done.stderr
    assert NAME in done.stdout


@needs_root
@pytest.mark.parametrize("verb", ["check", "serve"])
def test_a_user_that_does_not_exist_is_65_with_its_place(server, verb):
    server.user = '"no-such-user"'
    server.configure()
    done = server.run(verb)
    assert done.returncode == 65
    assert re.search(r"meshgate\.toml:\d+:\d+: .*no-such-user", done.stderr), done.stderr


def test_names_are_sorted_rows_with_ptr_and_twins(server):
    server.configure(services=("web_default_svc_80", "api"), more="""
[[record]]
name = "db.mesh"
type = "TXT"
value = '"a b" "c"'
""")
    done = server.run("names")
    assert done.returncode == 0
    rows = [line.split("\t") for line in done.stdout.splitlines()]
    assert all(len(row) == 5 and row[2] == "IN" for row in rows)
    assert ["api.mesh", "30", "IN", "A", "240.0.0.1"] in rows
    assert ["web_default_svc_80.mesh", "30", "IN", "A", "240.0.0.0"] in rows
    assert ["web.default.svc.80.mesh.local", "30", "IN", "A", "240.0.0.0"] in rows
    assert ["web_default_svc_80.mesh", "30", "IN", "AAAA", "::ffff:240.0.0.0"] in rows
    assert ["db.mesh", "30", "IN", "TXT", '"a b" "c"'] in rows
    assert rows == sorted(rows, key=lambda row: row[0])
    as_json = json.loads(server.run("names", "--json").stdout)
    assert {"name": "api.mesh", "ttl": 30, "type": "A", "value": "240.0.0.1",
            "source": "service"} in as_json
    assert len(as_json) == len(rows)
    assert not server.state.exists()


@pytest.mark.parametrize("family, gone", [("ipv4", "AAAA"), ("ipv6", "A")])
def test_a_family_that_is_not_captured_is_not_resolved(server, family, gone):
    server.configure(more=f'\n[redirect]\nip_family = "{family}"\n')
    rows = [line.split("\t") for line in server.run("names").stdout.splitlines()]
    assert rows and gone not in [row[3] for row in rows if row[0] == NAME]


def test_query_prints_the_values_and_says_how_it_went(forwarding):
    done = forwarding.run("query", NAME)
    assert (done.returncode, done.stdout, done.stderr) == (0, "240.0.0.0\n", "")
    done = forwarding.run("query", NAME.upper(), "aaaa")
    assert (done.returncode, done.stdout) == (0, "::ffff:240.0.0.0\n")
    done = forwarding.run("query", "nosuch.mesh")
    assert (done.returncode, done.stdout) == (1, "")
    assert "NXDOMAIN" in done.stderr
    done = forwarding.run("query", NAME, "MX")
    assert done.returncode == 1
    assert "NOERROR" in done.stderr
    done = forwarding.run("query", "big.outside.example", "TXT")
    assert done.returncode == 0  # by TCP
    assert len(done.stdout.splitlines()) == 30
    assert forwarding.run("query", "a..b").returncode == 1
    assert forwarding.run("query", NAME, "NOSUCHTYPE").returncode == 1


def test_nobody_running_is_3(server):
    for words in (["query", NAME], ["status"], ["status", "--json"], ["reload"]):
        done = server.run(*words)
        assert (done.returncode, done.stdout) == (3, ""), words
        assert "not running" in done.stderr


def test_status_for_people_and_programs(running):
    done = running.run("status", "--json")
    assert done.returncode == 0
    report = json.loads(done.stdout)
    assert report["pid"] == running.process.pid
    text = running.run("status").stdout
    assert re.search(r"^state +ready$", text, re.M)
    assert re.search(rf"^pid +{running.process.pid}$", text, re.M)


@needs_root
def test_somebody_else_may_not_ask_the_socket_and_is_told(running):
    for verb in ("status", "reload"):
        done = subprocess.run([*AS_NOBODY, "sh", "-c", 'exec "$0" "$@"', copy_of(running), verb,
                               "--config", running.config], text=True, capture_output=True)
        assert done.returncode == 77, done.stderr


def copy_of(running):
    """The program where everybody can run it."""
    path = running.folder / "meshgate-dns"
    if not path.exists():
        path.write_bytes(PROGRAM.read_bytes())
        path.chmod(0o755)
    return path


def test_reload_reports_what_is_wrong_and_what_needs_a_restart(running):
    running.edit("port = 80", "prt = 80")
    done = running.run("reload")
    assert done.returncode == 1
    assert re.search(r"meshgate\.toml:\d+:\d+: ", done.stderr), done.stderr
    running.configure(services=("other",))
    running.edit(f'"[::1]:{running.port}"', "")
    done = running.run("reload")
    assert done.returncode == 0
    assert "dns.listen" in done.stderr and "restart" in done.stderr
    assert running.address("other.mesh")
    assert running.ask("other.mesh", host="::1").answer  # the old listeners are still there


def test_reload_of_a_file_that_is_no_toml_still_finds_the_server(running):
    running.write(running.config.read_text() + "\n[[[ nonsense")
    done = running.run("reload")
    assert done.returncode == 1
    assert "meshgate.toml" in done.stderr
    assert running.status()["reload"] ["count"] == 1


def test_data_that_cannot_be_written_is_a_failure(server):
    with open("/dev/full", "w") as full:
        done = subprocess.run([PROGRAM, "names", "--config", server.config], stdout=full,
                              stderr=subprocess.PIPE, text=True)
    assert done.returncode == 1
    assert "standard output" in done.stderr

"""What contrib/quickstart.sh shows after its build, and what it leaves on the machine: nothing."""

import glob
import os
import pathlib
import signal
import subprocess

import envoy
import lab

HERE = pathlib.Path(__file__).resolve().parent


def machine_state():
    """Of the namespace that the tests themselves run in."""
    commands = (["nft", "-j", "list", "ruleset"], ["ip", "-j", "address"], ["ip", "-j", "rule"],
                ["ip", "-j", "route", "show", "table", "all"],
                ["ip", "-6", "-j", "route", "show", "table", "all"])
    state = [subprocess.run(command, capture_output=True, text=True).stdout for command in commands]
    return state + [sorted(glob.glob("/run/netns/*"))]


def run_demo(name, **environment):
    """What it said; the machine is as it was."""
    before = machine_state()
    labs = set(glob.glob("/tmp/meshgate-lab-*"))
    done = subprocess.run([lab.PYTHON, HERE / name], capture_output=True, text=True, timeout=120,
                          env={**os.environ, **environment})
    assert done.returncode == 0, done.stdout + done.stderr
    assert set(glob.glob("/tmp/meshgate-lab-*")) == labs
    assert machine_state() == before
    return done.stdout


def test_the_quickstart_shows_the_main_job_and_leaves_the_machine_as_it_was(machine):
    said = run_demo("edge_demo.py")
    assert said.count("     20 x green\n") == 2  # while the other one was dead: the box, the LAN
    assert said.count("10.77.2.11:8080 is alive again") >= 2
    assert "10.77.2.22:9000" in said.partition("SERVICE  ADDRESS")[2]  # the whole table


def test_the_one_with_a_proxy_does_as_well(machine):
    said = run_demo("demo.py", MESHGATE_ENVOY=str(envoy.program()))
    assert "name=remote port=8080" in said
    assert "cluster backend +" in said and "passthrough +0" in said


def test_a_run_that_is_killed_leaves_no_process_in_its_namespaces():
    script = ("import lab, sys; n = lab.Namespace('x', '/tmp');"
              "import subprocess; p = subprocess.Popen(n.inside(['cat', '/dev/zero']),"
              " stdout=subprocess.PIPE, start_new_session=True);"
              "print(p.pid, flush=True); sys.stdin.read()")
    run = subprocess.Popen([lab.PYTHON, "-c", script], cwd=HERE, stdin=subprocess.PIPE,
                           stdout=subprocess.PIPE, text=True)
    pid = int(run.stdout.readline())

    def running():
        try:  # a process that nobody has waited for yet stays as a zombie
            return ") Z " not in pathlib.Path(f"/proc/{pid}/stat").read_text()
        except OSError:
            return False

    assert running()
    run.send_signal(signal.SIGKILL)
    run.wait()
    lab.wait_until(lambda: not running(), "the process in the namespace to end")

#!/usr/bin/env python3
"""Measures the shipped binary with many clusters, a terminal that stops, a process that is stopped, and long outages.

Usage: scripts/fleet.py [--binary PATH]... [MEASUREMENT]...          (after `cargo build --profile dist`)

Every measurement serves its clusters with `watchbell simulate`, runs the dashboard in a pseudo-terminal, and prints one line
for each figure; several binaries are measured in turn. Without a name all of them run, which takes about fifteen minutes for
each binary. Times are wall time on a machine that may be busy: compare figures of one run. Needs ss.
"""

import argparse
import fcntl
import json
import os
import pty
import resource
import select
import signal
import struct
import subprocess
import tempfile
import termios
import threading
import time

from measure import BINARY, Screen, cpu_seconds, status

CLUSTER = """
[[cluster]]
context = "c{number:03}"
version = "v1.32.6"
nodes = [{{ count = 3, name = "c{number:03}-{{}}", first = 1, cpu = 16, memory_gib = 64 }}]
[cluster.pods]
counted = 20
light_system = true
[cluster.churn]
heartbeat = "5m"
"""
ROWS, COLUMNS = 60, 200


class Fleet:
    """`watchbell simulate` of some small clusters, with steps of a script, until the end of the block."""

    def __init__(self, binary, clusters, steps="", kubeconfig=None):
        self.folder = tempfile.mkdtemp(prefix="watchbell-fleet-")
        scenario = os.path.join(self.folder, "fleet.toml")
        with open(scenario, "w") as file:
            file.write('title = "many small clusters"\nseed = 7\n' + steps)
            file.write("".join(CLUSTER.format(number=number) for number in range(clusters)))
        self.kubeconfig = os.path.join(self.folder, "kubeconfig")
        command = [binary, "simulate", "-s", scenario, "--kubeconfig-out", self.kubeconfig]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, preexec_fn=lambda: files(65536, 65536))
        json.loads(self.process.stdout.readline())
        self.started = time.monotonic()
        if kubeconfig:
            text = open(self.kubeconfig).read()
            open(self.kubeconfig, "w").write(kubeconfig(text))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()

    def at(self, second):
        """Sleeps until so many seconds after the start of the script."""
        time.sleep(max(0, self.started + second - time.monotonic()))

    def read(self):
        """Bytes that the server has received on the connections that are open."""
        lines = subprocess.run(["ss", "-tinpHO"], capture_output=True, text=True).stdout.splitlines()
        own = [line for line in lines if f"pid={self.process.pid}," in line]
        return sum(int(field.split(":")[1]) for line in own for field in line.split() if "bytes_received:" in field)


def files(soft, hard):
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    hard = hard if most == resource.RLIM_INFINITY else min(hard, most)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(soft, hard), hard))


class Dashboard:
    """The program in a pseudo-terminal, with a command for alerts that appends to a file."""

    def __init__(self, binary, fleet, limit=None, rows=ROWS):
        self.told = os.path.join(fleet.folder, "told")
        config = os.path.join(fleet.folder, "config.toml")
        with open(config, "w") as file:
            file.write(f'[tell]\non-alert = ["/bin/sh", "-c", "cat >> {self.told}"]\n')
        self.started = time.monotonic()
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            if limit:
                files(*limit)
            env = {"HOME": fleet.folder, "KUBECONFIG": fleet.kubeconfig, "TERM": "xterm-256color", "LANG": "C.UTF-8"}
            env["PATH"] = os.environ["PATH"]
            time.sleep(0.05)  # lets the parent set the size
            os.execve(binary, ["watchbell", "--config", config, "--all-contexts"], env)
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, COLUMNS, 0, 0))
        self.screen = Screen(rows, COLUMNS)
        self.held = False
        self.ended = None
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        while True:
            if self.held:
                time.sleep(0.01)
                continue
            if select.select([self.fd], [], [], 0.02)[0]:
                try:
                    data = os.read(self.fd, 65536)
                except OSError:
                    return
                if not data:
                    return
                self.screen.feed(data)

    def press(self, keys):
        os.write(self.fd, keys)

    def until(self, is_true, seconds):
        """Seconds until the text of the screen is as expected; None if it never is."""
        start = time.monotonic()
        while time.monotonic() < start + seconds:
            if is_true(self.screen.text()):
                return time.monotonic() - start
            time.sleep(0.02)
        return None

    def alerts(self):
        """Reasons of the alerts that the command was told."""
        try:
            text = open(self.told).read()
        except FileNotFoundError:
            return []
        return [alert["reason"] for line in text.splitlines() if line for alert in json.loads(line)["alerts"]]

    def sockets(self):
        names = []
        for name in os.listdir(f"/proc/{self.pid}/fd"):
            try:
                names.append(os.readlink(f"/proc/{self.pid}/fd/{name}"))
            except OSError:
                pass
        return sum(name.startswith("socket:") for name in names)

    def leave(self, keys=b"\x03", seconds=10):
        """Seconds from the keys to the end of the program; None if it had to be killed."""
        start = time.monotonic()
        self.press(keys)
        while time.monotonic() < start + seconds:
            if os.waitpid(self.pid, os.WNOHANG)[0]:
                return time.monotonic() - start
            time.sleep(0.005)
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        return None


def all_ok(count):
    """True once the strip has nothing but clusters that are well; it shows at most as many as fit."""
    return lambda text: text.count("✓ c") >= min(count, 4) and not any(sign in text for sign in ("✗ c", "? c", "▲ c"))


def seconds(value):
    return "never" if value is None else f"{value:.1f} s"


def reasons(alerts):
    counted = {reason: alerts.count(reason) for reason in sorted(set(alerts))}
    return f"{len(alerts)} {counted}" if alerts else "0"


def step(at, until, fault, more=""):
    return f'[[step]]\nat = "{at}s"\nuntil = "{until}s"\nfault = "{fault}"\n{more}\n'


def terminal(binary):
    """A terminal that stops reading for 90 s; a cluster refuses connections 40 s after that."""
    refuse = step(60, 600, "refuse", 'cluster = "c003"')
    with Fleet(binary, 10, refuse) as fleet:
        program = Dashboard(binary, fleet)
        program.until(all_ok(10), 20)
        fleet.at(10)
        before = fleet.read()
        fleet.at(20)
        calm = fleet.read() - before
        program.held = True
        for _ in range(60):
            program.press(b"\x0c")
            time.sleep(0.05)
        fleet.at(35)
        before = fleet.read()
        fleet.at(55)
        yield "requests, bytes a second before and while it is stopped", f"{calm / 10:.0f} {(fleet.read() - before) / 20:.0f}"
        yield "alerts before the fault", reasons(program.alerts())
        fleet.at(60)
        start = time.monotonic()
        while not program.alerts() and time.monotonic() < start + 60:
            time.sleep(0.1)
        yield "from the fault to the command", f"{time.monotonic() - start:.1f} s, {reasons(program.alerts())}"
        fleet.at(110)
        yield "alerts at the end", reasons(program.alerts())
        yield "Ctrl-C to the end", seconds(program.leave())


def stop(binary):
    """SIGSTOP for 60 s with ten clusters."""
    with Fleet(binary, 10) as fleet:
        program = Dashboard(binary, fleet)
        program.until(all_ok(10), 20)
        time.sleep(5)
        os.kill(program.pid, signal.SIGSTOP)
        time.sleep(60)
        os.kill(program.pid, signal.SIGCONT)
        yield "all are well again after", seconds(program.until(all_ok(10), 60))
        time.sleep(30)
        yield "alerts", reasons(program.alerts())
        program.leave()


def descriptors(binary):
    """300 clusters at a soft limit of 1,024 open files, and 50 at 256."""
    for clusters, soft in ((300, 1024), (50, 256)):
        with Fleet(binary, clusters) as fleet:
            program = Dashboard(binary, fleet, (soft, 65536))
            yield f"{clusters} at {soft}: first well", seconds(program.until(all_ok(clusters), 30))
            time.sleep(60)
            yield "    sockets for each cluster", f"{program.sockets() / clusters:.1f}"
            yield "    alerts", reasons(program.alerts())
            yield "    memory", f"{status(program.pid, 'VmRSS'):.0f} MiB, peak {status(program.pid, 'VmHWM'):.0f} MiB"
            program.leave()


def refused(binary):
    """50 clusters refuse connections for 90 s."""
    with Fleet(binary, 50, step(20, 110, "refuse")) as fleet:
        program = Dashboard(binary, fleet)
        program.until(all_ok(50), 20)
        fleet.at(110)
        yield "all are well again after", seconds(program.until(all_ok(50), 120))
        yield "alerts", reasons(program.alerts())
        program.leave()


def freeze(binary):
    """One cluster freezes for 60 s."""
    with Fleet(binary, 1, step(20, 80, "freeze")) as fleet:
        program = Dashboard(binary, fleet)
        program.until(all_ok(1), 20)
        fleet.at(80)
        yield "the word is ok again after", seconds(program.until(lambda text: "✓ c000" in text and " ok " in text, 700))
        yield "alerts", reasons(program.alerts())
        program.leave()


def black_hole(binary):
    """50 clusters whose packets vanish for 60 s."""
    with Fleet(binary, 50, step(20, 80, "black-hole")) as fleet:
        program = Dashboard(binary, fleet)
        program.until(all_ok(50), 20)
        fleet.at(80)
        yield "all are well again after", seconds(program.until(all_ok(50), 120))
        yield "alerts told", reasons(program.alerts())
        time.sleep(55)
        header = program.screen.text().splitlines()[0].strip()
        yield "header 55 s after the end", " ".join(header.split())[:60]
        program.leave()


def plugins(binary):
    """30 contexts with the same plugin, whose token lives for 70 s; and 30 with plugins of their own."""
    script = (
        'n=$(ls %s/run | wc -l); echo "$n" >> %s/runs; touch %s/run/$$; sleep 1; rm %s/run/$$; '
        'date -u -d "+70 seconds" +\'{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential",'
        '"status":{"token":"t","expirationTimestamp":"%%Y-%%m-%%dT%%H:%%M:%%SZ"}}\''
    )
    for name, own in (("the same entry", False), ("entries of their own", True)):
        with tempfile.TemporaryDirectory() as runs:
            os.mkdir(os.path.join(runs, "run"))
            command = script % ((runs,) * 4)

            def users(text):
                config = [line for line in text.splitlines() if not line.startswith('- {"name":"simulation"')]
                text = "\n".join(config)
                entries = range(30) if own else [0]
                lines = []
                for entry in entries:
                    arguments = ["-c", command + f" # {entry}"]
                    plugin = {"apiVersion": "client.authentication.k8s.io/v1", "command": "/bin/sh", "args": arguments}
                    user = {"exec": {**plugin, "interactiveMode": "Never"}}
                    lines.append("- " + json.dumps({"name": f"plugin-{entry}", "user": user}))
                text = text.replace("users:", "users:\n" + "\n".join(lines))
                for number in range(30):
                    context = f'{{"context":{{"cluster":"c{number:03}","user":"simulation"}}'
                    user = f"plugin-{number if own else 0}"
                    text = text.replace(context, context.replace("simulation", user))
                return text

            with Fleet(binary, 30, kubeconfig=users) as fleet:
                program = Dashboard(binary, fleet)
                time.sleep(75)
                counts = [int(line) for line in open(os.path.join(runs, "runs"))] if os.listdir(runs) != ["run"] else []
                most = max(counts, default=-1) + 1
                yield f"{name}: runs in 75 s, most at once", f"{len(counts)} {most}"
                program.leave()
                time.sleep(1.5)
                yield "    left after the end", str(len(os.listdir(os.path.join(runs, "run"))))


def snapshot(binary):
    """`snapshot` and `check` of 50 clusters of which 20 do not answer, and of 10 of which one refuses."""
    hang = "".join(step(0, 600, "delay", f'delay = "500s"\ncluster = "c{number:03}"') for number in range(20))
    for name, clusters, steps in (
        ("50 with 20 that hang", 50, hang),
        ("10 with one refused", 10, step(0, 600, "refuse", 'cluster = "c004"')),
    ):
        with Fleet(binary, clusters, steps) as fleet:
            for command in ("snapshot", "check"):
                start = time.monotonic()
                arguments = [binary, "--kubeconfig", fleet.kubeconfig, "--all-contexts", command]
                lines = subprocess.run(arguments, capture_output=True).stdout.count(b"\n")
                yield f"{name}: {command}", f"{time.monotonic() - start:.1f} s, {lines} lines"


def start(binary):
    """300 clusters: time until the first are well, CPU, and the CPU of an edited kubeconfig."""
    with Fleet(binary, 300) as fleet:
        program = Dashboard(binary, fleet, (65536, 65536))
        yield "first well", seconds(program.until(lambda text: "✓ c" in text, 30))
        yield "all shown are well", seconds(program.until(all_ok(300), 30))
        time.sleep(20)
        yield "memory", f"{status(program.pid, 'VmRSS'):.0f} MiB"
        before, ticks = cpu_seconds(program.pid), time.monotonic()
        time.sleep(10)
        rest = (cpu_seconds(program.pid) - before) / (time.monotonic() - ticks)
        text = open(fleet.kubeconfig).read()
        before = cpu_seconds(program.pid)
        open(fleet.kubeconfig, "w").write(text + "\n# edited\n")
        time.sleep(10)
        yield "CPU of an edit", f"{cpu_seconds(program.pid) - before - 10 * rest:.2f} s"
        yield "threads", open(f"/proc/{program.pid}/status").read().split("Threads:")[1].split()[0]
        program.leave()


MEASUREMENTS = [terminal, stop, descriptors, refused, freeze, black_hole, plugins, snapshot, start]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("measurements", nargs="*", help=", ".join(measure.__name__ for measure in MEASUREMENTS))
    parser.add_argument("--binary", action="append")
    arguments = parser.parse_args()
    for measure in MEASUREMENTS:
        if arguments.measurements and measure.__name__ not in arguments.measurements:
            continue
        for binary in arguments.binary or [BINARY]:
            binary = os.path.abspath(binary)
            print(f"{measure.__name__}: {measure.__doc__}  [{binary}]")
            for name, value in measure(binary):
                print(f"    {name:58} {value}", flush=True)


if __name__ == "__main__":
    main()

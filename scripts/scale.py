#!/usr/bin/env python3
"""Measures the shipped binary on a large simulated cluster in a process of its own, beside curl fetching the same pages.

Usage: scripts/scale.py [large|huge] [--binary PATH] [--quick]        (after `cargo build --profile dist`)

Prints time to first paint and to complete numbers, bytes, memory, CPU at rest and under churn, memory after ten relists, and the
time from a key to its frame while the first list runs and at 10,000 events/s. Needs curl; `kubectl get pods -A -o json` is
measured where kubectl is installed. `--quick` leaves out kubectl and the relists. Figures are those of a machine that may be
busy: compare figures of one run.
"""

import argparse
import fcntl
import json
import os
import pty
import re
import resource
import select
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import termios
import time
import zlib

from measure import BINARY, Screen, cpu_seconds, status

# Nodes, pods that count, and how the strip shows all nodes.
SCENARIOS = {"large": (5_000, 150_000, "5,000/5,000"), "huge": (100_000, 1_000_000, "100,000/100,000")}
REST_SECONDS = 20
DEADLINE = 900
RELISTS = 10
KUBECTL_MEMORY = 6 << 30
KUBECTL_SECONDS = 180
SELECTOR = "fieldSelector=status.phase%21%3DSucceeded%2Cstatus.phase%21%3DFailed"
TOKEN = re.compile(rb"eyJ[A-Za-z0-9_-]{16,}")
FORMS = (
    ("protobuf", "application/vnd.kubernetes.protobuf,application/json", False),
    ("protobuf, gzip", "application/vnd.kubernetes.protobuf,application/json", True),
    ("JSON, gzip", "application/json", True),
)


class Server:
    """`watchbell simulate` until the end of the block."""

    def __init__(self, binary, scenario, churn, folder):
        self.folder = folder
        self.kubeconfig = os.path.join(folder, "kubeconfig")
        command = [binary, "simulate", "-s", scenario, "--churn", str(churn), "--kubeconfig-out", self.kubeconfig]
        self.started = time.monotonic()
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE)

    def __enter__(self):
        self.url = json.loads(self.process.stdout.readline())["clusters"][0]["url"]
        self.ready = time.monotonic() - self.started
        return self

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(timeout=60)
        except subprocess.TimeoutExpired:
            self.process.kill()

    def compressed(self, wanted):
        """Path of a kubeconfig with or without compression."""
        path = os.path.join(self.folder, f"kubeconfig-{wanted}")
        with open(self.kubeconfig) as plain, open(path, "w") as out:
            text = plain.read()
            out.write(text if wanted else text.replace('{"server":', '{"disable-compression":true,"server":'))
        return path


def curl(server, accept, gzip):
    """Fetches every page of nodes and pods one after another: seconds that curl counted, bytes on the wire, pages."""
    seconds = size = pages = 0
    body = os.path.join(server.folder, "page")
    for path in ("nodes?limit=500", "pods?limit=500&" + SELECTOR):
        token = ""
        while True:
            url = f"{server.url}/api/v1/{path}" + (f"&continue={token}" if token else "")
            ask = ["curl", "-sS", "-m", "60", "-H", "Accept: " + accept, "-o", body]
            ask += ["-H", "Accept-Encoding: gzip"] if gzip else []
            said = subprocess.run(ask + ["-w", "%{time_total} %{size_download}", url], capture_output=True, check=True)
            took, count = said.stdout.split()
            seconds, size, pages = seconds + float(took), size + int(count), pages + 1
            with open(body, "rb") as page:
                head = page.read(16384)
            head = zlib.decompressobj(31).decompress(head, 4096) if head[:2] == b"\x1f\x8b" else head[:4096]
            found = TOKEN.search(head)
            if not found:
                break
            token = found.group().decode()
    return seconds, size, pages


class Program:
    """The dashboard in a terminal of 200x60."""

    def __init__(self, binary, kubeconfig, folder):
        self.started = time.monotonic()
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            env = {"HOME": folder, "KUBECONFIG": kubeconfig, "TERM": "xterm-256color", "LANG": "C.UTF-8"}
            time.sleep(0.05)  # lets the parent set the size
            os.execve(binary, ["watchbell"], env)
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", 60, 200, 0, 0))
        self.started += 0.05
        self.screen = Screen(60, 200)
        self.sent = 0
        self.peak = 0

    def read(self, seconds):
        if select.select([self.fd], [], [], seconds)[0]:
            try:
                data = os.read(self.fd, 65536)
            except OSError:  # The program has ended and its side of the terminal is closed.
                return False
            self.sent += len(data)
            self.screen.feed(data)
            return True
        return False

    def selected(self):
        """The selected row."""
        for at, row in enumerate(self.screen.cells):
            if row[0] in "▌▸>":
                return at
        return None

    def run(self, done, deadline, keys=None):
        """Reads until `done`; with `keys`, presses j and k in turn and keeps the time until the selection has moved."""
        pressed, due, down, at = None, 0, True, None
        end = time.monotonic() + deadline
        while (now := time.monotonic()) < end:
            if keys is not None and pressed is None and now >= due:
                at = self.selected()
                if at is not None:
                    os.write(self.fd, b"j" if down else b"k")
                    pressed, due, down = time.monotonic(), now + 0.05 + 0.013 * (len(keys) % 7), not down
            if self.read(0.002):
                if pressed is not None and self.selected() not in (None, at):
                    keys.append(time.monotonic() - pressed)
                    pressed = None
                if done():
                    return time.monotonic() - self.started
            if pressed is not None and time.monotonic() - pressed > 1:
                keys.append(1.0)
                pressed = None
        return None

    def until(self, text, keys=None):
        took = self.run(lambda: self.screen.shows(text), DEADLINE, keys)
        if took is None:
            sys.exit(f"`{text}` was never shown; the screen:\n" + self.screen.text())
        return took

    def spend(self, seconds, keys=None):
        """CPU in percent of a core and bytes to the terminal a second, over some time."""
        cpu, sent, start = cpu_seconds(self.pid), self.sent, time.monotonic()
        self.run(lambda: False, seconds, keys)
        took = time.monotonic() - start
        return (cpu_seconds(self.pid) - cpu) / took * 100, (self.sent - sent) / took

    def settle(self):
        """Waits until the program has used less than 5 % of a core in each of two seconds."""
        quiet, end = 0, time.monotonic() + DEADLINE
        while quiet < 2 and time.monotonic() < end:
            quiet = quiet + 1 if self.spend(1)[0] < 5 else 0

    def rss(self):
        return status(self.pid, "VmRSS")

    def end(self):
        os.write(self.fd, b"q")
        self.run(lambda: False, 0.5)
        os.waitpid(self.pid, 0)


def kubectl(server):
    """Seconds and MiB of `kubectl get pods -A -o json`; a word instead of either if it was aborted."""
    limit = lambda: resource.setrlimit(resource.RLIMIT_AS, (KUBECTL_MEMORY, KUBECTL_MEMORY))
    command = ["kubectl", "--kubeconfig", server.kubeconfig, "get", "pods", "-A", "-o", "json"]
    start = time.monotonic()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, preexec_fn=limit)
    while time.monotonic() - start < KUBECTL_SECONDS:
        pid, code, used = os.wait4(process.pid, os.WNOHANG)
        if pid:
            took, memory = time.monotonic() - start, used.ru_maxrss / 1024
            return f"{took:8.2f} s   {memory:8.0f} MiB" + ("" if code == 0 else "   (failed: out of memory)")
        time.sleep(0.05)
    process.kill()
    os.waitpid(process.pid, 0)
    return f"given up after {KUBECTL_SECONDS} s"


def row(name, value):
    print(f"{name:46}{value}", flush=True)


def latency(name, keys):
    keys.sort()
    if keys:
        at = lambda share: keys[min(len(keys) - 1, int(len(keys) * share))] * 1000
        row(name, f"{at(0.5):8.1f} ms p50 {at(0.99):8.1f} ms p99 {at(1):8.1f} ms max of {len(keys)}")


class Run:
    def __init__(self, options, folder):
        self.binary, self.scenario, self.folder, self.quick = options.binary, options.scenario, folder, options.quick
        self.nodes, self.pods, self.shown = SCENARIOS[options.scenario]

    def server(self, churn):
        return Server(self.binary, self.scenario, churn, self.folder)

    def list_once(self, server, name, gzip):
        """Measures one encoding: first curl, then the program."""
        accept = next(accept for form, accept, _ in FORMS if form == name)
        seconds, size, pages = curl(server, accept, gzip)
        row(f"{name}: curl, {pages} pages in turn", f"{seconds:8.2f} s   {size / 1e6:8.1f} MB")
        program, keys = Program(self.binary, server.compressed(gzip), self.folder), []
        paint = program.until("watchbell")
        nodes = program.until(self.shown, keys)
        done = self.complete(program, keys)
        cpu = cpu_seconds(program.pid)
        row(f"{name}: first paint, nodes, all numbers", f"{paint * 1000:5.0f} ms {nodes:8.2f} s {done:8.2f} s")
        row(f"{name}: all numbers against curl", f"{done / seconds:8.2f} x")
        row(f"{name}: CPU until then", f"{cpu:8.2f} s   {cpu / self.pods * 1e6:8.1f} us a pod")
        latency(f"{name}: key to frame during the list", keys)
        row(f"{name}: memory then", f"{program.rss():8.1f} MiB, peak {status(program.pid, 'VmHWM'):.1f} MiB")
        return program

    def complete(self, program, keys=None):
        """Waits until no number is a lower bound any more."""
        whole = lambda: program.screen.shows(self.shown) and not program.screen.shows("≥")
        took = program.run(whole, DEADLINE, keys)
        if took is None:
            sys.exit("the lists were never complete; the screen:\n" + program.screen.text())
        return took

    def rest(self, server):
        program = self.list_once(server, "protobuf", False)
        program.settle()
        cpu, sent = program.spend(REST_SECONDS)
        row("CPU at rest, no churn", f"{cpu:8.2f} %   {sent:8.0f} B/s to the terminal")
        row("memory at rest", f"{program.rss():8.1f} MiB")
        if not self.quick:
            before = program.rss()
            for _ in range(RELISTS):
                os.write(program.fd, b"r")
                program.settle()
            row(f"memory after {RELISTS} relists", f"{program.rss():8.1f} MiB ({(program.rss() / before - 1) * 100:+.1f} %)")
        program.end()

    def churn(self, events):
        with self.server(events) as server:
            program = Program(self.binary, server.compressed(False), self.folder)
            self.complete(program)
            program.spend(10)
            cpu, sent = program.spend(REST_SECONDS)
            row(f"CPU at {events:,} events/s", f"{cpu:8.2f} %   {sent:8.0f} B/s to the terminal")
            keys = []
            program.spend(REST_SECONDS, keys)
            latency(f"key to frame at {events:,} events/s", keys)
            row("memory then", f"{program.rss():8.1f} MiB, peak {status(program.pid, 'VmHWM'):.1f} MiB")
            program.end()


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("scenario", nargs="?", choices=sorted(SCENARIOS), default="large")
    parser.add_argument("--binary", default=os.path.abspath(BINARY), type=os.path.abspath)
    parser.add_argument("--quick", action="store_true", help="without kubectl and relists, protobuf only")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        run = Run(options, folder)
        with run.server(0) as server:
            row("the server starts", f"{server.ready:8.2f} s   {status(server.process.pid, 'VmRSS'):8.1f} MiB")
            run.rest(server)
            for name, _, gzip in () if options.quick else FORMS[1:]:
                run.list_once(server, name, gzip).end()
            if shutil.which("kubectl") and not options.quick:
                row("kubectl get pods -A -o json", kubectl(server))
        for events in (1_000, 10_000):
            run.churn(events)


if __name__ == "__main__":
    main()

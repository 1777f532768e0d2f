#!/usr/bin/env python3
"""Measures the shipped binary on a simulated cluster in a process of its own, and prints one line for each figure.

Usage: scripts/measure.py [SCENARIO [NEEDLE]]       (after `cargo build --profile dist`)

NEEDLE is the text that shows that the numbers are complete; for `reference` the 2,613 pods that count.
Times are wall time on a machine that may be busy: compare figures of one run, not of two machines.
"""

import fcntl
import json
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import tempfile
import termios
import time

BINARY = os.path.join(os.path.dirname(__file__), "..", "target", "dist", "watchbell")
ESCAPES = re.compile(rb"\x1b(\[[0-9;?]*[a-zA-Z]|\][^\x07\x1b]*(\x07|\x1b\\))")
REST_SECONDS = 20


class Screen:
    """A minimal terminal for what the program uses: positions of the cursor, and text."""

    def __init__(self, rows, columns):
        self.cells = [[" "] * columns for _ in range(rows)]
        self.row = self.column = 0
        self.rest = b""

    def feed(self, data):
        data = self.rest + data
        at = 0
        while at < len(data):
            if data[at] != 0x1B:
                end = data.find(b"\x1b", at)
                end = len(data) if end < 0 else end
                text = data[at:end].decode("utf-8", "replace")
                for char in text:
                    if self.row < len(self.cells) and self.column < len(self.cells[0]):
                        self.cells[self.row][self.column] = char
                    self.column += 1
                at = end
                continue
            found = ESCAPES.match(data, at)
            if not found:
                break
            sequence = found.group()
            if sequence.endswith(b"H"):
                row, _, column = sequence[2:-1].partition(b";")
                self.row, self.column = int(row or 1) - 1, int(column or 1) - 1
            at = found.end()
        self.rest = data[at:]

    def text(self):
        return "\n".join("".join(row) for row in self.cells)

    def shows(self, text):
        return any(text in "".join(row) for row in self.cells)


def read_until(fd, screen, text, deadline):
    """Reads from the terminal until it shows `text`; returns the time, or None at the deadline."""
    while time.monotonic() < deadline:
        if select.select([fd], [], [], 0.02)[0]:
            screen.feed(os.read(fd, 65536))
            if screen.shows(text):
                return time.monotonic()
    return None


def drain(fd, seconds):
    count, end = 0, time.monotonic() + seconds
    while time.monotonic() < end:
        if select.select([fd], [], [], 0.1)[0]:
            try:
                count += len(os.read(fd, 65536))
            except OSError:  # The program has ended and its side of the terminal is closed.
                break
    return count


def status(pid, key):
    for line in open(f"/proc/{pid}/status"):
        if line.startswith(key + ":"):
            return int(line.split()[1]) / 1024


def cpu_seconds(pid):
    fields = open(f"/proc/{pid}/stat").read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def main():
    scenario = sys.argv[1] if len(sys.argv) > 1 else "reference"
    needle = sys.argv[2] if len(sys.argv) > 2 else "2,613/"
    with tempfile.TemporaryDirectory() as folder:
        kubeconfig = os.path.join(folder, "kubeconfig")
        server = subprocess.Popen(
            [BINARY, "simulate", "--scenario", scenario, "--kubeconfig-out", kubeconfig], stdout=subprocess.PIPE
        )
        try:
            json.loads(server.stdout.readline())
            started = time.monotonic()
            pid, fd = pty.fork()
            if pid == 0:
                env = {"HOME": folder, "KUBECONFIG": kubeconfig, "TERM": "xterm-256color", "LANG": "C.UTF-8"}
                time.sleep(0.05)  # lets the parent set the size
                os.execve(BINARY, ["watchbell"], env)
            fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", 60, 200, 0, 0))
            started += 0.05
            screen = Screen(60, 200)
            first = read_until(fd, screen, "watchbell", started + 30)
            nodes = read_until(fd, screen, "104/104" if scenario == "reference" else "watchbell", started + 30)
            complete = read_until(fd, screen, needle, started + 60)
            if None in (first, nodes, complete):
                sys.exit(f"never painted or never complete: {first} {nodes} {complete}")
            print(f"time to first paint       {(first - started) * 1000:8.0f} ms")
            print(f"time to complete nodes    {(nodes - started) * 1000:8.0f} ms")
            print(f"time to complete numbers  {(complete - started) * 1000:8.0f} ms")
            drain(fd, 5)
            before = cpu_seconds(pid)
            sent = drain(fd, REST_SECONDS)
            used = cpu_seconds(pid) - before
            print(f"resident memory           {status(pid, 'VmRSS'):8.1f} MiB, peak {status(pid, 'VmHWM'):.1f} MiB")
            print(f"CPU at rest, with churn   {used / REST_SECONDS * 100:8.2f} % of a core over {REST_SECONDS} s")
            print(f"bytes to the terminal     {sent / REST_SECONDS:8.0f} a second at 200x60")
            os.write(fd, b"q")
            drain(fd, 0.5)
            os.waitpid(pid, 0)
        finally:
            server.send_signal(signal.SIGTERM)
            server.wait()


if __name__ == "__main__":
    main()

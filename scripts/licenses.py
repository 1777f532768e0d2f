#!/usr/bin/env python3
"""Writes THIRD-PARTY-LICENSES: the crates in the program, their licences, and the notices that must go with them.

Reads `cargo metadata` of the locked versions and the licence files in the crates, for all targets that are released; crates
that only build or test are left out. Of a choice of licences the first of PREFERRED is taken. Each text stands there once: the
lines of copyright, which differ, stand beside the crate. After a change of Cargo.lock:

    python3 scripts/licenses.py
"""

import json
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TARGETS = [
    "x86_64-unknown-linux-gnu",
    "x86_64-unknown-linux-musl",
    "aarch64-unknown-linux-gnu",
    "x86_64-apple-darwin",
    "aarch64-apple-darwin",
]
PREFERRED = ["MIT", "Apache-2.0", "ISC", "Zlib", "BSD-3-Clause", "Unlicense", "MPL-2.0"]
# Words by which the text of a licence is known, whatever its file is called.
TEXTS = {
    "MIT": "Permission is hereby granted, free of charge",
    "Apache-2.0": "TERMS AND CONDITIONS FOR USE, REPRODUCTION, AND DISTRIBUTION",
    "ISC": "Permission to use, copy, modify, and",
    "Zlib": "This software is provided 'as-is'",
    "BSD-3-Clause": "Redistribution and use in source and binary forms",
    "Unlicense": "This is free and unencumbered software",
    "MPL-2.0": "Mozilla Public License Version 2.0",
    "Unicode-3.0": "UNICODE LICENSE V3",
}
FILES = re.compile(r"^(li[cs]en[cs]e|copying|notice|unlicense|copyright)", re.IGNORECASE)
COPYRIGHT = re.compile(r"^[\s>#*/-]*((?:portions )?(?:copyright|\(c\)|©).*\d.*|copyright \(c\) .*)$", re.IGNORECASE)


def used():
    """Names and versions of the crates that are linked."""
    found = set()
    for target in TARGETS:
        tree = ["cargo", "tree", "--locked", "--edges", "normal,no-proc-macro", "--prefix", "none", "--target", target]
        lines = subprocess.run(tree, cwd=ROOT, check=True, capture_output=True, text=True).stdout.splitlines()
        found |= {tuple(line.replace(" v", " ").split()[:2]) for line in lines if line}
    return {crate for crate in found if crate[0] != "watchbell"}


def terms(expression):
    """The licences of an expression that all count, with one chosen of each alternative."""
    chosen = []
    for part in re.split(r"\s+AND\s+", expression.replace("/", " OR ")):
        choice = [option.strip("() ") for option in re.split(r"\s+OR\s+", part)]
        known = [name for name in PREFERRED if name in choice]
        chosen.append(known[0] if known else choice[0])
    return chosen


def notices(folder):
    """Texts of the licence files in a crate."""
    files = sorted(path for path in folder.iterdir() if FILES.match(path.name))
    files = [path for entry in files for path in (sorted(entry.iterdir()) if entry.is_dir() else [entry])]
    return [path.read_text(errors="replace") for path in files if path.is_file()]


def wrapped(text):
    """A text without its lines of copyright, by paragraphs, so that only what differs in words differs."""
    lines = [line.rstrip() for line in text.splitlines() if not COPYRIGHT.match(line)]
    return "\n".join(lines).strip()


def main():
    metadata = ["cargo", "metadata", "--locked", "--format-version", "1"]
    packages = json.loads(subprocess.run(metadata, cwd=ROOT, check=True, capture_output=True, text=True).stdout)["packages"]
    wanted = used()
    crates = sorted((p for p in packages if (p["name"], p["version"]) in wanted), key=lambda p: (p["name"], p["version"]))
    missing = wanted - {(p["name"], p["version"]) for p in crates}
    if missing:
        sys.exit(f"not in the metadata: {sorted(missing)}")
    texts, lines = {}, []
    for crate in crates:
        found = notices(Path(crate["manifest_path"]).parent)
        names = terms(crate["license"] or "see its text")
        holders = []
        for name in names:
            mark = TEXTS.get(name, name)
            own = [text for text in found if " ".join(mark.split()) in " ".join(text.split())]
            for text in own[:1]:
                holders += [match.group(1).strip() for match in map(COPYRIGHT.match, text.splitlines()) if match]
                # The first text of a kind stands for all: they differ in their lines of copyright and in how they are wrapped.
                texts.setdefault(name, wrapped(text))
        if not holders:
            authors = [re.sub(r"\s*<[^>]*>", "", author) for author in crate["authors"]]
            holders = [f"Copyright (c) {', '.join(authors) or 'the authors of ' + crate['name']}"]
        unique = list(dict.fromkeys(holder for holder in holders if "[yyyy]" not in holder and "{yyyy}" not in holder))
        extra = [text for text in found if text.lstrip().lower().startswith("notice")]
        lines.append(f"{crate['name']} {crate['version']} ({' AND '.join(names)})")
        lines += [f"    {holder}" for holder in unique[:12]]
        lines += [f"    {line}" for text in extra for line in text.splitlines() if line.strip()]
    absent = sorted({name for crate in crates for name in terms(crate["license"] or "")} - texts.keys())
    if absent:
        sys.exit(f"no crate brings the text of {absent}")
    head = [
        "watchbell contains the crates below, each under the licence named beside it; the texts follow.",
        "Written by scripts/licenses.py: do not edit.",
        "",
    ]
    for name in sorted(texts):
        lines += ["", "=" * 80, name, "=" * 80, "", texts[name]]
    (ROOT / "THIRD-PARTY-LICENSES").write_text("\n".join(head + lines) + "\n")


main()

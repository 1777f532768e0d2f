//! Allowed imports between modules: the `use` lines and paths of every module, read as text.

mod circles;
mod imports;

use std::fs;
use std::path::{Path, PathBuf};

/// For each module: which of our modules it may name, and which crates it may not.
const RULES: &[(&str, &[&str], &[&str])] = &[
    ("facts", &["facts"], &["tokio", "kube", "ratatui", "crossterm", "hyper"]),
    ("action", &["action"], &["tokio", "kube", "ratatui", "crossterm", "hyper"]),
    ("theme", &["theme"], &["tokio", "kube", "hyper"]),
    ("resource", &["resource", "facts"], &["tokio", "kube", "ratatui", "crossterm", "hyper"]),
    ("msg", &["msg", "resource", "facts", "action"], &["tokio", "kube", "ratatui", "crossterm", "hyper"]),
    ("model", &["model", "msg", "resource", "facts", "action"], &["tokio", "kube", "ratatui", "crossterm", "hyper"]),
    ("keymap", &["keymap", "msg", "action", "model"], &["tokio", "kube", "hyper"]),
    ("file", &["file"], &["tokio", "kube", "ratatui", "crossterm", "hyper"]),
    ("cluster", &["cluster", "msg", "resource", "facts", "clock", "file", "process"], &["ratatui", "crossterm"]),
    ("ui", &["ui", "model", "msg", "facts", "action", "keymap", "theme"], &["tokio", "kube", "hyper"]),
    ("sim", &["sim", "resource", "facts", "clock", "file"], &["ratatui", "crossterm", "kube"]),
    ("report", &["report", "model", "msg", "facts"], &["tokio", "kube", "ratatui", "crossterm", "hyper"]),
    ("clock", &["clock", "msg"], &["kube", "ratatui", "crossterm", "hyper"]),
    ("term", &["term", "process"], &["kube", "hyper"]),
    ("process", &["process"], &["kube", "ratatui", "crossterm", "hyper"]),
];

fn sources(dir: &Path, into: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, into);
        } else if path.extension().is_some_and(|ext| ext == "rs") {
            into.push(path);
        }
    }
}

/// Code without comments and without its tests, which may use anything.
fn code(text: &str) -> String {
    let body = text.split("\n#[cfg(test)]\nmod tests").next().unwrap_or(text);
    body.lines().map(|line| line.split("//").next().unwrap_or("")).collect::<Vec<_>>().join("\n")
}

/// The first path segment after each `prefix`.
fn named<'a>(code: &'a str, prefix: &str) -> Vec<&'a str> {
    code.match_indices(prefix)
        .map(|(at, _)| {
            let rest = &code[at + prefix.len()..];
            &rest[..rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len())]
        })
        .collect()
}

/// `clock` and the edges of the engine own time; everything else is handed it.
#[test]
fn modules_import_only_what_the_design_allows() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    sources(&root, &mut files);
    let mut checked = 0;
    let mut wrong = Vec::new();
    for file in files {
        let relative = file.strip_prefix(&root).unwrap();
        let module =
            relative.components().next().unwrap().as_os_str().to_str().unwrap().trim_end_matches(".rs").to_owned();
        let Some((_, may, must_not)) = RULES.iter().find(|(name, ..)| *name == module) else { continue };
        if relative.components().any(|part| part.as_os_str() == "tests" || part.as_os_str() == "tests.rs") {
            continue;
        }
        let text = code(&fs::read_to_string(&file).unwrap());
        checked += 1;
        for used in named(&text, "crate::") {
            if !may.contains(&used) && !used.is_empty() {
                wrong.push(format!("{}: crate::{used}", relative.display()));
            }
        }
        for foreign in *must_not {
            if text.contains(&format!("use {foreign}::")) || text.contains(&format!(" {foreign}::")) {
                wrong.push(format!("{}: {foreign}", relative.display()));
            }
        }
    }
    assert!(checked > 30, "only {checked} files were read: the test looks in the wrong place");
    assert_eq!(wrong, Vec::<String>::new(), "imports that the design forbids");
}

#[test]
fn the_check_finds_a_forbidden_import() {
    let text = code("use crate::ui::view; // crate::model\n#[cfg(test)]\nmod tests { use crate::sim; }");
    assert_eq!(named(&text, "crate::"), ["ui"]);
}

/// Printed text is cleaned there; stdout is written by `main` and `term`.
#[test]
fn only_one_module_writes_to_stderr() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    sources(&root, &mut files);
    let writes = |file: &PathBuf| {
        let text = code(&fs::read_to_string(file).unwrap());
        ["stderr()", "eprint", "io::Stderr"].iter().any(|word| text.contains(word))
    };
    let mut found: Vec<_> =
        files.iter().filter(|file| writes(file)).map(|file| file.strip_prefix(&root).unwrap()).collect();
    found.sort_unstable();
    // `main` asks clap whether an error is for stderr.
    assert_eq!(found, [Path::new("main.rs"), Path::new("stderr.rs")]);
}

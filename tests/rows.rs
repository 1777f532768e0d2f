//! The documents and the code agree: the tests of each fault exist, and so does each code and each document that a comment names.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

const FAULTS: &str = include_str!("../docs/faults.md");
const LIST_WATCH: &str = include_str!("../docs/list-watch.md");

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// The rows of the faults by their code: what stands below each heading.
fn faults() -> BTreeMap<&'static str, &'static str> {
    FAULTS.split("\n### ").skip(1).filter_map(|row| row.split_once(' ')).collect()
}

/// All Rust files below `folder`, with their text.
fn sources(folder: &Path, found: &mut Vec<(PathBuf, String)>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = std::fs::read_to_string(&path).unwrap();
            found.push((path, text));
        }
    }
}

fn all_sources() -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    for folder in ["src", "tests", "benches", "fuzz"] {
        sources(&root().join(folder), &mut found);
    }
    assert!(found.len() > 100, "the test looks in the wrong place");
    found
}

/// The names of all functions: a test that a document names exists.
fn tests() -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for (_, text) in all_sources() {
        found.extend(text.split("fn ").skip(1).filter_map(|rest| rest.split('(').next()).map(str::to_owned));
    }
    found
}

/// The names in backticks.
fn named(text: &str) -> Vec<&str> {
    text.split('`').skip(1).step_by(2).filter(|name| name.len() > 1 && name.contains('_')).collect()
}

#[test]
fn every_fault_of_the_document_has_a_test_that_exists_or_says_why_it_has_none() {
    let tests = tests();
    let rows = faults();
    assert!(rows.len() >= 90, "{}", rows.len());
    for (row, text) in rows {
        let proof = text.split("Proved by: ").nth(1).unwrap_or_else(|| panic!("{row} says nothing of its proof"));
        let proof = proof.split("\n\n").next().unwrap_or(proof);
        let names = named(proof);
        let reason = proof.strip_prefix("no test, since ").filter(|reason| reason.len() > 20);
        if reason.is_some() {
            continue;
        }
        assert!(!names.is_empty(), "{row} has neither a test nor a reason");
        for name in &names {
            assert!(tests.contains(*name), "{row}: there is no test `{name}`");
        }
        let id = row.to_lowercase();
        let number: u32 = id[1..].parse().unwrap();
        let by_name = names.iter().any(|name| name.split('_').any(|part| part == id));
        assert!(by_name || number > 82, "{row}: no test carries its id: {names:?}");
    }
}

#[test]
fn every_upstream_test_that_concerns_us_has_a_counterpart_that_exists_or_a_reason() {
    let tests = tests();
    let table = LIST_WATCH.split("## client-go's tests and ours").nth(1).unwrap();
    let rows: Vec<_> =
        table.lines().filter_map(|line| line.strip_prefix("| `").or(line.strip_prefix("| pager"))).collect();
    assert!(rows.len() >= 45, "{}", rows.len());
    for row in rows {
        let (_, ours) = row.split_once(" | ").unwrap_or_else(|| panic!("{row} has one column"));
        let names = named(ours);
        assert!(!names.is_empty() || ours.starts_with("none: "), "{row}: neither a test nor a reason");
        for name in names {
            assert!(tests.contains(name), "{row}: there is no test `{name}`");
        }
    }
}

/// Text of comments, line by line.
fn comments(text: &str) -> impl Iterator<Item = &str> {
    text.lines().filter_map(|line| line.split_once("//").map(|(_, comment)| comment))
}

/// `F12`, `G4`, `R9` in a text.
fn codes(text: &str) -> impl Iterator<Item = &str> {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric());
    words.filter(|word| {
        let digits = word.strip_prefix(['F', 'G', 'R']).unwrap_or("");
        // F1 to F9 are keys of a keyboard.
        let least = if word.starts_with('F') { 2 } else { 1 };
        (least..=3).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit())
    })
}

#[test]
fn every_code_that_a_comment_mentions_is_in_the_documents() {
    let rows = faults();
    let known = |code: &str| match code.as_bytes()[0] {
        b'F' => rows.contains_key(code),
        b'G' => FAULTS.contains(&format!("* **{code}** ")),
        _ => LIST_WATCH.contains(&format!("| {code} | ")),
    };
    let mut unknown = BTreeSet::new();
    for (path, text) in all_sources() {
        for comment in comments(&text) {
            unknown
                .extend(codes(comment).filter(|code| !known(code)).map(|code| format!("{}: {code}", path.display())));
        }
    }
    assert_eq!(unknown, BTreeSet::new());
}

#[test]
fn every_document_that_a_comment_names_is_there() {
    let mut missing = BTreeSet::new();
    for (path, text) in all_sources() {
        for word in comments(&text)
            .flat_map(|comment| comment.split(|c: char| !(c.is_ascii_alphanumeric() || "-_./".contains(c))))
        {
            // Deeper paths are those of other repositories.
            let ours = word.strip_suffix(".md").is_some_and(|stem| !stem.trim_start_matches("docs/").contains('/'));
            let there = root().join(word).exists() || root().join("docs").join(word).exists();
            if ours && !there {
                missing.insert(format!("{}: {word}", path.display()));
            }
        }
    }
    assert_eq!(missing, BTreeSet::new());
}

//! The documents agree with the program.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use clap::Parser;
use watchbell::action::ACTIONS;
use watchbell::cli::Cli;
use watchbell::config::Config;

use crate::rig::{TestServer, watchbell};

const README: &str = include_str!("../README.md");
const CONTRIBUTING: &str = include_str!("../CONTRIBUTING.md");
const KEYS: &str = include_str!("../docs/keys.md");
/// Documents with examples.
const ALL: [&str; 7] = [
    README,
    CONTRIBUTING,
    KEYS,
    include_str!("../docs/schema.md"),
    include_str!("../docs/latency-and-alerts.md"),
    include_str!("../docs/security.md"),
    include_str!("../docs/performance.md"),
];

/// The table of docs/keys.md, one row for each action; the nine cluster keys are one row.
fn key_table() -> String {
    let mut table = String::from("| Keys | Action | |\n|---|---|---|\n");
    for entry in ACTIONS {
        let digit = entry.action.cluster_index();
        if digit.is_some_and(|digit| digit > 0) {
            continue;
        }
        let keys: Vec<String> = entry.keys.iter().map(|key| format!("`{key}`")).collect();
        let row = match digit {
            Some(_) => ("`1` … `9`".to_owned(), "cluster-1 … cluster-9", "the cluster of that number"),
            None => (keys.join(" "), entry.name, entry.help),
        };
        let _ = writeln!(table, "| {} | {} | {} |", row.0, row.1, row.2.replace('|', "\\|"));
    }
    table
}

#[test]
fn the_table_of_keys_is_that_of_the_program() {
    let table = key_table();
    assert!(KEYS.contains(&table), "the key table of docs/keys.md is not this one:\n{table}");
}

#[test]
fn readme_shows_both_commands_and_fits_its_readers() {
    assert!(README.contains("cargo run --release -- demo") && README.contains("cargo test"));
    assert!(README.lines().count() <= 200, "the README is a page for users; the rest belongs to docs/");
}

#[test]
fn contributing_names_every_scenario() {
    for name in watchbell::sim::Scenario::builtin_names() {
        assert!(CONTRIBUTING.contains(&format!("| `{name}` |")), "CONTRIBUTING.md says nothing of `{name}`");
    }
}

/// Bodies of the fenced blocks of a language.
fn blocks<'a>(text: &'a str, language: &str) -> Vec<&'a str> {
    let fence = format!("```{language}\n");
    text.split(&fence).skip(1).filter_map(|rest| rest.split("```").next()).collect()
}

/// Lines that a reader would type, without their comments.
fn commands() -> Vec<&'static str> {
    let lines = ALL.iter().flat_map(|text| blocks(text, "console")).flat_map(str::lines);
    lines.filter_map(|line| line.strip_prefix("$ ")).map(|line| line.split(" # ").next().unwrap().trim()).collect()
}

#[test]
fn commands_in_the_documents_are_commands_of_the_program() {
    let ours: Vec<&str> = commands().into_iter().filter(|line| line.starts_with("watchbell")).collect();
    assert!(ours.len() >= 8, "{ours:?}");
    for line in ours {
        let words = line.split(" | ").next().unwrap().split_whitespace();
        if let Err(error) = Cli::try_parse_from(words).and_then(Cli::settled) {
            panic!("`{line}`: {error}");
        }
    }
}

#[test]
fn configuration_in_the_documents_is_read_without_a_warning() {
    let dir = tempfile::tempdir().unwrap();
    let found: Vec<&str> = ALL.iter().flat_map(|text| blocks(text, "toml")).collect();
    assert!(found.len() >= 2, "{found:?}");
    for text in found {
        let file = dir.path().join("config.toml");
        std::fs::write(&file, text).unwrap();
        let config = Config::load(Some(&file)).unwrap_or_else(|error| panic!("{error}\n{text}"));
        assert!(config.warnings.is_empty(), "{:?}\n{text}", config.warnings);
    }
}

/// Recipes run where jq is; their fields are looked up in any case.
#[test]
fn recipes_for_jq_find_their_fields() {
    let served = TestServer::scenario("small");
    let recipes: Vec<&str> = commands().into_iter().filter(|line| line.contains("| jq")).collect();
    assert!(recipes.len() >= 3, "{recipes:?}");
    let has_jq = Command::new("jq").arg("--version").output().is_ok();
    if !has_jq {
        eprintln!("recipes are not run: this machine has no jq");
    }
    for recipe in recipes {
        let (ours, jq) = recipe.split_once(" | ").unwrap();
        let output = watchbell(&served).args(ours.split_whitespace().skip(1)).output().unwrap();
        let json = String::from_utf8(output.stdout).unwrap();
        let filter = jq.split('\'').nth(1).unwrap_or_else(|| jq.split_whitespace().last().unwrap());
        for field in filter.split('.').skip(1).map(|rest| rest.split(|c: char| !c.is_alphanumeric()).next().unwrap()) {
            assert!(field.is_empty() || json.contains(&format!("\"{field}\":")), "`{recipe}`: no field `{field}`");
        }
        if has_jq {
            let mut child =
                Command::new("jq").arg(filter).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
            child.stdin.take().unwrap().write_all(json.as_bytes()).unwrap();
            let done = child.wait_with_output().unwrap();
            assert!(done.status.success(), "`{recipe}`");
        }
    }
}

#[test]
fn readme_names_every_picture_that_it_shows() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let pictures: Vec<&str> = README.split("](assets/").skip(1).filter_map(|rest| rest.split(')').next()).collect();
    assert!(!pictures.is_empty());
    for picture in pictures {
        assert!(root.join("assets").join(picture).is_file(), "assets/{picture} is missing");
    }
}

#[cfg(unix)]
#[test]
fn the_documents_name_only_scripts_that_run_as_they_are() {
    use std::os::unix::fs::PermissionsExt;
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let scripts: std::collections::BTreeSet<&str> =
        concat!(include_str!("../CONTRIBUTING.md"), include_str!("../docs/performance.md"))
            .split(['`', ' ', '\n'])
            .filter(|word| word.starts_with("scripts/") && Path::new(word).extension().is_some_and(|end| end == "py"))
            .collect();
    assert!(scripts.len() >= 3, "{scripts:?}");
    for script in scripts {
        let mode = std::fs::metadata(root.join(script))
            .unwrap_or_else(|error| panic!("{script}: {error}"))
            .permissions()
            .mode();
        assert_eq!(mode & 0o111, 0o111, "{script} cannot be run: chmod +x");
    }
}

/// Files of the source as the documents name them: `cluster/meter.rs`, `src/lib.rs`, `scripts/count.py`.
#[test]
fn files_that_the_documents_name_exist() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let texts = [include_str!("../docs/architecture.md"), CONTRIBUTING];
    let is_path = |word: &&str| {
        let extension = Path::new(word).extension();
        extension.is_some_and(|end| ["rs", "py", "toml", "md"].iter().any(|known| end == *known))
            && word.chars().all(|c| c.is_alphanumeric() || "/._-".contains(c))
    };
    let named: Vec<&str> = texts.iter().flat_map(|text| text.split('`').skip(1).step_by(2)).filter(is_path).collect();
    assert!(named.len() >= 10, "{named:?}");
    for path in named {
        let places = ["", "src", "docs", "src/model", "src/cluster/connect/tls"];
        assert!(places.iter().any(|place| root.join(place).join(path).is_file()), "there is no `{path}`");
    }
}

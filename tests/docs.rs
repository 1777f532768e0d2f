//! What the README says about the program, held against the program.

use std::fmt::Write;
use std::path::Path;

use watchbell::action::ACTIONS;

const README: &str = include_str!("../README.md");

/// The README's key table, one row for each action; the nine cluster keys are one row.
fn key_table() -> String {
    let mut table = String::from("| Keys | Action | |\n|---|---|---|\n");
    for entry in ACTIONS {
        let digit = entry.action.cluster_index();
        if digit.is_some_and(|digit| digit > 0) {
            continue;
        }
        let keys: Vec<String> = entry.keys.iter().map(|key| format!("`{key}`")).collect();
        let row = match digit {
            Some(_) => ("`1` … `9`".to_owned(), "cluster-1 … cluster-9", "the cluster at that place"),
            None => (keys.join(" "), entry.name, entry.help),
        };
        let _ = writeln!(table, "| {} | {} | {} |", row.0, row.1, row.2.replace('|', "\\|"));
    }
    table
}

#[test]
fn readme_shows_the_key_table() {
    let table = key_table();
    assert!(README.contains(&table), "the README's key table is not this one:\n{table}");
}

#[test]
fn readme_shows_both_commands_and_every_scenario() {
    assert!(README.contains("cargo run --release -- demo") && README.contains("cargo test"));
    for name in watchbell::sim::Scenario::builtin_names() {
        assert!(README.contains(&format!("| `{name}` |")), "the README says nothing of `{name}`");
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
fn readme_names_only_scripts_that_run_as_they_are() {
    use std::os::unix::fs::PermissionsExt;
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let scripts: std::collections::BTreeSet<&str> =
        concat!(include_str!("../README.md"), include_str!("../docs/performance.md"))
            .split(['`', ' ', '\n'])
            .filter(|word| word.starts_with("tests/") && Path::new(word).extension().is_some_and(|end| end == "py"))
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

//! The notices of third parties: every crate that is in the program is named in them.

use std::fs;
use std::path::Path;
use std::process::Command;

/// `scripts/licenses.py` writes the file; this fails when Cargo.lock has changed since.
#[test]
fn every_crate_in_the_program_is_named_with_its_licence() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let notices = fs::read_to_string(root.join("THIRD-PARTY-LICENSES")).unwrap();
    let tree = Command::new(env!("CARGO"))
        .args(["tree", "--locked", "--offline", "--edges", "normal,no-proc-macro", "--prefix", "none"])
        .current_dir(root)
        .output()
        .unwrap();
    assert!(tree.status.success(), "{}", String::from_utf8_lossy(&tree.stderr));
    let tree = String::from_utf8(tree.stdout).unwrap();
    let crates: Vec<&str> = tree.lines().filter(|line| !line.is_empty() && !line.starts_with("watchbell ")).collect();
    assert!(crates.len() > 100, "{tree}");
    let missing: Vec<&str> = crates
        .into_iter()
        .filter(|line| {
            let mut words = line.split(' ');
            let (name, version) = (words.next().unwrap(), words.next().unwrap_or_default().trim_start_matches('v'));
            !notices.lines().any(|line| line.starts_with(&format!("{name} {version} (")))
        })
        .collect();
    assert_eq!(missing, Vec::<&str>::new(), "run `python3 scripts/licenses.py`");
    for licence in ["MIT", "Apache-2.0", "ISC", "Zlib", "BSD-3-Clause", "MPL-2.0"] {
        assert!(notices.contains(&format!("\n{licence}\n====")), "the text of {licence}");
    }
}

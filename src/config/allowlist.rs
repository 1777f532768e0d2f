//! `exec-allow`, the list of plugins that may run: a misplaced one is an error, and its paths become absolute.

use std::path::{Path, PathBuf};

use toml::de::{DeTable, DeValue};

use crate::facts::text::Clean;

/// The key, and its section.
const KEY: &str = "exec-allow";
const SECTION: &str = "clusters";
/// Maximum number of wrong letters in a misspelled name: `exec-alow`, `exec_allows`.
const WRONG_LETTERS: usize = 2;

/// Rejects the key in a wrong section, or misspelled.
///
/// # Errors
/// The line and the section of the key. After a mere warning, plugins would run that the list is meant to forbid.
pub(super) fn check(text: &str) -> Result<(), String> {
    // Text that is not TOML was rejected earlier.
    let Ok(root) = DeTable::parse(text) else { return Ok(()) };
    match misplaced(root.get_ref(), &mut Vec::new()) {
        None => Ok(()),
        Some((name, at)) => {
            let line = 1 + text.bytes().take(at).filter(|&byte| byte == b'\n').count();
            let name = Clean::new(&name);
            Err(format!(
                "line {line}: `{name}` is not known there, and every credential plugin would run; write `{KEY}` below \
                 `[{SECTION}]`"
            ))
        }
    }
}

/// Makes the path of a command absolute; a relative one starts at the folder of the configuration.
pub(super) fn resolve(command: &mut String, config: &Path) {
    let config = std::path::absolute(config).unwrap_or_else(|_| config.to_owned());
    if let (true, Some(folder)) = (command.contains('/'), config.parent()) {
        *command = folder.join(&*command).components().collect::<PathBuf>().to_string_lossy().into_owned();
    }
}

/// The first such key with its sections, and the offset of its first byte.
fn misplaced<'a>(table: &'a DeTable<'_>, sections: &mut Vec<&'a str>) -> Option<(String, usize)> {
    for (key, value) in table {
        let name: &str = key.get_ref();
        let DeValue::Table(below) = value.get_ref() else {
            if is_meant(name) && (sections.as_slice(), name) != (&[SECTION], KEY) {
                return Some(([sections.as_slice(), &[name]].concat().join("."), key.span().start));
            }
            continue;
        };
        sections.push(name);
        let found = misplaced(below, sections);
        sections.pop();
        if found.is_some() {
            return found;
        }
    }
    None
}

fn is_meant(name: &str) -> bool {
    let letters = |name: &str| name.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_lowercase();
    let (name, key) = (letters(name), letters(KEY));
    name.starts_with(&key) || strsim::damerau_levenshtein(&name, &key) <= WRONG_LETTERS
}

#[cfg(test)]
mod tests {
    use super::super::tests::load;

    #[test]
    fn an_allowlist_of_plugins_that_would_have_no_effect_is_an_error_that_names_its_line() {
        for (text, line, name) in [
            ("exec-allow = []\n", 1, "exec-allow"),
            ("[cluster.prod]\nnamespaces = [\"a\"]\nexec-allow = [\"aws\"]\n", 3, "cluster.prod.exec-allow"),
            ("[clusters]\nexec_allow = [\"aws\"]\n", 2, "clusters.exec_allow"),
            ("[clusters]\nexec-alow = []\n", 2, "clusters.exec-alow"),
            ("[clusters]\nexec-allow-list = []\n", 2, "clusters.exec-allow-list"),
            ("[Clusters]\n\nexecAllow = []\n", 3, "Clusters.execAllow"),
            ("[security]\nexec-allow = \"aws\"\n", 2, "security.exec-allow"),
        ] {
            let error = load(text).unwrap_err().to_string();
            let named = format!("line {line}: `{name}`");
            assert!(error.contains(&named) && error.contains("below `[clusters]`"), "{text}: {error}");
        }
        for text in
            ["[clusters]\nexec-allow = []\n", "clusters.exec-allow = []\n", "[cluster.exec-allow]\nwatch-list = true\n"]
        {
            assert_eq!(load(text).unwrap().warnings, Vec::<String>::new(), "{text}");
        }
    }

    #[test]
    fn a_relative_path_in_the_allowlist_is_meant_from_the_configurations_folder() {
        let allowed =
            load("[clusters]\nexec-allow = [\"aws\", \"/a/b\", \"./p.sh\"]\n").unwrap().tuning("any").exec_allow;
        let allowed = allowed.unwrap();
        assert_eq!(allowed[..2], ["aws", "/a/b"]);
        assert!(
            allowed[2].starts_with('/') && allowed[2].ends_with("/p.sh") && !allowed[2].contains("/./"),
            "{allowed:?}"
        );
    }
}

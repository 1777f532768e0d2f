//! `namespaces` of `[clusters]` and `[cluster.NAME]`: namespaces whose pods are watched if the user may not list all pods (F23).

use serde::{Deserialize, Deserializer};

use crate::cli;
use crate::facts::text::Clean;

/// Maximum number of namespaces: each has a list and a watch of its own, whose load the server should hardly notice.
const MOST: usize = 32;

/// The namespaces whose pods are watched, without duplicates; empty for the whole cluster.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Namespaces(Vec<Clean>);

impl Namespaces {
    /// Creates the list without duplicates, in the order of `names`.
    ///
    /// # Errors
    /// If a name cannot be a namespace, or if there are too many.
    pub(super) fn new(names: &[String]) -> Result<Self, String> {
        let mut namespaces = Vec::new();
        for name in names {
            let name = Clean::new(&cli::namespace(name)?);
            if !namespaces.contains(&name) {
                namespaces.push(name);
            }
        }
        match namespaces.len() {
            ..=MOST => Ok(Self(namespaces)),
            many => Err(format!(
                "{many} namespaces are too many, each is a list and a watch of its own; name at most {MOST}, or none for the whole cluster"
            )),
        }
    }

    pub(super) fn names(&self) -> &[Clean] {
        &self.0
    }
}

impl<'de> Deserialize<'de> for Namespaces {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::new(&Vec::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::load;

    fn of(text: &str, context: &str) -> Vec<String> {
        load(text).unwrap().tuning(context).namespaces.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn f23_namespaces_hold_for_all_clusters_or_for_one() {
        let text = "[clusters]\nnamespaces = [\"a\", \"b\", \"a\"]\n[cluster.\"x.y\"]\nnamespaces = [\"c\"]\n[cluster.all]\nnamespaces = []\n";
        assert_eq!(of(text, "other"), ["a", "b"], "each once");
        assert_eq!(of(text, "x.y"), ["c"]);
        assert_eq!(of(text, "all"), [""; 0], "the whole of that one");
        assert_eq!(of("", "any"), [""; 0], "the whole cluster unless something is said");
    }

    #[test]
    fn f23_a_name_that_no_namespace_has_is_refused_with_its_file_line_and_key() {
        for name in ["Team", "team_a", "-a", "a-", "a.b", "", &"a".repeat(64)] {
            let text = format!("[clusters]\n\nnamespaces = [\"ok\", \"{name}\"]\n");
            let error = load(&text).unwrap_err().to_string();
            for part in ["config.toml", "line 3", "namespaces", &format!("`{name}`"), "DNS label"] {
                assert!(error.contains(part), "{part}: {error}");
            }
        }
        let error = load("[cluster.prod]\nnamespaces = [\"A\"]\n").unwrap_err().to_string();
        assert!(error.contains("line 2") && error.contains("`A`"), "{error}");
    }

    #[test]
    fn f23_the_number_of_namespaces_is_bounded() {
        let names = |count: usize| (0..count).map(|n| format!("\"team-{n}\"")).collect::<Vec<_>>().join(", ");
        assert_eq!(of(&format!("[clusters]\nnamespaces = [{}]\n", names(32)), "any").len(), 32);
        let error = load(&format!("[clusters]\nnamespaces = [{}]\n", names(33))).unwrap_err().to_string();
        assert!(error.contains("line 2") && error.contains("at most 32"), "{error}");
    }

    #[test]
    fn f23_the_flag_counts_more_than_the_file() {
        let mut config = load("[clusters]\nnamespaces = [\"a\"]\n[cluster.x]\nnamespaces = [\"b\"]\n").unwrap();
        config.watch_only(&[]).unwrap();
        assert_eq!(config.tuning("x").namespaces, ["b".into()], "no flag");
        config.watch_only(&["c".to_owned()]).unwrap();
        assert_eq!(config.tuning("x").namespaces, ["c".into()]);
        assert_eq!(config.tuning("y").namespaces, ["c".into()]);
        let many: Vec<String> = (0..33).map(|n| format!("n{n}")).collect();
        assert!(config.watch_only(&many).unwrap_err().to_string().contains("--namespace"));
    }
}

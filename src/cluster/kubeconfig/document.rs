//! The merged kubeconfig: entries by name, each as in its file. Their fields are read when a context uses them.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

use crate::cluster::yaml::YamlNode;

/// Kind of an entry that is itself the subject of a message.
pub(super) const CONTEXT: &str = "context";

/// One file of the kubeconfig.
pub(super) struct KubeconfigFile {
    pub(super) path: PathBuf,
    /// Folder of the file, for relative paths in it.
    pub(super) folder: PathBuf,
    /// Reason why another user could have written it, if so.
    pub(super) others: Option<String>,
}

impl KubeconfigFile {
    /// Resolves a path of the file against its folder, without `.` in the middle.
    pub(super) fn resolve(&self, path: &str) -> PathBuf {
        self.folder.join(path).components().collect()
    }
}

/// The files of a kubeconfig, merged as kubectl does it: the first file that defines a name wins.
#[derive(Default)]
pub(super) struct MergedConfig {
    pub(super) contexts: Section,
    pub(super) clusters: Section,
    pub(super) users: Section,
    pub(super) current: Option<String>,
}

/// `contexts`, `clusters` or `users`.
#[derive(Default)]
pub(super) struct Section {
    entries: Vec<NamedEntry>,
    by_name: HashMap<String, usize>,
    /// The reason why entries may be missing.
    odd: Option<String>,
}

/// One context, cluster or user.
pub(super) struct NamedEntry {
    pub(super) name: String,
    /// The value below its name.
    pub(super) value: Option<Arc<YamlNode>>,
    pub(super) file: Arc<KubeconfigFile>,
    line: usize,
    /// The line of another entry with this name in the same file.
    again: Option<usize>,
}

impl MergedConfig {
    /// Adds the next file; `None` if its root is not a map.
    pub(super) fn add(&mut self, root: &YamlNode, file: &Arc<KubeconfigFile>) -> Option<()> {
        if root.is_empty() {
            return Some(());
        }
        root.pairs()?;
        self.contexts.add(root, ["contexts", CONTEXT], file);
        self.clusters.add(root, ["clusters", "cluster"], file);
        self.users.add(root, ["users", "user"], file);
        let current = root.get("current-context").filter(|node| !node.is_empty());
        if let (None, Some(current)) = (&self.current, current.and_then(|node| node.text())) {
            self.current = Some(current.to_owned());
        }
        Some(())
    }
}

impl NamedEntry {
    /// Name of the entry in a message that already names the context: "the context", "its user `u`".
    pub(super) fn called(&self, what: &str) -> String {
        if what == CONTEXT { "the context".to_owned() } else { format!("its {what} `{}`", self.name) }
    }
}

impl Section {
    fn add(&mut self, root: &YamlNode, [section, below]: [&str; 2], file: &Arc<KubeconfigFile>) {
        let Some(node) = root.get(section).filter(|node| !node.is_empty()) else { return };
        let Some(members) = node.list() else {
            self.odd = Some(format!("`{section}` in line {} is not a list", node.line));
            return;
        };
        for member in members {
            // An entry without a name cannot be used.
            let name = member.get("name").filter(|name| !name.is_empty());
            let Some(name) = name.and_then(|name| name.text()) else { continue };
            match self.by_name.get(name).map(|&at| &mut self.entries[at]) {
                Some(first) if Arc::ptr_eq(&first.file, file) => first.again = Some(member.line),
                Some(_) => {}
                None => {
                    self.by_name.insert(name.to_owned(), self.entries.len());
                    let value = member.get(below).filter(|value| !value.is_empty()).cloned();
                    let (name, line) = (name.to_owned(), member.line);
                    self.entries.push(NamedEntry { name, value, file: file.clone(), line, again: None });
                }
            }
        }
    }

    /// The names, in order.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.entries.iter().map(|entry| entry.name.as_str())
    }

    pub(super) fn contains(&self, name: &str) -> bool {
        self.by_name.contains_key(name)
    }

    /// The entry of that name.
    ///
    /// # Errors
    /// There is none, or there are two.
    pub(super) fn get(&self, what: &str, name: &str) -> Result<&NamedEntry, String> {
        let Some(entry) = self.by_name.get(name).map(|&at| &self.entries[at]) else {
            let odd = self.odd.as_ref().map(|odd| format!(": {odd}")).unwrap_or_default();
            return Err(format!("its {what} `{name}` is not in the kubeconfig{odd}"));
        };
        match entry.again {
            Some(again) => Err(format!("{} is there twice, in lines {} and {again}", entry.called(what), entry.line)),
            None => Ok(entry),
        }
    }
}

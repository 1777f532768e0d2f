//! What has changed since somebody last looked, so that only that is looked at again.

use crate::facts::text::Clean;

/// So many changes are kept, and names of things that went; past that whoever looks must look at everything.
const MOST: usize = 1 << 18;
/// Names of things that went, which cost more.
const MOST_GONE: usize = 10_000;

/// Things that have changed, each once, and things that went.
#[derive(Debug)]
pub(crate) struct Touched<K> {
    pub(crate) there: Vec<K>,
    pub(crate) gone: Vec<Clean>,
    /// Nothing was left out.
    pub(crate) complete: bool,
}

impl<K> Default for Touched<K> {
    fn default() -> Self {
        Self { there: Vec::new(), gone: Vec::new(), complete: true }
    }
}

impl<K> Touched<K> {
    /// A thing has changed; whoever says so sees to it that it is said once.
    pub(crate) fn there(&mut self, key: K) {
        if self.there.len() < MOST {
            self.there.push(key);
        } else {
            self.complete = false;
        }
    }

    /// A thing of this name went.
    pub(crate) fn gone(&mut self, name: Clean) {
        if self.gone.len() < MOST_GONE {
            self.gone.push(name);
        } else {
            self.complete = false;
        }
    }
}

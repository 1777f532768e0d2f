//! Usage of nodes from `metrics.k8s.io`, with an age of its own; nothing else depends on it.

use std::time::Duration;
use std::vec::IntoIter;

use hashbrown::HashMap;
use jiff::Timestamp;

use crate::facts::metrics::NodeUsage;
use crate::facts::quantity::Quantity;
use crate::facts::text::Clean;
use crate::model::store::sync::Visibility;
use crate::model::time::age_of;
use crate::msg::UsageNews;

/// Figures older than this are stale: metrics-server has new ones every 15 to 60 s (docs/counting.md).
pub const STALE_AFTER: Duration = Duration::from_secs(120);

/// Usage of a node, from `metrics.k8s.io`; everything is `None` if the API has no figures of this node (F26).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Used {
    /// CPU, thousandths of a core: the average over the window.
    pub cpu_milli: Option<i64>,
    /// Memory, bytes: the working set.
    pub memory_bytes: Option<i64>,
    /// Time since the figures were taken, by the server's clock.
    pub age: Option<Duration>,
    /// The time over which the CPU is averaged.
    pub window: Option<Duration>,
}

impl Used {
    /// Returns `true` if the figures are too old to be current.
    #[must_use]
    pub fn is_stale(&self) -> bool {
        self.age.is_none_or(|age| age > STALE_AFTER)
    }
}

/// Per cent of allocatable, cut as `kubectl top node` does; it can exceed 100. Of nothing it is 0.
#[must_use]
pub fn used_pct(used: i64, allocatable: i64) -> i64 {
    if allocatable <= 0 {
        return 0;
    }
    i64::try_from(i128::from(used) * 100 / i128::from(allocatable)).unwrap_or(i64::MAX)
}

/// Figures of one node; times have whole seconds and milliseconds, as metrics-server reports them.
#[derive(Clone, Copy, Debug)]
struct Figures {
    /// [`NONE`] if it is not known.
    cpu_milli: i64,
    /// [`NONE`] if it is not known.
    memory_bytes: i64,
    /// Seconds since 1970, 0 if not known.
    at: u32,
    /// Milliseconds, `u32::MAX` if not known.
    window_ms: u32,
    /// Number of the answer that contained them.
    round: u32,
}

/// Value for an unknown amount, which no usage can have.
const NONE: i64 = i64::MIN;

/// The usage of the nodes of one cluster.
#[derive(Debug, Default)]
pub struct UsageStore {
    visible: Visibility,
    nodes: HashMap<Clean, Figures>,
    /// Figures of the last answer that are not applied yet.
    waiting: IntoIter<NodeUsage>,
    /// Number of answers so far.
    round: u32,
    /// The newest of the figures.
    newest: Option<Timestamp>,
    /// Grows with every answer that has figures, and when they are dropped.
    revision: u64,
}

impl UsageStore {
    /// Applies an answer. Figures stay, and age, until newer ones arrive or the API is gone.
    pub(crate) fn apply(&mut self, news: UsageNews) {
        self.visible = match news {
            UsageNews::Read(nodes) => {
                self.revision += 1;
                self.newest = nodes.iter().filter_map(|node| node.at).max();
                self.round = self.round.wrapping_add(1);
                self.waiting = nodes.into_iter();
                Visibility::Visible
            }
            UsageNews::Off => Visibility::Off(Clean::new("switched off in the configuration")),
            UsageNews::Absent => {
                self.revision += 1;
                self.nodes.clear();
                self.waiting = IntoIter::default();
                self.newest = None;
                Visibility::Absent
            }
            UsageNews::Denied(text) => Visibility::Denied(text),
            UsageNews::Unavailable(text) => Visibility::Unavailable(text),
        };
    }

    /// Applies up to `most` figures of the last answer, and at its end drops the nodes that it does not name. A large cluster sends a
    /// hundred thousand figures every half minute, too many to apply at once before a key.
    pub(crate) fn apply_pending(&mut self, most: usize, held: impl Fn(&str) -> Option<Clean>) {
        if self.waiting.len() == 0 {
            return;
        }
        self.revision += 1;
        for node in self.waiting.by_ref().take(most) {
            let figures = Figures::of(&node, self.round);
            if let Some(known) = self.nodes.get_mut(&*node.name) {
                *known = figures;
                continue;
            }
            // The node's copy of the name, or a new allocation apart from the memory that is freed.
            let name = held(&node.name).unwrap_or_else(|| Clean::new(&node.name));
            self.nodes.insert(name, figures);
        }
        if self.waiting.len() == 0 {
            self.waiting = IntoIter::default();
            self.nodes.retain(|_, held| held.round == self.round);
        }
    }

    /// Returns `true` while figures of the last answer are not applied yet.
    pub(crate) fn is_behind(&self) -> bool {
        self.waiting.len() > 0
    }

    /// Bytes on the heap.
    pub(crate) fn heap_bytes(&self) -> usize {
        let own = |name: &&Clean| name.ref_count() == 1;
        self.nodes.allocation_size()
            + self.nodes.keys().filter(own).map(|name| name.len()).sum::<usize>()
            + size_of_val(self.waiting.as_slice())
    }

    /// This store's copy of a node's name.
    pub(crate) fn name(&self, node: &str) -> Option<&Clean> {
        self.nodes.get_key_value(node).map(|(name, _)| name)
    }

    /// Visibility of the API.
    #[must_use]
    pub fn visible(&self) -> &Visibility {
        &self.visible
    }

    /// Returns `true` if there are figures to show, however old.
    pub(crate) fn shown(&self) -> bool {
        self.visible == Visibility::Visible || !self.nodes.is_empty()
    }

    pub(crate) fn revision(&self) -> u64 {
        self.revision
    }

    /// Time of the newest figures; `None` if none has a time.
    pub(crate) fn newest(&self) -> Option<Timestamp> {
        self.newest
    }

    /// Usage of a node: `None` if there are no figures at all, unknown figures if it alone has none (F26).
    pub(crate) fn of(&self, node: &str, server_now: Timestamp) -> Option<Used> {
        if !self.shown() {
            return None;
        }
        let known = self.nodes.get(node);
        Some(Used {
            cpu_milli: known.map(|figures| figures.cpu_milli).filter(|cpu| *cpu != NONE),
            memory_bytes: known.map(|figures| figures.memory_bytes).filter(|memory| *memory != NONE),
            age: known.and_then(|figures| age_of(figures.taken(), server_now)),
            window: known.and_then(Figures::window),
        })
    }
}

impl Figures {
    fn of(usage: &NodeUsage, round: u32) -> Self {
        let ms = |window: Duration| u32::try_from(window.as_millis()).unwrap_or(u32::MAX - 1);
        Self {
            cpu_milli: usage.cpu.map_or(NONE, Quantity::milli),
            memory_bytes: usage.memory.map_or(NONE, Quantity::value),
            at: usage.at.map_or(0, |at| u32::try_from(at.as_second().max(1)).unwrap_or(u32::MAX)),
            window_ms: usage.window.map_or(u32::MAX, ms),
            round,
        }
    }

    fn taken(&self) -> Option<Timestamp> {
        (self.at > 0).then(|| Timestamp::from_second(self.at.into()).ok()).flatten()
    }

    fn window(&self) -> Option<Duration> {
        (self.window_ms < u32::MAX).then(|| Duration::from_millis(self.window_ms.into()))
    }
}

#[cfg(test)]
mod tests;

//! One count of all gangs in the making, a slice of pods at a time.

use std::cmp::Ordering;
use std::vec::IntoIter;

use super::member::GangPods;
use super::{CountedGangs, GangKey, GangRow, GangSource};
use crate::model::natural::natural_cmp;
use crate::model::sorter::Sorter;
use crate::model::store::pods::{GangId, PodSlot, PodStore};

/// A count that is under way. What changes meanwhile is of the next one.
#[derive(Debug)]
pub(super) struct GangCount {
    gangs: IntoIter<GangId>,
    /// The gang whose pods are being read.
    gang: Option<GangRead>,
    rows: Sorter<GangRow>,
    pods: usize,
    gpus_held: i64,
    gpus_waiting: i64,
}

/// A gang whose pods are being read.
#[derive(Debug)]
struct GangRead {
    id: GangId,
    key: GangKey,
    /// Revision of the pods when its first one was read.
    revision: u64,
    slots: IntoIter<PodSlot>,
    pods: GangPods,
}

impl GangCount {
    pub(super) fn new(pods: &PodStore) -> Self {
        let gangs: Vec<GangId> = pods.gangs().map(|(id, _)| id).collect();
        let gangs = gangs.into_iter();
        Self { gangs, gang: None, rows: Sorter::default(), pods: 0, gpus_held: 0, gpus_waiting: 0 }
    }

    /// Number of pods that were read.
    pub(super) fn pods(&self) -> usize {
        self.pods
    }

    /// Reads up to `slice` pods. Returns `true` when all are counted.
    pub(super) fn advance(&mut self, from: GangSource<'_>, slice: usize) -> bool {
        let (mut left, mut rows) = (slice, Vec::new());
        while left > 0 {
            left -= 1;
            let Some(read) = &mut self.gang else {
                let Some(id) = self.gangs.next() else { break };
                self.gang = GangRead::new(from, id);
                continue;
            };
            if let Some(slot) = read.slots.next() {
                self.pods += 1;
                // Between two slices the slot may have become that of another pod.
                if from.pods.gang_of(slot) == Some(read.id) {
                    read.pods.read(from, slot);
                }
                continue;
            }
            rows.extend(self.gang.take().and_then(|read| read.row(from)));
        }
        for row in &rows {
            self.gpus_held = self.gpus_held.saturating_add(row.gpus_held);
            self.gpus_waiting = self.gpus_waiting.saturating_add(row.gpus_waiting);
        }
        self.rows.add(rows, worst_first);
        let is_read = self.gang.is_none() && self.gangs.len() == 0;
        is_read && self.rows.merge(left, worst_first)
    }

    /// The gangs, once [`GangCount::advance`] has returned `true`.
    pub(super) fn into_gangs(self) -> CountedGangs {
        let Self { rows, gpus_held, gpus_waiting, .. } = self;
        CountedGangs { rows: rows.into_rows(), gpus_held, gpus_waiting }
    }
}

impl GangRead {
    /// Begins to read a gang; `None` if no pod of it is held any more.
    fn new(from: GangSource<'_>, id: GangId) -> Option<Self> {
        let (gang, slots) = (from.pods.gang(id)?, from.pods.members(id).collect::<Vec<_>>().into_iter());
        let (key, revision) = (GangKey::of(gang), from.pods.revision());
        Some(Self { id, key, revision, slots, pods: GangPods::default() })
    }

    /// The row of the gang. Between two slices its id may have become that of another gang, and slots those of other pods: it has no row
    /// then, or is read again.
    fn row(self, from: GangSource<'_>) -> Option<GangRow> {
        let gang = from.pods.gang(self.id)?;
        let pods = if from.pods.revision() == self.revision {
            self.pods
        } else if GangKey::of(gang) != self.key {
            return None;
        } else if self.pods.is_current(from) {
            self.pods
        } else {
            GangPods::of(from, self.id)
        };
        pods.row(from, gang).filter(GangRow::is_listed)
    }
}

/// Worst first; of gangs alike that with the most devices, then the one that has been so the longest.
fn worst_first(a: &GangRow, b: &GangRow) -> Ordering {
    let order = |row: &GangRow| (row.state.severity(), -i128::from(row.gpus()), row.since.is_none(), row.since);
    let names = |a: &GangRow, b: &GangRow| {
        let [x, y] = [&a.key, &b.key];
        natural_cmp(&x.namespace, &y.namespace).then_with(|| natural_cmp(&x.name, &y.name))
    };
    order(a).cmp(&order(b)).then_with(|| names(a, b))
}

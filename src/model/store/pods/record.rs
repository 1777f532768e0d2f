//! The compact record of one pod, and the chunks that hold the records.

use jiff::Timestamp;

use super::names::NameAt;
use crate::facts::pod::{PodFacts, PodPhase};
use crate::facts::wire::Uid;
use crate::model::store::versions::ObjectVersion;

/// Value for no slot and no node.
pub(super) const NIL: u32 = u32::MAX;

/// 64 KiB of records: a small cluster pays for one chunk, and growing copies nothing.
const CHUNK: usize = 1024;

/// Record of a pod: 64 bytes; everything that repeats is an id.
#[derive(Clone, Copy, Debug)]
pub(super) struct PodRecord {
    uid: [u64; 2],
    pub(super) version: u64,
    /// Node, or [`NIL`].
    pub(super) node: u32,
    /// Namespace and owner.
    pub(super) owner: u32,
    pub(super) request_set: u32,
    pub(super) status: u32,
    name_at: u32,
    name_len: u16,
    /// Flags such as [`DELETING`], and the phase in the bits above them.
    bits: u8,
    /// The list that last touched the pod.
    pub(super) epoch: Epoch,
    /// The next pod on the same node, or the next free slot.
    pub(super) next: u32,
    /// Hash of namespace and name.
    pub(super) hash: KeyHash,
    pub(super) restarts: u32,
    /// Seconds since 1970, 0 if not known: the API writes whole seconds, and 32 bits last until 2106.
    created: u32,
}

const DELETING: u8 = 1;
const MIRROR: u8 = 2;
const WATCHED: u8 = 4;
const USED: u8 = 8;
const DAEMON_SET: u8 = 16;
const PHASE_SHIFT: u32 = 5;
const PHASES: [PodPhase; 5] =
    [PodPhase::Pending, PodPhase::Running, PodPhase::Succeeded, PodPhase::Failed, PodPhase::Unknown];

/// Eight bits of a list's generation, which distinguish recent lists of one part: see [`mod@super::part`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Epoch(pub(super) u8);

/// Hash by which the index finds a pod, kept so that the index can grow without reading names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct KeyHash(u32);

impl KeyHash {
    pub(super) fn new(hash: u64) -> Self {
        Self((hash >> 32) as u32)
    }

    /// 64 bits, all of which a table can use: multiplied with the golden ratio (Knuth, volume 3, section 6.4).
    pub(super) fn whole(self) -> u64 {
        u64::from(self.0).wrapping_mul(0x9e37_79b9_7f4a_7c15)
    }
}

impl PodRecord {
    const EMPTY: Self = Self {
        uid: [0; 2],
        version: 0,
        node: NIL,
        owner: NIL,
        request_set: NIL,
        status: NIL,
        name_at: 0,
        name_len: 0,
        bits: 0,
        epoch: Epoch(0),
        next: NIL,
        hash: KeyHash(0),
        restarts: 0,
        created: 0,
    };

    /// Record of `pod` without the interned values.
    pub(super) fn new(pod: &PodFacts<'_>, name: NameAt, watched: bool) -> Self {
        let mut record = Self { version: pod.version, restarts: pod.restarts, ..Self::EMPTY };
        record.set_name(name);
        let Uid(uid) = pod.uid;
        #[expect(clippy::cast_possible_truncation, reason = "the two halves of 128 bits")]
        let halves = [(uid >> 64) as u64, uid as u64];
        record.uid = halves;
        record.created = pod.created.map_or(0, |at| u32::try_from(at.as_second().max(1)).unwrap_or(u32::MAX));
        let flags = [
            (pod.deleting, DELETING),
            (pod.mirror, MIRROR),
            (watched, WATCHED),
            (true, USED),
            (pod.owner_kind == "DaemonSet", DAEMON_SET),
        ];
        let phase = (0..).zip(PHASES).find(|(_, phase)| *phase == pod.phase).map_or(0, |(at, _)| at);
        let flags: u8 = flags.into_iter().filter(|(is_set, _)| *is_set).map(|(_, flag)| flag).sum();
        record.bits = flags | phase << PHASE_SHIFT;
        record
    }

    pub(super) fn uid(&self) -> Uid {
        Uid(u128::from(self.uid[0]) << 64 | u128::from(self.uid[1]))
    }

    /// Uid and version of the pod.
    pub(super) fn state(&self) -> ObjectVersion {
        ObjectVersion { uid: self.uid(), version: self.version }
    }

    pub(super) fn name(&self) -> NameAt {
        NameAt { at: self.name_at, len: self.name_len }
    }

    pub(super) fn set_name(&mut self, name: NameAt) {
        self.name_at = name.at;
        self.name_len = name.len;
    }

    pub(super) fn phase(&self) -> PodPhase {
        PHASES.get(usize::from(self.bits >> PHASE_SHIFT)).copied().unwrap_or_default()
    }

    pub(super) fn created(&self) -> Option<Timestamp> {
        (self.created > 0).then(|| Timestamp::from_second(self.created.into()).ok()).flatten()
    }

    pub(super) fn is_used(&self) -> bool {
        self.bits & USED != 0
    }

    pub(super) fn is_deleting(&self) -> bool {
        self.bits & DELETING != 0
    }

    pub(super) fn is_mirror(&self) -> bool {
        self.bits & MIRROR != 0
    }

    pub(super) fn is_daemon_set(&self) -> bool {
        self.bits & DAEMON_SET != 0
    }

    /// Returns `true` if this state came from the watch, not from a page.
    pub(super) fn is_watched(&self) -> bool {
        self.bits & WATCHED != 0
    }

    /// Marks this state as one from a page.
    pub(super) fn set_paged(&mut self) {
        self.bits &= !WATCHED;
    }

    /// Returns `true` if the pod has a node and holds resources there.
    pub(super) fn is_bound(&self) -> bool {
        self.node != NIL && !self.phase().is_terminal()
    }

    /// Returns `true` for the same pod in the same state, whatever its origin and version.
    pub(super) fn has_same_state(&self, other: &Self) -> bool {
        let seen = |r: &Self| {
            let ids = (r.node, r.owner, r.request_set, r.status);
            (r.uid, ids, r.bits & !WATCHED, r.restarts, r.created)
        };
        seen(self) == seen(other)
    }
}

/// Records by slot number, with a list of free slots through them.
#[derive(Debug)]
pub(super) struct Records {
    chunks: Vec<Vec<PodRecord>>,
    free: u32,
}

impl Default for Records {
    fn default() -> Self {
        Self { chunks: Vec::new(), free: NIL }
    }
}

impl Records {
    /// Puts a record into a free slot, or a new one.
    pub(super) fn insert(&mut self, record: PodRecord) -> u32 {
        if self.free != NIL {
            let slot = self.free;
            self.free = self.at(slot).next;
            *self.at_mut(slot) = record;
            return slot;
        }
        if self.chunks.last().is_none_or(|chunk| chunk.len() == CHUNK) {
            self.chunks.push(Vec::with_capacity(CHUNK));
        }
        let number = self.chunks.len() - 1;
        let slot = u32::try_from(number * CHUNK + self.chunks[number].len()).expect("fewer than 2^32 pods");
        self.chunks[number].push(record);
        slot
    }

    /// Makes a slot free.
    pub(super) fn remove(&mut self, slot: u32) {
        *self.at_mut(slot) = PodRecord { next: self.free, ..PodRecord::EMPTY };
        self.free = slot;
    }

    /// The record of a slot in use.
    pub(super) fn at(&self, slot: u32) -> &PodRecord {
        &self.chunks[slot as usize / CHUNK][slot as usize % CHUNK]
    }

    pub(super) fn at_mut(&mut self, slot: u32) -> &mut PodRecord {
        &mut self.chunks[slot as usize / CHUNK][slot as usize % CHUNK]
    }

    /// The record of a slot that may have become free.
    pub(super) fn get(&self, slot: u32) -> Option<&PodRecord> {
        self.chunks.get(slot as usize / CHUNK)?.get(slot as usize % CHUNK).filter(|record| record.is_used())
    }

    /// The slots in use, in order.
    pub(super) fn used(&self) -> impl Iterator<Item = (u32, &PodRecord)> {
        (0u32..).zip(self.chunks.iter().flatten()).filter(|(_, record)| record.is_used())
    }

    /// Number of slots, used or free.
    pub(super) fn slots(&self) -> u32 {
        let full = self.chunks.len().saturating_sub(1) * CHUNK;
        u32::try_from(full + self.chunks.last().map_or(0, Vec::len)).expect("slots are counted in 32 bits")
    }

    /// The records in use, to be changed.
    pub(super) fn used_mut(&mut self) -> impl Iterator<Item = &mut PodRecord> {
        self.chunks.iter_mut().flatten().filter(|record| record.is_used())
    }

    pub(super) fn heap_bytes(&self) -> usize {
        self.chunks.len() * CHUNK * size_of::<PodRecord>() + self.chunks.capacity() * size_of::<Vec<PodRecord>>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pod_costs_64_bytes() {
        assert_eq!(size_of::<PodRecord>(), 64);
    }

    #[test]
    fn phase_and_flags_share_a_byte() {
        for phase in PHASES {
            for deleting in [false, true] {
                let pod = PodFacts { phase, deleting, owner_kind: "DaemonSet", ..PodFacts::default() };
                let record = PodRecord::new(&pod, NameAt::default(), true);
                assert_eq!((record.phase(), record.is_deleting(), record.is_mirror()), (phase, deleting, false));
                assert!(record.is_used() && record.is_watched() && record.is_daemon_set());
            }
        }
    }
}

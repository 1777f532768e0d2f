//! `PodBatch`: page of pods in a handful of allocations.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{PodConstraints, PodFacts, PodPhase, PodTrouble, Requests, Since, TroubleKind};
use crate::facts::gang::{GangMember, GangSystem, Rank};
use crate::facts::quantity::Quantity;
use crate::facts::text::sanitize;
use crate::facts::wire::Uid;

/// Pods with a shared text arena, in the order of the response; each is either present or removed.
///
/// A batch from a recording is validated: it is rejected unless its text is clean and its spans fit.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Unchecked")]
pub struct PodBatch {
    text: String,
    records: Vec<BatchRecord>,
    others: Vec<(TextSpan, Quantity)>,
    /// Trouble of some pods, in their order.
    troubles: Vec<BatchTrouble>,
    /// Gangs of some pods, in their order.
    gangs: Vec<BatchGang>,
    /// Constraints of some pods, each with the index of its pod, in their order.
    constraints: Vec<(u32, PodConstraints)>,
}

/// Range of the arena. `sanitize` caps text, so a length fits 16 bits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct TextSpan {
    at: u32,
    len: u16,
}

/// Pod with spans in place of its text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct BatchRecord {
    cpu: Quantity,
    memory: Quantity,
    uid: Uid,
    version: u64,
    created: Option<Timestamp>,
    since: Option<Since>,
    namespace: TextSpan,
    name: TextSpan,
    node: TextSpan,
    owner_kind: TextSpan,
    owner_name: TextSpan,
    reason: TextSpan,
    others_at: u32,
    others_len: u32,
    restarts: u32,
    containers: u16,
    ready: u16,
    phase: PodPhase,
    deleting: bool,
    mirror: bool,
    removed: bool,
}

/// Trouble with spans in place of its texts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct BatchTrouble {
    /// Index of the pod.
    pod: u32,
    kind: TroubleKind,
    since: Option<Since>,
    message: TextSpan,
    image: TextSpan,
    device: TextSpan,
}

/// Gang of a pod with spans in place of its texts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct BatchGang {
    /// Index of the pod.
    pod: u32,
    system: GangSystem,
    kind: TextSpan,
    key: TextSpan,
    name: TextSpan,
    rank: Option<Rank>,
    size: Option<u16>,
}

/// Indices of the next entries of the side tables.
#[derive(Clone, Copy, Debug, Default)]
struct SideIndices {
    trouble: usize,
    gang: usize,
    constraints: usize,
}

impl PodBatch {
    /// Copies `pod` into the batch; `removed` is `true` if the pod is gone and this is its last state.
    ///
    /// Text is sanitised here, the only place that adds text to a batch.
    pub fn push(&mut self, pod: &PodFacts<'_>, removed: bool) {
        let last = self.records.last().copied();
        let others_at = count(self.others.len());
        for (name, amount) in &pod.requests.others {
            let known = self.others.last().map(|(span, _)| *span);
            let name = self.put(name, known);
            self.others.push((name, *amount));
        }
        let record = BatchRecord {
            cpu: pod.requests.cpu,
            memory: pod.requests.memory,
            uid: pod.uid,
            version: pod.version,
            created: pod.created,
            since: pod.since,
            namespace: self.put(pod.namespace, last.map(|l| l.namespace)),
            name: self.put(pod.name, None),
            node: self.put(pod.node, last.map(|l| l.node)),
            owner_kind: self.put(pod.owner_kind, last.map(|l| l.owner_kind)),
            owner_name: self.put(pod.owner_name, last.map(|l| l.owner_name)),
            reason: self.put(pod.reason, last.map(|l| l.reason)),
            others_at,
            others_len: count(pod.requests.others.len()),
            restarts: pod.restarts,
            containers: pod.containers,
            ready: pod.ready,
            phase: pod.phase,
            deleting: pod.deleting,
            mirror: pod.mirror,
            removed,
        };
        let at = count(self.records.len());
        self.records.push(record);
        self.push_side(at, pod);
    }

    /// Copies what only some pods have.
    fn push_side(&mut self, at: u32, pod: &PodFacts<'_>) {
        if let Some(PodTrouble { kind, message, image, device, since }) = pod.trouble {
            let last = self.troubles.last().copied();
            let trouble = BatchTrouble {
                pod: at,
                kind,
                since,
                message: self.put(message, last.map(|last| last.message)),
                image: self.put(image, last.map(|last| last.image)),
                device: self.put(device, last.map(|last| last.device)),
            };
            self.troubles.push(trouble);
        }
        if let Some(GangMember { system, kind, key, name, rank, size }) = pod.gang {
            let last = self.gangs.last().copied();
            let gang = BatchGang {
                pod: at,
                system,
                kind: self.put(kind, last.map(|last| last.kind)),
                key: self.put(key, last.map(|last| last.key)),
                name: self.put(name, last.map(|last| last.name)),
                rank,
                size,
            };
            self.gangs.push(gang);
        }
        self.constraints.extend(pod.constraints.map(|constraints| (at, constraints.clone())));
    }

    /// Number of pods in the batch.
    #[must_use]
    pub fn len(&self) -> usize {
        self.records.len()
    }

    /// Returns `true` if the batch has no pods.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// Pods in order, each with `true` if it was removed.
    pub fn iter(&self) -> impl Iterator<Item = (PodFacts<'_>, bool)> {
        let mut next = SideIndices::default();
        (0..).zip(&self.records).map(move |(at, record)| {
            let mut pod = self.facts(record);
            if let Some(trouble) = self.troubles.get(next.trouble).filter(|trouble| trouble.pod == at) {
                next.trouble += 1;
                let BatchTrouble { kind, since, message, image, device, .. } = *trouble;
                let [message, image, device] = [message, image, device].map(|span| self.get(span));
                pod.trouble = Some(PodTrouble { kind, message, image, device, since });
            }
            if let Some(gang) = self.gangs.get(next.gang).filter(|gang| gang.pod == at) {
                next.gang += 1;
                let BatchGang { system, kind, key, name, rank, size, .. } = *gang;
                let [kind, key, name] = [kind, key, name].map(|span| self.get(span));
                pod.gang = Some(GangMember { system, kind, key, name, rank, size });
            }
            if let Some((_, constraints)) = self.constraints.get(next.constraints).filter(|(pod, _)| *pod == at) {
                next.constraints += 1;
                pod.constraints = Some(constraints);
            }
            (pod, record.removed)
        })
    }

    /// Last states of the pods that were removed, in order, without what only some pods have.
    pub fn removed(&self) -> impl Iterator<Item = PodFacts<'_>> {
        self.records.iter().filter(|record| record.removed).map(|record| self.facts(record))
    }

    /// Namespace, name and node of each pod, in the same order.
    pub(crate) fn keys(&self) -> impl Iterator<Item = [&str; 3]> {
        self.records.iter().map(|record| [record.namespace, record.name, record.node].map(|span| self.get(span)))
    }

    /// Removes the pods and keeps the memory for the next page.
    pub fn clear(&mut self) {
        self.text.clear();
        self.records.clear();
        self.others.clear();
        self.troubles.clear();
        self.gangs.clear();
        self.constraints.clear();
    }

    /// Heap size in bytes.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.text.capacity()
            + self.records.capacity() * size_of::<BatchRecord>()
            + self.others.capacity() * size_of::<(TextSpan, Quantity)>()
            + self.troubles.capacity() * size_of::<BatchTrouble>()
            + self.gangs.capacity() * size_of::<BatchGang>()
            + self.constraints.capacity() * size_of::<(u32, PodConstraints)>()
            + self.constraints.iter().map(|(_, constraints)| constraints.heap_bytes()).sum::<usize>()
    }

    fn facts(&self, record: &BatchRecord) -> PodFacts<'_> {
        let start = record.others_at as usize;
        let others = &self.others[start..start + record.others_len as usize];
        PodFacts {
            namespace: self.get(record.namespace),
            name: self.get(record.name),
            uid: record.uid,
            version: record.version,
            node: self.get(record.node),
            owner_kind: self.get(record.owner_kind),
            owner_name: self.get(record.owner_name),
            phase: record.phase,
            reason: self.get(record.reason),
            deleting: record.deleting,
            mirror: record.mirror,
            containers: record.containers,
            ready: record.ready,
            restarts: record.restarts,
            created: record.created,
            since: record.since,
            requests: Requests {
                cpu: record.cpu,
                memory: record.memory,
                others: others.iter().map(|(name, amount)| (self.get(*name), *amount)).collect(),
            },
            trouble: None,
            gang: None,
            constraints: None,
        }
    }

    fn get(&self, span: TextSpan) -> &str {
        &self.text[span.at as usize..span.at as usize + usize::from(span.len)]
    }

    /// Adds `raw` to the arena, or returns `known` if it has the same text: neighbours share namespaces, nodes and owners.
    fn put(&mut self, raw: &str, known: Option<TextSpan>) -> TextSpan {
        let clean = sanitize(raw);
        if let Some(known) = known
            && self.get(known) == &*clean
        {
            return known;
        }
        let at = count(self.text.len());
        self.text.push_str(&clean);
        TextSpan { at, len: u16::try_from(clean.len()).expect("`sanitize` caps text far below 64 KiB") }
    }
}

/// Converts a size to 32 bits. A batch is one page of a response, which is capped at some MiB.
fn count(size: usize) -> u32 {
    u32::try_from(size).expect("a batch holds one page, far below 4 GiB")
}

/// Serialised batch, before validation.
#[derive(Deserialize)]
struct Unchecked {
    text: String,
    records: Vec<BatchRecord>,
    others: Vec<(TextSpan, Quantity)>,
    #[serde(default)]
    troubles: Vec<BatchTrouble>,
    #[serde(default)]
    gangs: Vec<BatchGang>,
    #[serde(default)]
    constraints: Vec<(u32, PodConstraints)>,
}

impl TryFrom<Unchecked> for PodBatch {
    type Error = &'static str;

    fn try_from(raw: Unchecked) -> Result<Self, Self::Error> {
        let fits = |span: TextSpan| {
            let start = span.at as usize;
            raw.text.get(start..start + usize::from(span.len)).is_some_and(|text| *sanitize(text) == *text)
        };
        let is_valid = raw.others.iter().all(|(name, _)| fits(*name))
            && raw.records.iter().all(|r| {
                let end = u64::from(r.others_at) + u64::from(r.others_len);
                end <= raw.others.len() as u64
                    && [r.namespace, r.name, r.node, r.owner_kind, r.owner_name, r.reason].into_iter().all(fits)
            })
            && raw.troubles.iter().all(|t| [t.message, t.image, t.device].into_iter().all(fits))
            && raw.gangs.iter().all(|g| [g.kind, g.key, g.name].into_iter().all(fits));
        if is_valid {
            let Unchecked { text, records, others, troubles, gangs, constraints } = raw;
            Ok(Self { text, records, others, troubles, gangs, constraints })
        } else {
            Err("a pod batch whose spans do not fit its text")
        }
    }
}

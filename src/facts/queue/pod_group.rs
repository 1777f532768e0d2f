//! `PodGroup` of Volcano, scheduler-plugins, KAI and Kubernetes: four groups with objects of one kind.

use super::{DecodeError, ListHead, Sink, wire};
use super::{
    Int, JsonList, MOST, Obj, ObjectMeta, QueueCondition, QueueEntry, QueueLabels, QueueState, QueueSystem, Text,
    message,
};
use crate::facts::text::Clean;

/// Conditions of the native API that say whether the group was scheduled, in two versions.
const SCHEDULED: [&str; 2] = ["PodGroupScheduled", "PodGroupInitiallyScheduled"];

/// Reads a page of the pod groups of a system, at most 500; the head counts those that were left out, too.
///
/// # Errors
/// [`DecodeError`] if it is no list of pod groups; single unreadable ones are only counted.
pub fn decode_pod_groups(system: QueueSystem, body: &[u8]) -> Result<(ListHead, Vec<QueueEntry>), DecodeError> {
    let mut sink = PodGroupSink { system, entries: Vec::new() };
    let head = wire::decode_list(body, &mut sink)?;
    Ok((head, sink.entries))
}

struct PodGroupSink {
    system: QueueSystem,
    entries: Vec<QueueEntry>,
}

impl Sink for PodGroupSink {
    type Raw<'a> = RawPodGroup<'a>;
    const KIND: &'static str = "PodGroup";

    fn take(&mut self, raw: &RawPodGroup<'_>) -> bool {
        let readable = Self::is_readable(&raw.kind, &raw.metadata.0.name);
        if readable && self.entries.len() < MOST {
            self.entries.extend(raw.entry(self.system));
        }
        readable
    }
}

message! {
    /// `PodGroup`; only JSON is requested.
    struct RawPodGroup<'a> {
        kind: Text<'a> = "kind",
        metadata: Obj<ObjectMeta<'a, QueueLabels<'a>>> = "metadata",
        spec: Obj<PodGroupSpec<'a>> = "spec",
        status: Obj<PodGroupStatus<'a>> = "status",
    }

    /// `PodGroupSpec` of all groups.
    struct PodGroupSpec<'a> {
        queue: Text<'a> = "queue",
        min_member: Int = "minMember",
        /// Of the native API.
        policy: Obj<PodGroupPolicy> = "schedulingPolicy",
    }

    /// `PodGroupSchedulingPolicy`; `basic` is no gang.
    struct PodGroupPolicy {
        gang: Option<Obj<GangPolicy>> = "gang",
    }

    /// `GangSchedulingPolicy`.
    struct GangPolicy {
        min_count: Int = "minCount",
    }

    /// `PodGroupStatus` of all groups.
    struct PodGroupStatus<'a> {
        phase: Text<'a> = "phase",
        conditions: JsonList<Obj<QueueCondition<'a>>> = "conditions",
        /// Of KAI.
        scheduling: JsonList<Obj<KaiCondition<'a>>> = "schedulingConditions",
    }

    /// `SchedulingCondition` of KAI.
    struct KaiCondition<'a> {
        kind: Text<'a> = "type",
        status: Text<'a> = "status",
        reason: Text<'a> = "reason",
        message: Text<'a> = "message",
        reasons: JsonList<Obj<KaiReason<'a>>> = "reasons",
    }

    /// `UnschedulableExplanation` of KAI.
    struct KaiReason<'a> {
        reason: Text<'a> = "reason",
        message: Text<'a> = "message",
    }
}

impl RawPodGroup<'_> {
    /// The entry; `None` for a native group that is no gang.
    fn entry(&self, system: QueueSystem) -> Option<QueueEntry> {
        let (Obj(spec), Obj(status)) = (&self.spec, &self.status);
        let mut entry = QueueEntry::of(&self.metadata.0);
        entry.queue = Clean::new(&spec.queue);
        let wanted = match system {
            QueueSystem::Native => spec.policy.0.gang.as_ref()?.0.min_count.0,
            _ => spec.min_member.0,
        };
        entry.wanted = wanted.and_then(|pods| u32::try_from(pods).ok());
        match system {
            QueueSystem::Native => status.native(&mut entry),
            QueueSystem::Kai => status.kai(&mut entry),
            _ => status.phased(&mut entry),
        }
        Some(entry)
    }
}

impl PodGroupStatus<'_> {
    fn condition(&self, kind: &str) -> Option<&QueueCondition<'_>> {
        self.conditions.0.iter().map(|Obj(one)| one).rfind(|one| &*one.kind == kind)
    }

    /// Volcano and scheduler-plugins have a phase, Volcano also a condition with reason and message.
    fn phased(&self, entry: &mut QueueEntry) {
        entry.state = match &*self.phase {
            "Pending" | "Inqueue" | "PreScheduling" | "Scheduling" | "" => QueueState::Waiting,
            "Running" | "Scheduled" => QueueState::Admitted,
            "Completed" | "Finished" | "Failed" => QueueState::Finished,
            _ => QueueState::Unknown,
        };
        if entry.state != QueueState::Waiting {
            return;
        }
        let phase = if self.phase.is_empty() { "no phase yet".to_owned() } else { format!("phase {}", &*self.phase) };
        match self.condition("Unschedulable").filter(|one| &*one.status == "True") {
            Some(one) => {
                entry.wait(&phase, &one.reason, &one.message);
                entry.since = one.since.at().or(entry.since);
            }
            None => entry.wait(&phase, "", ""),
        }
    }

    fn kai(&self, entry: &mut QueueEntry) {
        let waiting = |one: &&KaiCondition<'_>| &*one.kind == "UnschedulableOnNodePool" && &*one.status != "False";
        let waits = self.scheduling.0.iter().map(|Obj(one)| one).rfind(waiting);
        match waits {
            Some(one) => {
                let first = one.reasons.0.first().map(|Obj(first)| first);
                let reason = first.map_or(&*one.reason, |first| &*first.reason);
                let message = first.map(|first| &*first.message).filter(|message| !message.is_empty());
                entry.wait("UnschedulableOnNodePool=True", reason, message.unwrap_or(&one.message));
            }
            None => entry.state = if &*self.phase == "Running" { QueueState::Admitted } else { QueueState::Unknown },
        }
    }

    /// The native API writes nothing while the group waits for its pods.
    fn native(&self, entry: &mut QueueEntry) {
        match SCHEDULED.iter().find_map(|kind| self.condition(kind)) {
            Some(one) if &*one.status == "True" => entry.state = QueueState::Admitted,
            Some(one) => {
                entry.wait(&format!("{}={}", &*one.kind, &*one.status), &one.reason, &one.message);
                entry.since = one.since.at().or(entry.since);
            }
            None => {}
        }
    }
}

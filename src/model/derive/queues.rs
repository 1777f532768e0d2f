//! Joins of gangs and pods with the objects of queues that admit them. The keys are in docs/pods.md.

use hashbrown::HashMap;

use crate::facts::gang::GangSystem;
use crate::facts::pod::PodFacts;
use crate::facts::queue::{QueueEntry, QueueState, QueueSystem};
use crate::facts::text::Clean;
use crate::facts::wire::Uid;
use crate::model::store::pods::{GangKey, PodStore};
use crate::model::store::queues::{QueueStore, QueueWords};

/// The object that admits a gang; `None` if none is known.
pub(in crate::model) fn of_gang<'a>(queues: &'a QueueStore, gang: &GangKey) -> Option<QueueWords<'a>> {
    best(queues.entries().filter(|words| admits_gang(words, gang)))
}

/// The object that admits a pod: that of its gang, of its owner, or its own.
pub(in crate::model) fn of_pod<'a>(queues: &'a QueueStore, pod: &PodFacts<'_>) -> Option<QueueWords<'a>> {
    let gang = GangKey::of_pod(pod);
    let gang = gang.and_then(|gang| of_gang(queues, &gang));
    gang.or_else(|| best(queues.entries().filter(|words| admits_pod(words.entry, pod))))
}

/// Waiting objects of which no pod exists: a suspended Job, a group that was not enqueued.
pub(in crate::model) fn without_pods<'a>(queues: &'a QueueStore, pods: &PodStore) -> Vec<QueueWords<'a>> {
    let mut gangs: HashMap<Clean, Vec<GangKey>> = HashMap::new();
    for (_, gang) in pods.gangs() {
        let gang = GangKey::of(gang);
        gangs.entry(gang.namespace.clone()).or_default().push(gang);
    }
    let mut waiting: Vec<QueueWords<'a>> = queues
        .entries()
        .filter(|words| {
            let entry = words.entry;
            let of_owner = || pods.has_owner(&entry.namespace, &entry.owner_kind, &entry.owner_name);
            let of_pod = || &*entry.owner_kind == "Pod" && pods.find_pod(&entry.namespace, &entry.owner_name).is_some();
            entry.state == QueueState::Waiting
                && !gangs.get(&entry.namespace).into_iter().flatten().any(|gang| admits_gang(words, gang))
                && !of_owner()
                && !of_pod()
        })
        .collect();
    waiting.sort_by(|a, b| (&a.entry.namespace, &a.entry.name).cmp(&(&b.entry.namespace, &b.entry.name)));
    waiting
}

/// The object whose words count: one that waits, then by the order of the systems.
fn best<'a>(words: impl Iterator<Item = QueueWords<'a>>) -> Option<QueueWords<'a>> {
    let rank = |state| match state {
        QueueState::Waiting => 0,
        QueueState::Unknown => 1,
        QueueState::Admitted => 2,
        QueueState::Finished => 3,
    };
    words
        .filter(|words| words.entry.state != QueueState::Finished)
        .min_by_key(|words| (rank(words.entry.state), words.system))
}

fn admits_gang(words: &QueueWords<'_>, gang: &GangKey) -> bool {
    let QueueWords { system, entry } = words;
    if entry.namespace != gang.namespace {
        return false;
    }
    let name = &*entry.name;
    let of_owner = || is_owner(entry, gang);
    match system {
        QueueSystem::Kueue => match gang.system {
            // The workload of a group of plain pods has the group's name.
            GangSystem::Kueue => name == &*gang.key,
            GangSystem::LeaderWorkerSet => name == &*gang.name || named_after(name, "leaderworkerset", &gang.name),
            GangSystem::StatefulSet => of_owner() || named_after(name, "statefulset", &gang.name),
            _ => of_owner(),
        },
        QueueSystem::Coscheduling => match gang.system {
            GangSystem::Coscheduling => name == &*gang.key,
            // Kubeflow's trainer names the group after its job.
            _ => of_owner() || name == &*gang.name,
        },
        QueueSystem::Volcano => match gang.system {
            GangSystem::Volcano => name == &*gang.key || of_owner(),
            _ => of_owner(),
        },
        // `pg-<top owner>-<uid>`
        QueueSystem::Kai => named_after(name, "pg", &gang.name) || of_owner(),
        QueueSystem::Native => match gang.system {
            GangSystem::Native => name == &*gang.key,
            _ => of_owner(),
        },
    }
}

/// Returns `true` if the owner of the gang owns the object. By the uid if both know it: a name may be reused.
fn is_owner(entry: &QueueEntry, gang: &GangKey) -> bool {
    if let (Some(held), Some(uid)) = (entry.owner_uid, Uid::of_uuid(&gang.key)) {
        return held == uid;
    }
    // The kind of a Volcano Job is named with its group.
    let kind = gang.kind.split('.').next().unwrap_or_default();
    *entry.owner_kind == *kind && entry.owner_name == gang.name
}

/// Returns `true` for `<kind>-<name>-<rest>`.
fn named_after(text: &str, kind: &str, name: &str) -> bool {
    let rest = text.strip_prefix(kind).and_then(|rest| rest.strip_prefix('-')?.strip_prefix(name));
    rest.is_some_and(|rest| rest.starts_with('-'))
}

fn admits_pod(entry: &QueueEntry, pod: &PodFacts<'_>) -> bool {
    let of_owner =
        !pod.owner_name.is_empty() && *entry.owner_kind == *pod.owner_kind && *entry.owner_name == *pod.owner_name;
    let own = &*entry.owner_kind == "Pod" && *entry.owner_name == *pod.name;
    *entry.namespace == *pod.namespace && (of_owner || own)
}

#[cfg(test)]
mod tests;

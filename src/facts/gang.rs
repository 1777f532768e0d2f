//! Gangs: pods that only work together, and the place of a pod among them.
//!
//! Keys and precedence: docs/pods.md. Of several systems the one that says who stops working when one pod dies counts, not the one
//! that only says who is scheduled together.

use std::borrow::Cow;

use serde::de::MapAccess;
use serde::{Deserialize, Serialize};

use super::json::{Fill, Reset, ResetSeed, Text, skip};
use super::message::{JsonValue, ProtoValue};
use super::proto::{Malformed, WireValue};

/// System that made a gang.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum GangSystem {
    /// One replica of a `LeaderWorkerSet`.
    LeaderWorkerSet,
    /// One replica of a worker group of a `RayCluster` with several hosts.
    RayReplica,
    /// `PodGang` of Grove.
    Grove,
    /// `JobSet`, also of a `TrainJob`.
    JobSet,
    /// Job of the Kubeflow training operator, also `MPIJob`.
    Kubeflow,
    /// `RayCluster`.
    RayCluster,
    /// Job of Volcano.
    Volcano,
    /// Indexed `batch/v1` Job.
    Job,
    /// Group of plain pods of Kueue.
    Kueue,
    /// `PodGroup` of `scheduling.k8s.io`.
    Native,
    /// `PodGroup` of scheduler-plugins.
    Coscheduling,
    /// Task group of `YuniKorn`.
    YuniKorn,
    /// `StatefulSet` whose pods request devices.
    StatefulSet,
}

/// Rank of a pod in its gang: the index of its job among several, and its index in that job.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Rank {
    /// Index of the job; 0 in a gang of one job.
    pub job: u16,
    /// Index of the pod in its job.
    pub index: u16,
}

/// The gang of a pod, as the pod itself says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GangMember<'a> {
    /// System that made it.
    pub system: GangSystem,
    /// Kind of the object to show: `JobSet`, `PyTorchJob`.
    pub kind: &'a str,
    /// Identity within its system and namespace.
    pub key: &'a str,
    /// Name to show.
    pub name: &'a str,
    /// Rank; `None` if the pod does not say it.
    pub rank: Option<Rank>,
    /// Number of pods, if the pod says it.
    pub size: Option<u16>,
}

/// Declares the labels and annotations that are read, and nothing else is.
macro_rules! keys {
    ($($name:ident $($text:literal)+,)*) => {
        /// A label or an annotation of a pod.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[repr(usize)]
        enum Key {
            $($name,)*
        }

        /// Number of keys.
        const KEYS: usize = [$(stringify!($name)),*].len();

        impl Key {
            /// The key of this text.
            fn of(text: &[u8]) -> Option<Self> {
                if !has_known_start(text) {
                    return None;
                }
                match std::str::from_utf8(text).ok()? {
                    $($($text)|+ => Some(Self::$name),)*
                    _ => None,
                }
            }
        }
    };
}
keys! {
    LwsGroup "leaderworkerset.sigs.k8s.io/group-key",
    LwsName "leaderworkerset.sigs.k8s.io/name",
    LwsGroupIndex "leaderworkerset.sigs.k8s.io/group-index",
    LwsWorkerIndex "leaderworkerset.sigs.k8s.io/worker-index",
    LwsSize "leaderworkerset.sigs.k8s.io/size",
    RayReplica "ray.io/worker-group-replica-name",
    RayHost "ray.io/replica-host-index",
    RayCluster "ray.io/cluster",
    GrovePodGang "grove.io/podgang",
    GroveIndex "grove.io/podclique-pod-index",
    JobSetUid "jobset.sigs.k8s.io/jobset-uid",
    JobSetName "jobset.sigs.k8s.io/jobset-name",
    JobSetIndex "jobset.sigs.k8s.io/job-global-index",
    JobIndex "batch.kubernetes.io/job-completion-index",
    JobUid "batch.kubernetes.io/controller-uid",
    JobName "batch.kubernetes.io/job-name",
    KubeflowName "training.kubeflow.org/job-name",
    KubeflowOperator "training.kubeflow.org/operator-name",
    KubeflowType "training.kubeflow.org/replica-type",
    KubeflowIndex "training.kubeflow.org/replica-index",
    VolcanoGroup "scheduling.k8s.io/group-name",
    VolcanoJob "volcano.sh/job-name",
    VolcanoTask "volcano.sh/task-index",
    KueueGroup "kueue.x-k8s.io/pod-group-name",
    KueueCount "kueue.x-k8s.io/pod-group-total-count",
    KueueIndex "kueue.x-k8s.io/pod-group-pod-index",
    Coscheduling "scheduling.x-k8s.io/pod-group",
    YuniKornApp "yunikorn.apache.org/app-id",
    YuniKornGroup "yunikorn.apache.org/task-group-name",
    PodIndex "apps.kubernetes.io/pod-index",
}

/// Returns `true` if a key may be a known one. Nearly all are not, and one comparison of eight bytes tells.
#[inline]
fn has_known_start(text: &[u8]) -> bool {
    let Some(start) = text.first_chunk::<8>() else { return false };
    matches!(
        start,
        b"leaderwo"
            | b"ray.io/w"
            | b"ray.io/r"
            | b"ray.io/c"
            | b"grove.io"
            | b"jobset.s"
            | b"batch.ku"
            | b"training"
            | b"scheduli"
            | b"volcano."
            | b"kueue.x-"
            | b"yunikorn"
            | b"apps.kub"
    )
}

/// Values of the known labels, or of the known annotations, of a pod.
#[derive(Debug, Default)]
pub(in crate::facts) struct GangKeys<'a> {
    values: [Text<'a>; KEYS],
    /// Some value is not empty.
    any: bool,
}

impl<'a> GangKeys<'a> {
    fn insert(&mut self, key: Key, value: Text<'a>) {
        self.values[key as usize] = value;
        self.any = true;
    }

    /// Reads one entry of a map in protobuf. Most keys are unknown, and their text is not looked at.
    pub(in crate::facts) fn read_entry(&mut self, entry: WireValue<'a>) -> Result<(), Malformed> {
        if let Some(key) = Key::of(entry.key()?) {
            self.insert(key, entry.entry()?.1.text());
        }
        Ok(())
    }

    /// Takes the value of a key in JSON, or skips it.
    pub(in crate::facts) fn read_value<A: MapAccess<'a>>(&mut self, key: &str, map: &mut A) -> Result<(), A::Error> {
        match Key::of(key.as_bytes()) {
            Some(key) => self.insert(key, map.next_value()?),
            None => skip(map)?,
        }
        Ok(())
    }

    fn get(&self, key: Key) -> &str {
        &self.values[key as usize]
    }
}

impl<'de> Fill<'de> for GangKeys<'de> {
    fn map<A: MapAccess<'de>>(&mut self, mut map: A) -> Result<(), A::Error> {
        while let Some(key) = map.next_key::<Text<'de>>()? {
            self.read_value(&key, &mut map)?;
        }
        Ok(())
    }
}

impl<'a> JsonValue<'a> for GangKeys<'a> {
    fn read_json<A: MapAccess<'a>>(&mut self, map: &mut A) -> Result<(), A::Error> {
        map.next_value_seed(ResetSeed(self))
    }
}

impl<'a> ProtoValue<'a> for GangKeys<'a> {
    fn read_proto(&mut self, entry: WireValue<'a>) -> Result<(), Malformed> {
        self.read_entry(entry)
    }
}

impl Reset for GangKeys<'_> {
    fn reset(&mut self) {
        if std::mem::take(&mut self.any) {
            self.values = Default::default();
        }
    }
}

/// The keys of a pod and its controlling owner.
#[derive(Clone, Copy, Debug)]
pub(in crate::facts) struct GangLabels<'p, 'a> {
    pub(in crate::facts) labels: &'p GangKeys<'a>,
    pub(in crate::facts) annotations: &'p GangKeys<'a>,
    pub(in crate::facts) owner_kind: &'p str,
    pub(in crate::facts) owner_name: &'p str,
    /// The pod requests an extended resource.
    pub(in crate::facts) has_devices: bool,
}

/// A gang whose texts may be put together.
#[derive(Debug)]
pub(in crate::facts) struct FoundGang<'p> {
    system: GangSystem,
    kind: &'p str,
    key: &'p str,
    name: Cow<'p, str>,
    rank: Option<Rank>,
    size: Option<u16>,
}

impl<'p> FoundGang<'p> {
    /// A gang of this identity; `None` if the pod does not have it.
    fn of(system: GangSystem, kind: &'p str, key: &'p str) -> Option<Self> {
        (!key.is_empty()).then_some(Self { system, kind, key, name: Cow::Borrowed(key), rank: None, size: None })
    }

    pub(in crate::facts) fn member(&self) -> GangMember<'_> {
        let Self { system, kind, key, ref name, rank, size } = *self;
        GangMember { system, kind, key, name, rank, size }
    }
}

impl<'p> GangLabels<'p, '_> {
    /// The gang of the pod: the first system of which it has a key.
    pub(in crate::facts) fn find(&self) -> Option<FoundGang<'p>> {
        if !self.labels.any && !self.annotations.any {
            return None;
        }
        self.leader_worker_set()
            .or_else(|| self.ray())
            .or_else(|| self.grove())
            .or_else(|| self.job_set())
            .or_else(|| self.kubeflow())
            .or_else(|| self.volcano())
            .or_else(|| self.job())
            .or_else(|| self.kueue())
            .or_else(|| self.scheduled_together())
            .or_else(|| self.stateful_set())
    }

    /// Value of a label, or of an annotation where there is no such label.
    fn value(&self, key: Key) -> &'p str {
        match self.labels.get(key) {
            "" => self.annotations.get(key),
            value => value,
        }
    }

    fn index(&self, key: Key) -> Option<u16> {
        self.value(key).parse().ok()
    }

    fn leader_worker_set(&self) -> Option<FoundGang<'p>> {
        let gang = FoundGang::of(GangSystem::LeaderWorkerSet, "LeaderWorkerSet", self.value(Key::LwsGroup))?;
        let (name, group) = (self.value(Key::LwsName), self.value(Key::LwsGroupIndex));
        Some(FoundGang {
            name: if group.is_empty() { named(name, gang.name) } else { Cow::Owned(format!("{name}-{group}")) },
            rank: self.index(Key::LwsWorkerIndex).map(Rank::of),
            size: self.index(Key::LwsSize),
            ..gang
        })
    }

    fn ray(&self) -> Option<FoundGang<'p>> {
        let replica = FoundGang::of(GangSystem::RayReplica, "RayCluster", self.value(Key::RayReplica));
        if let Some(gang) = replica {
            return Some(FoundGang { rank: self.index(Key::RayHost).map(Rank::of), ..gang });
        }
        FoundGang::of(GangSystem::RayCluster, "RayCluster", self.value(Key::RayCluster))
    }

    fn grove(&self) -> Option<FoundGang<'p>> {
        let gang = FoundGang::of(GangSystem::Grove, "PodGang", self.value(Key::GrovePodGang))?;
        Some(FoundGang { rank: self.index(Key::GroveIndex).map(Rank::of), ..gang })
    }

    fn job_set(&self) -> Option<FoundGang<'p>> {
        let name = self.value(Key::JobSetName);
        let key = match self.value(Key::JobSetUid) {
            "" => name,
            uid => uid,
        };
        let gang = FoundGang::of(GangSystem::JobSet, "JobSet", key)?;
        let index = self.index(Key::JobIndex);
        let job = self.index(Key::JobSetIndex);
        let rank = (job.is_some() || index.is_some())
            .then(|| Rank { job: job.unwrap_or_default(), index: index.unwrap_or_default() });
        Some(FoundGang { name: named(name, gang.name), rank, ..gang })
    }

    fn kubeflow(&self) -> Option<FoundGang<'p>> {
        let gang = FoundGang::of(GangSystem::Kubeflow, "", self.value(Key::KubeflowName))?;
        let operator = self.value(Key::KubeflowOperator);
        // An MPI launcher belongs to a Job of its own.
        let kind = match (operator, self.owner_kind) {
            ("mpi-operator", _) => "MPIJob",
            ("pytorchjob-controller", _) => "PyTorchJob",
            ("tfjob-controller", _) => "TFJob",
            ("jaxjob-controller", _) => "JAXJob",
            ("paddlejob-controller", _) => "PaddleJob",
            ("xgboostjob-controller", _) => "XGBoostJob",
            ("", kind) => kind,
            (operator, _) => operator,
        };
        let replicas = self.value(Key::KubeflowType);
        // The index counts the replicas of one type; the MPI operator's counts all ranks, and its launcher may have none.
        let job = match replicas {
            _ if kind == "MPIJob" => 0,
            _ if replicas.eq_ignore_ascii_case("master") || replicas.eq_ignore_ascii_case("chief") => 0,
            _ => 1,
        };
        let rank = self.index(Key::KubeflowIndex).map(|index| Rank { job, index });
        Some(FoundGang { kind, rank, ..gang })
    }

    fn volcano(&self) -> Option<FoundGang<'p>> {
        // Volcano gives every pod of its scheduler a group; a job has more than one pod.
        let job = self.value(Key::VolcanoJob);
        if job.is_empty() {
            return None;
        }
        let key = match self.annotations.get(Key::VolcanoGroup) {
            "" => job,
            group => group,
        };
        let gang = FoundGang::of(GangSystem::Volcano, "Job.volcano.sh", key)?;
        Some(FoundGang { name: Cow::Borrowed(job), rank: self.index(Key::VolcanoTask).map(Rank::of), ..gang })
    }

    /// Only an indexed Job: the pods of another one are independent.
    fn job(&self) -> Option<FoundGang<'p>> {
        let index = self.index(Key::JobIndex)?;
        let name = named(self.value(Key::JobName), Cow::Borrowed(self.owner_name));
        let key = match self.value(Key::JobUid) {
            "" => self.owner_name,
            uid => uid,
        };
        let gang = FoundGang::of(GangSystem::Job, "Job", key)?;
        Some(FoundGang { name, rank: Some(Rank::of(index)), ..gang })
    }

    fn kueue(&self) -> Option<FoundGang<'p>> {
        // The annotation is newer than the label and wins.
        let key = match self.annotations.get(Key::KueueGroup) {
            "" => self.labels.get(Key::KueueGroup),
            group => group,
        };
        let gang = FoundGang::of(GangSystem::Kueue, "pod group", key)?;
        let (rank, size) = (self.index(Key::KueueIndex).map(Rank::of), self.index(Key::KueueCount));
        Some(FoundGang { rank, size, ..gang })
    }

    fn scheduled_together(&self) -> Option<FoundGang<'p>> {
        let group = FoundGang::of(GangSystem::Coscheduling, "PodGroup", self.labels.get(Key::Coscheduling));
        group.or_else(|| {
            let group = FoundGang::of(GangSystem::YuniKorn, "task group", self.value(Key::YuniKornGroup))?;
            let app = self.value(Key::YuniKornApp);
            let name = if app.is_empty() { group.name } else { Cow::Owned(format!("{app} {}", group.key)) };
            Some(FoundGang { name, ..group })
        })
    }

    /// Only with devices: the pods of most others can do without each other.
    fn stateful_set(&self) -> Option<FoundGang<'p>> {
        let is_gang = self.owner_kind == "StatefulSet" && self.has_devices;
        let key = if is_gang { self.owner_name } else { "" };
        let gang = FoundGang::of(GangSystem::StatefulSet, "StatefulSet", key)?;
        Some(FoundGang { rank: self.index(Key::PodIndex).map(Rank::of), ..gang })
    }
}

impl Rank {
    /// Rank in a gang of one job.
    #[must_use]
    pub fn of(index: u16) -> Self {
        Self { job: 0, index }
    }
}

fn named<'p>(name: &'p str, or: Cow<'p, str>) -> Cow<'p, str> {
    if name.is_empty() { or } else { Cow::Borrowed(name) }
}

#[cfg(test)]
mod tests;

//! Owners of gangs: the number of pods that each of them creates. Of an owner nothing else is kept, above all no pod template.

use serde::{Deserialize, Serialize};

use super::api::ApiResource;
use super::gang::GangSystem;
use super::json::{Int, JsonList, Obj, Pairs, from_slice};
use super::message::message;
use super::wire::{DecodeError, ObjectMeta, Uid, refuse};

/// An owner that is only read, one object at a time.
const OWNER: ApiResource = ApiResource {
    optional: true,
    protobuf: false,
    verbs: &["get"],
    purpose: "the number of pods of a gang, from its owner when the gang is opened; without it the number is a lower bound",
    ..ApiResource::core("", "", true)
};

/// Owners of gangs that can be read, by their kinds; of two versions of one kind the better one first.
pub const OWNERS: &[ApiResource] = &[
    ApiResource { group: "batch", kind: "Job", plural: "jobs", ..OWNER },
    ApiResource { group: "apps", kind: "StatefulSet", plural: "statefulsets", ..OWNER },
    ApiResource { group: "jobset.x-k8s.io", versions: &["v1alpha2"], kind: "JobSet", plural: "jobsets", ..OWNER },
    ApiResource { kind: "PyTorchJob", plural: "pytorchjobs", ..KUBEFLOW },
    ApiResource { kind: "TFJob", plural: "tfjobs", ..KUBEFLOW },
    ApiResource { kind: "JAXJob", plural: "jaxjobs", ..KUBEFLOW },
    ApiResource { kind: "PaddleJob", plural: "paddlejobs", ..KUBEFLOW },
    ApiResource { kind: "XGBoostJob", plural: "xgboostjobs", ..KUBEFLOW },
    ApiResource { versions: &["v2beta1", "v1"], kind: "MPIJob", plural: "mpijobs", ..KUBEFLOW },
    ApiResource { group: "ray.io", versions: &["v1", "v1alpha1"], kind: "RayCluster", plural: "rayclusters", ..OWNER },
    ApiResource { group: "batch.volcano.sh", versions: &["v1alpha1"], kind: "Job", plural: "jobs", ..OWNER },
];

const KUBEFLOW: ApiResource = ApiResource { group: "kubeflow.org", ..OWNER };

/// Name of the kind of a Volcano Job among the kinds of gangs, where `Job` is that of `batch`.
const VOLCANO_JOB: &str = "Job.volcano.sh";

/// The number of pods that an owner creates.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OwnerSize {
    /// `metadata.uid`: another object may have the same name later.
    pub uid: Uid,
    /// Pods at the same time; `None` if the owner does not say it.
    pub pods: Option<u32>,
}

/// The resource of the owner of a gang; `None` if the owner does not say its size, or its name is not known.
#[must_use]
pub fn owner_api(system: GangSystem, kind: &str) -> Option<&'static ApiResource> {
    let (group, kind) = match system {
        GangSystem::Job => ("batch", "Job"),
        GangSystem::StatefulSet => ("apps", "StatefulSet"),
        GangSystem::JobSet => ("jobset.x-k8s.io", "JobSet"),
        GangSystem::Kubeflow => ("kubeflow.org", kind),
        GangSystem::RayCluster => ("ray.io", "RayCluster"),
        GangSystem::Volcano if kind == VOLCANO_JOB => ("batch.volcano.sh", "Job"),
        _ => return None,
    };
    OWNERS.iter().find(|api| api.group == group && api.kind == kind)
}

/// Reads the size of an owner from its JSON.
///
/// # Errors
/// [`DecodeError`] if it is no object with metadata.
pub fn decode_size(system: GangSystem, body: &[u8]) -> Result<OwnerSize, DecodeError> {
    let owner = from_slice::<Obj<RawOwner<'_>>>(body);
    let Obj(RawOwner { metadata: Obj(meta), spec: Obj(spec) }) =
        owner.map_err(|broken| refuse("an owner of pods", &broken.to_string(), body))?;
    if meta.name.is_empty() {
        return Err(refuse("an owner of pods", "it has no name", body));
    }
    Ok(OwnerSize { uid: Uid::parse(&meta.uid), pods: spec.pods(system).and_then(|pods| u32::try_from(pods).ok()) })
}

message! {
    /// Any owner; only JSON is requested.
    struct RawOwner<'a> {
        metadata: Obj<ObjectMeta<'a>> = "metadata",
        spec: Obj<OwnerSpec<'a>> = "spec",
    }

    /// The numbers in the specs of all kinds.
    struct OwnerSpec<'a> {
        /// `batch/v1` `JobSpec`.
        completions: Int = "completions",
        parallelism: Int = "parallelism",
        /// `StatefulSetSpec`.
        replicas: Int = "replicas",
        /// `JobSetSpec`.
        replicated_jobs: JsonList<Obj<ReplicatedJob>> = "replicatedJobs",
        /// Kubeflow `…JobSpec`, by the type of replicas.
        replica_specs: Pairs<'a, Obj<ReplicaSpec>> = "pytorchReplicaSpecs" "tfReplicaSpecs" "jaxReplicaSpecs" "paddleReplicaSpecs"
            "xgbReplicaSpecs" "mpiReplicaSpecs",
        /// Volcano `JobSpec`.
        tasks: JsonList<Obj<ReplicaSpec>> = "tasks",
        min_available: Int = "minAvailable",
        /// `RayClusterSpec`.
        worker_groups: JsonList<Obj<WorkerGroup>> = "workerGroupSpecs",
    }

    /// `ReplicatedJob`.
    struct ReplicatedJob {
        replicas: Int = "replicas",
        template: Obj<JobTemplate> = "template",
    }

    /// `JobTemplateSpec`.
    struct JobTemplate {
        spec: Obj<JobNumbers> = "spec",
    }

    /// `JobSpec` of a template.
    struct JobNumbers {
        completions: Int = "completions",
        parallelism: Int = "parallelism",
    }

    /// `ReplicaSpec`, or `TaskSpec` of Volcano.
    struct ReplicaSpec {
        replicas: Int = "replicas",
    }

    /// `WorkerGroupSpec`.
    struct WorkerGroup {
        replicas: Int = "replicas",
        hosts: Int = "numOfHosts",
    }
}

impl OwnerSpec<'_> {
    fn pods(&self, system: GangSystem) -> Option<i64> {
        match system {
            GangSystem::Job => Some(job_pods(self.parallelism, self.completions)),
            GangSystem::StatefulSet => Some(self.replicas.0.unwrap_or(1)),
            GangSystem::JobSet => sum(self.replicated_jobs.0.iter().map(|Obj(job)| {
                let Obj(JobNumbers { completions, parallelism }) = &job.template.0.spec;
                job.replicas.0.unwrap_or(1).saturating_mul(job_pods(*parallelism, *completions))
            })),
            GangSystem::Kubeflow => sum(self.replica_specs.0.iter().map(|(_, Obj(spec))| spec.replicas.0.unwrap_or(1))),
            GangSystem::Volcano => {
                sum(self.tasks.0.iter().map(|Obj(task)| task.replicas.0.unwrap_or(1))).or(self.min_available.0)
            }
            GangSystem::RayCluster => {
                let workers = self.worker_groups.0.iter();
                let workers =
                    workers.map(|Obj(group)| group.replicas.0.unwrap_or(0).saturating_mul(group.hosts.0.unwrap_or(1)));
                // The head has no replicas.
                Some(workers.fold(1_i64, i64::saturating_add))
            }
            _ => None,
        }
    }
}

/// Pods of a Job at the same time (`batch/v1` `JobSpec`: `parallelism` is 1 by default, and no more run than completions are left).
fn job_pods(parallelism: Int, completions: Int) -> i64 {
    let parallelism = parallelism.0.unwrap_or(1);
    completions.0.map_or(parallelism, |completions| completions.min(parallelism))
}

/// The sum; `None` without any number.
fn sum(mut numbers: impl Iterator<Item = i64>) -> Option<i64> {
    let first = numbers.next()?;
    Some(numbers.fold(first, i64::saturating_add))
}

#[cfg(test)]
mod tests;

//! Gangs of pods as their controllers label them. Keys and values: the sources that docs/pods.md names.

use super::*;
use crate::facts::pod::{PodBatch, decode_object};

/// Gang of a pod with this metadata and this resource name, as `system kind key name rank size`.
fn gang(metadata: &str, resource: &str) -> Option<String> {
    let json = format!(
        r#"{{"metadata":{{"name":"p","namespace":"train",{metadata}}},"spec":{{"containers":[{{"name":"c","resources":{{"requests":{{"{resource}":"8"}}}}}}]}}}}"#
    );
    let mut batch = PodBatch::default();
    decode_object(json.as_bytes(), false, &mut batch).unwrap();
    let (pod, _) = batch.iter().next().unwrap();
    let GangMember { system, kind, key, name, rank, size } = pod.gang?;
    let rank = rank.map_or("-".to_owned(), |Rank { job, index }| format!("{job}.{index}"));
    let size = size.map_or("-".to_owned(), |size| size.to_string());
    Some(format!("{system:?} {kind} {key} {name} {rank} {size}"))
}

#[test]
fn each_system_is_known_by_its_keys() {
    let rows = [
        (
            r#""labels":{"leaderworkerset.sigs.k8s.io/name":"vllm","leaderworkerset.sigs.k8s.io/group-index":"2",
            "leaderworkerset.sigs.k8s.io/group-key":"689ad1","leaderworkerset.sigs.k8s.io/worker-index":"3","apps.kubernetes.io/pod-index":"3"},
            "annotations":{"leaderworkerset.sigs.k8s.io/size":"4"}"#,
            "LeaderWorkerSet LeaderWorkerSet 689ad1 vllm-2 0.3 4",
        ),
        (
            r#""labels":{"jobset.sigs.k8s.io/jobset-uid":"u-1","jobset.sigs.k8s.io/jobset-name":"llm","jobset.sigs.k8s.io/job-global-index":"5",
            "batch.kubernetes.io/job-completion-index":"1","batch.kubernetes.io/controller-uid":"j-1","batch.kubernetes.io/job-name":"llm-w-5"}"#,
            "JobSet JobSet u-1 llm 5.1 -",
        ),
        (
            r#""labels":{"training.kubeflow.org/job-name":"llm-70b","training.kubeflow.org/operator-name":"pytorchjob-controller",
            "training.kubeflow.org/replica-type":"worker","training.kubeflow.org/replica-index":"16"}"#,
            "Kubeflow PyTorchJob llm-70b llm-70b 1.16 -",
        ),
        (
            r#""labels":{"training.kubeflow.org/job-name":"llm-70b","training.kubeflow.org/operator-name":"pytorchjob-controller",
            "training.kubeflow.org/replica-type":"master","training.kubeflow.org/replica-index":"0"}"#,
            "Kubeflow PyTorchJob llm-70b llm-70b 0.0 -",
        ),
        (
            r#""labels":{"training.kubeflow.org/job-name":"hvd","training.kubeflow.org/operator-name":"mpi-operator",
            "training.kubeflow.org/job-role":"worker","training.kubeflow.org/replica-index":"7"}"#,
            "Kubeflow MPIJob hvd hvd 0.7 -",
        ),
        (
            r#""labels":{"ray.io/cluster":"rc","ray.io/node-type":"worker","ray.io/group":"gpu"}"#,
            "RayCluster RayCluster rc rc - -",
        ),
        (
            r#""labels":{"ray.io/cluster":"rc","ray.io/worker-group-replica-name":"rc-gpu-x1","ray.io/replica-host-index":"1"}"#,
            "RayReplica RayCluster rc-gpu-x1 rc-gpu-x1 0.1 -",
        ),
        (
            r#""labels":{"grove.io/podgang":"pcs-0","grove.io/podclique-pod-index":"4"}"#,
            "Grove PodGang pcs-0 pcs-0 0.4 -",
        ),
        (
            r#""labels":{"volcano.sh/job-name":"tj","volcano.sh/task-index":"2"},"annotations":{"scheduling.k8s.io/group-name":"tj-u7"}"#,
            "Volcano Job.volcano.sh tj-u7 tj 0.2 -",
        ),
        (
            r#""labels":{"batch.kubernetes.io/controller-uid":"j-9","batch.kubernetes.io/job-name":"eval"},
            "annotations":{"batch.kubernetes.io/job-completion-index":"11"}"#,
            "Job Job j-9 eval 0.11 -",
        ),
        (
            r#""labels":{"kueue.x-k8s.io/pod-group-name":"old"},"annotations":{"kueue.x-k8s.io/pod-group-name":"pg",
            "kueue.x-k8s.io/pod-group-total-count":"16"}"#,
            "Kueue pod group pg pg - 16",
        ),
        (r#""labels":{"scheduling.x-k8s.io/pod-group":"g1"}"#, "Coscheduling PodGroup g1 g1 - -"),
        (
            r#""labels":{"yunikorn.apache.org/app-id":"app-1"},"annotations":{"yunikorn.apache.org/task-group-name":"workers"}"#,
            "YuniKorn task group workers app-1 workers - -",
        ),
        (
            r#""labels":{"apps.kubernetes.io/pod-index":"3"},"ownerReferences":[{"kind":"StatefulSet","name":"vllm","controller":true}]"#,
            "StatefulSet StatefulSet vllm vllm 0.3 -",
        ),
    ];
    for (metadata, expected) in rows {
        assert_eq!(gang(metadata, "nvidia.com/gpu").as_deref(), Some(expected), "{metadata}");
    }
}

#[test]
fn pods_that_can_do_without_each_other_are_no_gang() {
    let rows = [
        r#""labels":{"app":"web","pod-template-hash":"5d"}"#,
        // A Job that is not indexed.
        r#""labels":{"batch.kubernetes.io/controller-uid":"j","batch.kubernetes.io/job-name":"batch"}"#,
        // Volcano gives every pod of its scheduler a group.
        r#""annotations":{"scheduling.k8s.io/group-name":"podgroup-1234"}"#,
        r#""labels":{"spark-app-selector":"spark-1","spark-role":"executor"}"#,
        r#""labels":{"leaderworkerset.sigs.k8s.io/group-key":""}"#,
        r#""labels":{"leaderworkerset.sigs.k8s.io/group-key":7},"annotations":null"#,
    ];
    for metadata in rows {
        assert_eq!(gang(metadata, "nvidia.com/gpu"), None, "{metadata}");
    }
    let database = r#""labels":{"apps.kubernetes.io/pod-index":"0"},"ownerReferences":[{"kind":"StatefulSet","name":"db","controller":true}]"#;
    assert_eq!(gang(database, "cpu"), None, "without devices");
}

#[test]
fn ranks_that_are_no_numbers_are_not_known() {
    for rank in ["-1", "", "x", "65536", "1e3"] {
        let metadata = format!(r#""labels":{{"grove.io/podgang":"g","grove.io/podclique-pod-index":"{rank}"}}"#);
        assert_eq!(gang(&metadata, "cpu").as_deref(), Some("Grove PodGang g g - -"), "{rank}");
    }
}

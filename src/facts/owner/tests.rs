use super::*;

fn size(system: GangSystem, spec: &str) -> Option<u32> {
    let body = format!(
        r#"{{"apiVersion":"x/v1","kind":"X","metadata":{{"name":"llm","uid":"7d8b2c1e-0000-4000-8000-000000000001"}},"spec":{spec}}}"#
    );
    let size = decode_size(system, body.as_bytes()).unwrap();
    assert_eq!(size.uid, Uid::parse("7d8b2c1e-0000-4000-8000-000000000001"));
    size.pods
}

/// A pod template with a secret in its environment, as every owner has one.
const TEMPLATE: &str = r#"{"spec":{"containers":[{"name":"c","env":[{"name":"TOKEN","value":"s3cret"}]}]}}"#;

#[test]
fn a_job_has_as_many_pods_as_run_at_the_same_time() {
    let job = |numbers: &str| {
        size(GangSystem::Job, &format!(r#"{{{numbers}"completionMode":"Indexed","template":{TEMPLATE}}}"#))
    };
    assert_eq!(job(r#""completions":64,"parallelism":64,"#), Some(64));
    assert_eq!(job(r#""completions":100,"parallelism":8,"#), Some(8));
    assert_eq!(job(r#""completions":3,"parallelism":8,"#), Some(3));
    assert_eq!(job(r#""parallelism":8,"#), Some(8));
    assert_eq!(job(""), Some(1), "the default of batch/v1");
    assert_eq!(job(r#""completions":null,"parallelism":-1,"#), None, "absurd numbers are no size");
}

#[test]
fn a_jobset_has_replicas_times_parallelism_of_each_of_its_jobs() {
    // jobset `examples/pytorch/resnet-mnist/resnet.yaml` and `examples/simple/jobset-with-ttl.yaml` in shape.
    let spec = format!(
        r#"{{"replicatedJobs":[
        {{"name":"leader","replicas":1,"template":{{"spec":{{"parallelism":1,"completions":1,"template":{TEMPLATE}}}}}}},
        {{"name":"workers","replicas":4,"template":{{"spec":{{"parallelism":8,"completions":8,"template":{TEMPLATE}}}}}}},
        {{"name":"one","template":{{"spec":{{"template":{TEMPLATE}}}}}}}]}}"#
    );
    assert_eq!(size(GangSystem::JobSet, &spec), Some(1 + 32 + 1));
    assert_eq!(size(GangSystem::JobSet, "{}"), None);
}

#[test]
fn kubeflow_jobs_have_the_sum_of_their_replicas() {
    // training-operator `examples/pytorch/simple.yaml`; mpi-operator `examples/v2beta1/tensorflow-benchmarks`.
    let of = |field: &str, master: &str, worker: &str| {
        let spec = format!(
            r#"{{"{field}":{{"{master}":{{"replicas":1,"template":{TEMPLATE}}},"{worker}":{{"replicas":7,"template":{TEMPLATE}}}}}}}"#
        );
        size(GangSystem::Kubeflow, &spec)
    };
    assert_eq!(of("pytorchReplicaSpecs", "Master", "Worker"), Some(8));
    assert_eq!(of("tfReplicaSpecs", "Chief", "PS"), Some(8));
    assert_eq!(of("mpiReplicaSpecs", "Launcher", "Worker"), Some(8));
    assert_eq!(
        size(GangSystem::Kubeflow, r#"{"pytorchReplicaSpecs":{"Worker":{}}}"#),
        Some(1),
        "the operator's default"
    );
}

#[test]
fn a_ray_cluster_has_its_head_and_hosts_of_each_group() {
    // kuberay `ray-operator/config/samples/ray-cluster.tpu-v4-multihost.yaml` in shape.
    let spec = format!(
        r#"{{"headGroupSpec":{{"template":{TEMPLATE}}},"workerGroupSpecs":[{{"replicas":2,"numOfHosts":4,"template":{TEMPLATE}}},
        {{"replicas":3,"minReplicas":0,"template":{TEMPLATE}}}]}}"#
    );
    assert_eq!(size(GangSystem::RayCluster, &spec), Some(1 + 8 + 3));
}

#[test]
fn a_volcano_job_has_the_replicas_of_its_tasks_and_a_stateful_set_its_own() {
    // volcano `example/job.yaml` in shape.
    let spec =
        format!(r#"{{"minAvailable":3,"tasks":[{{"replicas":1,"name":"m"}},{{"replicas":6,"template":{TEMPLATE}}}]}}"#);
    assert_eq!(size(GangSystem::Volcano, &spec), Some(7));
    assert_eq!(size(GangSystem::Volcano, r#"{"minAvailable":3}"#), Some(3));
    assert_eq!(size(GangSystem::StatefulSet, r#"{"replicas":5}"#), Some(5));
    assert_eq!(size(GangSystem::StatefulSet, "{}"), Some(1), "the default of apps/v1");
    assert_eq!(size(GangSystem::StatefulSet, r#"{"replicas":"5"}"#), Some(1));
}

#[test]
fn what_is_no_object_is_refused() {
    for body in ["[]", "null", "{}", "<html>", r#"{"metadata":{}}"#] {
        assert!(decode_size(GangSystem::Job, body.as_bytes()).is_err(), "{body}");
    }
}

#[test]
fn each_gang_leads_to_the_resource_of_its_owner() {
    let path = |system, kind: &str| owner_api(system, kind).map(|api| api.best_path_in("ns"));
    let table = [
        (GangSystem::Job, "Job", "/apis/batch/v1/namespaces/ns/jobs"),
        (GangSystem::StatefulSet, "StatefulSet", "/apis/apps/v1/namespaces/ns/statefulsets"),
        (GangSystem::JobSet, "JobSet", "/apis/jobset.x-k8s.io/v1alpha2/namespaces/ns/jobsets"),
        (GangSystem::Kubeflow, "PyTorchJob", "/apis/kubeflow.org/v1/namespaces/ns/pytorchjobs"),
        (GangSystem::Kubeflow, "MPIJob", "/apis/kubeflow.org/v2beta1/namespaces/ns/mpijobs"),
        (GangSystem::RayCluster, "RayCluster", "/apis/ray.io/v1/namespaces/ns/rayclusters"),
        (GangSystem::Volcano, "Job.volcano.sh", "/apis/batch.volcano.sh/v1alpha1/namespaces/ns/jobs"),
    ];
    for (system, kind, expected) in table {
        assert_eq!(path(system, kind).as_deref(), Some(expected));
    }
    for system in [GangSystem::LeaderWorkerSet, GangSystem::Kueue, GangSystem::RayReplica, GangSystem::YuniKorn] {
        assert_eq!(path(system, "any"), None, "{system:?}");
    }
    assert_eq!(path(GangSystem::Kubeflow, "UnknownJob"), None);
}

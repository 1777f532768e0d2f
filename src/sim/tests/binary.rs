//! Pods and nodes are written in protobuf from their records; the other way, through their JSON, must give the same bytes.

use super::*;
use crate::sim::encode::Encoder;
use crate::sim::resource::SimResource;

const BINARY: &str = "application/vnd.kubernetes.protobuf";

/// Compares every pod and node of a cluster; how many there were.
fn compare(sim: &Simulation, context: &str) -> usize {
    let server = sim.clusters.iter().find_map(|cluster| match cluster {
        SimCluster::Served(server) if server.context == context => Some(server),
        _ => None,
    });
    let world = lock(&server.unwrap().world);
    let mut count = 0;
    for resource in [SimResource::Pods, SimResource::Nodes] {
        let encoder = Encoder::new(resource, "v1", BINARY, "", 1_790_000_000).unwrap();
        for object in world.store.all(resource) {
            let (mut item, mut message, mut carried) = (Vec::new(), Vec::new(), Vec::new());
            encoder.item(object, &mut item);
            encoder.write_as_protobuf(object, object.meta().rv, &mut message);
            crate::sim::proto::sized(2, &mut carried, |out| out.extend_from_slice(&message));
            assert!(item == carried, "{context}: {}", object.meta().key);
            count += 1;
        }
    }
    count
}

#[tokio::test]
async fn both_ways_to_protobuf_give_the_same_bytes() {
    let sim = simulate("reference").await;
    assert!(compare(&sim, "reference") > 2_000);
    let sim = simulate("incident").await;
    assert!(compare(&sim, "reference") > 2_000);
}

#[tokio::test]
async fn both_ways_give_the_same_bytes_of_failing_nodes_and_pods() {
    let (sim, control, _) = small().await;
    let dump = control.dump();
    let nodes = keys(&dump["nodes"]);
    let node = |at: usize| nodes[at].clone();
    control.apply(Change::NodeLost { node: node(0) });
    control.apply(Change::NodeNotReady { node: node(1) });
    control.apply(Change::Cordon { node: node(2) });
    let condition = ["DiskPressure", "True", "Why \"so\"", ""].map(str::to_owned);
    let [kind, status, reason, message] = condition;
    control.apply(Change::NodeCondition { node: node(2), kind, status, reason, message });
    let add =
        |name: &str, on: Option<String>| Change::AddPod { namespace: "default".into(), name: name.into(), node: on };
    for (name, on) in
        [("bound", Some(node(2))), ("orphan", Some("gone".into())), ("waiting", None), ("ended", Some(node(2)))]
    {
        control.apply(add(name, on));
    }
    control.apply(Change::RestartPod { namespace: "default".into(), name: "bound".into() });
    control.apply(Change::FinishPod { namespace: "default".into(), name: "ended".into(), succeeded: false });
    control.apply(Change::BindPod { namespace: "default".into(), name: "waiting".into(), node: node(2) });
    for _ in 0..2 {
        control.apply(Change::BlackHole { node: node(2), workloads: Vec::new() });
    }
    assert!(compare(&sim, "small") > 10);
}

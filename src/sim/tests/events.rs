//! Events of one object, by the selectors of both groups.

use super::*;

#[tokio::test]
async fn the_events_of_one_pod_are_found_by_the_selectors_of_either_group() {
    let sim = simulate("reference").await;
    let url = sim.clusters()[0].url.clone();
    let dump = sim.control("reference").unwrap().dump();
    let pods = dump["pods"].as_array().unwrap();
    let waits = |pod: &&serde_json::Value| {
        pod["status"]["containerStatuses"][0]["state"]["waiting"]["reason"] == "CrashLoopBackOff"
    };
    let pod = pods.iter().find(waits).unwrap();
    let text = |path: &str| pod.pointer(path).unwrap().as_str().unwrap().to_owned();
    let (namespace, name, uid) = (text("/metadata/namespace"), text("/metadata/name"), text("/metadata/uid"));
    for (group, about, note) in
        [("/api/v1", "involvedObject", "message"), ("/apis/events.k8s.io/v1", "regarding", "note")]
    {
        let events = format!("{group}/namespaces/{namespace}/events?fieldSelector={about}");
        for selector in [format!(".kind%3DPod,{about}.name%3D{name}"), format!(".uid%3D{uid}")] {
            let (status, list) = client::get(&url, &format!("{events}{selector}")).await;
            let items = list["items"].as_array().unwrap();
            assert_eq!((status, items.len()), (200, 1), "{group} {selector}");
            assert!(items[0][note].as_str().unwrap().contains(&name));
            let container = pod["status"]["containerStatuses"][0]["name"].as_str().unwrap();
            assert_eq!(items[0][about]["fieldPath"], format!("spec.containers{{{container}}}"));
        }
    }
    // As kube-apiserver 1.36 answers.
    for (group, field) in [("/api/v1", "regarding.uid"), ("/apis/events.k8s.io/v1", "involvedObject.uid")] {
        let (status, answer) = client::get(&url, &format!("{group}/events?fieldSelector={field}%3Dx")).await;
        assert_eq!(
            (status, answer["message"].as_str().unwrap()),
            (400, &*format!("field label not supported: {field}"))
        );
    }
}

#[tokio::test]
async fn containers_of_a_population_fail_in_every_way() {
    let sim = simulate("reference").await;
    let dump = sim.control("reference").unwrap().dump();
    let pods = dump["pods"].as_array().unwrap();
    let has = |path: &str, want: &str| pods.iter().any(|pod| pod.pointer(path).is_some_and(|value| *value == *want));
    let first = "/status/containerStatuses/0";
    for reason in ["CrashLoopBackOff", "ImagePullBackOff", "PodInitializing", "ContainerCreating"] {
        assert!(has(&format!("{first}/state/waiting/reason"), reason), "{reason}");
    }
    for reason in ["OOMKilled", "Error"] {
        assert!(has(&format!("{first}/lastState/terminated/reason"), reason), "{reason}");
    }
    let killed = |pod: &&serde_json::Value| {
        pod.pointer(&format!("{first}/lastState/terminated/exitCode")).is_some_and(|code| *code == 137)
    };
    assert!(pods.iter().any(|pod| killed(&pod)));
}

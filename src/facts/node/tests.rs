use super::*;

fn decode(json: &str) -> NodeFacts {
    decode_object(json.as_bytes()).unwrap()
}

fn pairs(node: &[(Clean, Quantity)]) -> Vec<(&str, i64)> {
    node.iter().map(|(name, amount)| (name.as_str(), amount.value())).collect()
}

#[test]
fn every_fact_of_a_node_is_read() {
    let node = decode(
        r#"{"kind":"Node","metadata":{"name":"n1","uid":"00000000-0000-0000-0000-00000000002a","resourceVersion":"77",
        "creationTimestamp":"2023-11-14T22:13:20Z","labels":{"z":"1","a":"2"},"managedFields":[{}]},
        "spec":{"unschedulable":true,"taints":[{"key":"gpu","value":"yes","effect":"NoSchedule"},{"key":"k","effect":"X"}]},
        "status":{"capacity":{"cpu":"64","nvidia.com/gpu":"8","memory":"1Ti"},"allocatable":{"nvidia.com/gpu":"5","cpu":"63500m"},
        "conditions":[{"type":"MemoryPressure","status":"False"},{"type":"Ready","status":"True","reason":"KubeletReady","message":"ok\n",
        "lastHeartbeatTime":"2026-01-01T00:00:00Z","lastTransitionTime":"2023-11-14T22:13:20Z"}],
        "addresses":[{"type":"Hostname","address":"n1"},{"type":"InternalIP","address":"10.0.0.1"},{"type":"InternalIP","address":"fd00::1"}],
        "nodeInfo":{"kubeletVersion":"v1.33.1","osImage":"Ubuntu","kernelVersion":"6.8","containerRuntimeVersion":"containerd://2","architecture":"amd64"}}}"#,
    );
    assert_eq!((&*node.name, node.uid, node.version, node.deleting), ("n1", Uid(42), 77, false));
    assert_eq!(node.created.unwrap().as_second(), 1_700_000_000);
    assert_eq!(node.labels, [("a".into(), "2".into()), ("z".into(), "1".into())]);
    assert_eq!(node.label("z").unwrap().as_str(), "1");
    assert_eq!(node.label("y"), None);
    assert!(node.unschedulable);
    let taints: Vec<_> = node.taints.iter().map(|taint| (&*taint.key, &*taint.value, &*taint.effect)).collect();
    assert_eq!(taints, [("gpu", "yes", "NoSchedule"), ("k", "", "X")]);
    assert_eq!(pairs(&node.capacity), [("cpu", 64), ("memory", 1 << 40), ("nvidia.com/gpu", 8)]);
    assert_eq!(pairs(node.effective_allocatable()), [("cpu", 64), ("nvidia.com/gpu", 5)]);
    assert_eq!(node.unreadable, 0);
    let ready = &node.conditions[1];
    assert_eq!((&*ready.reason, &*ready.message), ("KubeletReady", "ok "));
    assert_eq!(node.readiness(), (Readiness::Ready, node.created));
    let info = [&node.kubelet, &node.os_image, &node.kernel, &node.runtime, &node.architecture, &node.internal_ip];
    assert_eq!(info.map(Clean::as_str), ["v1.33.1", "Ubuntu", "6.8", "containerd://2", "amd64", "10.0.0.1"]);
}

#[test]
fn f72_a_bare_node_is_unknown_and_its_capacity_stands_in() {
    let node = decode(r#"{"metadata":{"name":"n"}}"#);
    assert_eq!(node, NodeFacts { name: "n".into(), uid: node.uid, ..NodeFacts::default() });
    assert_eq!(node.readiness(), (Readiness::Unknown, None));
    let node = decode(r#"{"metadata":{"name":"n"},"status":{"capacity":{"cpu":4},"allocatable":{}}}"#);
    assert_eq!(pairs(node.effective_allocatable()), [("cpu", 4)]);
}

#[test]
fn f71_a_condition_status_that_nobody_knows_is_kept_and_is_not_ready() {
    for (status, readiness) in
        [("True", Readiness::Ready), ("False", Readiness::NotReady), ("Unknown", Readiness::Unknown)]
    {
        let json = format!(
            r#"{{"metadata":{{"name":"n"}},"status":{{"conditions":[{{"type":"Ready","status":"{status}"}}]}}}}"#
        );
        assert_eq!(decode(&json).readiness().0, readiness);
    }
    let node = decode(r#"{"metadata":{"name":"n"},"status":{"conditions":[{"type":"Ready","status":"Maybe\u0007"}]}}"#);
    assert_eq!(node.conditions[0].status, ConditionStatus::Other("Maybe�".into()));
    assert_eq!(node.readiness().0, Readiness::NotReady);
    let node = decode(r#"{"metadata":{"name":"n"},"status":{"conditions":[{"type":"Ready","status":null}]}}"#);
    assert_eq!(node.readiness().0, Readiness::Unknown);
}

#[test]
fn quantities_that_cannot_be_read_are_left_out_and_counted() {
    let node = decode(
        r#"{"metadata":{"name":"n"},"status":{"capacity":{"cpu":"1","a":"lots","b":null,"c":2,"d":0.5,"e":true,"f":{}},
        "allocatable":{"cpu":" 1"}}}"#,
    );
    assert_eq!(pairs(&node.capacity), [("c", 2), ("cpu", 1), ("d", 1)]);
    assert_eq!(node.unreadable, 4);
}

#[test]
fn odd_fields_read_as_absent_and_never_cost_the_node() {
    let odd = [
        "null",
        "7",
        "\"text\"",
        "[]",
        "{}",
        "[[{}]]",
        "true",
        "[null,7,{\"key\":null,\"type\":[]}]",
        "{\"a\":{\"b\":[]}}",
    ];
    let paths = [
        r#""metadata":{"name":"n","uid":@,"resourceVersion":@,"creationTimestamp":@,"labels":@}"#,
        r#""metadata":{"name":"n"},"spec":@,"status":@"#,
        r#""metadata":{"name":"n"},"spec":{"unschedulable":@,"taints":@}"#,
        r#""metadata":{"name":"n"},"status":{"conditions":@,"capacity":@,"allocatable":@,"nodeInfo":@,"addresses":@}"#,
        r#""metadata":{"name":"n"},"status":{"conditions":[{"type":@,"status":@,"reason":@,"message":@,"lastTransitionTime":@}]}"#,
        r#""metadata":{"name":"n"},"status":{"nodeInfo":{"kubeletVersion":@,"osImage":@},"addresses":[{"type":"InternalIP","address":@}]}"#,
    ];
    for path in paths {
        for value in odd {
            assert_eq!(&*decode(&format!("{{{}}}", path.replace('@', value))).name, "n", "{path} {value}");
        }
    }
}

#[test]
fn of_a_key_that_comes_twice_the_last_value_counts() {
    let node = decode(
        r#"{"metadata":{"name":"n","labels":{"a":"1","a":"2"}},"spec":{},"status":{"capacity":{"cpu":"1","cpu":"2"}}}"#,
    );
    assert_eq!(node.labels, [("a".into(), "2".into())]);
    assert_eq!(pairs(&node.capacity), [("cpu", 2)]);
}

#[test]
fn f80_roles_come_from_both_labels_sorted_clean_and_few() {
    let node = decode(
        r#"{"metadata":{"name":"n","labels":{"node-role.kubernetes.io/worker":"","node-role.kubernetes.io/control-plane":"",
        "node-role.kubernetes.io/":"","kubernetes.io/role":"worker","node-role.kubernetes.io/e\u001bvil":"","kubernetes.io/roles":"x"}}}"#,
    );
    assert_eq!(node.roles().iter().map(Clean::as_str).collect::<Vec<_>>(), ["control-plane", "e␛vil", "worker"]);
    let labels = (0..300).map(|number| (Clean::new(&format!("node-role.kubernetes.io/{number:03}")), Clean::default()));
    let many = NodeFacts { labels: labels.collect(), ..NodeFacts::default() };
    assert_eq!(many.roles().len(), 12);
    assert_eq!(decode(r#"{"metadata":{"name":"n","labels":{"kubernetes.io/role":""}}}"#).roles(), []);
}

#[test]
fn a_page_of_nodes_is_handed_over_in_order() {
    let mut seen = Vec::new();
    let body = br#"{"kind":"NodeList","metadata":{"resourceVersion":"8"},"items":[{"metadata":{"name":"b"}},{"metadata":{}},{"metadata":{"name":"a"}}]}"#;
    let head = decode_list(body, |node| seen.push(node.name)).unwrap();
    assert_eq!((head.objects, head.unreadable, &*head.resource_version), (2, 1, "8"));
    assert_eq!(seen.iter().map(Clean::as_str).collect::<Vec<_>>(), ["b", "a"]);
}

#[test]
fn of_annotations_only_what_hami_says_of_devices_is_kept() {
    let node = |annotations: &str| {
        let text = format!(r#"{{"metadata":{{"name":"n","labels":{{"a":"1"}},"annotations":{annotations}}}}}"#);
        decode_object(text.as_bytes()).unwrap().labels
    };
    let one = vec![("a".into(), "1".into())];
    assert_eq!(node(r#"{"x":"y","hami.io/node-handshake":"Reported"}"#), one);
    assert_eq!(node(r#"{"hami.io/node-nvidia-register":"\u001b[2J"}"#), one, "it cannot be read");
    let register = r#"{"hami.io/node-nvidia-register":"[{\"id\":\"GPU-1\",\"count\":10},{\"count\":4}]","x":[7]}"#;
    let both = vec![("a".into(), "1".into()), ("hami.io/node-nvidia-register".into(), "2 devices, 14 shares".into())];
    assert_eq!(node(register), both);
}

#[test]
fn nodes_without_a_uid_are_distinguished_by_their_names() {
    let uid = |metadata: &str| decode_object(format!(r#"{{"metadata":{metadata}}}"#).as_bytes()).unwrap().uid;
    let nameless = [r#"{"name":"a"}"#, r#"{"name":"b"}"#, r#"{"name":"c","uid":null}"#, r#"{"name":"d","uid":""}"#];
    let uids: std::collections::BTreeSet<u128> = nameless.iter().map(|metadata| uid(metadata).0).collect();
    assert_eq!(uids.len(), 4);
    assert_eq!(uid(nameless[0]), uid(nameless[0]), "the same each time");
    assert_eq!(uid(r#"{"name":"a","uid":"00000000-0000-0000-0000-00000000002a"}"#), Uid(42));
}

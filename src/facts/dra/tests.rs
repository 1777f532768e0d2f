use super::*;
use crate::facts::object::{ApiObject, OptionalFacts};

const SLICE: &str = r#"{"kind":"ResourceSlice","apiVersion":"resource.k8s.io/v1","metadata":{"name":"n1-gpu-abc","uid":"u","resourceVersion":"7"},
 "spec":{"driver":"gpu.example.com","nodeName":"n1","pool":{"name":"n1","generation":3,"resourceSliceCount":2},
 "sharedCounters":[{"name":"gpu-0","counters":{"memory":{"value":"80Gi"},"slices":{"value":"7"}}}],
 "devices":[
  {"name":"gpu-0","consumesCounters":[{"counterSet":"gpu-0","counters":{"slices":{"value":"7000m"},"memory":{"value":"81920Mi"}}}]},
  {"name":"gpu-0-1g","consumesCounters":[{"counterSet":"gpu-0","counters":{"memory":{"value":"10Gi"},"slices":{"value":"1"}}}],
   "taints":[{"key":"x","effect":"None"},{"key":"y","effect":"Maybe"}]},
  {"name":"gpu-1","taints":[{"key":"dead","effect":"NoExecute"}],"nodeName":"n2"},
  {"name":"nic-0","allNodes":true}]}}"#;

#[test]
fn a_slice_says_where_it_is_what_it_has_and_what_shares_silicon() {
    let ApiObject { key, version, facts, .. } = SliceFacts::decode_object(SLICE.as_bytes()).unwrap();
    assert_eq!((&*key, version), ("n1-gpu-abc", 7));
    assert_eq!((&*facts.driver, &*facts.pool, facts.generation, facts.slices), ("gpu.example.com", "n1", 3, 2));
    assert_eq!(facts.scope, DeviceScope::Node("n1".into()));
    let [whole, part, dead, nic] = &facts.devices[..] else { panic!("four devices") };
    assert_eq!(whole.consumes, facts.counters, "all that there is, whatever the order and the spelling");
    assert_ne!(part.consumes[0].digest, facts.counters[0].digest);
    assert_eq!((whole.tainted, part.tainted, dead.tainted), (false, false, true), "unknown effects are like None");
    assert_eq!((&dead.scope, &nic.scope), (&DeviceScope::Node("n2".into()), &DeviceScope::Network));
}

#[test]
fn v1beta1_has_the_same_inside_basic() {
    let beta = r#"{"metadata":{"name":"s"},"spec":{"driver":"d","pool":{"name":"p","generation":1,"resourceSliceCount":1},
     "nodeSelector":{"nodeSelectorTerms":[]},"devices":[{"name":"a","basic":{"taints":[{"effect":"NoSchedule"}],
     "consumesCounters":[{"counterSet":"c","counters":{}}]}}]}}"#;
    let facts = SliceFacts::decode_object(beta.as_bytes()).unwrap().facts;
    assert_eq!(facts.scope, DeviceScope::Network);
    assert!(facts.devices[0].tainted);
    assert_eq!(&*facts.devices[0].consumes[0].name, "c");
}

#[test]
fn a_claim_says_what_it_got_and_who_uses_it() {
    let claim = r#"{"metadata":{"name":"c","namespace":"ns"},"spec":{},"status":{"allocation":{"devices":{"results":[
     {"request":"r","driver":"d","pool":"p","device":"gpu-0","adminAccess":true},
     {"request":"r","driver":"d","pool":"p","device":"gpu-1","shareID":"a671734a","consumedCapacity":{"memory":"1Gi"}}]}},
     "reservedFor":[{"resource":"pods","name":"w-0","uid":"00000000-0000-0000-0000-000000000007"}]}}"#;
    let ApiObject { key, facts, .. } = ClaimFacts::decode_object(claim.as_bytes()).unwrap();
    assert_eq!((&*key, facts.allocated, facts.results.len()), ("ns/c", true, 2));
    assert!(facts.results[0].admin && facts.results[0].share.is_none());
    assert_eq!(facts.results[1].share.as_deref(), Some("a671734a"));
    assert_eq!(facts.reserved_for, [Consumer { resource: "pods".into(), name: "w-0".into(), uid: Uid(7) }]);
    let waiting = ClaimFacts::decode_object(br#"{"metadata":{"name":"c"},"status":{}}"#).unwrap().facts;
    assert_eq!(waiting, ClaimFacts::default());
}

#[test]
fn a_device_is_named_by_the_attribute_that_says_most() {
    let model = |attributes: &str| {
        let slice =
            format!(r#"{{"metadata":{{"name":"s"}},"spec":{{"devices":[{{"name":"d","attributes":{attributes}}}]}}}}"#);
        SliceFacts::decode_object(slice.as_bytes()).unwrap().facts.devices[0].model.to_string()
    };
    for (attributes, expected) in [
        (r#"{"model":{"string":"LATEST-GPU-MODEL"},"index":{"int":0}}"#, "LATEST-GPU-MODEL"),
        (r#"{"model":{"string":"m"},"productName":{"string":"NVIDIA H100"},"type":{"string":"gpu"}}"#, "NVIDIA H100"),
        (r#"{"gpu.nvidia.com/productName":{"string":"NVIDIA L4"}}"#, "NVIDIA L4"),
        (r#"{"productName":{"int":7},"model":{"string":"x\u001b[2J\u202ey"}}"#, "x␛[2Jy"),
        ("{}", ""),
        ("null", ""),
        ("[7]", ""),
        (r#"{"model":"bare"}"#, ""),
    ] {
        assert_eq!(model(attributes), expected, "{attributes}");
    }
}

#[test]
fn a_taint_rule_says_which_devices_and_whether_it_is_more_than_information() {
    let rule = |spec: &str| {
        let text = format!(r#"{{"kind":"DeviceTaintRule","metadata":{{"name":"r"}},"spec":{spec}}}"#);
        RuleFacts::decode_object(text.as_bytes()).unwrap().facts
    };
    let all = DeviceSelector::default();
    let taint = |effect: &str| format!(r#""taint":{{"key":"k","effect":"{effect}"}}"#);
    for (effect, hard) in [("NoSchedule", true), ("NoExecute", true), ("None", false), ("Quantum", false)] {
        let facts = rule(&format!(r#"{{"deviceSelector":{{}},{}}}"#, taint(effect)));
        assert_eq!(facts, RuleFacts { selector: Some(all.clone()), hard }, "{effect}");
    }
    let none = rule(&format!("{{{}}}", taint("NoSchedule")));
    assert_eq!(none, RuleFacts { selector: None, hard: true }, "without a selector it matches nothing");
    let three = rule(r#"{"deviceSelector":{"driver":"d","pool":"p","device":"x"}}"#);
    let selector = DeviceSelector { driver: "d".into(), pool: "p".into(), device: "x".into(), by_expression: false };
    assert_eq!(three, RuleFacts { selector: Some(selector), hard: false });
    // v1alpha3 as of 1.33 and 1.34.
    for by in [r#""deviceClassName":"c""#, r#""selectors":[{"cel":{"expression":"true"}}]"#] {
        let facts = rule(&format!(r#"{{"deviceSelector":{{{by}}},{}}}"#, taint("NoSchedule")));
        assert!(facts.selector.unwrap().by_expression, "{by}");
    }
}

#[test]
fn odd_objects_cost_only_themselves() {
    let body = r#"{"kind":"ResourceSliceList","metadata":{"resourceVersion":"9"},"items":[{"metadata":{"name":"a"}},
     {"metadata":{"name":"b"},"spec":{"driver":7,"pool":null,"devices":[{},null,"x",{"name":"d","consumesCounters":{}}]}},
     {"metadata":{}}]}"#;
    let mut slices = Vec::new();
    let head = SliceFacts::decode_list(body.as_bytes(), |slice| slices.push(slice)).unwrap();
    assert_eq!((head.objects, head.unreadable, &*head.resource_version), (2, 1, "9"));
    assert_eq!(slices[1].facts.devices.len(), 4);
    assert!(SliceFacts::decode_list(b"404 page not found", |_| {}).is_err());
    assert!(ClaimFacts::decode_object(SLICE.as_bytes()).is_err(), "another kind");
}

#[test]
fn a_class_may_serve_an_extended_resource() {
    let class = br#"{"metadata":{"name":"gpu"},"spec":{"extendedResourceName":"nvidia.com/gpu","selectors":[]}}"#;
    assert_eq!(&*ClassFacts::decode_object(class).unwrap().facts.extended_resource, "nvidia.com/gpu");
    assert!(ClassFacts::decode_object(br#"{"metadata":{"name":"nic"}}"#).unwrap().facts.extended_resource.is_empty());
}

#[test]
fn a_claim_is_as_old_as_its_allocation_or_where_that_is_not_said_as_itself() {
    let since = |allocation: &str| {
        let claim = format!(
            r#"{{"metadata":{{"name":"c","namespace":"n","creationTimestamp":"2026-01-01T00:00:00Z"}},
            "status":{{"allocation":{{"devices":{{}}{allocation}}}}}}}"#
        );
        ClaimFacts::decode_object(claim.as_bytes())
            .unwrap()
            .facts
            .since
            .map(|since| (since.basis, since.at.to_string()))
    };
    let at = |basis, day: u32| Some((basis, format!("2026-01-0{day}T00:00:00Z")));
    assert_eq!(since(r#","allocationTimestamp":"2026-01-02T00:00:00Z""#), at(SinceBasis::Allocated, 2));
    for odd in ["", r#","allocationTimestamp":null"#, r#","allocationTimestamp":"soon""#] {
        assert_eq!(since(odd), at(SinceBasis::Created, 1), "{odd}");
    }
}

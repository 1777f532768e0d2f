//! JSON and protobuf give the same numbers.

use serde_json::Value;

use crate::rig::{self, TestServer};

fn snapshot(served: &TestServer, config: &str) -> Value {
    let path = served.dir.path().join("config.toml");
    std::fs::write(&path, config).unwrap();
    let (mut json, code) = rig::snapshot(served, &["--config", path.to_str().unwrap()]);
    assert_eq!(code, 0, "{json:#}");
    json["clusters"][0].take()
}

#[test]
fn snapshots_from_json_and_from_protobuf_are_equal() {
    // Without churn, so that nothing changes between the two.
    let served = TestServer::scenario("small");
    let forms = ["[clusters]\nprotobuf = false\n", "[clusters]\nprotobuf = true\n"].map(|text| snapshot(&served, text));
    for part in ["nodes", "pods", "accelerators"] {
        assert_eq!(forms[0][part], forms[1][part], "{part}");
        assert!(!forms[0][part].is_null(), "{part}");
    }
    let names = |form: &Value| -> Vec<(Value, Value, Value)> {
        let items = form["items"].as_array().unwrap().iter();
        items.map(|item| (item["name"].clone(), item["pods"].clone(), item["accelerators"].clone())).collect()
    };
    assert_eq!(names(&forms[0]), names(&forms[1]));
    assert!(!names(&forms[0]).is_empty());
}

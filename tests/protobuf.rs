//! The same numbers whichever form is asked for.

use serde_json::Value;

use crate::common::{Served, watchbell};

fn snapshot(served: &Served, config: &str) -> Value {
    let path = served.dir.path().join("config.toml");
    std::fs::write(&path, config).unwrap();
    let output = watchbell(served).arg("--config").arg(path).args(["snapshot", "-o", "json"]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let mut json: Value = serde_json::from_slice(&output.stdout).unwrap();
    json["clusters"][0].take()
}

#[test]
fn snapshots_from_json_and_from_protobuf_are_equal() {
    // Without churn, so that nothing changes between the two.
    let served = Served::scenario("small");
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

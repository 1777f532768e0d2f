use super::*;

/// As metrics-server 0.7 writes it, and what a bad day makes of it.
const BODY: &str = r#"{"kind":"NodeMetricsList","apiVersion":"metrics.k8s.io/v1beta1","metadata":{},"items":[
 {"metadata":{"name":"a","creationTimestamp":"2026-11-23T10:00:00Z","labels":{"x":"y"}},
  "timestamp":"2026-11-23T09:59:48Z","window":"20.03s","usage":{"cpu":"123456789n","memory":"1048576Ki"}},
 {"metadata":{"name":"b"},"timestamp":null,"window":"soon","usage":{"cpu":"much","memory":12}},
 {"metadata":{"name":"c\u001b[2J"},"usage":null},
 {"metadata":{}}
]}"#;

#[test]
fn usage_is_read_in_nanocores_and_kibibytes() {
    let nodes = decode_list(BODY.as_bytes()).unwrap();
    let a = &nodes[0];
    assert_eq!((&*a.name, a.cpu.unwrap().nano(), a.memory.unwrap().value()), ("a", 123_456_789, 1 << 30));
    assert_eq!(a.at, "2026-11-23T09:59:48Z".parse().ok());
    assert_eq!(a.window, Some(Duration::from_millis(20_030)));
}

#[test]
fn what_cannot_be_read_is_not_known_and_costs_nothing_else() {
    let nodes = decode_list(BODY.as_bytes()).unwrap();
    assert_eq!(nodes.len(), 3, "the one without a name is left out");
    let b = &nodes[1];
    assert_eq!((b.cpu, b.memory.map(Quantity::value), b.at, b.window), (None, Some(12), None, None));
    assert_eq!((&*nodes[2].name, nodes[2].cpu), ("c\u{241b}[2J", None), "made safe for a terminal");
}

#[test]
fn an_answer_that_is_no_list_is_refused() {
    for body in [&b"404 page not found"[..], b"<html></html>", b"{\"kind\":\"Status\"}", b"k8s\0\x0a\x00"] {
        assert!(decode_list(body).is_err());
    }
}

#[test]
fn windows_are_go_durations() {
    let cases = [
        ("20s", 20_000),
        ("1m0s", 60_000),
        ("1m30.5s", 90_500),
        ("150ms", 150),
        ("1h", 3_600_000),
        ("1h0m1s", 3_601_000),
    ];
    for (text, ms) in cases {
        assert_eq!(go_duration(text), Some(Duration::from_millis(ms)), "{text}");
    }
    for text in ["", "20", "s", "1x", "1.1.1s", "-20s"] {
        assert_eq!(go_duration(text), None, "{text}");
    }
}

#[test]
fn figures_that_cannot_be_are_unreadable() {
    let usage = |cpu: &str, memory: &str| {
        let body = format!(r#"{{"items":[{{"metadata":{{"name":"a"}},"usage":{{"cpu":{cpu},"memory":{memory}}}}}]}}"#);
        let node = decode_list(body.as_bytes()).unwrap().remove(0);
        (node.cpu.map(Quantity::milli), node.memory.map(Quantity::value))
    };
    for odd in [
        "\"-1\"",
        "-1",
        "\"-1n\"",
        "\"-5Mi\"",
        "\"NaN\"",
        "\"1e300\"",
        "\"9e30\"",
        "\"Infinity\"",
        "\"\"",
        "null",
        "true",
        "{}",
    ] {
        assert_eq!(usage(odd, odd), (None, None), "{odd}");
    }
    assert_eq!(usage("\"0\"", "0"), (Some(0), Some(0)));
    assert_eq!(usage("\"-0\"", "\"-0Ki\""), (Some(0), Some(0)), "nothing is not less than nothing");
    assert_eq!(usage("\"1n\"", "\"7Ei\""), (Some(1), Some(7 << 60)));
}

use super::*;
use crate::facts::node::{ConditionStatus, NodeFacts, NodeTaint};
use crate::model::fixture::{Bench, gpu_node, gpu_pod, node, pod, turned};
use crate::model::table::nodes::Nodes;

/// Five nodes: two with GPUs, one lost, one cordoned, one plain.
fn bench() -> Bench {
    let mut trained = gpu_node("gpu-a", 8, 8);
    trained.labels = vec![
        ("node-role.kubernetes.io/gpu".into(), String::new().as_str().into()),
        ("nvidia.com/gpu.product".into(), "NVIDIA-A100-SXM4-80GB".into()),
        ("zone".into(), "east".into()),
    ];
    trained.taints =
        vec![NodeTaint { key: "nvidia.com/gpu".into(), value: "present".into(), effect: "NoSchedule".into() }];
    trained.internal_ip = "10.16.10.1".into();
    let b = gpu_node("gpu-b", 8, 5);
    let mut c = turned(&node("cpu-c"), ConditionStatus::False, 0);
    c.kubelet = "v1.29.1".into();
    let mut d = node("cpu-d");
    d.unschedulable = true;
    let mut e = node("cpu-e");
    e.created = None;
    let pods = [gpu_pod("x", "gpu-a", 6), pod("p", "cpu-c"), pod("q", "cpu-c"), pod("r", "cpu-d")];
    Bench::with(vec![trained, b, c, d, e], &pods)
}

fn shown(bench: &mut Bench, filter: &str) -> String {
    bench.act(crate::action::Action::Filter);
    bench.act(crate::action::Action::Back);
    bench.act(crate::action::Action::Filter);
    bench.type_text(filter);
    bench.names().join(" ")
}

#[test]
fn terms_mean_what_the_help_says() {
    let mut bench = bench();
    bench.wait_live(3600);
    let cases = [
        ("", "cpu-c cpu-d cpu-e gpu-a gpu-b"),
        ("GPU", "gpu-a gpu-b"),
        ("cpu !cpu-d", "cpu-c cpu-e"),
        ("a100", "gpu-a"),
        ("notready", "cpu-c"),
        ("status:notready", "cpu-c"),
        ("status:ready", "cpu-d cpu-e gpu-a gpu-b"),
        ("status:cordoned", "cpu-d"),
        ("status:SchedulingDisabled", "cpu-d"),
        ("!status:ready", "cpu-c"),
        ("role:gpu", "gpu-a"),
        ("model:A100", "gpu-a"),
        ("name:gpu", "gpu-a gpu-b"),
        ("version:1.29", "cpu-c"),
        ("v1.29", "cpu-c"),
        ("taint:present", "gpu-a"),
        ("taint:noschedule", "gpu-a"),
        ("label:zone", "gpu-a"),
        ("label:zone=east", "gpu-a"),
        ("label:zone=eas", ""),
        ("ip:10.16.", "gpu-a"),
        ("gpu<8", "gpu-b"),
        ("gpu>=5", "gpu-a gpu-b"),
        ("!gpu<8", "gpu-a"),
        ("free>=3", "gpu-b"),
        ("free=2", "gpu-a"),
        ("pods>1", "cpu-c"),
        ("pods>=10%", "cpu-c cpu-d gpu-a"),
        ("pods>10%", "cpu-c"),
        ("cpu>=25%", "cpu-c"),
        ("cpu>700m", "cpu-c"),
        ("mem>1Gi", "cpu-c"),
        ("memory<=12.5%", "cpu-d cpu-e gpu-a gpu-b"),
        ("age<2h", "cpu-c cpu-d gpu-a gpu-b"),
        ("age<30m", ""),
        ("age>=59m59s", "cpu-c cpu-d gpu-a gpu-b"),
        ("gpu status:ready gpu<8", "gpu-b"),
        ("resource=nvidia.com/gpu", "gpu-a gpu-b"),
        ("resource=nvidia.com", ""),
        ("resource:nvidia.com", "gpu-a gpu-b"),
        ("pool=<none>", "cpu-c cpu-d cpu-e gpu-a gpu-b"),
        ("pool:a", ""),
        ("problem:unhealthy", "gpu-b"),
        ("problem:conditions", ""),
    ];
    for (filter, expected) in cases {
        assert_eq!(shown(&mut bench, filter), expected, "`{filter}`");
        assert_eq!(bench.state().nodes_control().filter_note(), None, "`{filter}`");
    }
}

#[test]
fn a_term_that_means_nothing_is_left_out_and_named() {
    let mut bench = bench();
    let everything = "cpu-c cpu-d cpu-e gpu-a gpu-b";
    for filter in [
        "gpu<",
        "gpu<x",
        "status:",
        "colour:red",
        "size>3",
        "!",
        "age<5",
        "gpu>50%",
        "status>3",
        "gpu:8",
        "pool=",
        "pool>3",
    ] {
        assert_eq!(shown(&mut bench, filter), everything, "`{filter}`");
        let note = bench.state().nodes_control().filter_note().unwrap_or_else(|| panic!("`{filter}` has no note"));
        assert!(note.contains(filter), "{note}");
    }
    assert_eq!(shown(&mut bench, "gpu-a colour:red"), "gpu-a", "the other terms still hold");
}

#[test]
fn what_is_not_known_fulfils_neither_a_comparison_nor_its_opposite() {
    let mut bench = Bench::new(&["prod"]);
    bench.list_nodes(1, vec![gpu_node("a", 8, 8)]);
    assert_eq!(shown(&mut bench, "gpu=8"), "a", "the node says so itself");
    for filter in ["pods<5", "!pods<5", "free>0", "!free>0", "cpu<50%"] {
        assert_eq!(shown(&mut bench, filter), "", "`{filter}`");
    }
}

#[test]
fn a_filter_on_pods_follows_pods_and_one_on_age_follows_time() {
    let mut bench = bench();
    assert_eq!(shown(&mut bench, "pods>1"), "cpu-c");
    bench.change_pods(1, &[pod("s", "cpu-e"), pod("t", "cpu-e")], false);
    assert_eq!(bench.names(), ["cpu-c", "cpu-e"]);
    assert_eq!(shown(&mut bench, "age<5s name:gpu"), "gpu-a gpu-b");
    bench.wait_live(5);
    assert!(bench.names().is_empty());
}

#[test]
fn the_line_is_edited_by_grapheme_and_word_and_capped() {
    let mut filter = Filter::<Nodes>::default();
    filter.edit(&LineEdit::Paste("gpu e\u{301}\nb".to_owned()));
    assert_eq!(filter.text(), "gpu e\u{301} b", "a line break is a space");
    filter.edit(&LineEdit::Backspace);
    filter.edit(&LineEdit::Backspace);
    filter.edit(&LineEdit::Backspace);
    assert_eq!(filter.text(), "gpu ", "the accent goes with its letter");
    filter.edit(&LineEdit::DeleteWord);
    assert_eq!(filter.text(), "");
    filter.edit(&LineEdit::Backspace);
    filter.edit(&LineEdit::Paste("x".repeat(10_000)));
    filter.edit(&LineEdit::Insert('y'));
    assert_eq!(filter.text().chars().count(), crate::model::table::line::MOST_CHARS);
    filter.edit(&LineEdit::Clear);
    assert!(filter.text().is_empty() && filter.is_empty());
}

#[test]
fn an_escape_sequence_in_a_paste_does_not_reach_the_screen() {
    let mut filter = Filter::<Nodes>::default();
    filter.edit(&LineEdit::Paste("a\u{1b}[31mb\u{202e}c".to_owned()));
    assert!(!filter.text().contains(['\u{1b}', '\u{202e}']), "{:?}", filter.text());
}

#[test]
fn a_filter_over_many_nodes_shows_what_a_literal_count_says() {
    let nodes: Vec<NodeFacts> = (0..300).map(|n| gpu_node(&format!("n{n}"), 16, n % 17)).collect();
    let expected = nodes
        .iter()
        .filter(|node| node.allocatable.iter().any(|(name, amount)| &**name == "nvidia.com/gpu" && amount.value() < 8));
    let expected = expected.count();
    let mut bench = Bench::with(nodes, &[]);
    shown(&mut bench, "gpu<8");
    assert_eq!(bench.state().extent().len, expected);
}

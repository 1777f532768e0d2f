//! The pods in trouble of a cluster, and all of them.

use super::alerts::draw;
use super::fixture::lines;
use crate::action::Action;
use crate::facts::node::ConditionStatus;
use crate::facts::pod::{PodFacts, PodPhase, PodTrouble, TroubleKind};
use crate::model::app::screens::Screen;
use crate::model::fixture::{Bench, gpu_node, gpu_pod, node, pod, turned};
use crate::theme::{Depth, Theme};

/// Ten pods; five of them are in trouble, one on a lost node.
fn bench() -> Bench {
    let trouble = |kind, message, image| Some(PodTrouble { kind, message, image, device: "", since: None });
    let waits = "0/3 nodes are available: 3 Insufficient nvidia.com/gpu.";
    let mut pods = vec![
        PodFacts {
            reason: "CrashLoopBackOff",
            restarts: 12,
            trouble: trouble(TroubleKind::CrashLoop, "OOMKilled, exit code 137", "registry.example/llm:9"),
            ..gpu_pod("crashes", "n1", 1)
        },
        PodFacts {
            phase: PodPhase::Pending,
            reason: "ImagePullBackOff",
            trouble: trouble(TroubleKind::ImagePull, "429 Too Many Requests", "registry.example/llm:9"),
            ..pod("pulls", "n1")
        },
        PodFacts {
            phase: PodPhase::Pending,
            trouble: trouble(TroubleKind::Unschedulable, waits, ""),
            ..gpu_pod("waits", "", 8)
        },
        PodFacts { trouble: trouble(TroubleKind::DeviceUnhealthy, "Xid 79", ""), ..gpu_pod("device", "n2", 1) },
        pod("lost", "n3"),
        PodFacts { phase: PodPhase::Succeeded, ..pod("ended", "n3") },
    ];
    pods.extend(["a", "b", "c", "d"].map(|name| pod(name, "n2")));
    let lost = turned(&node("n3"), ConditionStatus::Unknown, 0);
    Bench::with(vec![gpu_node("n1", 8, 8), gpu_node("n2", 8, 8), lost], &pods)
}

fn text(bench: &mut Bench, size: (u16, u16)) -> String {
    lines(&draw(bench, size, &Theme::new(Depth::None, false)))
}

/// Names of the pods on the screen, in order.
fn names(text: &str) -> Vec<&str> {
    let known = ["crashes", "pulls", "waits", "device", "lost", "ended"];
    let name = |line: &str| known.into_iter().find(|name| line.split_whitespace().any(|word| word == *name));
    text.lines().filter_map(name).collect()
}

#[test]
fn the_worst_trouble_comes_first_with_the_words_of_kubelet_and_scheduler() {
    let mut bench = bench();
    bench.act(Action::Trouble);
    let wide = text(&mut bench, (200, 35));
    assert_eq!(names(&wide), ["lost", "device", "crashes", "pulls", "waits"], "{wide}");
    for words in [
        &["pods in trouble 5"][..],
        &["lost", "node lost", "n3", "node Unknown, last reported Running"],
        &["crashes", "crash loop", "12", "CrashLoopBackOff OOMKilled, exit code 137"],
        &["pulls", "image pull", "ImagePullBackOff registry.example/llm:9 429 Too Many Requests"],
        &["waits", "unschedulable", "8", "0/3 nodes are available: 3 Insufficient nvidia.com/gpu."],
        &["device", "device unhealthy", "Xid 79"],
    ] {
        assert!(wide.lines().any(|line| words.iter().all(|word| line.contains(word))), "{words:?}\n{wide}");
    }
    // On a narrow screen the name, the trouble and the devices stay.
    let narrow = text(&mut bench, (60, 16));
    assert_eq!(names(&narrow), ["lost", "device", "crashes", "pulls", "waits"], "{narrow}");
    assert!(narrow.lines().any(|line| line.contains("crashes") && line.contains("crash loop")), "{narrow}");
}

#[test]
fn a_pod_is_opened_and_esc_leads_back_to_its_row() {
    let mut bench = bench();
    bench.act(Action::Trouble);
    for action in [Action::Down, Action::Down, Action::Open] {
        bench.act(action);
    }
    let Screen::Pod { name, .. } = bench.model.screen() else { panic!("{:?}", bench.model.screen()) };
    assert_eq!(&**name, "crashes");
    bench.act(Action::Back);
    let shown = text(&mut bench, (120, 30));
    assert!(shown.lines().any(|line| line.starts_with('▌') && line.contains("crashes")), "{shown}");
    bench.act(Action::Back);
    assert_eq!(bench.model.screen(), &Screen::Nodes);
}

#[test]
fn the_same_key_shows_every_pod_and_only_those_in_trouble_again() {
    let mut bench = bench();
    bench.act(Action::Trouble);
    bench.act(Action::Trouble);
    let all = text(&mut bench, (120, 30));
    assert!(all.contains("10 pods") && !all.contains("in trouble "), "{all}");
    bench.act(Action::Trouble);
    assert!(text(&mut bench, (120, 30)).contains("pods in trouble 5"));
}

#[test]
fn pods_in_trouble_are_filtered_by_what_their_columns_say() {
    let mut bench = bench();
    bench.act(Action::Trouble);
    for (filter, expected) in [
        ("trouble:image", &["pulls"][..]),
        ("node:n3", &["lost"]),
        ("gpu>=8", &["waits"]),
        ("restarts>3", &["crashes"]),
        ("reason:insufficient", &["waits"]),
        ("!registry", &["lost", "device", "waits"]),
        ("ns:other", &[]),
    ] {
        bench.act(Action::Filter);
        bench.type_text(filter);
        bench.act(Action::Open);
        let shown = text(&mut bench, (160, 30));
        assert_eq!(names(&shown), expected, "{filter}\n{shown}");
        bench.act(Action::Back);
    }
}

#[test]
fn what_is_not_known_is_never_no_trouble() {
    let mut bench = Bench::new(&["prod"]);
    bench.act(Action::Trouble);
    let loading = text(&mut bench, (100, 24));
    assert!(loading.contains("pods are not known yet") && !loading.contains("no pod is in trouble"), "{loading}");
    let mut calm = Bench::with(vec![node("n1")], &[pod("a", "n1")]);
    calm.act(Action::Trouble);
    let calm = text(&mut calm, (100, 24));
    assert!(calm.contains("no pod is in trouble"), "{calm}");
}

#[test]
fn the_pods_of_an_owner_have_its_name_in_the_title() {
    let of = |name| PodFacts { namespace: "train", owner_kind: "Job", owner_name: "llm", ..pod(name, "n1") };
    let mut bench = Bench::with(vec![node("n1")], &[of("llm-0"), of("llm-1"), pod("other", "n1")]);
    for action in [Action::Open, Action::Bottom, Action::Owner] {
        bench.act(action);
    }
    let shown = text(&mut bench, (120, 30));
    assert!(shown.lines().any(|line| line.contains("pods of Job/llm in train 2")), "{shown}");
    assert!(shown.contains("llm-0") && shown.contains("llm-1") && !shown.contains("other"), "{shown}");
}

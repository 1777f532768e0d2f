//! The pods in trouble of a cluster, and all of them.

use super::alerts::draw;
use super::fixture::lines;
use crate::action::Action;
use crate::facts::gang::{GangMember, GangSystem};
use crate::facts::node::ConditionStatus;
use crate::facts::pod::{PodFacts, PodPhase, PodTrouble, Since, SinceBasis, TroubleKind};
use crate::model::app::screens::Screen;
use crate::model::cluster::PodPlace;
use crate::model::fixture::{Bench, at, gpu_node, gpu_pod, node, pod, turned};
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

/// Names of pods and nodes that a test numbers, which live as long as the facts.
fn numbered(prefix: &str, count: usize) -> Vec<String> {
    (0..count).map(|at| format!("{prefix}-{at}")).collect()
}

/// A pull storm: 37 pods of two owners on 12 nodes cannot pull images of one registry. Beside it a pod that crashes, a gang of which
/// two pods wait, and pods that run.
fn storm() -> Bench {
    let (names, nodes) = (numbered("llm", 37), numbered("n", 12));
    let since = |ms| Some(Since { basis: SinceBasis::Created, at: at(ms).wall });
    let trouble = |kind, message, image| Some(PodTrouble { kind, message, image, device: "", since: since(60_000) });
    let pulls = names.iter().enumerate().map(|(number, name)| {
        // The fifth has waited longest; ten of the 37 have another image of the registry.
        let image = if number < 10 { "registry.example/tokenizer:1" } else { "registry.example/llm:9" };
        let since = since(if number == 4 { 10_000 } else { 60_000 });
        let message = "back-off";
        let trouble = PodTrouble { kind: TroubleKind::ImagePull, message, image, device: "", since };
        PodFacts {
            namespace: if number < 20 { "train" } else { "infer" },
            owner_kind: "ReplicaSet",
            owner_name: "llm-5d9",
            phase: PodPhase::Pending,
            reason: if number == 0 { "ErrImagePull" } else { "ImagePullBackOff" },
            trouble: Some(trouble),
            ..gpu_pod(name, &nodes[number % 12], 1)
        }
    });
    let gang = GangMember {
        system: GangSystem::JobSet,
        kind: "JobSet",
        key: "vision",
        name: "vision",
        rank: None,
        size: None,
    };
    let waits = |name| PodFacts {
        namespace: "train",
        phase: PodPhase::Pending,
        gang: Some(gang),
        trouble: trouble(TroubleKind::Unschedulable, "0/12 nodes are available", ""),
        ..gpu_pod(name, "", 8)
    };
    let crashes = PodFacts {
        namespace: "infer",
        owner_kind: "ReplicaSet",
        owner_name: "llm-5d9",
        reason: "CrashLoopBackOff",
        trouble: trouble(TroubleKind::CrashLoop, "exit code 137", "registry.example.org/llm:9"),
        ..gpu_pod("crashes", "n-0", 2)
    };
    let mut pods: Vec<PodFacts<'_>> = pulls.collect();
    pods.extend([waits("vision-0"), waits("vision-1"), crashes, pod("fine", "n-1")]);
    let mut bench = Bench::with(nodes.iter().map(|name| gpu_node(name, 8, 8)).collect(), &pods);
    bench.ms = 70_000;
    bench.act(Action::Trouble);
    bench
}

/// Lines of the list, without the title.
fn rows(text: &str) -> Vec<&str> {
    let lines: Vec<&str> = text.lines().collect();
    let title = lines.iter().position(|line| line.contains("pods in trouble")).expect("a title");
    lines[title + 2..].iter().take_while(|line| !line.starts_with('─') && !line.trim().is_empty()).copied().collect()
}

#[track_caller]
fn assert_row(rows: &[&str], at: usize, words: &[&str]) {
    let row = rows[at].trim_start_matches('▌').split_whitespace().collect::<Vec<_>>().join(" ");
    assert_eq!(row, words.join(" "), "row {at} of\n{}", rows.join("\n"));
}

#[test]
fn a_pull_storm_is_one_line_by_registry() {
    let mut bench = storm();
    bench.act(Action::PreviousPane);
    let shown = text(&mut bench, (200, 30));
    assert!(shown.contains("pods in trouble 40"), "{shown}");
    assert!(shown.contains("none  owner  gang  node  namespace [registry]"), "{shown}");
    assert!(shown.contains("39 GPUs held · 16 GPUs waited for"), "{shown}");
    let rows = rows(&shown);
    assert_eq!(rows.len(), 3, "{shown}");
    // Worst class first: a crash loop, the 37 that pull (10 of one image, 27 of the other), and the two that wait.
    let crashes =
        ["registry.example.org", "1", "crash loop", "CrashLoopBackOff ×1", "n-0", "2", "10s", "exit code 137"];
    assert_row(&rows, 0, &crashes);
    let pulls = [
        "registry.example",
        "37",
        "image pull",
        "ImagePullBackOff ×36",
        "12 nodes",
        "37",
        "60s",
        "registry.example/llm",
    ];
    assert_row(&rows, 1, &pulls);
    let waits = ["no image", "2", "unschedulable", "unschedulable ×2", "–", "16", "10s", "0/12 nodes are available"];
    assert_row(&rows, 2, &waits);
}

#[test]
fn a_group_opens_exactly_its_pods_and_esc_leads_back_to_its_row() {
    let mut bench = storm();
    bench.act(Action::PreviousPane);
    bench.act(Action::Down);
    bench.act(Action::Open);
    let shown = text(&mut bench, (160, 60));
    assert!(shown.contains("pods in trouble that cannot pull from registry.example 37"), "{shown}");
    assert!(!shown.contains("crashes"), "registry.example.org is another registry: {shown}");
    bench.act(Action::Back);
    let shown = text(&mut bench, (160, 30));
    assert!(shown.lines().any(|line| line.starts_with('▌') && line.contains("37")), "{shown}");
    bench.act(Action::Bottom);
    bench.act(Action::Open);
    let shown = text(&mut bench, (160, 30));
    assert!(shown.contains("pods in trouble without an image in trouble 2"), "{shown}");
    assert_eq!(rows(&shown).len(), 2, "{shown}");
}

#[test]
fn every_grouping_counts_each_pod_once() {
    // By hand: 20 pods of train and 17 of infer pull; one of infer crashes and is of the same owner; two of train wait.
    let expected: [&[(&str, &str)]; 5] = [
        &[("infer ReplicaSet/llm-5d9", "18"), ("train ReplicaSet/llm-5d9", "20"), ("<none>", "2")],
        &[("<none>", "38"), ("train vision", "2")],
        &[("n-0", "5"), ("no node", "2")],
        &[("infer", "18"), ("train", "22")],
        &[("registry.example.org", "1"), ("registry.example", "37"), ("no image", "2")],
    ];
    let mut bench = storm();
    for expected in expected {
        bench.act(Action::NextPane);
        let shown = text(&mut bench, (200, 60));
        let rows = rows(&shown);
        let flat: Vec<String> = rows
            .iter()
            .map(|row| row.trim_start_matches('▌').split_whitespace().collect::<Vec<_>>().join(" "))
            .collect();
        for (name, pods) in expected {
            assert!(flat.iter().any(|row| row.starts_with(&format!("{name} {pods} "))), "{name} {pods}\n{shown}");
        }
        assert!(shown.contains("pods in trouble 40"), "{shown}");
    }
    // Twelve nodes, and the pods without one.
    bench.act(Action::PreviousPane);
    bench.act(Action::PreviousPane);
    assert_eq!(rows(&text(&mut bench, (200, 60))).len(), 13);
}

#[test]
fn groups_are_sorted_and_filtered_like_every_list() {
    let mut bench = storm();
    bench.act(Action::PreviousPane);
    let names = |bench: &mut Bench| -> Vec<String> {
        let shown = text(bench, (200, 30));
        let first = |row: &&str| row.trim_start_matches('▌').split_whitespace().next().map(ToOwned::to_owned);
        rows(&shown).iter().filter_map(first).filter(|name| name != "no").collect()
    };
    bench.act(Action::SortPods);
    assert_eq!(names(&mut bench)[0], "registry.example");
    bench.act(Action::SortName);
    assert_eq!(names(&mut bench), ["registry.example", "registry.example.org"]);
    for (filter, expected) in [
        ("trouble:image", &["registry.example"][..]),
        ("pods>30", &["registry.example"]),
        ("gpu<3 gpu>0", &["registry.example.org"]),
        ("nodes=12", &["registry.example"]),
        ("worst:crash", &["registry.example.org"]),
        ("since>30s", &["registry.example"]),
    ] {
        bench.act(Action::Filter);
        bench.type_text(filter);
        bench.act(Action::Open);
        assert_eq!(names(&mut bench), expected, "{filter}");
        bench.act(Action::Back);
    }
    bench.act(Action::Filter);
    bench.type_text("pods>100");
    let shown = text(&mut bench, (120, 30));
    assert!(shown.contains("no group matches the filter"), "{shown}");
}

#[test]
fn an_owner_of_pods_in_trouble_leads_to_all_its_pods() {
    let mut bench = storm();
    bench.act(Action::NextPane);
    bench.act(Action::Down);
    let shown = text(&mut bench, (200, 30));
    assert!(shown.lines().any(|line| line.starts_with("▌train") || line.starts_with("▌infer")), "{shown}");
    bench.act(Action::Owner);
    let shown = text(&mut bench, (200, 60));
    assert!(shown.contains("pods of ReplicaSet/llm-5d9 in"), "{shown}");
    bench.act(Action::Back);
    bench.act(Action::Trouble);
    bench.act(Action::NextPane);
    assert_eq!(
        bench.model.notice(bench.now()).map(ToString::to_string).as_deref(),
        Some("only pods in trouble are grouped")
    );
}

#[test]
fn the_time_of_a_group_goes_on_without_any_news() {
    let mut bench = storm();
    bench.act(Action::PreviousPane);
    bench.wait(120);
    let shown = text(&mut bench, (200, 30));
    assert!(rows(&shown)[1].contains("  3m  "), "60 s and two minutes: {shown}");
}

#[test]
fn groups_follow_the_pods() {
    let mut bench = storm();
    bench.act(Action::PreviousPane);
    bench.act(Action::Down);
    let healed = PodFacts { version: 11, ..pod("crashes", "n-0") };
    bench.change_pods(1, &[PodFacts { namespace: "infer", ..healed }], false);
    let shown = text(&mut bench, (200, 30));
    let rows = rows(&shown);
    assert_eq!(rows.len(), 2, "{shown}");
    assert!(rows[0].starts_with("▌registry.example "), "the cursor stays with its group: {shown}");
}

#[test]
fn groups_name_no_state_by_colour_alone_and_fit_small_screens() {
    let mut bench = storm();
    bench.act(Action::PreviousPane);
    let narrow = text(&mut bench, (60, 16));
    assert!(
        narrow
            .lines()
            .any(|line| line.contains("registry.example") && line.contains("37") && line.contains("image pull")),
        "{narrow}"
    );
}

/// Six pods for the terms of the filter; created 30 minutes, 2 hours and 3 days ago.
fn every_pod() -> Bench {
    let created = |hours: i64| Some(at(0).wall - jiff::SignedDuration::from_mins(hours * 30));
    let gang = GangMember {
        system: GangSystem::JobSet,
        kind: "JobSet",
        key: "vision",
        name: "vision",
        rank: None,
        size: None,
    };
    let crash = PodTrouble { kind: TroubleKind::CrashLoop, message: "", image: "", device: "", since: None };
    let waits = PodTrouble { kind: TroubleKind::Unschedulable, message: "", image: "", device: "", since: None };
    let pods = [
        PodFacts {
            namespace: "train",
            owner_kind: "Job",
            owner_name: "llm",
            created: created(1),
            ..gpu_pod("a", "n1", 8)
        },
        PodFacts {
            namespace: "train-2",
            owner_kind: "Job",
            owner_name: "llm-2",
            created: created(4),
            ..gpu_pod("b", "n10", 4)
        },
        PodFacts {
            namespace: "infer",
            owner_kind: "ReplicaSet",
            owner_name: "chat",
            restarts: 4,
            reason: "CrashLoopBackOff",
            trouble: Some(crash),
            created: created(144),
            ..pod("c", "n1")
        },
        PodFacts {
            namespace: "train",
            phase: PodPhase::Pending,
            reason: "Pending",
            gang: Some(gang),
            trouble: Some(waits),
            created: created(1),
            ..gpu_pod("d", "", 16)
        },
        PodFacts { namespace: "infer", phase: PodPhase::Succeeded, reason: "Completed", restarts: 3, ..pod("e", "n1") },
        // Of an unknown time of creation.
        PodFacts { namespace: "infer", ..pod("f", "n10") },
    ];
    let mut bench = Bench::with(vec![gpu_node("n1", 8, 8), gpu_node("n10", 8, 8)], &pods);
    for action in [Action::Trouble, Action::Trouble, Action::SortName] {
        bench.act(action);
    }
    bench
}

#[test]
fn every_term_narrows_all_pods_as_the_documents_say() {
    let mut bench = every_pod();
    for (filter, expected) in [
        ("", "abcdef"),
        ("ns:train", "abd"),
        ("ns=train", "ad"),
        ("owner:job", "ab"),
        ("owner=llm", "a"),
        ("owner=<none>", "def"),
        ("node:n1", "abcef"),
        ("node=n1", "ace"),
        ("node=<none>", "d"),
        ("!node=<none> ns:train", "ab"),
        ("status:crash", "c"),
        ("status=pending", "d"),
        ("status:completed", "e"),
        ("gpu>=8", "ad"),
        ("gpu>0 gpu<8", "b"),
        ("age<1h", "ad"),
        ("age>=2h", "bc"),
        ("age>2d", "c"),
        ("restarts>3", "c"),
        ("restarts>=3", "ce"),
        ("gang:vis", "d"),
        ("gang=vision", "d"),
        ("trouble:crash", "c"),
        ("trouble:unsched", "d"),
        ("trouble:unsched gpu>=8 ns=train age<1h", "d"),
        ("chat", "c"),
    ] {
        bench.act(Action::Filter);
        bench.type_text(filter);
        bench.act(Action::Open);
        bench.prepare();
        let rows = bench.state().pod_rows(PodPlace::Screen, 0..100, bench.now());
        let mut names: Vec<&str> = rows.iter().map(|row| row.facts.name).collect();
        names.sort_unstable();
        assert_eq!(names.concat(), expected, "{filter}");
        assert_eq!(bench.model.list().and_then(|list| list.filter_note()), None, "{filter}");
        if !filter.is_empty() {
            bench.act(Action::Back);
        }
    }
}

#[test]
fn the_order_of_all_pods_follows_the_time_only_where_it_depends_on_it() {
    let mut bench = every_pod();
    // Sorted by name, no second makes a new order; with a filter by age, a pod leaves when it is old enough.
    bench.act(Action::Filter);
    bench.type_text("age<31m");
    bench.act(Action::Open);
    let count = |bench: &Bench| bench.state().pod_list(PodPlace::Screen).extent().len;
    assert_eq!(count(&bench), 2);
    bench.wait(61);
    assert_eq!(count(&bench), 0, "30 minutes and 61 seconds old");
}

#[test]
fn a_pod_without_a_node_requests_its_devices_and_holds_none() {
    let mut bench = every_pod();
    bench.act(Action::Bottom);
    for name in ["d", "a"] {
        bench.act(Action::Filter);
        bench.type_text(if name == "d" { "node=<none>" } else { "gpu=8" });
        bench.act(Action::Open);
        bench.act(Action::Open);
        let shown = text(&mut bench, (120, 30));
        let words = if name == "d" { "16 GPUs requested" } else { "8 GPUs held" };
        assert!(shown.contains(words), "{words}: {shown}");
        bench.act(Action::Back);
        bench.act(Action::Back);
    }
}

#[test]
fn a_pod_that_does_not_start_is_in_trouble_after_a_minute_without_any_news() {
    let starts = Some(Since { basis: SinceBasis::Created, at: at(0).wall });
    let trouble = PodTrouble { kind: TroubleKind::Starting, message: "", image: "", device: "", since: starts };
    let starting = PodFacts { phase: PodPhase::Pending, trouble: Some(trouble), ..pod("new", "n1") };
    let mut bench = Bench::with(vec![node("n1")], &[starting]);
    bench.act(Action::Trouble);
    let count = |bench: &Bench| bench.state().pod_list(PodPlace::Screen).extent().total;
    bench.wait(59);
    assert_eq!(count(&bench), 0);
    bench.wait(1);
    assert_eq!(count(&bench), 1);
    assert!(text(&mut bench, (120, 30)).contains("not starting"));
}

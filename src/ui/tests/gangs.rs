//! The list of gangs, and the screen of one gang.

use super::alerts::draw;
use super::fixture::lines;
use crate::action::{Action, TopScreen};
use crate::facts::gang::{GangMember, GangSystem, Rank};
use crate::facts::node::ConditionStatus;
use crate::facts::owner::OwnerSize;
use crate::facts::pod::{PodFacts, PodPhase, PodTrouble, Since, SinceBasis, TroubleKind};
use crate::facts::queue::{QueueEntry, QueueState, QueueSystem};
use crate::facts::text::Clean;
use crate::facts::wire::Uid;
use crate::model::app::screens::Screen;
use crate::model::cluster::PodPlace;
use crate::model::fixture::{Bench, at, failure, gpu_node, gpu_pod, node, pod, turned};
use crate::msg::{ClusterEvent, Failure, GangOwner, Layer, Query, QueryAnswer, QueryResult, QueueListing, Resource};
use crate::theme::{Depth, Theme};

/// A running pod of a gang with 8 GPUs.
fn member(name: &'static str, system: GangSystem, index: u16) -> PodFacts<'static> {
    let (gang, kind) = match system {
        GangSystem::Kubeflow => ("llm-70b", "PyTorchJob"),
        GangSystem::LeaderWorkerSet => ("whisper-0", "LeaderWorkerSet"),
        _ => ("vision-xl", "JobSet"),
    };
    let size = (system == GangSystem::LeaderWorkerSet).then_some(5);
    let rank = Some(Rank { job: 0, index });
    PodFacts {
        namespace: "train",
        gang: Some(GangMember { system, kind, key: gang, name: gang, rank, size }),
        ..gpu_pod(name, "n1", 8)
    }
}

fn waits(index: u16) -> PodFacts<'static> {
    let since = Some(Since { basis: SinceBasis::Scheduled, at: at(60_000).wall });
    let message = "0/4 nodes are available: 4 Insufficient nvidia.com/gpu.";
    let trouble = PodTrouble { kind: TroubleKind::Unschedulable, message, image: "", device: "", since };
    let name = format!("vision-xl-{index}").leak();
    let pod = PodFacts { phase: PodPhase::Pending, trouble: Some(trouble), ..member(name, GangSystem::JobSet, index) };
    PodFacts { node: "", ..pod }
}

fn worker(index: u16) -> PodFacts<'static> {
    member(format!("llm-70b-worker-{index}").leak(), GangSystem::Kubeflow, index)
}

/// Three gangs: one of 64 pods, of which rank 17 is on a lost node; one of 12 that waits; and one of 5, of which two are not there.
fn bench() -> Bench {
    let mut pods: Vec<_> = (0..64).map(worker).collect();
    pods[17].node = "10-16-10-121";
    pods.extend((0..12).map(waits));
    let names = ["whisper-0", "whisper-0-1", "whisper-0-4"];
    pods.extend(names.into_iter().zip([0, 1, 4]).map(|(name, rank)| member(name, GangSystem::LeaderWorkerSet, rank)));
    pods.push(pod("alone", "n1"));
    let lost = turned(&gpu_node("10-16-10-121", 8, 8), ConditionStatus::Unknown, 94_000);
    let mut bench = Bench::with(vec![gpu_node("n1", 600, 600), lost], &pods);
    bench.ms = 120_000;
    bench
}

fn text(bench: &mut Bench, size: (u16, u16)) -> String {
    lines(&draw(bench, size, &Theme::new(Depth::None, false)))
}

/// Names of the gangs on the screen, in order.
fn names(text: &str) -> Vec<&str> {
    let known = ["llm-70b", "vision-xl", "whisper-0"];
    let is_first = |line: &str, name| line.trim_start_matches('▌').split_whitespace().next() == Some(name);
    let name = |line: &str| known.into_iter().find(|name| is_first(line, name));
    text.lines().filter_map(name).collect()
}

fn has(text: &str, words: &[&str]) -> bool {
    text.lines().any(|line| words.iter().all(|word| line.contains(word)))
}

#[test]
fn the_worst_gang_comes_first_with_its_worst_member() {
    let mut bench = bench();
    bench.act(Action::Gangs);
    let wide = text(&mut bench, (200, 35));
    assert_eq!(names(&wide), ["llm-70b", "vision-xl", "whisper-0"], "{wide}");
    for words in [
        &["gangs 3", "GPUs held 536", "waiting for 96"][..],
        &[
            "llm-70b",
            "PyTorchJob",
            "train",
            "63/≥64",
            "512",
            "node lost",
            "26s",
            "rank 17 node Unknown",
            "10-16-10-121",
        ],
        &["vision-xl", "JobSet", "0/≥12", "96", "waits", "60s", "rank 0 unschedulable 0/4 nodes are available"],
        &["whisper-0", "LeaderWorkerSet", "3/5", "24", "incomplete"],
    ] {
        assert!(has(&wide, words), "{words:?}\n{wide}");
    }
    let narrow = text(&mut bench, (60, 16));
    assert_eq!(names(&narrow), ["llm-70b", "vision-xl", "whisper-0"], "{narrow}");
    assert!(has(&narrow, &["llm-70b", "63/≥64", "node lost"]), "{narrow}");
}

#[test]
fn gangs_are_filtered_and_sorted_by_what_their_columns_say() {
    let mut bench = bench();
    bench.act(Action::Gangs);
    for (filter, expected) in [
        ("kind:jobset", &["vision-xl"][..]),
        ("ns:train state:incomplete", &["whisper-0"]),
        ("gpu>=96", &["llm-70b", "vision-xl"]),
        ("node:121", &["llm-70b"]),
        ("pods<3", &["vision-xl"]),
        ("worst:insufficient", &["vision-xl"]),
        ("ns:other", &[]),
    ] {
        bench.act(Action::Filter);
        bench.type_text(filter);
        bench.act(Action::Open);
        let shown = text(&mut bench, (160, 30));
        assert_eq!(names(&shown), expected, "{filter}\n{shown}");
        bench.act(Action::Back);
    }
    for (sort, expected) in [
        (Action::SortName, ["llm-70b", "vision-xl", "whisper-0"]),
        (Action::SortPods, ["vision-xl", "whisper-0", "llm-70b"]),
        (Action::SortGpu, ["llm-70b", "vision-xl", "whisper-0"]),
    ] {
        bench.act(sort);
        let shown = text(&mut bench, (160, 30));
        assert_eq!(names(&shown), expected, "{sort:?}\n{shown}");
    }
}

#[test]
fn a_held_list_keeps_its_rows_and_its_cursor_when_a_gang_changes() {
    let mut bench = bench();
    for action in [Action::Gangs, Action::SortName, Action::Hold, Action::Down] {
        bench.act(action);
    }
    bench.prepare();
    let order = |bench: &Bench| -> Vec<(String, &'static str, bool)> {
        let lines = bench.state().gang_lines(0..9, bench.now());
        lines.iter().map(|line| (line.row.key.name.to_string(), line.row.state.text(), line.selected)).collect()
    };
    let expected = |state| {
        let rows = [("llm-70b", "node lost", false), ("vision-xl", "waits", true), ("whisper-0", state, false)];
        rows.map(|(name, state, selected)| (name.to_owned(), state, selected)).to_vec()
    };
    assert_eq!(order(&bench), expected("incomplete"));
    // It becomes worse than the one that waits, and so changes places with it in the order of the count.
    let since = Some(Since { basis: SinceBasis::NotReady, at: at(1_000).wall });
    let trouble = PodTrouble { kind: TroubleKind::CrashLoop, message: "", image: "", device: "", since };
    let pod = member("whisper-0-4", GangSystem::LeaderWorkerSet, 4);
    bench.change_pods(1, &[PodFacts { trouble: Some(trouble), version: 9, ..pod }], false);
    bench.prepare();
    assert_eq!(order(&bench), expected("crash loop"));
}

#[test]
fn one_look_shows_which_of_64_ranks_is_lost() {
    let mut bench = bench();
    bench.act(Action::Gangs);
    bench.act(Action::Open);
    let wide = text(&mut bench, (120, 40));
    let (before, after) = ("▪".repeat(17), "▪".repeat(46));
    assert!(has(&wide, &[&format!("rank  0 {before}?{after} 63")]), "{wide}");
    assert!(has(&wide, &["llm-70b", "PyTorchJob in train"]), "{wide}");
    assert!(has(&wide, &["63 of ≥64 pods run", "512 GPUs held", "node lost for 26s"]), "{wide}");
    assert!(has(&wide, &["? 1 node lost", "▪ 63 running"]), "{wide}");
    let sentence = "rank 17 llm-70b-worker-17 on 10-16-10-121, node Unknown since 22:14:54Z (26s); 8 GPUs held";
    assert!(has(&wide, &[sentence]), "{wide}");
    assert!(has(&wide, &["▌", "17", "llm-70b-worker-17", "node lost", "10-16-10-121"]), "the cursor is at it\n{wide}");
    // The strip wraps, with the first rank of each line at the left.
    let narrow = text(&mut bench, (60, 40));
    let (first, second) = ("▪".repeat(17), "▪".repeat(22));
    assert!(has(&narrow, &[&format!("rank  0 {first}?{second} 39")]), "{narrow}");
    assert!(has(&narrow, &[&format!("40 {} 63", "▪".repeat(24))]), "{narrow}");
    // Without colours and with ASCII the lost rank is found, too.
    let ascii = lines(&draw(&mut bench, (120, 40), &Theme::new(Depth::None, true)));
    assert!(has(&ascii, &[&format!("rank  0 {}?{} 63", "#".repeat(17), "#".repeat(46))]), "{ascii}");
    assert!(ascii.is_ascii(), "{ascii}");
}

#[test]
fn ranks_without_a_pod_and_waiting_ones_have_cells_of_their_own() {
    let mut bench = bench();
    bench.act(Action::Gangs);
    for (steps, expected) in [
        (1, &["rank  0 ············ 11", "· 12 unschedulable", "96 GPUs waited for", "waits for 60s"][..]),
        (
            2,
            &[
                "rank 0 ▪▪__▪ 4",
                "_ 2 without a pod",
                "3 of 5 pods run",
                "2 pods of it ended, deleted or not created yet",
            ],
        ),
    ] {
        for _ in 0..steps {
            bench.act(Action::Down);
        }
        bench.act(Action::Open);
        let shown = text(&mut bench, (120, 40));
        assert!(expected.iter().all(|words| shown.contains(words)), "{expected:?}\n{shown}");
        bench.act(Action::Back);
        bench.act(Action::Top);
    }
}

#[test]
fn devices_that_a_node_has_withdrawn_show_at_the_rank_that_holds_them() {
    let ill = |healthy| gpu_node("node-118", 8, healthy);
    let mut pods: Vec<_> = (0..4).map(worker).collect();
    pods[2].node = "node-118";
    let mut bench = Bench::with(vec![gpu_node("n1", 64, 64), ill(8)], &pods);
    bench.ms = 30_000;
    bench.change_node(1, crate::facts::node::NodeFacts { version: 11, ..ill(5) });
    bench.ms = 70_000;
    bench.act(Action::Gangs);
    bench.act(Action::Open);
    let shown = text(&mut bench, (140, 40));
    assert!(has(&shown, &["rank 0 ▪▪◆▪ 3"]), "{shown}");
    assert!(has(&shown, &["4 of ≥4 pods run", "devices lost"]), "they run, as far as their kubelets say\n{shown}");
    assert!(has(&shown, &["▌", "2", "llm-70b-worker-2", "devices lost", "node-118"]), "{shown}");
    let sentence =
        "rank 2 llm-70b-worker-2 on node-118, 3 nvidia.com/gpu withdrawn, seen since 22:13:50Z (40s); 8 GPUs held";
    assert!(has(&shown, &[sentence]), "{shown}");
}

#[test]
fn a_cell_of_many_ranks_is_the_worst_of_them_and_says_so() {
    let mut pods: Vec<_> = (0..1000).map(worker).collect();
    pods[801].node = "gone";
    let mut bench = Bench::with(vec![gpu_node("n1", 8000, 8000)], &pods);
    bench.act(Action::Gangs);
    bench.act(Action::Open);
    // 64 cells a line and 6 lines hold 384 cells: three ranks a cell, 334 cells.
    let shown = text(&mut bench, (80, 35));
    assert!(has(&shown, &["each cell the worst of 3 ranks", "? 1 node lost", "▪ 999 running"]), "{shown}");
    assert_eq!(shown.matches('▪').count(), 333 + 1, "and one in the legend\n{shown}");
    // Rank 801 is in the cell of 801 to 803, eleven cells behind that of 768, the first of the fifth line.
    let line = shown.lines().find(|line| line.contains(" 768 ")).unwrap();
    assert_eq!(line.split_whitespace().nth(1).unwrap().chars().position(|glyph| glyph == '?'), Some(11), "{shown}");
}

#[test]
fn a_gang_leads_to_its_pods_and_their_nodes_and_back_to_the_same_row() {
    let mut bench = bench();
    bench.act(Action::Gangs);
    bench.act(Action::Down);
    bench.act(Action::Open);
    let Screen::Gang(key) = bench.model.screen() else { panic!("{:?}", bench.model.screen()) };
    assert_eq!(&*key.name, "vision-xl");
    bench.act(Action::Down);
    bench.act(Action::Open);
    let Screen::Pod { name, .. } = bench.model.screen() else { panic!("{:?}", bench.model.screen()) };
    assert_eq!(&**name, "vision-xl-1");
    bench.act(Action::Back);
    let shown = text(&mut bench, (120, 40));
    assert!(has(&shown, &["▌", "vision-xl-1"]), "{shown}");
    bench.act(Action::Back);
    let shown = text(&mut bench, (120, 40));
    assert!(has(&shown, &["▌vision-xl"]), "{shown}");
    bench.act(Action::Top);
    bench.act(Action::Node);
    let Screen::Node { name, .. } = bench.model.screen() else { panic!("{:?}", bench.model.screen()) };
    assert_eq!(&**name, "10-16-10-121");
    bench.act(Action::Back);
    assert_eq!(bench.model.screen(), &Screen::Top(TopScreen::Gangs));
    bench.act(Action::Back);
    assert_eq!(bench.model.screen(), &Screen::Nodes);
}

#[test]
fn the_key_of_gangs_leads_from_a_pod_to_its_gang() {
    let mut bench = bench();
    bench.act(Action::Trouble);
    // The pod on the lost node comes first, then those that wait.
    bench.act(Action::Bottom);
    bench.act(Action::Gangs);
    let shown = text(&mut bench, (120, 40));
    assert!(has(&shown, &["▌vision-xl"]), "{shown}");
    bench.act(Action::Gangs);
    assert_eq!(bench.model.screen(), &Screen::Top(TopScreen::Trouble), "again closes it");
    // From a group of pods in trouble: the order of the groupings is none, owner, gang.
    bench.act(Action::NextPane);
    bench.act(Action::NextPane);
    bench.act(Action::Bottom);
    let shown = text(&mut bench, (120, 40));
    assert!(has(&shown, &["▌", "vision-xl"]) && shown.contains("[gang]"), "{shown}");
    bench.act(Action::Gangs);
    let shown = text(&mut bench, (120, 40));
    assert!(has(&shown, &["▌vision-xl"]), "{shown}");
    // From an open gang: the same.
    bench.act(Action::Gangs);
    bench.act(Action::PreviousPane);
    bench.act(Action::PreviousPane);
    bench.act(Action::Bottom);
    bench.act(Action::Gangs);
    bench.act(Action::Open);
    bench.act(Action::Gangs);
    let shown = text(&mut bench, (120, 40));
    assert!(has(&shown, &["▌vision-xl"]), "{shown}");
}

#[test]
fn the_screen_of_a_pod_has_the_rank_that_the_screen_of_its_gang_has() {
    // A master and 18 workers: the worker of index 16 is rank 17.
    let ranked = |job, index| {
        let name = format!("llm-70b-{job}-{index}").leak();
        let member = member(name, GangSystem::Kubeflow, index);
        PodFacts { gang: member.gang.map(|gang| GangMember { rank: Some(Rank { job, index }), ..gang }), ..member }
    };
    let pods: Vec<_> = std::iter::once(ranked(0, 0)).chain((0..18).map(|index| ranked(1, index))).collect();
    let mut bench = Bench::with(vec![gpu_node("n1", 600, 600)], &pods);
    bench.act(Action::Gangs);
    bench.act(Action::Open);
    (0..17).for_each(|_| _ = bench.act(Action::Down));
    bench.act(Action::Open);
    let Screen::Pod { name, .. } = bench.model.screen() else { panic!("{:?}", bench.model.screen()) };
    assert_eq!(&**name, "llm-70b-1-16");
    let shown = text(&mut bench, (120, 40));
    assert!(shown.contains("gang PyTorchJob llm-70b: 19 of at least 19 running"), "{shown}");
    assert!(shown.contains("rank 17") && !shown.contains("of job"), "{shown}");
}

#[test]
fn a_member_on_a_lost_node_is_lost_since_the_transition_of_the_node_like_its_gang() {
    let mut bench = bench();
    bench.act(Action::Gangs);
    bench.act(Action::Open);
    let rows = bench.state().pod_rows(PodPlace::Screen, 0..64, bench.now());
    let lost = rows.iter().find(|row| row.rank == Some(17)).unwrap();
    // The node is Unknown since second 94 of 120.
    assert_eq!(lost.since, Some(std::time::Duration::from_secs(26)));
}

#[test]
fn a_group_of_a_gang_is_titled_by_its_name_which_tells_it_from_others_of_its_key() {
    let waiting = |name: &'static str, gang: &'static str| {
        let pod = waits(0);
        let gang = pod.gang.map(|known| GangMember { key: "6d1c-uid", name: gang, rank: None, ..known });
        PodFacts { name, uid: Uid(name.bytes().map(u128::from).sum()), gang, ..pod }
    };
    let pods = [waiting("a", "alpha"), waiting("b", "alpha"), waiting("c", "beta"), waiting("d", "beta")];
    let mut bench = Bench::with(vec![gpu_node("n1", 8, 8)], &pods);
    bench.ms = 120_000;
    for action in [Action::Trouble, Action::NextPane, Action::NextPane, Action::Bottom] {
        bench.act(action);
    }
    let shown = text(&mut bench, (120, 40));
    assert!(has(&shown, &["alpha", "2"]) && has(&shown, &["beta", "2"]), "{shown}");
    bench.act(Action::Open);
    let shown = text(&mut bench, (120, 40));
    assert!(shown.contains("of JobSet/beta in train") && !shown.contains("6d1c-uid"), "{shown}");
}

#[test]
fn what_is_not_known_is_never_no_gang() {
    let mut bench = Bench::new(&["prod"]);
    bench.act(Action::Gangs);
    let loading = text(&mut bench, (100, 24));
    assert!(loading.contains("pods are not known yet") && !loading.contains("no gangs"), "{loading}");
    assert!(has(&loading, &["gangs –", "GPUs held –"]), "{loading}");
    let mut calm = Bench::with(vec![node("n1")], &[pod("a", "n1")]);
    calm.act(Action::Gangs);
    let calm = text(&mut calm, (100, 24));
    assert!(calm.contains("no gangs: no pods that belong together"), "{calm}");
    // The last pod of an open gang goes.
    let mut gone = bench_of_two();
    gone.act(Action::Gangs);
    gone.act(Action::Open);
    gone.change_pods(1, &[worker(0), worker(1)], true);
    gone.wait(1);
    let gone = text(&mut gone, (100, 24));
    assert!(gone.contains("no pod of this gang is there any more"), "{gone}");
}

fn bench_of_two() -> Bench {
    Bench::with(vec![gpu_node("n1", 16, 16)], &[worker(0), worker(1)])
}

/// The queues of the cluster, as they are listed once a screen shows them.
fn list_queues(bench: &mut Bench, entries: Result<Vec<QueueEntry>, Box<Failure>>) {
    bench.wait(1);
    let (entries, failure) = entries.map_or_else(|failure| (Vec::new(), Some(failure)), |entries| (entries, None));
    let listing = QueueListing { system: QueueSystem::Kueue, entries, failure, more: false };
    let answer = QueryAnswer { query: Query::Queues, result: Ok(QueryResult::Queues(vec![listing])) };
    bench.send(ClusterEvent::Answered(Box::new(answer)));
    bench.wait(1);
}

fn workload(name: &str, owner: &str) -> QueueEntry {
    QueueEntry {
        namespace: "train".into(),
        name: name.into(),
        owner_kind: "JobSet".into(),
        owner_name: owner.into(),
        queue: "research".into(),
        state: QueueState::Waiting,
        condition: "QuotaReserved=False".into(),
        ..QueueEntry::default()
    }
}

#[test]
fn gangs_that_wait_in_a_queue_without_a_pod_are_named_below_the_list_and_others_on_their_screen() {
    let mut bench = bench();
    bench.act(Action::Gangs);
    list_queues(&mut bench, Ok(vec![workload("jobset-vision-xl-1", "vision-xl"), workload("jobset-later-2", "later")]));
    let shown = text(&mut bench, (120, 40));
    assert!(has(&shown, &["1 more in queues, without pods"]), "{shown}");
    assert!(has(&shown, &["train: Kueue workload jobset-later-2 in research: QuotaReserved=False"]), "{shown}");
    assert!(!shown.contains("jobset-vision-xl-1"), "{shown}");
    bench.act(Action::Down);
    bench.act(Action::Open);
    let shown = text(&mut bench, (120, 40));
    assert!(has(&shown, &["Kueue workload jobset-vision-xl-1 in research: QuotaReserved=False"]), "{shown}");
    assert_eq!(names(&text(&mut bench, (120, 12))), [""; 0], "a small screen has its members");
}

#[test]
fn without_all_pods_nothing_is_said_to_wait_without_pods() {
    let mut bench = Bench::new(&["prod"]);
    bench.act(Action::Gangs);
    let listed = || Ok(vec![workload("jobset-vision-xl-1", "vision-xl"), workload("jobset-later-2", "later")]);
    list_queues(&mut bench, listed());
    let unknown = " 2 waiting in queues; which of them have pods is not known";
    let loading = text(&mut bench, (120, 40));
    assert!(has(&loading, &[unknown]) && !loading.contains("without pods"), "{loading}");
    bench.denied(Resource::Pods);
    bench.wait(1);
    let denied = text(&mut bench, (120, 40));
    assert!(has(&denied, &[unknown]) && !denied.contains("without pods"), "{denied}");
}

#[test]
fn queues_that_may_not_be_listed_are_not_visible_and_the_right_is_named() {
    let mut bench = bench();
    bench.act(Action::Gangs);
    let denied = || Err(Box::new(failure(Layer::Rbac, at(0).wall)));
    list_queues(&mut bench, denied());
    let why = "queues are not visible: the right to list workloads.kueue.x-k8s.io is missing";
    let shown = text(&mut bench, (120, 40));
    assert!(has(&shown, &[why]) && !shown.contains("without pods"), "{shown}");
    bench.act(Action::Down);
    bench.act(Action::Open);
    let shown = text(&mut bench, (120, 40));
    assert!(has(&shown, &[why]), "{shown}");
    bench.act(Action::Back);
    bench.act(Action::Top);
    bench.act(Action::Open);
    assert!(!text(&mut bench, (120, 40)).contains("not visible"), "this one does not wait");
}

#[test]
fn the_owner_makes_the_size_of_an_open_gang_exact_or_its_screen_says_why_not() {
    let mut bench = bench();
    bench.act(Action::Gangs);
    bench.act(Action::Open);
    bench.wait(1);
    assert!(has(&text(&mut bench, (120, 40)), &["63 of ≥64 pods run"]));
    let [kind, namespace, name] = ["PyTorchJob", "train", "llm-70b"].map(Clean::new);
    let query = Query::OwnerSize(GangOwner { system: GangSystem::Kubeflow, kind, namespace, name });
    let mut answer = |result| {
        bench.send(ClusterEvent::Answered(Box::new(QueryAnswer { query: query.clone(), result })));
        bench.wait(1);
        text(&mut bench, (120, 40))
    };
    let shown = answer(Err(Box::new(failure(Layer::Rbac, at(0).wall))));
    assert!(has(&shown, &["size not known: the right to get pytorchjobs.kubeflow.org is missing"]), "{shown}");
    let shown = answer(Ok(QueryResult::OwnerSize(OwnerSize { uid: Uid(7), pods: Some(65) })));
    assert!(has(&shown, &["63 of 65 pods run"]) && !shown.contains("size not known"), "{shown}");
}

use jiff::SignedDuration;

use super::*;
use crate::facts::pod::PodPhase;
use crate::model::fixture::{at, failure, pod};

const THRESHOLD: u32 = 5;

/// Black holes, and the milliseconds of the next short life.
struct Watch {
    holes: BlackHoles,
    ms: u64,
    pods: u64,
}

impl Watch {
    fn new() -> Self {
        Self { holes: BlackHoles::default(), ms: 600_000, pods: 0 }
    }

    /// Pods of an owner that end on a node `age` seconds after their creation, one each second.
    fn end(&mut self, node: &str, owner: &str, pods: u32, age: i64) {
        for _ in 0..pods {
            self.ms += 1_000;
            self.pods += 1;
            let name = format!("p{}", self.pods);
            let gone = PodFacts { owner_kind: "Job", owner_name: owner, ..created(pod(&name, node), self.ms, age) };
            self.note(&gone);
        }
    }

    fn note(&mut self, pod: &PodFacts<'_>) {
        let now = at(self.ms);
        self.holes.note(pod, THRESHOLD, now.mono, now.wall);
    }

    /// Names of the nodes that are asked about now.
    fn asked(&mut self) -> Vec<String> {
        let now = at(self.ms);
        let next = || self.holes.next_question(now.mono, now.wall).map(|(name, _)| name.to_string());
        std::iter::from_fn(next).collect()
    }

    fn answer(&mut self, node: &str, pods: Vec<FailedPod>) {
        self.answer_page(node, FailedPods { pods, more: false });
    }

    fn answer_page(&mut self, node: &str, page: FailedPods) {
        self.holes.answer(&node.into(), Ok(page), THRESHOLD, |_| false);
    }

    /// Node, short lives and text of each black hole.
    fn found(&self) -> Vec<(String, String)> {
        let mut found: Vec<_> = self.holes.all().map(|hole| (hole.node.to_string(), hole.text())).collect();
        found.sort_unstable();
        found
    }

    fn failed(&self, node: &str, owner: &str, reason: &str, blame: Blame) -> FailedPod {
        FailedPod {
            namespace: "ns".into(),
            node: node.into(),
            owner_kind: "Job".into(),
            owner_name: owner.into(),
            created: Some(at(self.ms).wall),
            reason: reason.into(),
            message: "Pod was rejected: Allocate failed due to no healthy devices present".into(),
            blame,
        }
    }
}

fn created(pod: PodFacts<'_>, ms: u64, age: i64) -> PodFacts<'_> {
    PodFacts { created: at(ms).wall.checked_sub(SignedDuration::from_secs(age)).ok(), ..pod }
}

#[test]
fn a_node_that_stands_out_is_asked_about_once_in_five_minutes_and_named_with_its_reason() {
    let mut watch = Watch::new();
    watch.end("n1", "a", 4, 3);
    assert_eq!(watch.asked(), [""; 0], "four are below the threshold");
    watch.end("n1", "a", 8, 3);
    assert_eq!(watch.asked(), ["n1"]);
    watch.end("n1", "a", 8, 3);
    assert_eq!((watch.asked(), watch.found().len()), (vec![], 0), "asked already, and not answered");
    let failed = watch.failed("n1", "a", "UnexpectedAdmissionError", Blame::Node);
    watch.answer("n1", vec![failed; 12]);
    let text = "kills what it gets: 20 pods lived < 60 s in 5m: UnexpectedAdmissionError ×12 (\"Allocate failed due to no healthy \
                devices present\")";
    assert_eq!(watch.found(), [("n1".to_owned(), text.to_owned())]);
    watch.ms += 200_000;
    watch.end("n1", "a", 1, 3);
    assert_eq!(watch.asked(), [""; 0], "not again within five minutes");
    watch.ms += 110_000;
    watch.end("n1", "a", 5, 3);
    assert_eq!(watch.asked(), ["n1"], "and again later");
}

#[test]
fn it_is_over_15_minutes_after_the_last_short_life() {
    let mut watch = Watch::new();
    watch.end("n1", "a", 6, 3);
    watch.asked();
    let failed = watch.failed("n1", "a", "OutOfcpu", Blame::Node);
    watch.answer("n1", vec![failed; 6]);
    let revision = watch.holes.revision();
    watch.holes.tick(at(watch.ms + 899_000).mono);
    assert_eq!((watch.found().len(), watch.holes.revision()), (1, revision));
    watch.holes.tick(at(watch.ms + 900_000).mono);
    assert_eq!(watch.found().len(), 0);
    assert!(watch.holes.revision() > revision);
}

#[test]
fn what_is_no_short_life_is_not_counted() {
    let mut watch = Watch::new();
    // A kubelet that restarts rejects pods that have run for long (kubernetes/kubernetes#117955).
    watch.end("n1", "a", 50, 60);
    watch.end("n1", "a", 50, 3_600);
    watch.end("", "a", 50, 3);
    let ms = watch.ms;
    for name in ["a", "b", "c", "d", "e", "f"] {
        watch.note(&PodFacts { deleting: true, ..created(pod(name, "n1"), ms, 3) });
        watch.note(&PodFacts { mirror: true, ..created(pod(name, "n1"), ms, 3) });
        watch.note(&PodFacts { created: None, ..pod(name, "n1") });
    }
    // A watch that is opened again may replay an event.
    for _ in 0..10 {
        watch.note(&PodFacts { phase: PodPhase::Pending, ..created(pod("same", "n1"), ms, 3) });
    }
    assert_eq!(watch.asked(), [""; 0]);
}

#[test]
fn short_lives_count_within_five_minutes() {
    let mut watch = Watch::new();
    for _ in 0..20 {
        watch.end("n1", "a", 1, 3);
        watch.ms += 90_000;
    }
    assert_eq!(watch.asked(), [""; 0], "one in 91 seconds is at most four in five minutes");
}

#[test]
fn at_most_three_nodes_are_asked_about_at_a_time() {
    let mut watch = Watch::new();
    for node in ["n1", "n2", "n3", "n4", "n5"] {
        watch.end(node, node, 5, 3);
    }
    assert_eq!(watch.asked(), ["n1", "n2", "n3"]);
    watch.answer("n2", vec![]);
    assert_eq!(watch.asked(), ["n4"]);
    watch.ms += 180_000;
    assert_eq!(watch.asked(), ["n5"], "questions without an answer count as lost");
}

#[test]
fn quick_successes_and_old_failures_are_no_black_hole() {
    let mut watch = Watch::new();
    watch.end("n1", "a", 20, 3);
    watch.asked();
    watch.answer("n1", vec![]);
    assert_eq!(watch.found(), []);
    watch.ms += 300_000;
    watch.end("n1", "a", 20, 3);
    assert_eq!(watch.asked(), ["n1"]);
    let old = watch.failed("n1", "a", "UnexpectedAdmissionError", Blame::Node);
    let old = FailedPod { created: at(watch.ms - 301_000).wall.into(), ..old };
    let elsewhere = FailedPod { node: "n2".into(), ..watch.failed("n1", "a", "OutOfcpu", Blame::Node) };
    watch.answer("n1", [vec![old; 20], vec![elsewhere; 20]].concat());
    assert_eq!(watch.found(), []);
}

#[test]
fn one_rejected_pod_among_many_that_succeed_is_no_black_hole() {
    let mut watch = Watch::new();
    watch.end("n1", "ci", 20, 3);
    watch.end("n1", "llm", 1, 3);
    watch.asked();
    let failed = watch.failed("n1", "llm", "UnexpectedAdmissionError", Blame::Node);
    watch.answer("n1", vec![failed]);
    assert_eq!(watch.found(), []);
}

#[test]
fn of_a_controller_that_deletes_its_failed_pods_the_short_lives_count() {
    let mut watch = Watch::new();
    watch.end("n1", "set", 20, 3);
    watch.asked();
    let failed = watch.failed("n1", "set", "UnexpectedAdmissionError", Blame::Node);
    watch.answer("n1", vec![failed]);
    assert!(
        watch.found()[0].1.contains("20 pods lived < 60 s in 5m: UnexpectedAdmissionError ×1 "),
        "{:?}",
        watch.found()
    );
}

#[test]
fn endings_that_speak_against_the_pod_are_left_out() {
    let mut watch = Watch::new();
    watch.end("n1", "a", 20, 3);
    watch.asked();
    let own = watch.failed("n1", "a", "CreateContainerConfigError", Blame::Pod);
    watch.answer("n1", vec![own; 20]);
    assert_eq!(watch.found(), []);
}

#[test]
fn the_most_frequent_reason_is_named() {
    let mut watch = Watch::new();
    watch.end("n1", "a", 20, 3);
    watch.asked();
    let few = watch.failed("n1", "a", "OutOfcpu", Blame::Node);
    let most = FailedPod { message: Clean::default(), ..watch.failed("n1", "a", "StartError", Blame::Node) };
    watch.answer("n1", [vec![few; 3], vec![most; 7]].concat());
    assert_eq!(watch.found()[0].1, "kills what it gets: 20 pods lived < 60 s in 5m: StartError ×7");
}

#[test]
fn exits_speak_against_a_node_only_if_the_same_program_works_elsewhere() {
    let ask = |other: Option<&str>, lives_elsewhere: bool, owners: &[&str]| {
        let mut watch = Watch::new();
        for owner in owners {
            watch.end("n1", owner, 6, 3);
            if let Some(node) = other {
                watch.end(node, owner, 1, 3);
            }
        }
        watch.asked();
        let failed = |owner: &&str| vec![watch.failed("n1", owner, "ExitCode:1", Blame::Either); 6];
        let pods = FailedPods { pods: owners.iter().flat_map(failed).collect(), more: false };
        watch.holes.answer(&"n1".into(), Ok(pods), THRESHOLD, |_| lives_elsewhere);
        !watch.found().is_empty()
    };
    assert!(!ask(None, false, &["a"]), "one program that fails may be wrong itself");
    assert!(ask(None, true, &["a"]), "its other pods run on other nodes");
    assert!(ask(None, false, &["a", "b"]), "two programs fail here and nowhere else");
    assert!(!ask(Some("n2"), false, &["a", "b"]), "they fail on another node too");
    assert!(!ask(Some("n2"), true, &["a"]));
}

#[test]
fn an_answer_that_fails_leaves_the_count_and_says_so() {
    let mut watch = Watch::new();
    watch.end("n1", "a", 6, 3);
    watch.asked();
    let refused = Failure { text: "pods is forbidden".into(), ..failure(Layer::Rbac, at(0).wall) };
    watch.holes.answer(&"n1".into(), Err(Box::new(refused)), THRESHOLD, |_| false);
    let text = "kills what it gets: 6 pods lived < 60 s in 5m; why is not visible: its pods may not be listed (pods is forbidden)";
    assert_eq!(watch.found(), [("n1".to_owned(), text.to_owned())]);
    // A reason that was read stays when the next request fails.
    watch.ms += 300_000;
    watch.end("n1", "a", 6, 3);
    watch.asked();
    let failed = watch.failed("n1", "a", "OutOfpods", Blame::Node);
    watch.answer("n1", vec![failed; 6]);
    watch.ms += 300_000;
    watch.end("n1", "a", 7, 3);
    watch.asked();
    watch.holes.answer(&"n1".into(), Err(Box::new(failure(Layer::Connect, at(0).wall))), THRESHOLD, |_| false);
    assert!(watch.found()[0].1.contains("7 pods lived < 60 s in 5m: OutOfpods ×6"), "{:?}", watch.found());
}

#[test]
fn after_another_failure_there_is_no_alert_and_the_node_is_asked_about_again() {
    let mut watch = Watch::new();
    watch.end("n1", "a", 6, 3);
    assert_eq!(watch.asked(), ["n1"]);
    let asked = watch.ms;
    for (layer, retry, seconds) in [(Layer::FirstByte, None, 60), (Layer::Throttled, Some(Duration::from_secs(90)), 90)]
    {
        let failed = Failure { retry_after: retry, ..failure(layer, at(0).wall) };
        let begun = watch.ms;
        watch.holes.answer(&"n1".into(), Err(Box::new(failed)), THRESHOLD, |_| false);
        assert_eq!(watch.found(), [], "quick successes are short lives, too");
        watch.ms = begun + seconds * 1_000 - 1;
        watch.holes.tick(at(watch.ms).mono);
        assert_eq!(watch.asked(), [""; 0]);
        watch.ms += 1;
        watch.holes.tick(at(watch.ms).mono);
        assert_eq!(watch.asked(), ["n1"]);
    }
    assert_eq!(watch.ms, asked + 150_000);
    let failed = watch.failed("n1", "a", "OutOfcpu", Blame::Node);
    watch.answer("n1", vec![failed; 6]);
    assert_eq!(watch.found().len(), 1);
}

#[test]
fn old_pods_that_fill_the_pages_do_not_clear_a_node() {
    let mut watch = Watch::new();
    watch.end("n1", "a", 6, 3);
    watch.asked();
    let failed = watch.failed("n1", "a", "OutOfcpu", Blame::Node);
    watch.answer("n1", vec![failed.clone(); 6]);
    for (more, found) in [(true, 1), (false, 0)] {
        watch.ms += 300_000;
        watch.end("n1", "a", 6, 3);
        assert_eq!(watch.asked(), ["n1"]);
        watch.answer_page("n1", FailedPods { pods: vec![failed.clone(); 500], more });
        assert_eq!(watch.found().len(), found, "more: {more}");
    }
}

#[test]
fn memory_is_bounded_whatever_ends() {
    let mut watch = Watch::new();
    for node in 0..10_200 {
        watch.ms -= 999;
        watch.end(&format!("n{node}"), "a", 1, 3);
    }
    assert_eq!(watch.holes.nodes.len(), 10_000);
    assert!(!watch.holes.nodes.contains_key("n0") && watch.holes.nodes.contains_key("n10199"), "the oldest give way");
    let mut watch = Watch::new();
    for owner in 0..10_000 {
        watch.ms -= 999;
        watch.end("n1", &format!("o{owner}"), 1, 3);
    }
    assert!(watch.holes.heap_bytes() < 16 << 10, "{}", watch.holes.heap_bytes());
}

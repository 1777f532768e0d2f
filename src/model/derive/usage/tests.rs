use std::time::Duration;

use super::*;
use crate::model::cluster::Health;
use crate::model::fixture::{Bench, node};
use crate::model::known::Known;
use crate::msg::{ClusterEvent, Msg};

/// Figures that were taken `age` seconds before the bench's clock starts.
fn figures(name: &str, age: i64, cpu_milli: i64, mebibytes: i64) -> NodeUsage {
    let taken = Timestamp::from_second(1_700_000_000 - age).unwrap();
    NodeUsage {
        name: name.into(),
        cpu: Some(Quantity::from_nano(i128::from(cpu_milli) * 1_000_000)),
        memory: Some(Quantity::whole(mebibytes << 20)),
        at: Some(taken),
        window: Some(Duration::from_secs(20)),
    }
}

fn read(nodes: Vec<NodeUsage>) -> ClusterEvent {
    ClusterEvent::Usage(UsageNews::Read(nodes))
}

fn used(bench: &Bench, at: usize) -> Option<Used> {
    bench.state().rows(at..at + 1, bench.now())[0].used
}

#[test]
fn usage_has_its_own_age_and_goes_stale_by_it() {
    let mut bench = Bench::with(vec![node("a")], &[]);
    bench.prepare();
    assert_eq!(used(&bench, 0), None, "no column before there is a figure");
    bench.send(read(vec![figures("a", 15, 1_500, 2_048)]));
    bench.prepare();
    let row = used(&bench, 0).unwrap();
    assert_eq!((row.cpu_milli, row.memory_bytes), (Some(1_500), Some(2 << 30)));
    assert_eq!((row.age, row.is_stale()), (Some(Duration::from_secs(15)), false));
    bench.wait_live(105);
    assert!(!used(&bench, 0).unwrap().is_stale(), "two minutes are not yet too old");
    bench.wait_live(1);
    assert!(used(&bench, 0).unwrap().is_stale());
    assert_eq!(bench.summary().word, "ok");
}

#[test]
fn f24_an_absent_api_hides_the_columns_and_nothing_else() {
    let mut bench = Bench::with(vec![node("a")], &[]);
    let before = bench.summary();
    bench.send(ClusterEvent::Usage(UsageNews::Absent));
    bench.prepare();
    assert_eq!(used(&bench, 0), None);
    assert_eq!(bench.state().usage().visible(), &Visibility::Absent);
    assert_eq!(bench.summary(), before);
    assert!(bench.state().alerts().is_empty() && bench.state().link().failures().next().is_none(), "no error flash");
    // It is uninstalled later: figures of a gone add-on are not kept.
    bench.send(read(vec![figures("a", 0, 1, 1)]));
    bench.send(ClusterEvent::Usage(UsageNews::Absent));
    assert_eq!(used(&bench, 0), None);
}

#[test]
fn f25_a_broken_api_ages_the_figures_and_leaves_the_cluster_healthy() {
    let mut bench = Bench::with(vec![node("a")], &[]);
    bench.send(read(vec![figures("a", 0, 1_500, 2_048)]));
    bench.send(ClusterEvent::Usage(UsageNews::Unavailable("service unavailable (503)".into())));
    bench.wait_live(600);
    let row = used(&bench, 0).unwrap();
    assert_eq!((row.cpu_milli, row.is_stale()), (Some(1_500), true));
    assert_eq!(bench.state().usage_age(bench.now()), Some(Duration::from_secs(600)));
    assert_eq!(bench.state().usage().visible().reason().unwrap(), "unavailable: service unavailable (503)");
    let summary = bench.summary();
    assert_eq!((summary.health, summary.word, summary.failure), (Health::Ok, "ok", None));
    assert!(bench.state().alerts().is_empty());
}

#[test]
fn f26_a_node_without_figures_is_unknown_and_never_zero() {
    let mut bench = Bench::with(vec![node("a"), node("b")], &[]);
    bench.send(read(vec![figures("b", 0, 10, 10)]));
    bench.prepare();
    assert_eq!(used(&bench, 0), Some(Used::default()), "seen in general, not known of this node");
    assert_eq!(used(&bench, 1).unwrap().cpu_milli, Some(10));
}

#[test]
fn forbidden_usage_says_so_and_is_not_shown() {
    let mut bench = Bench::with(vec![node("a")], &[]);
    bench.send(ClusterEvent::Usage(UsageNews::Denied("no".into())));
    bench.prepare();
    assert_eq!(used(&bench, 0), None);
    assert_eq!(bench.state().usage().visible().reason().unwrap(), "forbidden (403)");
}

#[test]
fn usage_does_not_touch_what_pods_and_nodes_say() {
    let mut bench = Bench::with(vec![node("a")], &[]);
    bench.send(read(vec![figures("a", 0, 1_500, 2_048)]));
    bench.prepare();
    let row = &bench.state().rows(0..1, bench.now())[0];
    assert_eq!((row.pods, row.cpu_milli), (Known::Exact(0), (Known::Exact(0), Some(4_000))));
    assert!(bench.state().tracks().complete() && bench.state().settled());
}

#[test]
fn rows_are_sorted_and_filtered_by_usage() {
    let mut bench = Bench::with(vec![node("a"), node("b"), node("c")], &[]);
    bench.send(read(vec![figures("a", 0, 400, 4_096), figures("b", 0, 3_000, 1_024)]));
    while bench.state().sort().0 != crate::model::table::SortBy::CpuUsed {
        bench.act(crate::action::Action::SortNext);
    }
    assert_eq!(bench.names(), ["b", "a", "c"], "the fullest first, the unknown last");
    bench.act(crate::action::Action::Filter);
    bench.type_text("cpu-use>50%");
    assert_eq!(bench.names(), ["b"]);
}

#[test]
fn answer_after_answer_takes_no_more_memory_and_keeps_no_node_that_it_has_not() {
    let mut usage = UsageStore::default();
    let answer = |from: usize| {
        UsageNews::Read((from..from + 1_000).map(|at| figures(&format!("node-{at:05}"), 0, 1_000, 64)).collect())
    };
    let read = |usage: &mut UsageStore, from| {
        usage.apply(answer(from));
        while usage.is_behind() {
            usage.apply_pending(64, |_| None);
        }
    };
    read(&mut usage, 0);
    read(&mut usage, 0);
    let bytes = usage.heap_bytes();
    (1..=10).for_each(|round| read(&mut usage, round * 100));
    assert_eq!(usage.nodes.len(), 1_000);
    assert!(
        usage.of("node-00999", Timestamp::UNIX_EPOCH).unwrap().cpu_milli.is_none(),
        "it left with the first answers"
    );
    assert!(usage.heap_bytes() <= bytes + bytes / 20, "{} bytes after {bytes}", usage.heap_bytes());
}

#[test]
fn the_usage_of_many_nodes_is_applied_bit_by_bit_and_forgets_who_is_not_named() {
    let names: Vec<String> = (0..1_200).map(|at| format!("n{at:04}")).collect();
    let mut bench = Bench::with(names.iter().map(|name| node(name)).collect(), &[]);
    let all = |cpu| names.iter().map(|name| figures(name, 0, cpu, 1)).collect();
    bench.send(read(all(1)));
    bench.prepare();
    let seen = |bench: &Bench, cpu| {
        let usage = |name: &&String| bench.state().usage.of(name, Timestamp::UNIX_EPOCH).unwrap();
        names.iter().filter(|name| usage(name).cpu_milli == Some(cpu)).count()
    };
    assert_eq!(seen(&bench, 1), 1_200);
    bench.send(read(names.iter().skip(1).map(|name| figures(name, 0, 2, 1)).collect()));
    let now = bench.now();
    bench.model.update(Msg::Frame, now);
    assert_eq!(
        (seen(&bench, 1), seen(&bench, 2)),
        (1_200 - 512, 512),
        "the old figures stand until the new ones are in"
    );
    assert!(bench.model.is_behind());
    bench.prepare();
    assert_eq!((seen(&bench, 1), seen(&bench, 2)), (0, 1_199));
}

#[test]
fn a_node_and_its_usage_hold_one_copy_of_its_name_whichever_comes_first() {
    for usage_first in [true, false] {
        let mut bench = Bench::with(vec![], &[]);
        let list = |bench: &mut Bench| bench.list_nodes(2, vec![node("a")]);
        if !usage_first {
            list(&mut bench);
        }
        bench.send(read(vec![figures("a", 0, 1, 1)]));
        bench.prepare();
        if usage_first {
            list(&mut bench);
        }
        let name = &bench.state().nodes.by_name("a").unwrap().facts.name;
        assert_eq!(bench.state().usage.name("a").unwrap().as_ptr(), name.as_ptr(), "usage first: {usage_first}");
    }
}

//! The patched order and the patched join against what a look at everything says.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use crate::action::Action;
use crate::facts::accelerator::Kind;
use crate::facts::node::NodeFacts;
use crate::facts::pod::PodFacts;
use crate::model::fixture::{Bench, gpu_node, gpu_pod, node};
use crate::model::table::SortBy;
use crate::msg::{LineEdit, Msg};

#[derive(Clone, Copy, Debug)]
enum Step {
    Node(u8, u8),
    NoNode(u8),
    Pod(u8, u8),
    NoPod(u8),
    Sort(SortBy),
    Reverse,
    Filter(&'static str),
    Relist,
    /// One slice of whatever waits, and no more.
    Slice,
    /// A frame, which waits for nothing.
    Frame,
    Look,
}

fn any_step() -> impl Strategy<Value = Step> {
    let sorts = [SortBy::Name, SortBy::Pods, SortBy::Gpu, SortBy::Version, SortBy::Status, SortBy::Pods];
    prop_oneof![
        4 => (0_u8..15, 0_u8..3).prop_map(|(at, version)| Step::Node(at, version)),
        2 => (0_u8..15).prop_map(Step::NoNode),
        6 => (0_u8..30, 0_u8..15).prop_map(|(at, on)| Step::Pod(at, on)),
        2 => (0_u8..30).prop_map(Step::NoPod),
        1 => prop::sample::select(sorts.to_vec()).prop_map(Step::Sort),
        1 => Just(Step::Reverse),
        1 => prop::sample::select(vec!["", "3", "pods>0", "!3", "gpu>0", "gpu<1", "version:v1.9"]).prop_map(Step::Filter),
        1 => Just(Step::Relist),
        4 => Just(Step::Slice),
        3 => Just(Step::Frame),
        4 => Just(Step::Look),
    ]
}

const VERSIONS: [&str; 3] = ["v1.9.0", "v1.10.0", "v1.10.1"];

/// Contents of the cluster, and the operator's order and filter.
#[derive(Debug, Default)]
struct Truth {
    nodes: BTreeMap<u8, u8>,
    pods: BTreeMap<u8, u8>,
    sort: SortBy,
    reversed: bool,
    filter: &'static str,
}

/// Every third node has devices.
fn has_devices(at: u8) -> bool {
    at.is_multiple_of(3)
}

fn name(at: u8) -> String {
    format!("n{at}")
}

fn facts(at: u8, version: u8) -> NodeFacts {
    let plain = if has_devices(at) { gpu_node(&name(at), 8, 8) } else { node(&name(at)) };
    NodeFacts { kubelet: VERSIONS[usize::from(version)].into(), ..plain }
}

impl Truth {
    fn pods_on(&self, at: u8) -> i64 {
        i64::try_from(self.pods.values().filter(|on| **on == at).count()).unwrap()
    }

    /// Devices that a pod could have; pods may ask where there are none.
    fn free(&self, at: u8) -> Option<i64> {
        let asked = self.pods_on(at);
        (has_devices(at) || asked > 0).then(|| if has_devices(at) { (8 - asked).max(0) } else { 0 })
    }

    /// Sorted anew, by hand: the numbers of the fixture's nodes are 10 pods and 8 devices.
    fn order(&self) -> Vec<String> {
        let shown = |at: &u8| match self.filter {
            "3" => name(*at).contains('3'),
            "!3" => !name(*at).contains('3'),
            "pods>0" => self.pods_on(*at) > 0,
            "gpu>0" => has_devices(*at),
            // Only a node that has devices, or owes some, has a number of them.
            "gpu<1" => !has_devices(*at) && self.pods_on(*at) > 0,
            "version:v1.9" => self.nodes[at] == 0,
            _ => true,
        };
        let mut rows: Vec<u8> = self.nodes.keys().copied().filter(shown).collect();
        let turn = |order: Ordering| if self.reversed { order.reverse() } else { order };
        rows.sort_by(|a, b| match self.sort {
            SortBy::Pods => turn(self.pods_on(*b).cmp(&self.pods_on(*a))).then(a.cmp(b)),
            // The most that are free come first; nodes that neither have nor owe any come last whichever way.
            SortBy::Gpu => match (self.free(*a), self.free(*b)) {
                (Some(x), Some(y)) => turn(y.cmp(&x)).then(a.cmp(b)),
                (x, y) => y.is_some().cmp(&x.is_some()).then(a.cmp(b)),
            },
            SortBy::Version => turn(self.nodes[a].cmp(&self.nodes[b])).then(a.cmp(b)),
            SortBy::Status => a.cmp(b),
            _ => turn(a.cmp(b)),
        });
        rows.into_iter().map(name).collect()
    }

    fn check(&self, bench: &mut Bench) {
        assert_eq!(bench.names(), self.order(), "{self:?}");
        let summary = bench.summary();
        let orphaned = self.pods.values().filter(|on| !self.nodes.contains_key(on)).count();
        assert_eq!(summary.orphaned, Known::Exact(u32::try_from(orphaned).unwrap()), "{self:?}");
        let requested: i64 = self.nodes.keys().map(|at| self.pods_on(*at)).sum();
        let some = requested > 0 || self.nodes.keys().any(|at| has_devices(*at));
        assert_eq!(summary.gpu.map(|gpu| gpu.requested), some.then_some(Known::Exact(requested)), "{self:?}");
        let anew = bench.state().accelerators().into_iter().find(|sum| sum.kind == Kind::Device);
        assert_eq!(anew.map(|sum| sum.requested), some.then_some(Known::Exact(requested)), "{self:?}");
    }

    fn take(&mut self, bench: &mut Bench, step: Step) {
        match step {
            Step::Node(at, version) => {
                self.nodes.insert(at, version);
                bench.change_node(1, facts(at, version));
            }
            Step::NoNode(at) => {
                if let Some(version) = self.nodes.remove(&at) {
                    bench.delete_node(1, &facts(at, version), 9);
                }
            }
            Step::Pod(at, on) => {
                let (pod, on_name) = (format!("p{at}"), name(on));
                self.pods.insert(at, on);
                bench.change_pods(1, &[gpu_pod(&pod, &on_name, 1)], false);
            }
            Step::NoPod(at) => {
                if let Some(on) = self.pods.remove(&at) {
                    bench.change_pods(1, &[gpu_pod(&format!("p{at}"), &name(on), 1)], true);
                }
            }
            Step::Sort(sort) => {
                self.reversed = self.sort == sort && !self.reversed;
                self.sort = sort;
                bench.model.clusters[0].nodes_control_mut().sort_by(sort);
            }
            Step::Reverse => {
                self.reversed = !self.reversed;
                bench.model.clusters[0].nodes_control_mut().reverse();
            }
            Step::Filter(text) => {
                self.filter = text;
                bench.model.clusters[0].nodes_control_mut().clear_filter();
                bench.model.clusters[0].nodes_control_mut().edit_filter(&LineEdit::Paste(text.to_owned()));
            }
            Step::Relist => self.relist(bench),
            Step::Slice => drop(bench.model.update(Msg::CatchUp, bench.now())),
            Step::Frame => drop(bench.model.update(Msg::Frame, bench.now())),
            Step::Look => self.check(bench),
        }
    }

    /// The same again: nothing may move.
    fn relist(&self, bench: &mut Bench) {
        bench.list_nodes(1, self.nodes.iter().map(|(at, version)| facts(*at, *version)).collect());
        let named: Vec<(String, String)> = self.pods.iter().map(|(at, on)| (format!("p{at}"), name(*on))).collect();
        let pods: Vec<PodFacts<'_>> = named.iter().map(|(pod, on)| gpu_pod(pod, on, 1)).collect();
        bench.list_pods(1, &pods);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]
    #[test]
    fn patched_rows_lie_as_if_all_had_been_sorted_again(steps in vec(any_step(), 1..80), slice in prop_oneof![Just(2048_usize), 1_usize..6]) {
        let (mut truth, mut bench) = (Truth::default(), Bench::with(vec![], &[]));
        bench.model.clusters[0].table.set_slice(slice);
        for step in steps {
            truth.take(&mut bench, step);
        }
        truth.check(&mut bench);
    }
}

#[test]
fn a_row_is_inserted_in_its_place_while_another_waits_to_leave() {
    for (sort, reversed, expected) in
        [(SortBy::Name, true, ["n4", "n0"]), (SortBy::Name, false, ["n0", "n4"]), (SortBy::Version, true, ["n0", "n4"])]
    {
        let mut bench = Bench::with(vec![], &[]);
        bench.model.clusters[0].table.set_slice(1);
        bench.model.clusters[0].nodes_control_mut().sort_by(sort);
        let is_reversed = bench.state().sort().1;
        if reversed != is_reversed {
            bench.model.clusters[0].nodes_control_mut().reverse();
        }
        for at in [14, 4] {
            bench.change_node(1, facts(at, 1));
        }
        bench.names();
        // One change a slice: the first one meets a row whose node is gone.
        bench.change_node(1, facts(0, 2));
        bench.delete_node(1, &facts(14, 1), 9);
        assert_eq!(bench.names(), expected, "{sort:?}, reversed: {reversed}");
    }
}

/// 5,000 nodes, whose first order is on the screen.
fn large() -> Bench {
    let mut bench = Bench::with((0..5_000).map(|at| node(&format!("n{at}"))).collect(), &[]);
    bench.prepare();
    bench
}

fn first_row(bench: &Bench) -> String {
    bench.state().rows(0..1, bench.now())[0].facts.name.to_string()
}

#[test]
fn the_old_order_stays_until_the_new_one_is_ready_and_says_so() {
    let mut bench = large();
    assert!(!bench.state().is_arranging());
    bench.model.clusters[0].nodes_control_mut().reverse();
    bench.model.update(Msg::Frame, bench.now());
    assert!(bench.state().is_arranging() && bench.model.is_behind());
    assert_eq!((first_row(&bench), bench.state().extent().len), ("n0".to_owned(), 5_000));
    bench.prepare();
    assert!(!bench.state().is_arranging() && !bench.model.is_behind());
    assert_eq!((first_row(&bench), bench.state().extent().len), ("n4999".to_owned(), 5_000));
}

#[test]
fn rows_that_a_new_filter_hides_stay_until_all_were_looked_at() {
    let mut bench = large();
    bench.model.clusters[0].nodes_control_mut().edit_filter(&LineEdit::Paste("n4999".to_owned()));
    bench.model.update(Msg::Frame, bench.now());
    assert_eq!(bench.state().extent().len, 5_000);
    // What changes meanwhile is drawn in the old rows, too.
    bench.delete_node(1, &node("n0"), 9);
    bench.model.update(Msg::Frame, bench.now());
    assert_eq!(first_row(&bench), "n1");
    assert_eq!(bench.names(), ["n4999"]);
}

#[test]
fn the_selection_follows_its_row_into_the_new_order() {
    let mut bench = large();
    bench.act(Action::Hold);
    bench.act(Action::Down);
    bench.model.clusters[0].nodes_control_mut().reverse();
    bench.prepare();
    assert_eq!((first_row(&bench).as_str(), bench.state().extent().selected), ("n4999", Some(4_998)));
}

#[test]
fn a_held_order_keeps_its_rows_and_adds_new_ones_at_the_end() {
    let mut bench = Bench::with((0..6).map(|at| facts(at, 0)).collect(), &[]);
    bench.model.clusters[0].nodes_control_mut().sort_by(SortBy::Pods);
    assert_eq!(bench.names(), ["n0", "n1", "n2", "n3", "n4", "n5"]);
    bench.act(Action::Hold);
    bench.change_pods(1, &[gpu_pod("p", "n5", 1)], false);
    bench.delete_node(1, &facts(2, 0), 9);
    bench.change_node(1, facts(12, 0));
    bench.change_node(1, facts(11, 0));
    assert_eq!(bench.names(), ["n0", "n1", "n3", "n4", "n5", "n11", "n12"]);
    bench.act(Action::Hold);
    assert_eq!(bench.names(), ["n5", "n0", "n1", "n3", "n4", "n11", "n12"]);
}

#[test]
fn more_changes_than_are_noted_are_a_look_at_everything() {
    let mut bench = Bench::with(vec![node("kept")], &[]);
    for round in 0..10_050 {
        let name = format!("n{round}");
        bench.change_node(1, node(&name));
        bench.delete_node(1, &node(&name), 9);
    }
    bench.change_node(1, node("late"));
    assert_eq!(bench.names(), ["kept", "late"]);
}

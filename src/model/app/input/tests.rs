use super::*;
use crate::facts::node::{ConditionStatus, NodeFacts};
use crate::model::fixture::{Bench, gpu_node, gpu_pod, node, pod, turned};
use crate::model::table::Extent;
use crate::msg::{ClusterId, Msg, Viewport};

fn nodes(names: &[&str]) -> Vec<NodeFacts> {
    names.iter().map(|name| node(name)).collect()
}

#[test]
fn keys_move_the_selection_and_stop_at_the_ends() {
    let mut bench = Bench::with(nodes(&["a", "b", "c"]), &[]);
    assert_eq!(bench.selected(), "a");
    bench.act(Action::Up);
    assert_eq!(bench.selected(), "a");
    bench.act(Action::Down);
    assert_eq!(bench.selected(), "b");
    bench.act(Action::Bottom);
    bench.act(Action::Down);
    assert_eq!(bench.selected(), "c");
    bench.act(Action::Top);
    assert_eq!(bench.selected(), "a");
}

fn measured(bench: &mut Bench, viewport: Viewport) {
    let now = bench.now();
    bench.model.update(Msg::Viewport(viewport), now);
}

#[test]
fn a_page_is_as_long_as_the_ui_says() {
    let names: Vec<String> = (0..50).map(|n| format!("n{n}")).collect();
    let mut bench = Bench::with(names.iter().map(|name| node(name)).collect(), &[]);
    bench.act(Action::PageDown);
    assert_eq!(bench.selected(), "n20");
    measured(&mut bench, Viewport { page: 7, ..Viewport::default() });
    bench.act(Action::PageDown);
    assert_eq!(bench.selected(), "n27");
    bench.act(Action::PageUp);
    assert_eq!(bench.selected(), "n20");
}

#[test]
fn the_selection_stays_on_its_node_through_sorts_filters_and_relists() {
    let mut bench = Bench::with(nodes(&["a", "b", "c", "d"]), &[pod("x", "c"), pod("y", "c")]);
    bench.act(Action::Down);
    bench.act(Action::Down);
    assert_eq!(bench.selected(), "c");
    bench.act(Action::Hold);
    bench.act(Action::SortPods);
    assert_eq!((bench.selected(), bench.names()[0].clone()), ("c".to_owned(), "c".to_owned()));
    bench.act(Action::SortName);
    assert_eq!(bench.selected(), "c", "what is held is held on to");
    bench.act(Action::Hold);
    bench.list_nodes(2, nodes(&["0", "1", "c", "d"]));
    assert_eq!(bench.selected(), "c");
    bench.act(Action::Filter);
    bench.type_text("d");
    assert_eq!(bench.selected(), "d", "the neighbour while the filter hides it");
    bench.act(Action::Back);
    assert_eq!(bench.selected(), "c", "and back");
}

#[test]
fn a_new_order_is_looked_at_from_its_top() {
    let mut bench = Bench::with(nodes(&["a", "b", "c", "d"]), &[pod("x", "d"), pod("y", "a")]);
    for sort in [Action::SortPods, Action::SortReverse, Action::SortNext, Action::SortPrevious, Action::SortAge] {
        bench.act(Action::Bottom);
        bench.act(sort);
        assert_eq!(bench.state().extent().selected, Some(0), "{sort:?}");
        assert_eq!(bench.selected(), bench.names()[0]);
    }
    bench.act(Action::SortPods);
    bench.act(Action::Top);
    bench.act(Action::Open);
    bench.act(Action::SortStatus);
    assert_eq!(bench.state().pod_list(PodPlace::Node).extent().selected, Some(0));
}

fn notice(bench: &mut Bench, action: Action) -> Option<String> {
    bench.ms += 7_000;
    bench.act(action);
    bench.model.notice(bench.now()).map(ToString::to_string)
}

#[test]
fn a_key_that_does_nothing_here_is_answered() {
    let mut bench = Bench::with(nodes(&["a", "b"]), &[pod("x", "a")]);
    let nothing = Some("no such key here · ? help".to_owned());
    for action in [Action::Acknowledge, Action::NextPane, Action::PreviousPane] {
        assert_eq!(notice(&mut bench, action), nothing, "{action:?} on the nodes");
    }
    assert_eq!(notice(&mut bench, Action::NextCluster).as_deref(), Some("this is the only cluster"));
    assert_eq!(notice(&mut bench, Action::Cluster7).as_deref(), Some("there is no cluster 7"));
    assert_eq!(notice(&mut bench, Action::Cluster1).as_deref(), Some("`prod` is shown already"));
    assert_eq!(notice(&mut bench, Action::SortRestarts).as_deref(), Some("nodes have no restarts to sort by"));
    assert_eq!(notice(&mut bench, Action::Down), None, "the end of a table is seen");
    measured(&mut bench, Viewport { page: 20, wide_room: Some(false), ..Viewport::default() });
    let narrow = "more columns have no room here: the terminal is too narrow";
    assert_eq!(notice(&mut bench, Action::Wide).as_deref(), Some(narrow));
    assert!(!bench.model.wide());
    measured(&mut bench, Viewport { page: 20, wide_room: Some(true), ..Viewport::default() });
    assert_eq!(notice(&mut bench, Action::Wide), None);
    bench.act(Action::Open);
    assert_eq!(notice(&mut bench, Action::SortPods).as_deref(), Some("pods have no such column"));
    for action in [Action::Acknowledge, Action::Wide] {
        assert_eq!(notice(&mut bench, action), nothing, "{action:?} in a node");
    }
    bench.act(Action::NextPane);
    assert_eq!(notice(&mut bench, Action::Open), None, "conditions are read in full in the YAML");
    assert!(matches!(bench.model.screen(), Screen::Yaml { .. }));
    bench.act(Action::Back);
    bench.act(Action::Api);
    for action in [Action::Yaml, Action::Acknowledge, Action::Wide] {
        assert_eq!(notice(&mut bench, action), nothing, "{action:?} on the API view");
    }
    assert_eq!(notice(&mut bench, Action::SortRestarts).as_deref(), Some("calls have no restarts to sort by"));
    assert_eq!(notice(&mut bench, Action::Open).as_deref(), Some("no row is selected"), "no call has ended");
    bench.act(Action::Gpus);
    for action in [Action::Yaml, Action::Acknowledge, Action::Wide] {
        assert_eq!(notice(&mut bench, action), nothing, "{action:?} on the GPU view");
    }
    assert_eq!(notice(&mut bench, Action::Open).as_deref(), Some("no row is selected"));
    assert_eq!(notice(&mut bench, Action::Node).as_deref(), Some("no held GPU is selected"));
}

#[test]
fn an_unbound_key_is_answered_with_the_key_of_the_help() {
    let mut bench = Bench::with(nodes(&["a"]), &[]);
    bench.model = std::mem::replace(
        &mut bench.model,
        crate::model::app::Model::new(Vec::new(), crate::model::settings::Settings::default()),
    )
    .with_help_key("f1");
    let now = bench.now();
    bench.model.update(crate::msg::Msg::UnboundKey, now);
    assert_eq!(bench.model.notice(now).map(|text| &**text), Some("no such key here · f1 help"));
}

#[test]
fn the_selection_falls_to_the_neighbour_of_a_node_that_went() {
    let mut bench = Bench::with(nodes(&["a", "b", "c"]), &[]);
    bench.act(Action::Down);
    bench.delete_node(1, &node("b"), 99);
    assert_eq!(bench.selected(), "c");
    bench.delete_node(1, &node("c"), 99);
    assert_eq!(bench.selected(), "a");
    bench.delete_node(1, &node("a"), 99);
    bench.prepare();
    assert_eq!(bench.state().extent(), Extent { len: 0, total: 0, selected: None });
    bench.act(Action::Down);
    bench.change_node(1, node("z"));
    assert_eq!(bench.selected(), "z");
}

#[test]
fn until_a_key_is_pressed_the_first_row_is_selected() {
    let mut bench = Bench::with(nodes(&["m"]), &[]);
    assert_eq!(bench.selected(), "m");
    bench.change_node(1, node("a"));
    assert_eq!(bench.selected(), "a");
}

#[test]
fn the_filter_is_live_kept_by_enter_and_cleared_by_back() {
    let mut bench = Bench::with(nodes(&["gpu-1", "gpu-2", "cpu-1"]), &[]);
    bench.type_text("gpu");
    assert_eq!(bench.names().len(), 3, "text outside the filter does nothing");
    bench.act(Action::Filter);
    assert_eq!(bench.model.mode(), Mode::Filter);
    bench.type_text("gpu");
    assert_eq!(bench.names(), ["gpu-1", "gpu-2"]);
    assert_eq!(bench.state().extent(), Extent { len: 2, total: 3, selected: Some(0) });
    bench.act(Action::Down);
    assert_eq!(bench.selected(), "gpu-2", "arrows move while typing");
    bench.act(Action::Open);
    assert_eq!((bench.model.mode(), bench.state().nodes_control().filter()), (Mode::Normal, "gpu"));
    assert_eq!(bench.model.screen(), &Screen::Nodes, "enter left the filter and opened nothing");
    bench.act(Action::Back);
    assert_eq!((bench.names().len(), bench.state().nodes_control().filter()), (3, ""));
}

#[test]
fn quit_quits_at_the_top_and_goes_back_elsewhere() {
    let mut bench = Bench::with(nodes(&["a"]), &[]);
    bench.act(Action::Open);
    assert_ne!(bench.act(Action::Quit), Some(Effect::Quit));
    assert_eq!(bench.model.screen(), &Screen::Nodes);
    bench.act(Action::Help);
    assert_eq!((bench.act(Action::Quit), bench.model.mode()), (None, Mode::Normal));
    assert_eq!(bench.act(Action::Quit), Some(Effect::Quit));
}

#[test]
fn ctrl_c_quits_from_anywhere() {
    for before in [Action::Wide, Action::Open, Action::Help, Action::Filter] {
        let mut bench = Bench::with(nodes(&["a"]), &[]);
        bench.act(before);
        assert_eq!(bench.act(Action::ForceQuit), Some(Effect::Quit), "after {before:?}");
    }
}

#[test]
fn effects_are_asked_of_the_world() {
    let mut bench = Bench::new(&["a", "b"]);
    bench.act(Action::NextCluster);
    assert_eq!(bench.act(Action::Refresh), Some(Effect::Refresh(ClusterId(1))));
    assert_eq!(bench.act(Action::Redraw), Some(Effect::Redraw));
    assert_eq!(bench.act(Action::Suspend), Some(Effect::Suspend));
}

#[test]
fn scrolling_past_the_end_is_undone_by_the_first_step_back() {
    let mut bench = Bench::new(&["a"]);
    let frame = |bench: &mut Bench, most| {
        measured(bench, Viewport { page: 7, most_scroll: Some(most), ..Viewport::default() });
        bench.model.pane_scroll()
    };
    bench.act(Action::Api);
    bench.act(Action::Bottom);
    assert_eq!(frame(&mut bench, 10), 10, "before the first frame nobody knows the end");
    bench.act(Action::Down);
    assert_eq!(frame(&mut bench, 10), 10);
    bench.act(Action::Up);
    assert_eq!(frame(&mut bench, 10), 9);
    bench.act(Action::PageUp);
    assert_eq!(frame(&mut bench, 10), 2, "by the rows of a page");
    assert_eq!(frame(&mut bench, 1), 1, "less to scroll after the screen grew");
}

#[test]
fn help_toggles_and_scrolls() {
    let mut bench = Bench::new(&["a"]);
    bench.act(Action::Help);
    bench.act(Action::Down);
    bench.act(Action::Down);
    assert_eq!((bench.model.mode(), bench.model.help_scroll()), (Mode::Help, 2));
    bench.act(Action::Top);
    assert_eq!(bench.model.help_scroll(), 0);
    bench.act(Action::Help);
    assert_eq!(bench.model.mode(), Mode::Normal);
}

#[test]
fn clusters_turn_by_tab_and_are_named_by_digits() {
    let mut bench = Bench::new(&["a", "b", "c"]);
    let mut walk = |action| {
        bench.act(action);
        bench.model.current_id().0
    };
    assert_eq!(walk(Action::NextCluster), 1);
    assert_eq!(walk(Action::PreviousCluster), 0);
    assert_eq!(walk(Action::PreviousCluster), 2);
    assert_eq!(walk(Action::NextCluster), 0);
    assert_eq!(walk(Action::Cluster3), 2);
    assert_eq!(walk(Action::Cluster9), 2, "there is no ninth");
}

#[test]
fn each_cluster_has_its_own_selection_and_filter() {
    let mut bench = Bench::with(nodes(&["a", "b"]), &[]);
    bench.model = {
        let mut two = Bench::new(&["one", "two"]);
        two.list_nodes(1, nodes(&["a", "b"]));
        two.model
    };
    bench.act(Action::Down);
    bench.act(Action::Filter);
    bench.type_text("b");
    bench.act(Action::Open);
    bench.act(Action::NextCluster);
    assert_eq!(bench.state().nodes_control().filter(), "");
    bench.act(Action::NextCluster);
    assert_eq!((bench.selected(), bench.state().nodes_control().filter()), ("b".to_owned(), "b"));
}

#[test]
fn a_node_opens_with_its_pods_and_back_returns_to_its_row() {
    let pods = [pod("web-10", "b"), pod("web-9", "b"), gpu_pod("train", "b", 2), pod("other", "a")];
    let mut bench = Bench::with(nodes(&["a", "b"]), &pods);
    bench.act(Action::Down);
    bench.act(Action::Open);
    assert_eq!(bench.model.screen(), &Screen::Node { name: "b".into(), pane: NodePane::Pods });
    let rows = bench.state().pod_rows(PodPlace::Node, 0..10, bench.now());
    let seen: Vec<_> = rows.iter().map(|row| (row.facts.name, row.gpus, row.selected)).collect();
    assert_eq!(seen, [("train", 2, true), ("web-9", 0, false), ("web-10", 0, false)]);
    bench.act(Action::Back);
    assert_eq!((bench.selected(), bench.model.screen()), ("b".to_owned(), &Screen::Nodes));
}

#[test]
fn the_pod_selection_follows_its_pod() {
    let mut bench = Bench::with(nodes(&["a"]), &[pod("p1", "a"), pod("p2", "a"), pod("p3", "a")]);
    bench.act(Action::Open);
    bench.act(Action::Down);
    bench.change_pods(1, &[pod("p0", "a")], false);
    bench.prepare();
    let selected = |bench: &Bench| {
        let rows = bench.state().pod_rows(PodPlace::Node, 0..10, bench.now());
        rows.into_iter().find(|row| row.selected).map(|row| row.facts.name.to_owned())
    };
    assert_eq!(selected(&bench).as_deref(), Some("p2"));
    bench.change_pods(1, &[pod("p2", "a")], true);
    bench.prepare();
    assert_eq!(selected(&bench).as_deref(), Some("p3"), "the neighbour");
    assert_eq!(bench.state().pod_list(PodPlace::Node).extent(), Extent { len: 3, total: 3, selected: Some(2) });
}

#[test]
fn other_panes_scroll_and_turn_round() {
    let mut bench = Bench::with(vec![gpu_node("a", 8, 8)], &[]);
    bench.act(Action::Open);
    bench.act(Action::PreviousPane);
    assert!(matches!(bench.model.screen(), Screen::Node { pane: NodePane::Events, .. }));
    bench.act(Action::PreviousPane);
    assert!(matches!(bench.model.screen(), Screen::Node { pane: NodePane::Labels, .. }));
    bench.act(Action::NextPane);
    bench.act(Action::NextPane);
    bench.act(Action::NextPane);
    bench.act(Action::NextPane);
    assert!(matches!(bench.model.screen(), Screen::Node { pane: NodePane::Resources, .. }));
    bench.act(Action::Down);
    assert_eq!(bench.model.pane_scroll(), 1);
    measured(&mut bench, Viewport { page: 20, most_scroll: Some(6), ..Viewport::default() });
    bench.act(Action::Bottom);
    assert_eq!(bench.model.pane_scroll(), 6, "as far as the view has lines");
    bench.act(Action::NextPane);
    assert_eq!(bench.model.pane_scroll(), 0);
}

#[test]
fn an_opened_node_that_went_can_be_left() {
    let mut bench = Bench::with(nodes(&["a", "b"]), &[]);
    bench.act(Action::Open);
    bench.delete_node(1, &node("a"), 99);
    for action in [Action::Down, Action::NextPane, Action::Down, Action::Open] {
        bench.act(action);
    }
    assert!(bench.state().node("a", bench.now()).is_none());
    bench.act(Action::Back);
    assert_eq!(bench.selected(), "b");
}

#[test]
fn sorting_again_by_the_same_column_reverses() {
    let mut bench = Bench::with(nodes(&["n10", "n9", "n1"]), &[]);
    assert_eq!(bench.names(), ["n1", "n9", "n10"]);
    bench.act(Action::SortName);
    assert_eq!(
        (bench.names(), bench.state().sort()),
        (vec!["n10".into(), "n9".into(), "n1".into()], (SortBy::Name, true))
    );
    bench.act(Action::SortName);
    assert_eq!(bench.state().sort(), (SortBy::Name, false));
    bench.act(Action::SortNext);
    assert_eq!(bench.state().sort(), (SortBy::Status, false));
    bench.act(Action::SortPrevious);
    bench.act(Action::SortPrevious);
    assert_eq!(bench.state().sort(), (SortBy::Age, false), "columns turn round");
    bench.act(Action::SortReverse);
    assert_eq!(bench.state().sort(), (SortBy::Age, true));
}

#[test]
fn orders_are_worst_fullest_and_freest_first() {
    let mut lost = turned(&node("lost"), ConditionStatus::Unknown, 0);
    lost.version = 10;
    let down = NodeFacts { version: 10, ..turned(&node("down"), ConditionStatus::False, 0) };
    let mut cordoned = node("cordoned");
    cordoned.unschedulable = true;
    let all = vec![node("fine"), cordoned, gpu_node("gpu-4", 8, 4), gpu_node("gpu-8", 8, 8), down, lost];
    let pods = [pod("x", "fine"), pod("y", "fine"), pod("z", "gpu-8"), gpu_pod("g", "gpu-8", 6)];
    let mut bench = Bench::with(all, &pods);
    bench.act(Action::SortStatus);
    assert_eq!(bench.names(), ["lost", "down", "gpu-4", "cordoned", "fine", "gpu-8"], "gpu-4 has withdrawn devices");
    bench.act(Action::SortPods);
    assert_eq!(bench.names()[..2], ["fine", "gpu-8"]);
    bench.act(Action::SortGpu);
    assert_eq!(bench.names()[..2], ["gpu-4", "gpu-8"], "4 free, 2 free; nodes without any come last");
    bench.act(Action::SortGpu);
    assert_eq!(bench.names()[..2], ["gpu-8", "gpu-4"], "also in reverse");
}

#[test]
fn held_rows_keep_their_order_while_values_change() {
    let mut bench = Bench::with(nodes(&["a", "b", "c"]), &[pod("x", "b")]);
    bench.act(Action::SortPods);
    assert_eq!(bench.names(), ["b", "a", "c"]);
    bench.act(Action::Hold);
    assert!(bench.state().nodes_control().held());
    bench.change_pods(1, &[pod("y", "c"), pod("z", "c")], false);
    bench.change_node(1, node("0"));
    bench.delete_node(1, &node("a"), 99);
    assert_eq!(bench.names(), ["b", "c", "0"], "what went drops out, what is new comes last");
    let rows = bench.state().rows(1..2, bench.now());
    assert_eq!(rows[0].pods, crate::model::known::Known::Exact(2), "values stay live");
    drop(rows);
    bench.act(Action::Hold);
    assert_eq!(bench.names(), ["c", "b", "0"]);
}

#[test]
fn only_the_rows_that_were_asked_for_are_built() {
    let mut bench = Bench::with(nodes(&["a", "b", "c"]), &[]);
    bench.prepare();
    let now = bench.now();
    assert_eq!(bench.state().rows(1..2, now).len(), 1);
    assert_eq!(bench.state().rows(2..9, now).len(), 1);
    assert_eq!(bench.state().rows(7..9, now).len(), 0);
}

#[test]
fn a_model_without_clusters_can_be_left() {
    let mut bench = Bench::new(&[]);
    assert_eq!(bench.act(Action::Down), None);
    assert_eq!(bench.act(Action::Quit), Some(Effect::Quit));
}

#[test]
fn equal_rows_go_by_name_in_both_directions() {
    let names = ["n3", "n20", "n1", "n12", "n2", "n11"];
    let mut bench = Bench::with(nodes(&names), &[pod("x", "n20")]);
    bench.act(Action::SortPods);
    assert_eq!(bench.names(), ["n20", "n1", "n2", "n3", "n11", "n12"]);
    bench.act(Action::SortPods);
    assert_eq!(bench.names(), ["n1", "n2", "n3", "n11", "n12", "n20"]);
}

#[test]
fn the_youngest_come_first_and_those_without_an_age_last() {
    let aged = |name: &str, second: u64| NodeFacts {
        created: Some(crate::model::fixture::at(second * 1000).wall),
        ..node(name)
    };
    let ageless = NodeFacts { created: None, ..node("ageless") };
    let mut bench = Bench::with(vec![aged("old", 1), ageless, aged("young", 9), aged("mid", 5)], &[]);
    bench.act(Action::SortAge);
    assert_eq!(bench.names(), ["young", "mid", "old", "ageless"]);
    bench.act(Action::SortAge);
    assert_eq!(bench.names(), ["old", "mid", "young", "ageless"]);
}

//! `view` on a real model.

use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::facts::node::{ConditionStatus, NodeCondition, NodeFacts};
use crate::facts::pod::{PodBatch, PodFacts};
use crate::facts::quantity::Quantity;
use crate::facts::wire::Uid;
use crate::model::settings::{ClusterSpec, Settings};
use crate::msg::{
    Batch, ClusterEvent, LineEdit, Mono, Msg, NodeChange, PageHead, ProbeOutcome, ProbeSample, ProbeSeries, Resource,
    SyncState,
};

pub(super) fn at(seconds: u64) -> Now {
    let wall = fixture::now().wall + jiff::SignedDuration::from_secs(i64::try_from(seconds).unwrap());
    Now { mono: Mono(Duration::from_secs(seconds)), wall }
}

fn node(number: u32) -> NodeChange {
    let amounts = [("cpu", 64), ("memory", 256 << 30), ("nvidia.com/gpu", 8), ("pods", 110)];
    let amounts: Vec<_> = amounts.map(|(name, amount)| (name.into(), Quantity::whole(amount))).to_vec();
    NodeChange::Present(Box::new(NodeFacts {
        name: format!("node-{number}").as_str().into(),
        uid: Uid(u128::from(number) + 1),
        version: 1,
        kubelet: "v1.30.4".into(),
        capacity: amounts.clone(),
        allocatable: amounts,
        conditions: vec![NodeCondition {
            kind: "Ready".into(),
            status: if number == 3 { ConditionStatus::False } else { ConditionStatus::True },
            reason: "KubeletReady".into(),
            message: "\u{202e}posted \x1b[2Jstatus".into(),
            since: Some(at(0).wall),
        }],
        ..NodeFacts::default()
    }))
}

fn pods() -> PodBatch {
    let mut batch = PodBatch::default();
    for number in 0..60_u32 {
        let (name, node) = (format!("pod-{number}"), format!("node-{}", number % 20));
        let uid = Uid(1000 + u128::from(number));
        batch.push(
            &PodFacts { namespace: "default", name: &name, uid, node: &node, version: 1, ..PodFacts::default() },
            false,
        );
    }
    batch
}

/// Two clusters; the first one has 20 nodes and 60 pods, of the second nothing is known.
pub(super) fn model() -> Model {
    let spec = |context: &str| ClusterSpec { context: context.into(), broken: None };
    let mut model = Model::new(vec![spec("prod-a"), spec("edge")], Settings::default());
    let batches = [(Resource::Nodes, Batch::Nodes((0..20).map(node).collect())), (Resource::Pods, Batch::Pods(pods()))];
    for (resource, batch) in batches {
        let generation = 1;
        let page = ClusterEvent::Page {
            resource,
            head: PageHead { generation, page: 1, remaining: None, bytes: 1, unreadable: 0 },
            batch,
        };
        for event in [
            ClusterEvent::ListStarted { resource, generation },
            page,
            ClusterEvent::ListFinished { resource, generation },
            ClusterEvent::Sync { resource, state: SyncState::Watching },
            ClusterEvent::Alive { resource, bytes: 1 },
        ] {
            model.update(Msg::Cluster(ClusterId(0), event), at(1));
        }
    }
    for (tick, outcome) in [
        (1, ProbeOutcome::Answered { latency: Duration::from_millis(30) }),
        (6, ProbeOutcome::TimedOut { at_least: Duration::from_secs(5) }),
    ] {
        let sample = ProbeSample { series: ProbeSeries::Work, tick: Mono(Duration::from_secs(tick)), outcome };
        model.update(Msg::Cluster(ClusterId(0), ClusterEvent::Probe(sample)), at(tick));
    }
    model.update(Msg::Frame, at(7));
    model
}

pub(super) fn act(model: &mut Model, action: Action) {
    model.update(Msg::Action(action), at(7));
    model.update(Msg::Frame, at(7));
}

fn screen(model: &mut Model, state: &mut ViewState, (width, height): (u16, u16)) -> String {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    draw_model(&mut terminal, model, state, &unicode(), at(7));
    lines(terminal.backend().buffer())
}

#[test]
fn what_the_model_knows_is_on_the_screen() {
    let (mut model, mut state) = (model(), ViewState::default());
    let text = screen(&mut model, &mut state, (120, 30));
    for words in [
        &["prod-a", "nodes 19/20", "gpu 0/160/160", "pods 60/2,200"][..],
        &["node-3 ", "✗ NotReady"],
        &["node-0 ", "✓ Ready", "3/110", "0/ 8/ 8"],
        &["edge"],
        &["20 nodes"],
    ] {
        assert!(text.lines().any(|line| words.iter().all(|word| line.contains(word))), "{words:?}\n{text}");
    }
    assert!(text.lines().any(|line| line.contains("prod-a") && line.contains('×')), "the timeout\n{text}");
    act(&mut model, Action::NextCluster);
    let text = screen(&mut model, &mut state, (120, 30));
    assert!(text.contains("no nodes read yet") && text.contains("nodes not known yet"), "{text}");
}

#[test]
fn a_page_down_moves_by_what_is_on_the_screen() {
    let (mut model, mut state) = (model(), ViewState::default());
    act(&mut model, Action::Top);
    screen(&mut model, &mut state, (60, 12));
    act(&mut model, Action::PageDown);
    let text = screen(&mut model, &mut state, (60, 12));
    let rows = 12 - text.lines().position(|line| line.contains("NAME")).unwrap() - 2;
    assert!(text.contains(&format!("▌node-{rows} ")), "{rows}\n{text}");
}

#[test]
fn the_opened_node_shows_its_pods_and_clean_text() {
    let (mut model, mut state) = (model(), ViewState::default());
    act(&mut model, Action::Top);
    act(&mut model, Action::Open);
    let text = screen(&mut model, &mut state, (160, 45));
    for words in ["prod-a / node-0", "pod-0 ", "pod-20", "pod-40", "nvidia.com/gpu", "KubeletReady"] {
        assert!(text.contains(words), "{words}\n{text}");
    }
    assert!(!text.contains('\u{202e}') && !text.contains('\x1b'), "{text}");
}

/// F66: the condition is 7 s old by our clock, which is 10 min behind the server's.
#[test]
fn since_is_by_the_servers_clock_like_every_other_age() {
    let mut model = model();
    act(&mut model, Action::Top);
    act(&mut model, Action::Open);
    let since = |model: &mut Model| {
        let text = screen(model, &mut ViewState::default(), (160, 45));
        let is_row = |line: &&str| line.contains("KubeletReady") && line.contains(" True ");
        let line = text.lines().find(is_row).unwrap_or_else(|| panic!("{text}")).to_owned();
        line.split_whitespace().nth(2).unwrap().to_owned()
    };
    assert_eq!(since(&mut model), "7s");
    let skew = ClusterEvent::Skew { ours_minus_server_ms: -600_000 };
    model.update(Msg::Cluster(ClusterId(0), skew), at(7));
    model.update(Msg::Frame, at(7));
    assert_eq!(since(&mut model), "10m");
}

#[test]
fn the_cursor_stands_behind_the_text_of_the_filter() {
    let (mut model, mut state) = (model(), ViewState::default());
    act(&mut model, Action::Filter);
    for letter in "node-1".chars() {
        model.update(Msg::Edit(LineEdit::Insert(letter)), at(7));
    }
    model.update(Msg::Frame, at(7));
    let mut terminal = Terminal::new(TestBackend::new(80, 24)).unwrap();
    draw_model(&mut terminal, &mut model, &mut state, &unicode(), at(7));
    assert!(lines(terminal.backend().buffer()).contains(" /node-1   11 of 20"), "node-1 and node-10 to node-19");
    terminal.backend_mut().assert_cursor_position((8, 23));
}

#[test]
fn the_title_names_the_worst_cluster() {
    let mut model = model();
    assert_eq!(model.clusters()[0].alerts().len(), 1, "a node is NotReady");
    assert_eq!(title(&model), "✗ prod-a ▲1 · watchbell");
    act(&mut model, Action::NextCluster);
    assert_eq!(title(&model), "✗ prod-a ▲1 · watchbell", "whatever is looked at");
    assert!(title_with(&model, &Theme::new(Depth::None, true).glyphs).is_ascii());
}

#[test]
fn a_context_cannot_style_the_status_line_of_tmux_by_the_title() {
    let spec = ClusterSpec { context: "a#[fg=red]#(id)##".into(), broken: None };
    let model = Model::new(vec![spec], Settings::default());
    assert_eq!(title(&model), "a_[fg=red]_(id)__ · watchbell");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn no_size_and_no_sequence_of_keys_panics(
        sizes in proptest::collection::vec((0_u16..=120, 0_u16..=60), 8),
        keys in proptest::collection::vec(0..crate::action::ACTIONS.len(), 8),
        ascii: bool,
    ) {
        let (mut model, mut state) = (model(), ViewState::default());
        let theme = Theme::new(Depth::Ansi16, ascii);
        for (size, key) in sizes.into_iter().zip(keys) {
            let mut terminal = Terminal::new(TestBackend::new(size.0, size.1)).unwrap();
            draw_model(&mut terminal, &mut model, &mut state, &theme, at(7));
            act(&mut model, crate::action::ACTIONS[key].action);
        }
    }
}

#[test]
fn every_size_up_to_120x60_draws_every_screen() {
    let (mut model, mut state) = (model(), ViewState::default());
    let theme = unicode();
    for actions in [&[][..], &[Action::Filter], &[Action::Back, Action::Open], &[Action::NextPane], &[Action::Help]] {
        for action in actions {
            act(&mut model, *action);
        }
        // Every height at some widths and every width at some heights: the layout has no other steps.
        let sizes = (0..=60).flat_map(|height| [0, 1, 2, 39, 40, 59, 60, 80, 120].map(|width| (width, height)));
        let sizes = sizes.chain((0..=120).flat_map(|width| [1, 5, 6, 17, 18, 30, 60].map(|height| (width, height))));
        for (width, height) in sizes.chain([(5, 200), (500, 3), (1000, 300)]) {
            let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
            draw_model(&mut terminal, &mut model, &mut state, &theme, at(7));
        }
    }
}

#[test]
fn without_clusters_the_screen_says_so() {
    let mut model = Model::new(vec![], Settings::default());
    assert!(screen(&mut model, &mut ViewState::default(), (80, 24)).starts_with("no cluster"));
}

#[test]
fn the_end_of_the_help_is_reached_on_a_small_screen() {
    let (mut model, mut state) = (model(), ViewState::default());
    act(&mut model, Action::Help);
    assert!(screen(&mut model, &mut state, (80, 12)).contains("more below"));
    act(&mut model, Action::Bottom);
    let text = screen(&mut model, &mut state, (80, 12));
    assert!(text.contains("not watching") && !text.contains("more below"), "{text}");
    act(&mut model, Action::Up);
    assert!(screen(&mut model, &mut state, (80, 12)).contains("1 more below"), "the first step back moves");
    act(&mut model, Action::Back);
    act(&mut model, Action::Help);
    assert!(!screen(&mut model, &mut state, (80, 12)).contains("more above"), "it opens at its beginning");
}

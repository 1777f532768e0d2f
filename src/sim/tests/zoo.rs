//! The screens of the zoo: its objects decoded as the program does, at one moment, drawn at every size.

use std::time::Duration;

use fastrand::Rng;
use jiff::Timestamp;
use ratatui::Terminal;
use ratatui::backend::TestBackend;

use super::super::encode::Encoder;
use super::super::population::{Seeds, build};
use super::super::resource::SimResource as Kind;
use crate::action::Action;
use crate::facts::dra::{ClaimFacts, ClassFacts, RuleFacts, SliceFacts};
use crate::facts::object::OptionalFacts;
use crate::facts::pod::{PodBatch, PodDetail};
use crate::facts::{node, pod};
use crate::keymap::KeyMap;
use crate::model::app::Model;
use crate::model::known::Known;
use crate::model::settings::{ClusterSpec, Settings};
use crate::msg::detail::{Detail, DetailUpdate, ObjectRef};
use crate::msg::{
    Batch, ClusterEvent, ClusterId, LineEdit, Mono, Msg, NodeChange, Now, ObjectChange, PageHead, Resource, SyncState,
};
use crate::sim::Scenario;
use crate::theme::{Depth, Theme};
use crate::ui::{Context, ViewState, view};

/// 2026-11-23T06:00:00Z.
const START: i64 = 1_795_413_600;

fn now() -> Now {
    Now { mono: Mono(Duration::from_secs(60)), wall: Timestamp::from_second(START).unwrap() }
}

/// The list of a kind as the server writes it, in protobuf where that can say it.
fn list(context: &str, kind: Kind) -> Vec<u8> {
    let scenario = Scenario::builtin("zoo").unwrap();
    let spec = scenario.clusters.iter().find(|cluster| cluster.context.get_ref() == context).unwrap();
    let world = build(spec, Seeds { rng: Rng::with_seed(5), now: START }).unwrap();
    let objects: Vec<_> = world.store.all(kind).cloned().collect();
    let encoder = Encoder::new(kind, kind.api_version(), "application/json", "", START).unwrap();
    let mut out = Vec::new();
    out.extend_from_slice(b"{\"metadata\":{\"resourceVersion\":\"9\"},\"items\":[");
    for (at, object) in objects.iter().enumerate() {
        if at > 0 {
            out.push(b',');
        }
        encoder.item(object, &mut out);
    }
    out.extend_from_slice(b"]}");
    out
}

/// A model that has read one cluster of the zoo.
fn model(context: &str) -> Model {
    let spec = ClusterSpec { context: context.into(), broken: None };
    let mut model = Model::new(vec![spec], Settings::default());
    let mut nodes = Vec::new();
    let head = node::decode_list(&list(context, Kind::Nodes), |node| {
        nodes.push(NodeChange::Present(Box::new(node)));
    });
    let unreadable_nodes = head.unwrap().unreadable;
    let mut pods = PodBatch::default();
    let unreadable_pods = pod::decode_list(&list(context, Kind::Pods), &mut pods).unwrap().unreadable;
    let mut batches = vec![
        (Resource::Nodes, Batch::Nodes(nodes), unreadable_nodes),
        (Resource::Pods, Batch::Pods(pods), unreadable_pods),
    ];
    if context == "zoo-dra" {
        batches.extend(dynamic(context));
    }
    for (resource, batch, unreadable) in batches {
        let generation = 1;
        let page = ClusterEvent::Page {
            resource,
            head: PageHead { generation, page: 1, remaining: None, bytes: 1, unreadable },
            batch,
        };
        for event in [
            ClusterEvent::ListStarted { resource, generation },
            page,
            ClusterEvent::ListFinished { resource, generation },
            ClusterEvent::Sync { resource, state: SyncState::Watching },
            ClusterEvent::Alive { resource, bytes: 1 },
        ] {
            model.update(Msg::Cluster(ClusterId(0), event), now());
        }
    }
    model.update(Msg::Frame, now());
    model
}

/// Objects of `resource.k8s.io`.
fn dynamic(context: &str) -> Vec<(Resource, Batch, u32)> {
    macro_rules! listed {
        ($($kind:ident, $facts:ty;)*) => {
            vec![$({
                let mut objects = Vec::new();
                let head = <$facts>::decode_list(&list(context, Kind::$kind), |object| objects.push(ObjectChange::Present(Box::new(object))));
                (Resource::$kind, Batch::$kind(objects), head.unwrap().unreadable)
            }),*]
        };
    }
    listed! { Slices, SliceFacts; Claims, ClaimFacts; Classes, ClassFacts; Rules, RuleFacts; }
}

fn act(model: &mut Model, actions: &[Action]) {
    for action in actions {
        model.update(Msg::Action(*action), now());
        model.update(Msg::Frame, now());
    }
}

/// Types a filter, opens the first node that it shows, and lets the filter go.
fn open(model: &mut Model, filter: &str) {
    act(model, &[Action::Filter]);
    for letter in filter.chars() {
        model.update(Msg::Edit(LineEdit::Insert(letter)), now());
    }
    act(model, &[Action::Open, Action::Top, Action::Open]);
}

fn screen(model: &mut Model, size: (u16, u16), theme: &Theme) -> String {
    let (width, height) = size;
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    let mut state = ViewState::default();
    let context = Context { theme, keymap: &KeyMap::default(), now: now() };
    terminal.draw(|frame| _ = view(frame, model, &mut state, &context)).unwrap();
    let rows = terminal.backend().buffer().content().chunks(usize::from(width)).map(|row| {
        let line: String = row.iter().map(ratatui::buffer::Cell::symbol).collect();
        line.trim_end().to_owned()
    });
    rows.collect::<Vec<_>>().join("\n")
}

/// Compares with `src/sim/tests/snapshots/<name>.snap`, without colours.
fn snapshot(name: &str, model: &mut Model, size: (u16, u16)) {
    let text = screen(model, size, &Theme::new(Depth::None, false));
    let mut settings = insta::Settings::clone_current();
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!(name, text));
}

#[test]
fn the_nodes_of_the_zoo_are_drawn_at_every_size() {
    let mut model = model("zoo");
    for size in [(200, 100), (200, 60), (80, 24), (60, 12)] {
        snapshot(&format!("zoo_nodes_{}x{}", size.0, size.1), &mut model, size);
    }
}

#[test]
fn the_gpus_of_the_zoo_are_drawn_at_every_size_and_by_every_group() {
    let mut model = model("zoo");
    act(&mut model, &[Action::Gpus]);
    for size in [(200, 100), (200, 60), (80, 24), (60, 12)] {
        snapshot(&format!("zoo_gpus_{}x{}", size.0, size.1), &mut model, size);
    }
    for by in ["pool", "namespace", "owner"] {
        act(&mut model, &[Action::NextPane]);
        snapshot(&format!("zoo_gpus_by_{by}_160x50"), &mut model, (160, 50));
    }
}

/// Opens a pod of the zoo as the program does, from the object that the server would send.
fn open_pod(model: &mut Model, context: &str, node: &str, name: &str) {
    open(model, node);
    act(model, &[Action::Filter]);
    for letter in name.chars() {
        model.update(Msg::Edit(LineEdit::Insert(letter)), now());
    }
    act(model, &[Action::Open, Action::Top, Action::Open]);
    let pods: serde_json::Value = serde_json::from_slice(&list(context, Kind::Pods)).unwrap();
    let pod = pods["items"].as_array().unwrap().iter().find(|pod| pod["metadata"]["name"] == name).unwrap();
    let detail = PodDetail::decode(pod.to_string().as_bytes()).unwrap();
    let subject = ObjectRef::Pod { namespace: detail.namespace.clone(), name: name.into() };
    let found = DetailUpdate { subject, news: Detail::Pod(Box::new(detail)) };
    model.update(Msg::Cluster(ClusterId(0), ClusterEvent::Found(Box::new(found))), now());
    model.update(Msg::Frame, now());
}

/// Counted by hand from the scenario: a card of dra-1 is cut and one serves an extended resource; of dra-2 one is shared by two
/// pods, one is tainted by a rule, one by its driver and held by nobody, and one is only looked at; dra-3 is republished.
#[test]
fn devices_of_dra_in_the_zoo_are_what_a_person_counts() {
    let mut model = model("zoo-dra");
    let snapshot = serde_json::to_value(crate::report::snapshot(&model, now())).unwrap();
    let dra = &snapshot["clusters"][0]["dra"];
    let of = |drivers: &serde_json::Value, driver: &str| {
        let drivers = drivers.as_array().unwrap();
        let found = drivers.iter().find(|one| one["driver"] == driver).unwrap();
        ["physical", "unhealthy", "partitions", "allocated", "held", "partitionsAllocated", "shares"]
            .map(|field| found[field].as_u64().unwrap())
    };
    let gpu = "gpu.example.com";
    assert_eq!(of(&dra["drivers"], gpu), [6, 2, 4, 4, 1, 1, 0]);
    assert_eq!(of(&item(&model, "dra-1")["dra"], gpu), [2, 0, 4, 2, 0, 1, 0]);
    assert_eq!(of(&item(&model, "dra-2")["dra"], gpu), [4, 2, 0, 2, 1, 0, 0]);
    assert_eq!(item(&model, "dra-3")["dra"][0]["updating"], true);
    assert_eq!(of(&dra["network"], "nic.example.com"), [2, 0, 0, 1, 0, 0, 2]);
    assert_eq!((&dra["stray"], &dra["taintRules"], &dra["taintRulesNotEvaluated"]), (&1.into(), &4.into(), &1.into()));
    assert_eq!(
        item(&model, "dra-1")["accelerators"],
        serde_json::json!([]),
        "the claim serves it, not a device plugin"
    );
    // 4 cores of each of two pods and 2 of a claim; a claim's gibibyte, and 500 MiB for the container.
    let resources = &item(&model, "dra-1")["resources"];
    assert_eq!(
        (&resources["cpu"]["requested"], &resources["memory"]["requested"]),
        (&"10".into(), &"1598029824".into())
    );
    act(&mut model, &[Action::Gpus]);
    self::snapshot("zoo_dra_gpus_160x40", &mut model, (160, 40));
    act(&mut model, &[Action::NextPane]);
    self::snapshot("zoo_dra_gpus_by_pool_120x30", &mut model, (120, 30));
    act(&mut model, &[Action::NextPane]);
    self::snapshot("zoo_dra_gpus_by_namespace_120x30", &mut model, (120, 30));
}

#[test]
fn a_pod_of_the_zoo_names_the_devices_that_its_claims_got() {
    let got = |node: &str, pod: &str| {
        let mut model = model("zoo-dra");
        open_pod(&mut model, "zoo-dra", node, pod);
        screen(&mut model, (160, 45), &Theme::new(Depth::None, false))
    };
    let line = |text: &str, words: &[&str]| {
        assert!(text.lines().any(|line| words.iter().all(|word| line.contains(word))), "{words:?}\n{text}");
    };
    let share = got("dra-2", "share-0");
    line(&share, &["gpu.example.com / dra-2 / gpu-0", "L40S", "used by 2 pods"]);
    line(&share, &["nic.example.com / fabric / nic-0", "share a671734a-e8e5-11e4-8fde-42010af09327"]);
    let cut = got("dra-1", "cut");
    line(&cut, &["gpu", "cut-3g", "third"]);
    line(&cut, &["gpu.example.com / dra-1 / gpu-0-3g-0", "NVIDIA H100 80GB HBM3"]);
    line(&cut, &["gpu.example.com / dra-1 / old-3", "in no slice"]);
    line(&cut, &["there is no such claim"]);
    let served = got("dra-1", "served");
    line(&served, &["nvidia.com/gpu", "served-extended-resources-x7k2p", "made for an extended resource"]);
    line(&served, &["gpu.example.com / dra-1 / gpu-1"]);
    line(&got("dra-2", "monitor"), &["gpu.example.com / dra-2 / gpu-1", "admin access"]);
    let mut model = model("zoo-dra");
    open_pod(&mut model, "zoo-dra", "dra-2", "share-0");
    snapshot("zoo_dra_pod_120x30", &mut model, (120, 30));
    let mut model = self::model("zoo-dra");
    open_pod(&mut model, "zoo-dra", "dra-2", "hostile");
    snapshot("zoo_dra_pod_hostile_120x30", &mut model, (120, 30));
}

#[test]
fn nodes_of_the_zoo_open_with_all_that_is_odd_about_them() {
    for (name, filter) in [("withdrawn", "nv-withdrawn"), ("mixed", "nv-mig-mixed"), ("invalid", "nv-mig-invalid")] {
        let mut model = model("zoo");
        open(&mut model, filter);
        snapshot(&format!("zoo_node_{name}_160x45"), &mut model, (160, 45));
    }
    for (name, filter) in [("hostile", "odd-hostile"), ("huge", "odd-huge"), ("quantities", "odd-quantities")] {
        let mut model = model("zoo");
        open(&mut model, filter);
        snapshot(&format!("zoo_node_{name}_120x45"), &mut model, (120, 45));
    }
}

#[test]
fn f70_objects_that_are_none_are_counted_and_cost_nothing_else() {
    let mut model = model("zoo-malformed");
    let summary = model.clusters()[0].summary(now());
    // What could not be read is somewhere: the numbers are lower bounds.
    assert_eq!((summary.nodes_total, summary.pods), (Known::AtLeast(3), Known::AtLeast(3)));
    // 12 of the nodes and 8 of the pods, as the scenario has them.
    assert_eq!(summary.unreadable, 20);
    let text = screen(&mut model, (160, 30), &Theme::new(Depth::None, false));
    assert!(text.contains("20 unreadable"), "{text}");
    snapshot("zoo_malformed_100x24", &mut model, (100, 24));
}

/// A node in a snapshot.
fn item(model: &Model, name: &str) -> serde_json::Value {
    let snapshot = serde_json::to_value(crate::report::snapshot(model, now())).unwrap();
    let items = snapshot["clusters"][0]["items"].as_array().unwrap();
    items.iter().find(|item| item["name"] == name).unwrap_or_else(|| panic!("{name}")).clone()
}

#[test]
fn f71_values_that_nobody_knows_are_shown_and_are_neither_ready_nor_terminal() {
    let mut model = model("zoo");
    let maybe = item(&model, "odd-maybe");
    assert_eq!((&maybe["status"], &maybe["conditions"][0]["status"]), (&"NotReady".into(), &"Maybe".into()));
    assert_eq!(maybe["taints"][0]["effect"], "X");
    // `big`, `waiting-for-init` and the one in phase Quantum: 9, 2 and 1 devices.
    let sixteen = item(&model, "nv-sixteen");
    assert_eq!((&sixteen["pods"]["bound"], &sixteen["accelerators"][0]["requested"]), (&3.into(), &12.into()));
    open(&mut model, "nv-sixteen");
    let text = screen(&mut model, (160, 45), &Theme::new(Depth::None, false));
    assert!(text.lines().any(|line| line.contains("quantum") && line.contains("Quantum")), "{text}");
}

#[test]
fn f72_a_node_that_says_nothing_of_itself_is_unknown_and_divides_nothing() {
    let model = model("zoo");
    for name in ["odd-bare", "odd-null", "odd-types"] {
        let bare = item(&model, name);
        assert_eq!((&bare["status"], &bare["pods"]["allocatable"]), (&"Unknown".into(), &serde_json::Value::Null));
    }
    let stand_in = &item(&model, "odd-no-allocatable")["accelerators"][0];
    assert_eq!((&stand_in["allocatable"], &stand_in["withdrawn"]), (&4.into(), &0.into()));
    let nothing = item(&model, "odd-nothing-allocatable");
    assert_eq!((&nothing["pods"]["allocatable"], &nothing["accelerators"][0]["withdrawn"]), (&0.into(), &4.into()));
}

#[test]
fn f73_quantities_are_read_by_upstreams_grammar_and_what_is_none_is_left_out() {
    let resources = &item(&model("zoo"), "odd-quantities")["resources"];
    let amount = |name: &str| resources[format!("example.com/{name}")]["capacity"].as_str().unwrap().to_owned();
    // In the order of the scenario: 1e3, 1E3, 1Ki, ... 12E, ... 100.035k, 9Ei, ... 1E, 3.001n.
    for (name, decimal) in [
        ("legal-00", "1000"),
        ("legal-01", "1000"),
        ("legal-02", "1024"),
        ("legal-05", "0.5"),
        ("legal-08", "-1"),
        ("legal-09", "12000000000000000000"),
        ("legal-13", "100035"),
        ("legal-14", "9223372036854775807"),
        ("legal-16", "1000000000000000000"),
        ("legal-17", "0.000000004"),
    ] {
        assert_eq!(amount(name), decimal, "{name}");
    }
    let refused = |name: &&String| name.starts_with("example.com/refused");
    assert_eq!(resources.as_object().unwrap().keys().filter(refused).count(), 0);
    assert_eq!((&resources["cpu"]["capacity"], &resources["memory"]["capacity"]), (&"64".into(), &"0.5".into()));
}

#[test]
fn f75_pods_without_containers_or_names_count_and_ask_for_their_overhead() {
    let mut model = model("zoo");
    open(&mut model, "zoo-worker-1");
    act(&mut model, &[Action::Top]);
    let text = screen(&mut model, (200, 100), &Theme::new(Depth::None, false));
    for (name, ready, cpu) in
        [("no-containers", "0/0", "0.01"), ("null-containers", "0/0", "0"), ("nameless", "0/2", "3")]
    {
        let line = text.lines().find(|line| line.contains(name)).unwrap_or_else(|| panic!("{name}\n{text}"));
        let words: Vec<&str> = line.split_whitespace().collect();
        assert!(words.contains(&ready) && words.contains(&cpu), "{line}");
    }
}

#[test]
fn f76_pods_on_a_node_that_nobody_knows_are_a_number_of_their_own() {
    let model = model("zoo");
    assert_eq!(model.clusters()[0].summary(now()).orphaned.exact(), Some(2));
}

/// Ten thousand events of a hundred nodes: the last state of each wins, none is lost or counted twice.
#[test]
fn f77_a_storm_of_node_events_ends_in_the_latest_state_of_each_node() {
    let mut model = model("zoo-malformed");
    for event in 0..10_000_u64 {
        let name = format!("storm-{}", event % 100);
        let status = if event >= 9_900 && event % 2 == 0 { "True" } else { "False" };
        let json = format!(
            r#"{{"metadata":{{"name":"{name}","uid":"{name}","resourceVersion":"{}"}},"status":{{"conditions":[{{"type":"Ready","status":"{status}"}}]}}}}"#,
            event + 10
        );
        let batch = Batch::Nodes(vec![NodeChange::Present(Box::new(node::decode_object(json.as_bytes()).unwrap()))]);
        let change = ClusterEvent::Changes { resource: Resource::Nodes, generation: 1, unreadable: 0, batch };
        model.update(Msg::Cluster(ClusterId(0), change), now());
    }
    model.update(Msg::Frame, now());
    let counts = model.clusters()[0].node_counts().any().unwrap();
    assert_eq!((counts.total, counts.ready, counts.not_ready), (103, 53, 50));
}

#[test]
fn f78_a_name_of_253_letters_leaves_the_other_columns_their_place() {
    let mut model = model("zoo");
    act(&mut model, &[Action::Filter]);
    for letter in "odd-long".chars() {
        model.update(Msg::Edit(LineEdit::Insert(letter)), now());
    }
    act(&mut model, &[Action::Open]);
    for size in [(200, 60), (80, 24), (60, 12)] {
        let text = screen(&mut model, size, &Theme::new(Depth::None, false));
        let line = text.lines().find(|line| line.contains("odd-l")).unwrap_or_else(|| panic!("{text}"));
        assert!(line.contains('…') && line.contains("✓ Ready"), "{line}");
    }
}

#[test]
fn f80_labels_can_neither_flood_nor_disguise() {
    let model = model("zoo");
    let roles = item(&model, "odd-roles")["roles"].as_array().unwrap().len();
    assert_eq!(roles, 12, "of 301");
    let hostile = item(&model, "odd-hostile");
    let shown = hostile["model"].as_str().unwrap();
    assert!(shown.starts_with("A100") && !shown.contains(['\u{202e}', '\u{1b}', '\u{9b}']), "{shown:?}");
    assert_eq!(hostile["roles"], serde_json::json!(["evil"]), "an empty role is none");
}

#[test]
fn f81_absurd_numbers_saturate_and_fit_on_the_screen() {
    let mut model = model("zoo");
    let huge = &item(&model, "odd-huge")["accelerators"][0];
    assert_eq!((&huge["capacity"], &huge["requested"]), (&i64::MAX.into(), &i64::MAX.into()));
    let text = screen(&mut model, (160, 45), &Theme::new(Depth::None, false));
    assert!(text.contains("9.2E/9.2E/9.2E") && !text.contains("9,223,372"), "{text}");
    open(&mut model, "zoo-worker-1");
    let text = screen(&mut model, (200, 100), &Theme::new(Depth::None, false));
    assert!(text.lines().any(|line| line.contains("restarts") && line.contains("4.2G")), "{text}");
}

#[test]
fn f82_times_that_are_none_cost_no_object_and_have_no_age() {
    let model = model("zoo");
    let ages: Vec<_> = (0..9).map(|number| item(&model, &format!("odd-time-{number}"))["created"].clone()).collect();
    let readable: Vec<_> = ages.iter().map(|created| !created.is_null()).collect();
    // null, year 1, in five hours, a leap second, a fraction, no zone, a word, a number, far from Greenwich.
    assert_eq!(readable, [false, false, true, true, true, false, false, false, true]);
    assert_eq!(ages[8], "2026-01-01T13:04:05Z");
}

#[test]
fn f79_nothing_of_the_zoo_writes_to_the_terminal_on_any_screen() {
    let bad = |c: char| {
        c.is_control() && c != '\n'
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
    };
    for ascii in [false, true] {
        let theme = Theme::new(Depth::None, ascii);
        let mut model = model("zoo");
        for actions in
            [&[][..], &[Action::Wide], &[Action::Gpus], &[Action::NextPane], &[Action::NextPane], &[Action::Alerts]]
        {
            act(&mut model, actions);
            for size in [(200, 100), (80, 24), (60, 12), (30, 4)] {
                let text = screen(&mut model, size, &theme);
                assert!(!text.contains(bad), "{:?} on\n{text}", text.chars().find(|c| bad(*c)));
            }
        }
        act(&mut model, &[Action::Open, Action::Top, Action::Open]);
        for _ in 0..4 {
            let text = screen(&mut model, (200, 100), &theme);
            assert!(text.contains("odd-hostile") && !text.contains(bad), "{text}");
            act(&mut model, &[Action::NextPane]);
        }
    }
}

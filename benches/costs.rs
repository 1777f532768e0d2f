//! Costs of decoding, storing and drawing: `cargo bench`. Allocations are counted where time is noisy.
//!
//! The pages come from the simulated server with the scenario `reference`: pods of 8.6 to 15 KB, 45 % of it managedFields.

#![expect(clippy::unwrap_used, reason = "a benchmark is a test without assertions")]

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::LazyLock;
use std::time::Duration;

use divan::counter::ItemsCount;
use divan::{AllocProfiler, Bencher, black_box};
use jiff::Timestamp;
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use watchbell::action::Action;
use watchbell::facts::gang::{GangMember, GangSystem, Rank};
use watchbell::facts::node::{ConditionStatus, NodeCondition, NodeFacts};
use watchbell::facts::pod::{self, PodBatch, PodFacts, PodPhase, PodTrouble, Requests, Since, SinceBasis, TroubleKind};
use watchbell::facts::quantity::Quantity;
use watchbell::facts::text::Clean;
use watchbell::facts::wire::Uid;
use watchbell::keymap::KeyMap;
use watchbell::model::app::Model;
use watchbell::model::settings::{ClusterSpec, Settings};
use watchbell::model::store::pods::{PodOrigin, PodStore};
use watchbell::msg::{Batch, ClusterEvent, ClusterId, LineEdit, Mono, Msg, NodeChange, Now, PageHead, Resource};
use watchbell::sim::{Scenario, start};
use watchbell::theme::{Depth, Theme};
use watchbell::ui::{Context, ViewState, view};

#[global_allocator]
static ALLOC: AllocProfiler = AllocProfiler::system();

const NODES: [usize; 3] = [100, 5_000, 100_000];
const PAGE: usize = 500;

fn main() {
    if std::env::args().skip(1).all(|arg| arg.starts_with('-')) {
        NODES.into_iter().for_each(retained);
    }
    divan::main();
}

/// Prints the memory of the stores, computed from lengths and capacities, without the overhead of the allocator.
#[expect(clippy::print_stdout, reason = "a benchmark speaks through its output")]
fn retained(nodes: usize) {
    let mut model = model(nodes);
    model.update(Msg::Frame, moment(2));
    let held = model.current().heap_bytes();
    println!("{nodes} nodes: {} bytes a node, {} bytes a pod", held.nodes / nodes, held.pods / (nodes * 10));
}

/// A page of pods as JSON and as protobuf.
static PAGES: LazyLock<[Vec<u8>; 2]> = LazyLock::new(|| {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let simulation = runtime.block_on(async {
        let scenario = Scenario::builtin("reference").unwrap();
        start(scenario, "127.0.0.1:0".parse().unwrap()).await.unwrap()
    });
    let address = simulation.clusters()[0].url.trim_start_matches("http://").to_owned();
    ["application/json", "application/vnd.kubernetes.protobuf"].map(|accept| {
        let mut stream = TcpStream::connect(&address).unwrap();
        write!(stream, "GET /api/v1/pods?limit={PAGE} HTTP/1.0\r\nAccept: {accept}\r\n\r\n").unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        let head = answer.windows(4).position(|four| four == b"\r\n\r\n").unwrap();
        answer.split_off(head + 4)
    })
});

#[divan::bench(args = ["json", "protobuf"])]
fn decode_page(bencher: Bencher<'_, '_>, form: &str) {
    let body = &PAGES[usize::from(form == "protobuf")];
    let mut batch = PodBatch::default();
    bencher.counter(ItemsCount::new(PAGE)).bench_local(|| {
        batch.clear();
        pod::decode_list(black_box(body), &mut batch).unwrap()
    });
}

/// Batches of a list of pods, ten on each node.
fn pods(nodes: usize) -> Vec<PodBatch> {
    let indices: Vec<usize> = (0..nodes * 10).collect();
    let batches = indices.chunks(PAGE).map(|page| {
        let mut batch = PodBatch::default();
        for at in page {
            let (name, node) = (format!("web-{at:08}-5d9c7b6f4-x2x9z"), format!("worker-{:06}", at % nodes));
            let pod = PodFacts {
                namespace: ["web", "data", "train", "kube-system"][at % 4],
                name: &name,
                uid: Uid(*at as u128 + 1),
                version: *at as u64 + 1,
                node: &node,
                owner_kind: "ReplicaSet",
                owner_name: "web-5d9c7b6f4",
                phase: PodPhase::Running,
                containers: 1,
                ready: 1,
                created: Timestamp::from_second(1_760_000_000).ok(),
                requests: Requests {
                    cpu: Quantity::parse("500m").unwrap(),
                    memory: Quantity::parse("1Gi").unwrap(),
                    others: vec![],
                },
                ..PodFacts::default()
            };
            batch.push(&pod, false);
        }
        batch
    });
    batches.collect()
}

fn node(at: usize) -> NodeChange {
    let amount = |name: &str, value: &str| (name.into(), Quantity::parse(value).unwrap());
    let capacity =
        vec![amount("cpu", "128"), amount("memory", "1Ti"), amount("nvidia.com/gpu", "8"), amount("pods", "110")];
    let name = Clean::new(&format!("worker-{at:06}"));
    // Sixteen labels, of which two have values that no other node has.
    let mut labels: Vec<(Clean, Clean)> =
        (0..14).map(|label| (Clean::new(&format!("example.com/label-{label:02}")), "the same".into())).collect();
    labels.push(("instance-id".into(), Clean::new(&format!("i-{at:017}"))));
    labels.push(("kubernetes.io/hostname".into(), name.clone()));
    let condition = |kind: &str| NodeCondition {
        kind: kind.into(),
        status: if kind == "Ready" { ConditionStatus::True } else { ConditionStatus::False },
        reason: "KubeletHasSufficientMemory".into(),
        message: "kubelet has sufficient memory available".into(),
        since: Timestamp::from_second(1_760_000_000 - i64::try_from(at).unwrap()).ok(),
    };
    NodeChange::Present(Box::new(NodeFacts {
        name,
        labels,
        conditions: ["NetworkUnavailable", "MemoryPressure", "DiskPressure", "PIDPressure", "Ready"]
            .map(condition)
            .into(),
        internal_ip: Clean::new(&format!("10.{}.{}.{}", at / 65_536, at / 256 % 256, at % 256)),
        kubelet: "v1.34.1".into(),
        uid: Uid(at as u128 + 1),
        version: at as u64 + 1,
        allocatable: capacity.clone(),
        capacity,
        ..NodeFacts::default()
    }))
}

fn moment(seconds: u64) -> Now {
    let wall = Timestamp::from_second(1_760_000_000 + i64::try_from(seconds).unwrap()).unwrap();
    Now { mono: Mono(Duration::from_secs(seconds)), wall }
}

fn apply(model: &mut Model, event: ClusterEvent) {
    model.update(Msg::Cluster(ClusterId(0), event), moment(1));
}

fn page(resource: Resource, batch: Batch) -> ClusterEvent {
    ClusterEvent::Page {
        resource,
        head: PageHead { generation: 1, page: 1, remaining: None, bytes: 1, unreadable: 0 },
        batch,
    }
}

/// A model after complete lists.
fn model(nodes: usize) -> Model {
    model_of(nodes, pods(nodes))
}

/// A model after complete lists of these nodes and pods.
fn model_of(nodes: usize, mut pods: Vec<PodBatch>) -> Model {
    let spec = ClusterSpec { context: "bench".into(), broken: None };
    let mut model = Model::new(vec![spec], Settings::default());
    for resource in Resource::CORE {
        apply(&mut model, ClusterEvent::ListStarted { resource, generation: 1 });
        if resource == Resource::Nodes {
            let all: Vec<_> = (0..nodes).collect();
            for some in all.chunks(PAGE) {
                apply(&mut model, page(resource, Batch::Nodes(some.iter().copied().map(node).collect())));
            }
        } else {
            for batch in std::mem::take(&mut pods) {
                apply(&mut model, page(resource, Batch::Pods(batch)));
            }
        }
        apply(&mut model, ClusterEvent::ListFinished { resource, generation: 1 });
    }
    while model.is_behind() {
        model.update(Msg::CatchUp, moment(1));
    }
    model
}

#[divan::bench(args = NODES, sample_count = 3)]
fn pod_store_first_list(bencher: Bencher<'_, '_>, nodes: usize) {
    let batches = pods(nodes);
    bencher.counter(ItemsCount::new(nodes * 10)).bench_local(|| {
        let mut pod_store = PodStore::default();
        pod_store.begin(1);
        for batch in &batches {
            pod_store.apply(batch, 1, PodOrigin::Page);
        }
        pod_store.finish(1);
        pod_store
    });
}

#[divan::bench(args = NODES, sample_count = 3)]
fn pod_store_relist(bencher: Bencher<'_, '_>, nodes: usize) {
    let batches = pods(nodes);
    let mut pod_store = PodStore::default();
    let mut generation = 0;
    bencher.counter(ItemsCount::new(nodes * 10)).bench_local(|| {
        generation += 1;
        pod_store.begin(generation);
        for batch in &batches {
            pod_store.apply(batch, generation, PodOrigin::Page);
        }
        pod_store.finish(generation)
    });
}

/// One message of 500 changes, applied to a whole model.
#[divan::bench(args = NODES, sample_count = 20)]
fn model_changes(bencher: Bencher<'_, '_>, nodes: usize) {
    let mut model = model(nodes);
    let batch = pods(nodes).swap_remove(0);
    bencher.counter(ItemsCount::new(PAGE)).with_inputs(|| batch.clone()).bench_local_values(|batch| {
        apply(
            &mut model,
            ClusterEvent::Changes { resource: Resource::Pods, generation: 1, unreadable: 0, batch: Batch::Pods(batch) },
        );
    });
}

/// The same list of nodes again, applied to a whole model.
#[divan::bench(args = NODES, sample_count = 3)]
fn nodes_relist(bencher: Bencher<'_, '_>, nodes: usize) {
    let mut model = model(nodes);
    let mut generation = 1;
    bencher
        .counter(ItemsCount::new(nodes))
        .with_inputs(|| {
            let all: Vec<_> = (0..nodes).collect();
            all.chunks(PAGE).map(|some| some.iter().copied().map(node).collect()).collect::<Vec<Vec<NodeChange>>>()
        })
        .bench_local_values(|pages| {
            generation += 1;
            let resource = Resource::Nodes;
            apply(&mut model, ClusterEvent::ListStarted { resource, generation });
            for changes in pages {
                let batch = Batch::Nodes(changes);
                let event = ClusterEvent::Page {
                    resource,
                    head: PageHead { generation, page: 1, remaining: None, bytes: 1, unreadable: 0 },
                    batch,
                };
                apply(&mut model, event);
            }
            apply(&mut model, ClusterEvent::ListFinished { resource, generation });
        });
}

/// Time to build a visible page of rows.
#[divan::bench(args = NODES, sample_count = 100)]
fn rows(bencher: Bencher<'_, '_>, nodes: usize) {
    let mut model = model(nodes);
    model.update(Msg::Frame, moment(2));
    bencher.counter(ItemsCount::new(50_usize)).bench_local(|| model.current().rows(50..100, moment(2)).len());
}

/// A frame of 200x60 without changes.
#[divan::bench(args = NODES, sample_count = 30)]
fn frame(bencher: Bencher<'_, '_>, nodes: usize) {
    let mut model = model(nodes);
    let (mut state, theme) = (ViewState::default(), Theme::new(Depth::Ansi16, false));
    let context = Context { theme: &theme, keymap: &KeyMap::default(), now: moment(2) };
    let mut terminal = Terminal::new(TestBackend::new(200, 60)).unwrap();
    bencher.bench_local(|| {
        model.update(Msg::Frame, moment(2));
        terminal.draw(|frame| _ = view(frame, &model, &mut state, &context)).unwrap().count
    });
}

/// A frame of 200x60 after one node has changed, with sorting and joining.
#[divan::bench(args = NODES, sample_count = 30)]
fn frame_after_a_change(bencher: Bencher<'_, '_>, nodes: usize) {
    let mut model = model(nodes);
    let (mut state, theme) = (ViewState::default(), Theme::new(Depth::Ansi16, false));
    let context = Context { theme: &theme, keymap: &KeyMap::default(), now: moment(2) };
    let mut terminal = Terminal::new(TestBackend::new(200, 60)).unwrap();
    bencher.bench_local(|| {
        let batch = Batch::Nodes(vec![node(7)]);
        apply(&mut model, ClusterEvent::Changes { resource: Resource::Nodes, generation: 1, unreadable: 0, batch });
        model.update(Msg::Frame, moment(2));
        terminal.draw(|frame| _ = view(frame, &model, &mut state, &context)).unwrap().count
    });
}

/// A frame of 200x60 after one pod has changed, a second after the last, while 1,000 nodes are lost: 10,000 pods are counted.
#[divan::bench(args = NODES, sample_count = 30)]
fn frame_with_lost_nodes(bencher: Bencher<'_, '_>, nodes: usize) {
    let mut watched = Watched::new(nodes);
    let lost = (0..nodes.min(1_000)).map(|at| {
        let NodeChange::Present(mut node) = node(at) else { unreachable!("a node is present") };
        node.version += 1_000_000;
        node.conditions.last_mut().unwrap().status = ConditionStatus::False;
        NodeChange::Present(node)
    });
    let batch = Batch::Nodes(lost.collect());
    let model = &mut watched.model;
    apply(model, ClusterEvent::Changes { resource: Resource::Nodes, generation: 1, unreadable: 0, batch });
    let mut second = 10_u32;
    bencher.bench_local(|| {
        second += 1;
        let at = moment(u64::from(second));
        let mut batch = PodBatch::default();
        let pod = PodFacts {
            namespace: "web",
            name: "another",
            node: "worker-000000",
            restarts: second,
            ..PodFacts::default()
        };
        batch.push(&pod, false);
        let batch = Batch::Pods(batch);
        let change = ClusterEvent::Changes { resource: Resource::Pods, generation: 1, unreadable: 0, batch };
        watched.model.update(Msg::Cluster(ClusterId(0), change), at);
        watched.model.update(Msg::Frame, at);
        watched.draw_at(at);
    });
}

/// A model with its screen of 200x60.
struct Watched {
    model: Model,
    state: ViewState,
    theme: Theme,
    terminal: Terminal<TestBackend>,
}

impl Watched {
    fn new(nodes: usize) -> Self {
        Self::of(model(nodes))
    }

    fn of(model: Model) -> Self {
        let theme = Theme::new(Depth::Ansi16, false);
        let terminal = Terminal::new(TestBackend::new(200, 60)).unwrap();
        let mut watched = Self { model, state: ViewState::default(), theme, terminal };
        watched.draw();
        watched.settle();
        watched
    }

    fn draw(&mut self) {
        self.draw_at(moment(2));
    }

    fn draw_at(&mut self, now: Now) {
        let Self { model, state, theme, terminal } = self;
        model.update(Msg::Frame, now);
        let context = Context { theme, keymap: &KeyMap::default(), now };
        terminal.draw(|frame| _ = view(frame, model, state, &context)).unwrap();
    }

    /// Does all the work that a frame did not wait for.
    fn settle(&mut self) {
        while self.model.is_behind() {
            self.model.update(Msg::CatchUp, moment(2));
        }
        self.draw();
    }

    /// A key and the frame that answers it.
    fn press(&mut self, msg: Msg) {
        self.model.update(msg, moment(2));
        self.draw();
    }
}

/// A key that sorts 100,000 rows, and the frame that answers it.
#[divan::bench(args = NODES, sample_count = 30, sample_size = 1)]
fn sort_key(bencher: Bencher<'_, '_>, nodes: usize) {
    let mut watched = Watched::new(nodes);
    bencher.bench_local(|| watched.press(Msg::Action(Action::SortCpu)));
}

/// The same, until the rows are in the new order.
#[divan::bench(args = NODES, sample_count = 30, sample_size = 1)]
fn sort_key_to_the_end(bencher: Bencher<'_, '_>, nodes: usize) {
    let mut watched = Watched::new(nodes);
    bencher.bench_local(|| {
        watched.press(Msg::Action(Action::SortCpu));
        watched.settle();
    });
}

/// One pass of the loop while rows are sorted: the time for which a key may have to wait.
#[divan::bench(args = NODES, sample_count = 300, sample_size = 1)]
fn sort_pass(bencher: Bencher<'_, '_>, nodes: usize) {
    let mut watched = Watched::new(nodes);
    bencher.bench_local(|| {
        if !watched.model.is_behind() {
            watched.model.update(Msg::Action(Action::SortCpu), moment(2));
            watched.model.update(Msg::Frame, moment(2));
        }
        watched.model.update(Msg::CatchUp, moment(2));
    });
}

/// A key in the filter, for which all rows are checked, and the frame that answers it.
#[divan::bench(args = NODES, sample_count = 30, sample_size = 1)]
fn filter_key(bencher: Bencher<'_, '_>, nodes: usize) {
    let mut watched = Watched::new(nodes);
    watched.press(Msg::Action(Action::Filter));
    let mut keys = [LineEdit::Insert('7'), LineEdit::Backspace].into_iter().cycle();
    bencher.bench_local(|| watched.press(Msg::Edit(keys.next().unwrap())));
}

/// A key in the GPU view after a change of a node, as it happens once a second: the view is derived again.
#[divan::bench(args = NODES, sample_count = 30, sample_size = 1)]
fn gpu_key_under_churn(bencher: Bencher<'_, '_>, nodes: usize) {
    let mut watched = Watched::new(nodes);
    watched.press(Msg::Action(Action::Gpus));
    let mut second = 2;
    bencher.bench_local(|| {
        second += 2;
        let NodeChange::Present(mut changed) = node(7) else { return };
        (changed.unschedulable, changed.version) = (second % 4 == 0, 1_000_000 + second);
        let batch = Batch::Nodes(vec![NodeChange::Present(changed)]);
        let event = ClusterEvent::Changes { resource: Resource::Nodes, generation: 1, unreadable: 0, batch };
        watched.model.update(Msg::Cluster(ClusterId(0), event), moment(second));
        watched.model.update(Msg::Action(Action::Down), moment(second));
        watched.draw_at(moment(second));
    });
}

/// Pods of one node, far more than a kubelet takes: the worst case of its list.
fn crowded(pods: usize) -> Watched {
    let mut watched = Watched::of(model_of(1, self::pods(pods / 10).iter().map(on_one_node).collect()));
    watched.press(Msg::Action(Action::Open));
    watched.settle();
    watched
}

fn on_one_node(batch: &PodBatch) -> PodBatch {
    let mut moved = PodBatch::default();
    batch.iter().for_each(|(pod, _)| moved.push(&PodFacts { node: "worker-000000", ..pod }, false));
    moved
}

/// A key that sorts the pods of one node, and the frame that answers it.
#[divan::bench(args = [100, 10_000, 100_000], sample_count = 30, sample_size = 1)]
fn pods_sort_key(bencher: Bencher<'_, '_>, pods: usize) {
    let mut watched = crowded(pods);
    bencher.bench_local(|| watched.press(Msg::Action(Action::SortCpu)));
}

/// A key among the pods of one node after a change of one of them: the list is sorted again.
#[divan::bench(args = [100, 10_000, 100_000], sample_count = 30, sample_size = 1)]
fn pods_key_under_churn(bencher: Bencher<'_, '_>, pods: usize) {
    let mut watched = crowded(pods);
    let mut version = 10_000_000;
    bencher.bench_local(|| {
        version += 1;
        let mut batch = PodBatch::default();
        let pod = PodFacts {
            namespace: "web",
            name: "web-00000000-5d9c7b6f4-x2x9z",
            uid: Uid(1),
            version,
            node: "worker-000000",
            restarts: u32::try_from(version % 7).unwrap(),
            ..PodFacts::default()
        };
        batch.push(&pod, false);
        let event =
            ClusterEvent::Changes { resource: Resource::Pods, generation: 1, unreadable: 0, batch: Batch::Pods(batch) };
        apply(&mut watched.model, event);
        watched.press(Msg::Action(Action::Down));
    });
}

/// A key that sorts the groups of the GPU view, and the frame that answers it.
#[divan::bench(args = NODES, sample_count = 30, sample_size = 1)]
fn gpu_sort_key(bencher: Bencher<'_, '_>, nodes: usize) {
    let mut watched = Watched::new(nodes);
    watched.press(Msg::Action(Action::Gpus));
    watched.settle();
    bencher.bench_local(|| watched.press(Msg::Action(Action::SortGpu)));
}

/// Gangs of 64 pods with 8 devices each, of which one waits in every tenth gang.
fn gangs(gangs: usize) -> Vec<PodBatch> {
    let of = |gang: usize| {
        let (job, mut batch) = (format!("llm-{gang:05}"), PodBatch::default());
        for index in 0..64_u16 {
            let at = gang * 64 + usize::from(index);
            let waits = index == 17 && gang.is_multiple_of(10);
            let (name, node) = (format!("{job}-worker-{index}"), format!("worker-{at:06}"));
            let rank = Some(Rank { job: 0, index });
            let member = GangMember { system: GangSystem::Job, kind: "Job", key: &job, name: &job, rank, size: None };
            let trouble = PodTrouble {
                kind: TroubleKind::Unschedulable,
                message: "0/64000 nodes are available: 64000 Insufficient nvidia.com/gpu.",
                image: "",
                device: "",
                since: None,
            };
            let pod = PodFacts {
                namespace: "train",
                name: &name,
                uid: Uid(at as u128 + 1),
                version: at as u64 + 1,
                node: if waits { "" } else { &node },
                phase: if waits { PodPhase::Pending } else { PodPhase::Running },
                created: Timestamp::from_second(1_760_000_000).ok(),
                requests: Requests { others: vec![("nvidia.com/gpu", Quantity::whole(8))], ..Requests::default() },
                trouble: waits.then_some(trouble),
                gang: Some(member),
                ..PodFacts::default()
            };
            batch.push(&pod, false);
        }
        batch
    };
    (0..gangs).map(of).collect()
}

/// The list of gangs.
fn gang_list(gangs: usize) -> Watched {
    let mut watched = Watched::of(model_of(64 * gangs, self::gangs(gangs)));
    watched.press(Msg::Action(Action::Gangs));
    watched.settle();
    watched
}

/// A frame of the list of gangs.
#[divan::bench(args = [10, 1_000], sample_count = 30)]
fn gangs_frame(bencher: Bencher<'_, '_>, gangs: usize) {
    let mut watched = gang_list(gangs);
    bencher.bench_local(|| watched.draw());
}

/// A key that sorts the gangs, and the frame that answers it.
#[divan::bench(args = [10, 1_000], sample_count = 30, sample_size = 1)]
fn gangs_sort_key(bencher: Bencher<'_, '_>, gangs: usize) {
    let mut watched = gang_list(gangs);
    bencher.bench_local(|| watched.press(Msg::Action(Action::SortGpu)));
}

/// A key among the gangs in the second after the last count: gangs are counted again.
#[divan::bench(args = [10, 1_000], sample_count = 30, sample_size = 1)]
fn gangs_key_in_the_next_second(bencher: Bencher<'_, '_>, gangs: usize) {
    let mut watched = gang_list(gangs);
    let mut second = 2;
    bencher.bench_local(|| {
        second += 2;
        watched.model.update(Msg::Action(Action::Down), moment(second));
        watched.draw_at(moment(second));
    });
}

/// A frame of one gang of 64 pods.
#[divan::bench(sample_count = 30)]
fn gang_frame(bencher: Bencher<'_, '_>) {
    let mut watched = gang_list(1_000);
    watched.press(Msg::Action(Action::Open));
    watched.settle();
    bencher.bench_local(|| watched.draw());
}

/// Lists of pods of a cluster: the keys that open each.
const POD_LISTS: [&str; 4] = ["trouble", "owner", "registry", "all"];

/// 11,000 nodes with 110,000 pods, of which every eleventh is in trouble.
fn troubled() -> Model {
    const MESSAGE: &str =
        "Back-off pulling image: failed to pull and unpack image: 429 Too Many Requests from the registry";
    let batches = pods(11_000).into_iter().map(|batch| {
        let mut changed = PodBatch::default();
        for (pod, _) in batch.iter() {
            let number = usize::try_from(pod.version).unwrap();
            if number % 11 != 0 {
                changed.push(&pod, false);
                continue;
            }
            let owner = format!("job-{}", number % 500);
            let image = format!("registry-{}.example/team/app:{}", number % 40, number % 7);
            let (kind, reason) = [
                (TroubleKind::ImagePull, "ImagePullBackOff"),
                (TroubleKind::CrashLoop, "CrashLoopBackOff"),
                (TroubleKind::Unschedulable, "Pending"),
                (TroubleKind::Starting, "ContainerCreating"),
            ][number % 4];
            let since = Some(Since { basis: SinceBasis::Created, at: Timestamp::from_second(1_759_990_000).unwrap() });
            let trouble = PodTrouble { kind, message: MESSAGE, image: &image, device: "", since };
            let waits = kind == TroubleKind::Unschedulable;
            let pod = PodFacts {
                owner_kind: "Job",
                owner_name: &owner,
                phase: PodPhase::Pending,
                reason,
                node: if waits { "" } else { pod.node },
                trouble: Some(trouble),
                ..pod
            };
            changed.push(&pod, false);
        }
        changed
    });
    model_of(11_000, batches.collect())
}

fn pod_list(name: &str) -> Watched {
    let mut watched = Watched::of(troubled());
    let keys: &[Action] = match name {
        "owner" => &[Action::Trouble, Action::NextPane],
        "registry" => &[Action::Trouble, Action::PreviousPane],
        "all" => &[Action::Trouble, Action::Trouble],
        _ => &[Action::Trouble],
    };
    for key in keys {
        watched.press(Msg::Action(*key));
        watched.settle();
    }
    watched
}

/// A frame of a list of pods without changes.
#[divan::bench(args = POD_LISTS, sample_count = 100, sample_size = 1)]
fn pod_list_frame(bencher: Bencher<'_, '_>, name: &str) {
    let mut watched = pod_list(name);
    bencher.bench_local(|| watched.draw());
}

/// The first frame of each second, in which classes of trouble may have changed.
#[divan::bench(args = POD_LISTS, sample_count = 100, sample_size = 1)]
fn pod_list_frame_next_second(bencher: Bencher<'_, '_>, name: &str) {
    let mut watched = pod_list(name);
    let mut second = 2;
    bencher.bench_local(|| {
        second += 1;
        watched.draw_at(moment(second));
    });
}

/// A key after a change of a pod in the next second, and its frame.
#[divan::bench(args = POD_LISTS, sample_count = 100, sample_size = 1)]
fn pod_list_key_under_churn(bencher: Bencher<'_, '_>, name: &str) {
    let mut watched = pod_list(name);
    let mut second = 2;
    bencher.bench_local(|| {
        second += 1;
        let mut batch = PodBatch::default();
        let restarts = u32::try_from(second).unwrap();
        batch.push(
            &PodFacts { namespace: "web", name: "another", node: "worker-000000", restarts, ..PodFacts::default() },
            false,
        );
        let event =
            ClusterEvent::Changes { resource: Resource::Pods, generation: 1, unreadable: 0, batch: Batch::Pods(batch) };
        watched.model.update(Msg::Cluster(ClusterId(0), event), moment(second));
        watched.model.update(Msg::Action(Action::Down), moment(second));
        watched.draw_at(moment(second));
    });
}

/// A key that sorts, and its frame.
#[divan::bench(args = POD_LISTS, sample_count = 100, sample_size = 1)]
fn pod_list_sort_key(bencher: Bencher<'_, '_>, name: &str) {
    let mut watched = pod_list(name);
    bencher.bench_local(|| watched.press(Msg::Action(Action::SortName)));
}

/// A key in the filter, and its frame.
#[divan::bench(args = POD_LISTS, sample_count = 100, sample_size = 1)]
fn pod_list_filter_key(bencher: Bencher<'_, '_>, name: &str) {
    let mut watched = pod_list(name);
    watched.press(Msg::Action(Action::Filter));
    for char in "gpu>=0 age>1m !".chars() {
        watched.press(Msg::Edit(LineEdit::Insert(char)));
    }
    let mut keys = [LineEdit::Insert('7'), LineEdit::Backspace].into_iter().cycle();
    bencher.bench_local(|| watched.press(Msg::Edit(keys.next().unwrap())));
}

/// One pass of the loop while a list is sorted or counted: the time for which a key may have to wait.
#[divan::bench(args = POD_LISTS, sample_count = 300, sample_size = 1)]
fn pod_list_pass(bencher: Bencher<'_, '_>, name: &str) {
    let mut watched = pod_list(name);
    bencher.bench_local(|| {
        if !watched.model.is_behind() {
            watched.model.update(Msg::Action(Action::SortReverse), moment(2));
            watched.model.update(Msg::Frame, moment(2));
        }
        watched.model.update(Msg::CatchUp, moment(2));
    });
}

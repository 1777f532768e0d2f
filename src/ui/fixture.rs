//! Hand-made scenes for the tests of the screen: the cluster of the incident, and others in every state.

use std::ops::Range;
use std::time::Duration;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::scene::{Scene, SceneAlert};
use super::screens::View;
use super::screens::node::NodeView;
use super::screens::nodes::NodesView;
use super::widgets::canvas::Canvas;
use super::{Context, ViewState, draw};
use crate::facts::accelerator::Kind;
use crate::facts::event::EventFacts;
use crate::facts::node::{ConditionStatus, NodeCondition, NodeFacts, NodeTaint, Readiness};
use crate::facts::pod::{PodFacts, PodPhase, Requests};
use crate::facts::quantity::Quantity;
use crate::facts::text::Clean;
use crate::keymap::KeyMap;
use crate::model::alerts::{AlertLine, Rule, Severity};
use crate::model::app::screens::{Mode, NodePane};
use crate::model::cluster::detail::PartFreshness;
use crate::model::cluster::{ClusterSummary, Health, NodeDetail};
use crate::model::derive::history::Strip;
use crate::model::derive::latency::{LatencySummary, Percentile, SparkMark};
use crate::model::derive::rows::AcceleratorTotals;
use crate::model::derive::rows::{Accelerators, NodeRow, NodeStatus, ResourceRow};
use crate::model::derive::usage::Used;
use crate::model::known::Known;
use crate::model::settings::Settings;
use crate::model::store::nodes::PackedFacts;
use crate::model::store::pods::PodCounts;
use crate::model::store::sync::Freshness;
use crate::model::table::{Extent, PodRow, SortBy};
use crate::msg::detail::Omitted;
use crate::msg::{ClusterId, Failure, Layer, Mono, Now};
use crate::theme::{Depth, Theme};
use crate::ui::screens::node;
use crate::ui::widgets::events::EventsView;
use crate::ui::widgets::layout::{Counts, Layout, window};
use crate::ui::widgets::spark::MARKS;

/// 2026-03-01 14:07:31 UTC, an hour after the start.
pub(super) fn now() -> Now {
    Now { mono: Mono(Duration::from_secs(3600)), wall: "2026-03-01T14:07:31Z".parse().unwrap() }
}

/// Text of a region drawn on a screen of this size, one line for each row, without trailing blanks.
pub(super) fn drawn(width: u16, height: u16, keymap: &KeyMap, paint: impl FnOnce(&mut Canvas<'_>)) -> String {
    let area = Rect::new(0, 0, width, height);
    let mut buf = Buffer::empty(area);
    let context = Context { theme: &Theme::new(Depth::None, false), keymap, now: now() };
    paint(&mut Canvas::new(&mut buf, area, context));
    lines(&buf)
}

/// The text of a buffer.
pub(super) fn lines(buf: &Buffer) -> String {
    let width = usize::from(buf.area.width).max(1);
    let rows = buf.content().chunks(width).map(|row| {
        let mut line = String::new();
        let mut skip = 0;
        for cell in row {
            if skip == 0 {
                line += cell.symbol();
                skip = crate::ui::widgets::text::columns(cell.symbol()).max(1);
            }
            skip -= 1;
        }
        line.trim_end().to_owned()
    });
    rows.collect::<Vec<_>>().join("\n")
}

fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn millis(millis: u64) -> Percentile {
    Percentile { value: Duration::from_millis(millis), at_least: false }
}

/// Nodes of one cluster.
pub(super) struct Fleet {
    nodes: Vec<PackedFacts>,
    pub(super) selected: usize,
    pub(super) stale: bool,
    pub(super) pods_known: fn(u32) -> Known<u32>,
}

impl Fleet {
    /// 104 nodes named like those of the incident: the first one lost, the fifth flapping, the ninth with 3 GPUs
    /// withdrawn, some cordoned, and one Unknown.
    pub(super) fn reference() -> Self {
        let node = |number: u32| NodeFacts {
            name: format!("10-16-10-{}.maas", 110 + number).as_str().into(),
            kubelet: "v1.30.4".into(),
            os_image: "Ubuntu 22.04.4 LTS".into(),
            kernel: "5.15.0-113-generic".into(),
            runtime: "containerd://1.7.16".into(),
            architecture: "amd64".into(),
            internal_ip: format!("10.16.10.{}", 110 + number).as_str().into(),
            created: "2025-08-01T09:00:00Z".parse().ok(),
            labels: [
                ("kubernetes.io/arch", "amd64"),
                ("kubernetes.io/os", "linux"),
                ("node.kubernetes.io/instance-type", "dgx-a100"),
                ("nvidia.com/gpu.count", "8"),
                ("nvidia.com/gpu.product", "NVIDIA-A100-SXM4-80GB"),
                ("topology.kubernetes.io/zone", "row-3"),
            ]
            .map(|(key, value)| (key.into(), value.into()))
            .to_vec(),
            taints: vec![NodeTaint {
                key: "nvidia.com/gpu".into(),
                value: "present".into(),
                effect: "NoSchedule".into(),
            }],
            conditions: conditions(),
            ..NodeFacts::default()
        };
        let pressed = |at: u32| {
            let mut facts = node(at);
            if at == 6 {
                let memory = &mut facts.conditions[0];
                (memory.status, memory.reason) = (ConditionStatus::True, "KubeletHasInsufficientMemory".into());
            }
            facts
        };
        Self {
            nodes: (0..104).map(|at| PackedFacts::from(&pressed(at))).collect(),
            selected: 1,
            stale: false,
            pods_known: Known::Exact,
        }
    }

    pub(super) fn extent(&self) -> Extent {
        Extent { len: self.nodes.len(), total: self.nodes.len(), selected: Some(self.selected) }
    }

    pub(super) fn rows(&self, range: Range<usize>) -> Vec<NodeRow<'_>> {
        self.nodes[range.clone()].iter().zip(range).map(|(facts, index)| self.row(facts, index)).collect()
    }

    fn row<'a>(&'a self, facts: &'a PackedFacts, index: usize) -> NodeRow<'a> {
        let status = |readiness, seconds| NodeStatus {
            readiness,
            for_: Some(secs(seconds)),
            cordoned: matches!(index, 2 | 5 | 7),
            flapping: index == 4,
            stale: self.stale,
        };
        let number = i64::try_from(index).unwrap();
        let gpu = |requested, allocatable| Accelerators { requested, allocatable, capacity: 8 };
        let gpu_known = |number: i64| (self.pods_known)(0).map(|_| number);
        NodeRow {
            facts,
            selected: index == self.selected,
            status: match index {
                0 | 5 => status(Readiness::NotReady, 192),
                3 => status(Readiness::Unknown, 120),
                _ => status(Readiness::Ready, 86_400),
            },
            roles: if index == 11 { "control-plane".into() } else { Clean::default() },
            internal_ip: facts.internal_ip(),
            age: Some(secs(212 * 86_400)),
            pods: (self.pods_known)(25 + u32::try_from(index).unwrap()),
            pods_allocatable: Some(110),
            gpu: match index {
                11 => None,
                0 => Some(gpu(gpu_known(8), 0)),
                8 => Some(gpu(gpu_known(5), 5)),
                _ => Some(gpu(gpu_known(number % 9), 8)),
            },
            gpus_free: match index {
                11 => None,
                0 | 2 | 3 | 5 | 7 | 8 => Some(gpu_known(0)),
                _ => Some(gpu_known(8 - number % 9)),
            },
            unschedulable: match index {
                0 | 5 => Some("NotReady".into()),
                3 => Some("Unknown".into()),
                2 | 7 => Some("cordoned".into()),
                _ => None,
            },
            gpu_missing: 0,
            model: (index != 11).then_some("A100-SXM4-80GB"),
            cpu_milli: (gpu_known(number * 1000 + 40_000), Some(127_500)),
            memory_bytes: (gpu_known((number + 200) << 30), Some(1_000 << 30)),
            used: Some(match index {
                3 => Used::default(),
                _ => Used {
                    cpu_milli: Some(number % 12 * 7_000 + 30_000),
                    memory_bytes: Some((number % 12 * 40 + 300) << 30),
                    age: Some(secs(if index == 5 { 260 } else { 20 })),
                    window: Some(secs(20)),
                },
            }),
            ready: strip(index),
            pressures: if index == 6 { vec![&self.nodes[6].conditions.contents()[0].kind] } else { vec![] },
        }
    }

    /// The fifth node, opened.
    pub(super) fn detail(&self) -> NodeDetail<'_> {
        fn row(name: &str, requested: i64, allocatable: i64, capacity: i64) -> ResourceRow<'_> {
            let requested = Known::Exact(requested);
            let used = match name {
                "cpu" => Some(66_000),
                "memory" => Some(460 << 30),
                _ => None,
            };
            ResourceRow { name, requested, used, allocatable: Some(allocatable), capacity: Some(capacity) }
        }
        let node = self.row(&self.nodes[4], 4);
        NodeDetail {
            facts: self.nodes[4].unpack(),
            server_now: now().wall,
            status: node.status,
            row: node,
            partial: None,
            unread_pods: 0,
            resources: vec![
                row("cpu", 51_200, 127_500, 128_000),
                row("memory", 412 << 30, 1003 << 30, 1007 << 30),
                row("pods", 29, 110, 110),
                row("nvidia.com/gpu", 4, 5, 8),
                row("ephemeral-storage", 0, 1_700_000_000_000, 1_900_000_000_000),
                row("hugepages-2Mi", 0, 0, 0),
                row("rdma/hca_shared_devices_a", 4, 1000, 1000),
            ],
            accelerators: vec![AcceleratorTotals {
                resource: "nvidia.com/gpu".into(),
                kind: Kind::Device,
                capacity: 8,
                allocatable: 5,
                requested: Known::Exact(4),
                free: Known::Exact(1),
                unschedulable: Known::Exact(0),
                withdrawn: 3,
                missing: Some(0),
                over_requested: Known::Exact(0),
                nodes: 1,
            }],
            device_chains: Vec::new(),
            pods: Known::Exact(PodCounts { bound: 29, terminating: 1, daemon_set: 8, mirror: 0 }),
            notes: vec![("usage", "20s ago, 20s average".into())],
            transitions: vec![
                (secs(40), "Ready True".into()),
                (secs(81), "Ready Unknown (NodeStatusUnknown)".into()),
                (secs(178), "Ready True".into()),
            ],
        }
    }
}

/// Not observed for three minutes, then as the node is now: lost, silent, flapping, or Ready all the time.
fn strip(index: usize) -> Strip {
    std::array::from_fn(|minute| {
        (minute > 2).then_some(match index {
            0 | 5 if minute > 11 => Readiness::NotReady,
            3 if minute > 12 => Readiness::Unknown,
            4 if minute % 3 == 0 => Readiness::NotReady,
            _ => Readiness::Ready,
        })
    })
}

fn conditions() -> Vec<NodeCondition> {
    let condition = |kind: &str, status, reason: &str, message: &str, since: &str| NodeCondition {
        kind: kind.into(),
        status,
        reason: reason.into(),
        message: message.into(),
        since: since.parse().ok(),
    };
    let month = "2025-08-01T09:00:30Z";
    vec![
        condition(
            "MemoryPressure",
            ConditionStatus::False,
            "KubeletHasSufficientMemory",
            "kubelet has sufficient memory available",
            month,
        ),
        condition(
            "DiskPressure",
            ConditionStatus::False,
            "KubeletHasNoDiskPressure",
            "kubelet has no disk pressure",
            month,
        ),
        condition(
            "PIDPressure",
            ConditionStatus::Unknown,
            "NodeStatusUnknown",
            "Kubelet stopped posting node status.",
            "2026-03-01T14:05:00Z",
        ),
        condition(
            "Ready",
            ConditionStatus::True,
            "KubeletReady",
            "kubelet is posting ready status. AppArmor enabled",
            "2026-03-01T14:06:51Z",
        ),
    ]
}

/// Pods of the opened node.
pub(super) fn pods(range: Range<usize>) -> Vec<PodRow<'static>> {
    let all = [
        ("train", "llm-7b-worker-3", PodPhase::Running, "", 0, 4, ("Job", "llm-7b")),
        ("train", "llm-7b-worker-4", PodPhase::Pending, "Init:0/1", 0, 0, ("Job", "llm-7b")),
        ("kube-system", "kube-proxy-x7k2p", PodPhase::Running, "", 1, 0, ("DaemonSet", "kube-proxy")),
        (
            "kube-system",
            "nvidia-device-plugin-daemonset-4xk9d",
            PodPhase::Running,
            "CrashLoopBackOff",
            1_204,
            0,
            ("DaemonSet", "nvidia-device-plugin-daemonset"),
        ),
        ("batch", "etl-28391040-9zzkq", PodPhase::Succeeded, "Completed", 0, 0, ("Job", "etl-28391040")),
        ("default", "debug", PodPhase::Failed, "OOMKilled", 0, 0, ("", "")),
    ];
    let pod = |index: usize| {
        let (namespace, name, phase, reason, restarts, gpus, (owner_kind, owner_name)) = all[index % all.len()];
        let requests = Requests { cpu: Quantity::whole(8), memory: Quantity::whole(64 << 30), others: vec![] };
        let ready = u16::from(reason.is_empty());
        PodRow {
            facts: PodFacts {
                namespace,
                name,
                phase,
                reason,
                restarts,
                owner_kind,
                owner_name,
                containers: 1,
                ready,
                requests,
                ..Default::default()
            },
            selected: index == 1,
            age: Some(secs(7200)),
            gpus,
            last_report: None,
            rank: None,
            member: None,
            trouble: None,
            since: None,
        }
    };
    range.map(pod).collect()
}

/// Events about the opened node.
fn node_events() -> Vec<EventFacts> {
    let event = |kind: &str, reason: &str, note: &str, controller: &str, count, last: &str| EventFacts {
        kind: kind.into(),
        reason: reason.into(),
        note: note.into(),
        controller: controller.into(),
        count,
        last: last.parse().ok(),
        ..EventFacts::default()
    };
    let name = "10-16-10-114.maas";
    vec![
        event(
            "Normal",
            "NodeReady",
            &format!("Node {name} status is now: NodeReady"),
            "kubelet",
            3,
            "2026-03-01T14:06:51Z",
        ),
        event(
            "Warning",
            "NodeNotReady",
            &format!("Node {name} status is now: NodeNotReady"),
            "node-controller",
            6,
            "2026-03-01T14:05:30Z",
        ),
        event(
            "Warning",
            "SystemOOM",
            "System OOM encountered, victim process: trainer, pid: 21744",
            "kubelet",
            1,
            "2026-03-01T13:40:02Z",
        ),
    ]
}

/// A healthy cluster.
pub(super) fn healthy(context: &str) -> ClusterSummary {
    ClusterSummary {
        context: context.into(),
        health: Health::Ok,
        word: "live",
        version: Some("v1.36.2".into()),
        insecure: false,
        nodes_ready: Known::Exact(48),
        nodes_total: Known::Exact(48),
        gpu: Some(Accelerators { requested: Known::Exact(120), allocatable: 384, capacity: 384 }),
        dra: None,
        dra_live: true,
        gpu_known: true,
        gpu_nodes: Known::Exact(48),
        pods: Known::Exact(812),
        partial: None,
        pods_allocatable: Known::Exact(5_280),
        unscheduled: Known::Exact(0),
        orphaned: Known::Exact(0),
        latency: LatencySummary {
            samples: 60,
            p50: Some(millis(31)),
            p95: Some(millis(58)),
            ..LatencySummary::default()
        },
        nodes_fresh: Freshness::Live(secs(1)),
        pods_fresh: Freshness::Live(secs(0)),
        failure: None,
        next_in: None,
        unreadable: 0,
        unread_nodes: 0,
        unread_pods: 0,
        running: None,
        pages: Vec::new(),
        smaller: Vec::new(),
        load: (0.4, 12_300.0),
        settings: Settings::default(),
        skew_ms: None,
        verdict: None,
        worst: None,
        silence: None,
        last_timeout: None,
        silenced_until: None,
    }
}

/// The cluster of the incident: slow, pages stall.
pub(super) fn slow() -> ClusterSummary {
    ClusterSummary {
        health: Health::Degraded,
        word: "slow",
        nodes_ready: Known::Exact(101),
        nodes_total: Known::Exact(104),
        gpu: Some(Accelerators { requested: Known::Exact(611), allocatable: 861, capacity: 872 }),
        pods: Known::Exact(2_613),
        pods_allocatable: Known::Exact(11_440),
        unscheduled: Known::Exact(14),
        latency: LatencySummary {
            samples: 60,
            p50: Some(millis(214)),
            p95: Some(millis(9_800)),
            timeouts: 13,
            ..LatencySummary::default()
        },
        failure: Some(Box::new(failure("no data for 15 s while reading the body (2.2 MB of ?)"))),
        next_in: Some(secs(4)),
        worst: Some(Severity::Critical),
        ..healthy("prod-a")
    }
}

/// The first pages of pods are there; the nodes are complete.
pub(super) fn loading() -> ClusterSummary {
    ClusterSummary {
        health: Health::Loading,
        word: "loading",
        gpu: Some(Accelerators { requested: Known::AtLeast(340), allocatable: 861, capacity: 872 }),
        nodes_ready: Known::Exact(101),
        nodes_total: Known::Exact(104),
        pods: Known::AtLeast(1_500),
        pods_allocatable: Known::Exact(11_440),
        pods_fresh: Freshness::Loading { objects: 1_500, page: 3, remaining: Some(1_113) },
        unscheduled: Known::AtLeast(2),
        ..healthy("prod-a")
    }
}

/// No answer for minutes; the last picture stays.
pub(super) fn stale() -> ClusterSummary {
    ClusterSummary {
        health: Health::Stale,
        word: "stale",
        nodes_ready: Known::Exact(9),
        nodes_total: Known::Exact(12),
        gpu: None,
        pods: Known::AtLeast(140),
        pods_allocatable: Known::Exact(1_320),
        latency: LatencySummary {
            p50: Some(Percentile { value: secs(5), at_least: true }),
            p95: Some(Percentile { value: secs(5), at_least: true }),
            timeouts: 26,
            ..LatencySummary::default()
        },
        nodes_fresh: Freshness::Stale(secs(252)),
        pods_fresh: Freshness::Stale(secs(130)),
        ..healthy("edge-3")
    }
}

/// Nothing was ever read.
pub(super) fn down() -> ClusterSummary {
    ClusterSummary {
        health: Health::Down,
        word: "unreachable",
        version: None,
        nodes_ready: Known::Unknown,
        nodes_total: Known::Unknown,
        gpu: None,
        gpu_known: false,
        pods: Known::Unknown,
        pods_allocatable: Known::Unknown,
        unscheduled: Known::Unknown,
        orphaned: Known::Unknown,
        latency: LatencySummary { timeouts: 3, ..LatencySummary::default() },
        nodes_fresh: Freshness::Never,
        pods_fresh: Freshness::Never,
        failure: Some(Box::new(failure("connection refused"))),
        next_in: Some(secs(9)),
        ..healthy("lab")
    }
}

fn failure(text: &str) -> Failure {
    let failure = Failure::new(now().wall, Layer::Body, "list pods".into(), text.into());
    Failure { attempt: 2, next_in: Some(secs(4)), timeout: true, ..failure }
}

/// Three minutes of a work probe that got slow, timed out and came back.
pub(super) fn marks() -> Vec<SparkMark> {
    let answered = |millis| SparkMark::Answered(Duration::from_millis(millis));
    let mut marks = vec![SparkMark::Blank; 20];
    marks.extend([20, 30, 30, 40, 60, 200, 300, 800, 900, 1400, 2300, 4000, 4900].map(answered));
    marks.extend([SparkMark::TimedOut, SparkMark::TimedOut, SparkMark::TimedOut, SparkMark::Failed]);
    marks.extend([4900, 2300, 900].map(answered));
    marks
}

/// Firing alerts, worst first.
pub(super) fn alerts() -> Vec<AlertLine> {
    let alert = |cluster, severity, rule, text: &str, ago: u64, unknown| AlertLine {
        cluster: ClusterId(cluster),
        severity,
        rule,
        subject: None,
        text: text.into(),
        since: Mono(secs(3600 - ago)),
        unknown,
        muted: None,
    };
    vec![
        alert(0, Severity::Critical, Rule::Timeouts, "13 timeouts in 10m (limit 10), 9 of them pods list", 321, false),
        alert(
            0,
            Severity::Critical,
            Rule::NodeNotReady,
            "nodes 10-16-10-110.maas, 10-16-10-115.maas NotReady",
            192,
            false,
        ),
        alert(0, Severity::Warning, Rule::SlowCall, "pods list page 3 running 31s (limit 30s), no body yet", 31, false),
        alert(1, Severity::Warning, Rule::Stale, "no proof of life for 4m12s", 252, false),
        alert(1, Severity::Warning, Rule::NodeNotReady, "node edge-node-7 NotReady", 900, true),
    ]
}

/// Settings that vary from scene to scene.
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of one scene")]
pub(super) struct Set {
    pub(super) summaries: Vec<ClusterSummary>,
    pub(super) alerts: Vec<AlertLine>,
    pub(super) fleet: Fleet,
    pub(super) mode: Mode,
    pub(super) wide: bool,
    pub(super) arranging: bool,
    pub(super) filter: &'static str,
    pub(super) filter_note: Option<Clean>,
    pub(super) held: bool,
    pub(super) sort: (SortBy, bool),
    /// The opened node's focused part and its first line.
    pub(super) node: Option<(NodePane, usize)>,
    pub(super) current: usize,
    /// No node is there, or matches.
    pub(super) empty: bool,
    /// Of the opened node or pod.
    pub(super) events: Vec<EventFacts>,
}

impl Set {
    /// The incident on three clusters.
    pub(super) fn incident() -> Self {
        Self {
            summaries: vec![slow(), stale(), healthy("prod-b")],
            alerts: alerts(),
            fleet: Fleet::reference(),
            mode: Mode::Normal,
            wide: false,
            arranging: false,
            filter: "",
            filter_note: None,
            held: false,
            sort: (SortBy::Status, false),
            node: None,
            current: 0,
            empty: false,
            events: node_events(),
        }
    }

    /// Draws it the way `view` does.
    pub(super) fn draw(&self, (width, height): (u16, u16), theme: &Theme) -> Buffer {
        self.draw_with((width, height), theme, &mut ViewState::default())
    }

    /// The same with a state that lasts.
    pub(super) fn draw_with(&self, size: (u16, u16), theme: &Theme, state: &mut ViewState) -> Buffer {
        self.draw_with_keys(size, theme, state, &KeyMap::default())
    }

    /// The same with other keys.
    #[expect(clippy::too_many_lines, reason = "one screen after the other")]
    pub(super) fn draw_with_keys(
        &self,
        (width, height): (u16, u16),
        theme: &Theme,
        state: &mut ViewState,
        keymap: &KeyMap,
    ) -> Buffer {
        let area = Rect::new(0, 0, width, height);
        let mut buf = Buffer::empty(area);
        let counts = Counts { clusters: self.summaries.len(), alerts: self.alerts.len(), inside: self.node.is_some() };
        let layout = Layout::new(area, counts);
        let name: Clean = "10-16-10-114.maas".into();
        let body: Box<dyn View> = match self.node {
            None => {
                let extent = if self.empty { Extent { total: 104, ..Extent::default() } } else { self.fleet.extent() };
                let extent =
                    if self.summaries[self.current].nodes_total == Known::Unknown { Extent::default() } else { extent };
                let height = usize::from(layout.body.height.saturating_sub(1));
                let rows = window(extent.len, extent.selected, state.lists.nodes_offset, height);
                state.lists.nodes_offset = rows.start;
                let first = rows.start;
                Box::new(NodesView {
                    extent,
                    first,
                    rows: self.fleet.rows(rows),
                    sort: self.sort,
                    wide: self.wide,
                    arranging: self.arranging,
                })
            }
            Some((pane, scroll)) => {
                let events = (self.events.iter().collect(), Omitted::default());
                let len = self.events.len();
                let events = EventsView {
                    events: Some(events),
                    extent: Extent { len, total: len, selected: None },
                    sort: (SortBy::Own, false),
                    expanded: None,
                    fresh: PartFreshness::Live,
                    now: now().wall,
                };
                let detail = (!self.empty).then(|| self.fleet.detail());
                let opened = detail.as_ref().map(|detail| (detail, &events));
                let layout = node::NodeLayout::new(layout.body, opened, pane, &theme.glyphs);
                let extent = Extent { len: 29, total: 29, selected: Some(1) };
                let pods = if self.empty { 0..0 } else { window(29, Some(1), 0, layout.pod_rows()) };
                let first = pods.start;
                Box::new(NodeView {
                    name: &name,
                    pane,
                    detail,
                    extent,
                    first,
                    pods: self::pods(pods),
                    sort: (SortBy::Name, false),
                    arranging: false,
                    scroll,
                    follows: false,
                    events,
                    layout,
                })
            }
        };
        let strip = window(
            self.summaries.len(),
            Some(self.current),
            state.strip_offset,
            usize::from(layout.strip.height).max(1),
        );
        let scene = Scene {
            settings: Settings::default(),
            mode: self.mode,
            summaries: self.summaries.clone(),
            current: self.current,
            strip_first: strip.start,
            marks: strip
                .map(|_| {
                    let mut marks = marks();
                    marks.truncate(MARKS);
                    marks
                })
                .collect(),
            alerts: self.alerts.iter().map(|line| SceneAlert { line, hits: None }).collect(),
            firing: self.alerts.len(),
            warnings: &[],
            acked: 0,
            notices: 0,
            silenced: 0,
            unknown: self.alerts.iter().filter(|alert| alert.unknown).count(),
            filter: self.filter,
            filter_note: self.filter_note.as_ref(),
            notice: None,
            held: self.held,
            locked_out: false,
            help_scroll: 0,
        };
        let context = Context { theme, keymap, now: now() };
        draw(&mut Canvas::new(&mut buf, area, context), &layout, &scene, body.as_ref(), state);
        buf
    }
}

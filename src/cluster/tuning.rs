//! Deadlines, sizes and periods of the requests.

use std::time::Duration;

use serde::Deserialize;

use crate::facts::text::Clean;

/// Deadlines, page sizes, backoff and periods of one cluster's tasks.
///
/// The defaults are the shipped values; tests shorten them. Sources: `docs/latency-and-alerts.md`, and
/// `docs/list-watch.md`.
#[derive(Clone, Debug, PartialEq)]
pub struct Tuning {
    /// `User-Agent` of every request.
    pub user_agent: String,
    /// DNS, TCP, proxy and TLS together (F03, F04); kube's own default is 30 s.
    pub connect_deadline: Duration,
    /// Deadline of one page, by the number of nodes.
    pub tiers: Tiers,
    /// Deadline of a page whose body makes steady progress: the server's own `--request-timeout` is 60 s.
    pub page_cap: Duration,
    /// The shortest and the longest time without a byte of a page; half the page deadline between them (F11).
    pub idle: Between<Duration>,
    /// Bytes a second below which a body counts as stalled (F15).
    pub slowest_body: u64,
    /// Decoded bytes of one page (F16, F17).
    pub page_bytes: usize,
    /// Bytes of one watch event (F50).
    pub line_bytes: usize,
    /// Objects in one page, from the largest; a timeout goes one step down.
    pub page_sizes: Vec<u32>,
    /// Pages in a row that must be fast before the page size grows by one step.
    pub fast_pages: u32,
    /// Waits before the second, third and fourth attempt of one page.
    pub page_retries: Vec<Duration>,
    /// Time for all attempts of one page; the last one gets the rest.
    pub page_budget: Duration,
    /// First delay of the outer backoff (R8).
    pub backoff_first: Duration,
    /// Largest delay of the outer backoff before jitter (R8).
    pub backoff_cap: Duration,
    /// Longest `Retry-After` that is obeyed (F36).
    pub retry_after_cap: Duration,
    /// Least time between two rejected credentials, and before another request to a server that is not a Kubernetes
    /// API.
    pub rejected_delay: Duration,
    /// Time before a forbidden list or watch is requested again (F21).
    pub denied_period: Duration,
    /// Time after a success in which a 403 is treated as a server whose RBAC is still warming up (F53).
    pub denied_grace: Duration,
    /// Shortest and longest time between two polls where watching is forbidden (F22).
    pub poll_period: Between<Duration>,
    /// Shortest and longest `timeoutSeconds` of a watch: below the 240 s after which some load balancers drop a silent flow.
    pub watch_seconds: Between<u64>,
    /// Deadline of a watch's headers.
    pub watch_headers: Duration,
    /// Silence after which a watch is opened again if the server answers its probe: one and a half bookmark periods (F45).
    pub watch_silence: Duration,
    /// Silence after which a watch is opened again in any case: one lost bookmark is tolerated.
    pub watch_silence_cap: Duration,
    /// Least time between two starts of a watch of one resource.
    pub watch_spacing: Duration,
    /// Shortest duration of a watch without an event that has not failed (R14).
    pub watch_short: Duration,
    /// Silence of an open watch that proves its version: a server sends newer objects first, and reports a version that has
    /// expired.
    pub watch_accepted: Duration,
    /// Duration of a watch after which its backoff starts over.
    pub watch_proven: Duration,
    /// Shortest and longest wait before everything is listed again after a sleep of the machine (F67).
    pub resume_delay: Between<Duration>,
    /// Request unfinished pods only: `status.phase!=Succeeded,status.phase!=Failed`.
    pub skip_finished_pods: bool,
    /// Request protobuf for nodes, pods, events and leases; answers in JSON are read too.
    pub protobuf: bool,
    /// Request lists as watches (`sendInitialEvents`), and pages once that has failed. Servers from 1.34 on support it.
    pub watch_list: bool,
    /// Changes in one message, at most.
    pub changes_per_message: usize,
    /// Time between two probes of a series.
    pub probe_period: Duration,
    /// Deadline of a probe; at most the period, so that no tick finds the last one running.
    pub probe_deadline: Duration,
    /// Time between two API probes while the server throttles.
    pub probe_throttled: Duration,
    /// Time after which an exec plugin is killed.
    pub exec_deadline: Duration,
    /// Commands of credential plugins that may run; `None`: all.
    pub exec_allow: Option<Vec<String>>,
    /// Time before their expiry at which credentials are renewed.
    pub exec_early: Duration,
    /// Requests to optional APIs.
    pub optional: Optional,
    /// The namespaces whose pods are watched, each DNS label once; none: the pods of the whole cluster (F23).
    pub namespaces: Vec<Clean>,
    /// Seed of all jitter; `None` takes one from the system.
    pub seed: Option<u64>,
}

/// Bounds of a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Between<T> {
    /// The shortest.
    pub least: T,
    /// The longest.
    pub most: T,
}

impl<T> Between<T> {
    /// Between `least` and `most`.
    #[must_use]
    pub fn new(least: T, most: T) -> Self {
        Self { least, most }
    }
}

/// Deadline of a page of clusters from a number of nodes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tier {
    /// Fewest nodes.
    pub nodes: u32,
    /// Deadline of one page.
    pub deadline: Duration,
}

/// Deadline of one page by the number of nodes (docs/latency-and-alerts.md).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tiers {
    /// Ascending, the first from 0 nodes on.
    pub steps: Vec<Tier>,
    /// Deadline while the number of nodes is unknown.
    pub unknown: Duration,
    /// Percentage by which the number of nodes must pass a boundary to cross it.
    pub hysteresis_pct: u32,
}

/// Settings of optional APIs. Nothing depends on them, so they are requested seldom and with long deadlines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Optional {
    /// Request the usage of nodes from `metrics.k8s.io`.
    pub usage: bool,
    /// Time between two requests for usage: metrics-server has new figures every 15 to 60 s (docs/counting.md).
    pub usage_period: Duration,
    /// Deadline of such a request.
    pub usage_deadline: Duration,
    /// List and watch `resource.k8s.io`: slices, claims and device classes.
    pub dra: bool,
    /// List and watch the leases of kubelets.
    pub leases: LeaseWatch,
    /// [`LeaseWatch::Auto`] watches the leases of clusters of up to this many nodes.
    pub lease_nodes: u32,
    /// Time before discovery of an absent or forbidden API is repeated (F24).
    pub rediscover: Duration,
}

/// Watching of the kubelets' leases: each of them changes every 10 s.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LeaseWatch {
    /// For small clusters only.
    #[default]
    Auto,
    /// Always.
    On,
    /// Never.
    Off,
}

impl Default for Optional {
    fn default() -> Self {
        let s = Duration::from_secs;
        Self {
            usage: true,
            usage_period: s(30),
            usage_deadline: s(10),
            dra: true,
            leases: LeaseWatch::Auto,
            lease_nodes: 200,
            rediscover: s(300),
        }
    }
}

impl Optional {
    /// Settings that request none of them.
    #[must_use]
    pub fn off() -> Self {
        Self { usage: false, dra: false, leases: LeaseWatch::Off, ..Self::default() }
    }
}

impl Default for Tiers {
    fn default() -> Self {
        let step = |nodes, secs| Tier { nodes, deadline: Duration::from_secs(secs) };
        Self {
            steps: vec![step(0, 15), step(10, 20), step(50, 30), step(201, 60)],
            unknown: Duration::from_secs(30),
            hysteresis_pct: 10,
        }
    }
}

impl Default for Tuning {
    fn default() -> Self {
        let s = Duration::from_secs;
        Self {
            user_agent: concat!("watchbell/", env!("CARGO_PKG_VERSION")).to_owned(),
            connect_deadline: s(10),
            tiers: Tiers::default(),
            page_cap: s(60),
            idle: Between::new(s(10), s(15)),
            slowest_body: 1024,
            page_bytes: 64 << 20,
            line_bytes: 16 << 20,
            page_sizes: vec![500, 250, 100, 50],
            fast_pages: 3,
            page_retries: vec![s(1), s(2), s(4)],
            page_budget: s(120),
            backoff_first: Duration::from_millis(800),
            backoff_cap: s(30),
            retry_after_cap: s(60),
            rejected_delay: s(30),
            denied_period: s(300),
            denied_grace: s(60),
            poll_period: Between::new(s(30), s(60)),
            watch_seconds: Between::new(150, 220),
            watch_headers: s(30),
            watch_silence: s(90),
            watch_silence_cap: s(150),
            watch_spacing: s(1),
            watch_short: s(1),
            watch_accepted: s(2),
            watch_proven: s(60),
            resume_delay: Between::new(Duration::from_millis(200), s(3)),
            skip_finished_pods: true,
            protobuf: true,
            watch_list: false,
            changes_per_message: 500,
            probe_period: s(5),
            probe_deadline: s(5),
            probe_throttled: s(15),
            exec_deadline: s(30),
            exec_allow: None,
            exec_early: s(60),
            optional: Optional::default(),
            namespaces: Vec::new(),
            seed: None,
        }
    }
}

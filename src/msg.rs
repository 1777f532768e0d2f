//! `Msg`: everything that can happen to the model; `Effect`: everything the model asks of the world.
//!
//! Plain and serialisable, so that an incident can be recorded and replayed.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::action::Action;
use crate::facts::dra::{ClaimFacts, ClassFacts, RuleFacts, SliceFacts};
use crate::facts::kept::Kept;
use crate::facts::lease::LeaseFacts;
use crate::facts::metrics::NodeUsage;
use crate::facts::node::NodeFacts;
use crate::facts::pod::PodBatch;
use crate::facts::text::Clean;
use crate::facts::wire::Uid;

mod call;
pub mod check;
pub mod inspect;
mod split;

pub use call::{Attempt, CallEvent, CallId, CallKind, End, NoConnection, ProbeOutcome, ProbeSample, Series};

use inspect::{Finding, Inspection};

/// Monotonic time since the program started; comparable within one run only.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Mono(pub Duration);

impl Mono {
    /// Time since `earlier`; zero if that is not earlier.
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        self.0.saturating_sub(earlier.0)
    }
}

impl std::ops::Add<Duration> for Mono {
    type Output = Self;
    fn add(self, span: Duration) -> Self {
        Self(self.0.saturating_add(span))
    }
}

/// The time of one pass of the loop, read once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Now {
    /// For durations.
    pub mono: Mono,
    /// For ages of objects and for what is printed.
    pub wall: Timestamp,
}

/// Which cluster: its place in the list the program was started with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ClusterId(pub u16);

/// Something happened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Msg {
    /// A key was pressed and it means this.
    Action(Action),
    /// Text typed into the filter.
    Edit(Edit),
    /// A key was pressed that means nothing.
    UnboundKey,
    /// A cluster's task has news.
    Cluster(ClusterId, ClusterEvent),
    /// A second has passed; ages move, silence is noticed.
    Tick,
}

/// A change to the line being edited.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Edit {
    /// A character was typed.
    Insert(char),
    /// Text was pasted; the model caps it.
    Paste(String),
    /// Delete the character before the cursor.
    Backspace,
    /// Delete the word before the cursor.
    DeleteWord,
    /// Delete everything.
    Clear,
}

/// What the model asks of the world.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Effect {
    /// Leave the program.
    Quit,
    /// Stop the process until it is continued (Ctrl-Z).
    Suspend,
    /// Hand the terminal to this cluster's credential plugin, and take it back when that has ended.
    LogIn(ClusterId),
    /// Draw everything again (Ctrl-L).
    Redraw,
    /// Try now what this cluster's tasks wait for; relist.
    Refresh(ClusterId),
    /// List and watch this cluster no more: it has more objects than are to be held.
    Unfollow(ClusterId),
    /// Look closely at one object, instead of the one that was looked at before.
    Inspect(ClusterId, Box<Inspection>),
    /// Nothing is looked at closely any more; what was kept of it can go.
    EndInspection,
    /// Hand text to the terminal's clipboard.
    Copy {
        /// The text; more than a terminal takes is left out.
        text: String,
    },
    /// Alerts began to fire; nobody may be looking.
    Tell {
        /// The bell may ring: it has not for a while.
        ring: bool,
        /// What began, at least one.
        news: Vec<AlertNews>,
    },
}

/// An alert that began to fire, for those who do not look at the screen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AlertNews {
    /// The context.
    pub cluster: Clean,
    /// `critical` or `warning`.
    pub severity: Clean,
    /// CamelCase, like a condition's reason.
    pub reason: Clean,
    /// What it is about, where there can be several: a node.
    pub subject: Option<Clean>,
    /// One line, with numbers.
    pub text: Clean,
    /// When it began.
    pub since: Timestamp,
}

/// News of one cluster.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum ClusterEvent {
    /// The task has started; sent first and again when the credentials or the URL change.
    Server {
        /// The server's URL, without credentials.
        url: Clean,
        /// The kubeconfig says `insecure-skip-tls-verify`.
        insecure: bool,
    },
    /// `/version` answered: `gitVersion`.
    Version(Clean),
    /// A list begins; what it does not bring until [`ClusterEvent::ListFinished`] is swept then.
    ListStarted {
        /// What is listed.
        resource: Resource,
        /// Grows with each list of this resource.
        generation: u32,
    },
    /// A page of a list. Its items yield to what the watch of the same generation already brought, if that is newer.
    Page {
        /// What was listed.
        resource: Resource,
        /// The list it belongs to.
        generation: u32,
        /// 1 for the first page.
        page: u32,
        /// The server's estimate of what is still to come.
        remaining: Option<u64>,
        /// Bytes of the answer after decompression.
        bytes: u64,
        /// Objects that could not be read.
        unreadable: u32,
        /// The objects.
        batch: Batch,
    },
    /// The list is complete: whatever neither a page nor the watch of this generation has touched is gone.
    ListFinished {
        /// What was listed.
        resource: Resource,
        /// The list that is complete.
        generation: u32,
    },
    /// Changes from the watch, in order; they always apply.
    Changes {
        /// What is watched.
        resource: Resource,
        /// The list the watch began at.
        generation: u32,
        /// Events that could not be read.
        unreadable: u32,
        /// The changes.
        batch: Batch,
    },
    /// What the loop of one resource is doing now.
    Sync {
        /// Whose loop.
        resource: Resource,
        /// What it does.
        state: SyncState,
    },
    /// An event or a bookmark came on the watch, or it opened at the known version and was not refused: the data is proven live.
    /// At most about once a second.
    Heard {
        /// Whose watch.
        resource: Resource,
        /// Bytes since the last such message.
        bytes: u64,
    },
    /// News of the list and the watch of the pods of one namespace, where not those of the whole cluster are watched (F23).
    Namespaced {
        /// The place of the namespace among those that are watched.
        place: u16,
        /// What is new of it.
        event: Box<ClusterEvent>,
    },
    /// What nodes use, or why that is not known; nothing else follows from it.
    Usage(UsageNews),
    /// A request began, moved or ended.
    Call(CallEvent),
    /// The limits in force for the pages of one resource; sent when they change.
    Limits(PageLimits),
    /// One scheduled probe; exactly one of these for each tick of each series (G8).
    Probe(ProbeSample),
    /// News of the one object that is looked at closely.
    Found(Box<Finding>),
    /// Something failed; also kept in [`SyncState::Waiting`] where a retry follows.
    Failed(Box<Failure>),
    /// No client can be made of the kubeconfig, and no time cures that; why was told as a failure just before.
    Unusable,
    /// Our clock against the server's, from the `Date` header; positive when ours is ahead.
    Skew {
        /// Our wall clock minus the server's, in milliseconds, ±1 s of resolution.
        ours_minus_server_ms: i64,
    },
    /// A task of this cluster panicked and was started again.
    TaskRestarted {
        /// Which task, and what it said.
        text: Clean,
    },
}

/// 5 s: from here on a difference of the clocks is told. The `Date` header has a resolution of 1 s, and a clock that is kept
/// by NTP is much better than this.
pub const SKEW_TOLD_MS: i64 = 5_000;
/// What became of one question for the usage of nodes (`metrics.k8s.io`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum UsageNews {
    /// The figures of every node that has any.
    Read(Vec<NodeUsage>),
    /// The configuration says not to ask.
    Off,
    /// The API is not installed (404).
    Absent,
    /// We may not see it (403): what the server said.
    Denied(Clean),
    /// It is installed and does not answer: what happened. The cluster is none the worse for it (F25).
    Unavailable(Clean),
}

/// What is listed and watched.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Resource {
    /// `/api/v1/nodes`.
    Nodes,
    /// `/api/v1/pods`.
    Pods,
    /// The leases of kubelets, `coordination.k8s.io` in `kube-node-lease`: optional.
    Leases,
    /// `resource.k8s.io` `resourceslices`: optional.
    Slices,
    /// `resource.k8s.io` `resourceclaims`: optional.
    Claims,
    /// `resource.k8s.io` `deviceclasses`: optional.
    Classes,
    /// `resource.k8s.io` `devicetaintrules`: optional.
    Rules,
}

impl Resource {
    /// What every cluster has, and the numbers of the dashboard come from.
    pub const CORE: [Self; 2] = [Self::Nodes, Self::Pods];

    /// What a cluster need not have: without it something is not shown, and nothing else changes.
    pub const OPTIONAL: [Self; 5] = [Self::Leases, Self::Slices, Self::Claims, Self::Classes, Self::Rules];

    /// One of [`Resource::OPTIONAL`].
    #[must_use]
    pub fn is_optional(self) -> bool {
        !Self::CORE.contains(&self)
    }

    /// The plural of the API.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Nodes => "nodes",
            Self::Pods => "pods",
            Self::Leases => "leases",
            Self::Slices => "resourceslices",
            Self::Claims => "resourceclaims",
            Self::Classes => "deviceclasses",
            Self::Rules => "devicetaintrules",
        }
    }
}

/// Objects of one resource.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Batch {
    /// Nodes in order.
    Nodes(Vec<NodeChange>),
    /// Pods in order, each present or gone.
    Pods(PodBatch),
    /// Leases in order.
    Leases(Vec<KeptChange<LeaseFacts>>),
    /// Slices in order.
    Slices(Vec<KeptChange<SliceFacts>>),
    /// Claims in order.
    Claims(Vec<KeptChange<ClaimFacts>>),
    /// Device classes in order.
    Classes(Vec<KeptChange<ClassFacts>>),
    /// Device taint rules in order.
    Rules(Vec<KeptChange<RuleFacts>>),
}

impl Batch {
    /// How many objects it holds.
    #[must_use]
    pub fn len(&self) -> usize {
        match self {
            Self::Nodes(nodes) => nodes.len(),
            Self::Pods(pods) => pods.len(),
            Self::Leases(leases) => leases.len(),
            Self::Slices(slices) => slices.len(),
            Self::Claims(claims) => claims.len(),
            Self::Classes(classes) => classes.len(),
            Self::Rules(rules) => rules.len(),
        }
    }

    /// No objects at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// An object of an API that a cluster need not have that is there, or one that went.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum KeptChange<T> {
    /// The object as it is now.
    Present(Box<Kept<T>>),
    /// The object was deleted.
    Gone {
        /// `namespace/name`, or the bare name.
        key: Clean,
        /// Its uid.
        uid: Uid,
        /// The resourceVersion of the deletion.
        version: u64,
    },
}

/// A node that is there, or one that went.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum NodeChange {
    /// The node as it is now.
    Present(Box<NodeFacts>),
    /// The node was deleted.
    Gone {
        /// Its name.
        name: Clean,
        /// Its uid.
        uid: Uid,
        /// The resourceVersion of the deletion.
        version: u64,
    },
}

/// What a page of a list may take, by the size of the cluster (docs/latency-and-alerts.md).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PageLimits {
    /// What is listed.
    pub resource: Resource,
    /// Objects asked for in one page.
    pub page_size: u32,
    /// Why that is less than usual; `None` while it is not.
    pub smaller: Option<Smaller>,
    /// Nodes from which the tier begins; `None` while the number of nodes is not known.
    pub tier_from: Option<u32>,
    /// Deadline for the first byte, and for a body that does not move.
    pub deadline: Duration,
    /// The longest time without a byte of the body.
    pub idle: Duration,
    /// Deadline for a body that moves.
    pub cap: Duration,
    /// `?timeout=`: the server's own deadline.
    pub server: Duration,
}

/// Why pages are asked for with fewer objects than usual.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Smaller {
    /// A page had no first byte in time.
    Unanswered,
    /// The body of a page stalled, trickled, or was not complete in time.
    Stall,
    /// The body of a page was cut, or larger than the cap.
    Broken,
    /// The server gave up a page at its own deadline.
    ServerTimeout,
}

impl Smaller {
    /// What the pages became smaller after.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Unanswered => "no answer",
            Self::Stall => "a stall",
            Self::Broken => "a broken answer",
            Self::ServerTimeout => "a server timeout",
        }
    }
}

/// What the list+watch loop of one resource is doing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum SyncState {
    /// Pages are being read.
    Listing,
    /// The list is complete and the watch is open.
    Watching,
    /// Watching is forbidden (403), or no watch ever brings anything, so the list is polled.
    Polling {
        /// Time between polls.
        every: Duration,
    },
    /// Something failed; the next attempt is due.
    Waiting {
        /// When the next attempt starts.
        until: Mono,
        /// What failed.
        failure: Box<Failure>,
    },
    /// Listing is forbidden (403); asked again at a polite period.
    Denied {
        /// What the server said.
        failure: Box<Failure>,
    },
    /// The server does not have it (404), which only what is optional can be; looked for again at a polite period.
    Absent,
    /// It is optional and not asked for.
    Skipped {
        /// Why.
        reason: Clean,
    },
}

/// Where a failure happened (G3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Layer {
    /// The kubeconfig or a file it names.
    Config,
    /// An exec plugin or a token file.
    Credentials,
    /// Name resolution.
    Dns,
    /// The proxy between us and the server.
    Proxy,
    /// The TCP connection.
    Connect,
    /// The TLS handshake.
    Tls,
    /// 401.
    Auth,
    /// 403.
    Rbac,
    /// 429.
    Throttled,
    /// Any other answer of the server, or of something in front of it.
    Server,
    /// The server answered 504: its own deadline passed.
    ServerTimeout,
    /// No first byte within the deadline.
    FirstByte,
    /// The body stalled, was cut, or outlived its deadline.
    Body,
    /// The answer could not be read as what was asked for.
    Decode,
    /// The watch ended in a way that needs a new list (410, silence): routine, no alert.
    Watch,
    /// The server answered, and warns (`Warning: 299`): of an API that goes away, for instance. No failure, no alert.
    Warning,
    /// A fault of our own.
    Internal,
}

impl Layer {
    /// The layer in words.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Config => "config",
            Self::Credentials => "credentials",
            Self::Dns => "dns",
            Self::Proxy => "proxy",
            Self::Connect => "connect",
            Self::Tls => "tls",
            Self::Auth => "auth",
            Self::Rbac => "rbac",
            Self::Throttled => "throttled",
            Self::Server => "server",
            Self::ServerTimeout => "server timeout",
            Self::FirstByte => "first byte",
            Self::Body => "body",
            Self::Decode => "decode",
            Self::Watch => "watch",
            Self::Warning => "warning",
            Self::Internal => "internal",
        }
    }
}

/// One failed attempt, in words that name the layer and what happens next.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Failure {
    /// When, by our wall clock.
    pub at: Timestamp,
    /// Where it happened.
    pub layer: Layer,
    /// What was asked: `list pods`, `watch nodes`, `get /livez`.
    pub request: Clean,
    /// HTTP code, if an answer came.
    pub code: Option<u16>,
    /// What happened, one line, no HTML.
    pub text: Clean,
    /// 1 for the first attempt.
    pub attempt: u32,
    /// When the next attempt is due, if there is one.
    pub next_in: Option<Duration>,
    /// The failure before this one, next to a bare deadline error (`WrapPreviousError`).
    pub previous: Option<Clean>,
    /// The server's `Audit-Id`.
    pub audit_id: Option<Clean>,
    /// The server's `Retry-After` as it said it; what we wait is bounded, and in `next_in`.
    #[serde(default)]
    pub retry_after: Option<Duration>,
    /// A deadline of ours, or the server's own (504): counts as a timeout.
    pub timeout: bool,
}

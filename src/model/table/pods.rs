//! Columns of the list of pods; to add one, add its row.

use std::time::Duration;

use super::column::{Align, Cell, Column, FilterMatch, Listing, Reads, Width};
use super::matching::contains;
use super::order::SortKey;
use super::{LastReport, SortBy};
use crate::facts::pod::{PodFacts, PodPhase};
use crate::facts::quantity::Quantity;
use crate::facts::text::Clean;
use crate::facts::wire::Uid;
use crate::model::derive::gangs::MemberTrouble;
use crate::model::derive::trouble::TroubleClass;
use crate::model::store::pods::PodSlot;

/// Pods: of one node, those in trouble, or all of a cluster.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Pods {}

/// Class of the pods of a list, which determines its columns.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PodScope {
    /// Pods of one node.
    #[default]
    Node,
    /// Pods in trouble.
    Trouble,
    /// Pods of a cluster, in trouble or not.
    All,
    /// Pods of a gang.
    Gang,
}

impl PodScope {
    /// Rank of a column: among pods in trouble, the reason has room before what is not about it.
    fn rank(self, rank: u8, in_trouble: u8) -> u8 {
        if self == Self::Trouble { in_trouble } else { rank }
    }

    /// Returns `true` if the list has columns about trouble.
    fn has_trouble(self) -> bool {
        matches!(self, Self::Trouble | Self::Gang)
    }

    fn is_cluster(self) -> bool {
        self != Self::Node
    }
}

/// A pod in a list.
#[derive(Clone, Debug, PartialEq)]
pub struct PodRow<'a> {
    /// The facts.
    pub facts: PodFacts<'a>,
    /// `true` if it is selected.
    pub selected: bool,
    /// Number of its rank in the gang whose pods are listed; `None` in other lists, and if it does not say its rank.
    pub rank: Option<u32>,
    /// Its trouble as a member of the gang whose pods are listed, with its node and devices; `None` in other lists.
    pub member: Option<MemberTrouble>,
    /// Time since creation by the server's clock.
    pub age: Option<Duration>,
    /// Whole devices that the pod holds (0 if terminal).
    pub gpus: i64,
    /// Set if its node no longer reports, unless the pod has ended.
    pub last_report: Option<LastReport>,
    /// Class of its trouble; `None` if it is in none.
    pub trouble: Option<TroubleClass>,
    /// Time since it has been in trouble by the server's clock; `None` if that is not known.
    pub since: Option<Duration>,
}

impl PodRow<'_> {
    /// Its trouble in words: of a member of a gang also that of its node and of its devices.
    #[must_use]
    pub fn trouble_text(&self) -> Option<&'static str> {
        self.member.map(MemberTrouble::text).or(self.trouble.map(TroubleClass::text))
    }

    /// Order by trouble: the worst first, and of the same the pods that hold the most devices.
    fn trouble_order(&self) -> Option<i128> {
        self.trouble_rank().map(|rank| (rank << 64) - i128::from(self.gpus))
    }

    /// Rank of its trouble, worst first; members of gangs are not compared with other pods.
    fn trouble_rank(&self) -> Option<i128> {
        let member = self.member.and_then(|trouble| i128::try_from(trouble.severity()).ok());
        member.or(self.trouble.map(|class| class as i128))
    }
}

/// Identity of a selected pod.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PodKey {
    pub(crate) uid: Uid,
    pub(crate) namespace: Clean,
    pub(crate) name: Clean,
}

impl PodKey {
    pub(crate) fn of(pod: &PodFacts<'_>) -> Self {
        Self { uid: pod.uid, namespace: Clean::new(pod.namespace), name: Clean::new(pod.name) }
    }
}

/// Identity of a pod while it is in its slot of the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct PodId {
    pub(crate) slot: PodSlot,
    pub(crate) uid: Uid,
}

/// Values of a pod that the screen formats.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PodFigure {
    /// Ready containers of all containers.
    Ready,
    /// Its status as in kubectl, with the age if the node does not report.
    Status,
    /// Restarts of its containers.
    Restarts,
    /// Whole devices that it holds.
    Gpu,
    /// Time since creation.
    Age,
    /// Its controller.
    Owner,
    /// CPU that it requests.
    Cpu,
    /// Memory that it requests.
    Memory,
    /// Class of its trouble.
    Trouble,
    /// Time since it has been in trouble.
    Since,
    /// Status and message: why it is in trouble.
    Reason,
    /// The gang that it belongs to.
    Gang,
    /// Number of its rank in its gang.
    Rank,
}

impl Listing for Pods {
    type Row<'a> = PodRow<'a>;
    type Shown<'a> = PodRow<'a>;
    type Figure = PodFigure;
    type Given = PodScope;
    type Id = PodId;
    type Key = PodKey;
    type Tie = Clean;

    const NAME: &'static str = "pods";
    const COLUMNS: &'static [Column<Self>] = COLUMNS;
    const TERMS: &'static [(&'static str, FilterMatch<Self>, Reads)] = TERMS;

    /// Namespace and name, each in natural order: names have no blank, and a blank sorts before all their characters.
    fn tie(row: &PodRow<'_>, _: u32) -> Clean {
        Clean::new(&format!("{} {}", row.facts.namespace, row.facts.name))
    }
}

const COLUMNS: &[Column<Pods>] = &[
    Column {
        name: "rank",
        header: "RANK",
        width: Width::Seen(4, 7),
        rank: 1,
        align: Align::Right,
        shown: |scope| *scope == PodScope::Gang,
        sort: Some(SortBy::Column("rank")),
        key: |pod| SortKey::Number(pod.rank.map(i128::from)),
        filter: FilterMatch::Count(|pod| pod.rank.map(i64::from)),
        cell: Cell::Drawn(PodFigure::Rank),
        ..Column::PLAIN
    },
    Column {
        name: "namespace",
        aliases: &["ns"],
        shown: |scope| *scope != PodScope::Gang,
        header: "NAMESPACE",
        width: Width::Seen(10, 28),
        rank: 3,
        rank_by: Some(|scope| scope.rank(3, 6)),
        sort: Some(SortBy::Name),
        filter: FilterMatch::Value(|pod, test| test.holds([pod.facts.namespace].into_iter())),
        in_words: true,
        cell: Cell::Name(|pod| Some(pod.facts.namespace)),
        ..Column::PLAIN
    },
    Column {
        name: "pod",
        aliases: &["name"],
        header: "POD",
        width: Width::Seen(12, 253),
        rank: 0,
        filter: FilterMatch::Value(|pod, test| test.holds([pod.facts.name].into_iter())),
        in_words: true,
        cell: Cell::Name(|pod| Some(pod.facts.name)),
        ..Column::PLAIN
    },
    Column {
        name: "trouble",
        aliases: &["state"],
        reads: Reads::Trouble,
        header: "TROUBLE",
        width: Width::Seen(9, 17),
        rank: 1,
        shown: |scope| scope.has_trouble(),
        sort: Some(SortBy::Column("trouble")),
        key: |pod| SortKey::Number(pod.trouble_order()),
        filter: FilterMatch::Text(|pod, text| pod.trouble_text().is_some_and(|trouble| contains(trouble, text))),
        in_words: true,
        cell: Cell::Drawn(PodFigure::Trouble),
        ..Column::PLAIN
    },
    Column {
        name: "since",
        reads: Reads::Time,
        header: "SINCE",
        width: Width::Fixed(6),
        rank: 3,
        align: Align::Right,
        shown: |scope| scope.has_trouble(),
        sort: Some(SortBy::Column("since")),
        key: |pod| SortKey::Number(pod.since.map(|since| -i128::from(since.as_secs()))),
        filter: FilterMatch::Age(|pod| pod.since),
        cell: Cell::Drawn(PodFigure::Since),
        ..Column::PLAIN
    },
    Column {
        name: "ready",
        header: "READY",
        width: Width::Fixed(5),
        shown: |scope| *scope != PodScope::Trouble,
        rank: 7,
        align: Align::Right,
        cell: Cell::Drawn(PodFigure::Ready),
        ..Column::PLAIN
    },
    Column {
        name: "node",
        header: "NODE",
        width: Width::Seen(8, 40),
        rank: 5,
        rank_by: Some(|scope| if *scope == PodScope::Gang { 2 } else { 5 }),
        shown: |scope| scope.is_cluster(),
        sort: Some(SortBy::Column("node")),
        key: |pod| SortKey::Text(Clean::new(pod.facts.node)),
        filter: FilterMatch::Value(|pod, test| test.holds([pod.facts.node].into_iter())),
        in_words: true,
        cell: Cell::Name(|pod| Some(pod.facts.node).filter(|node| !node.is_empty())),
        ..Column::PLAIN
    },
    // 40: `? last reported ContainerCreating 7d23h`.
    Column {
        name: "status",
        aliases: &["phase"],
        header: "STATUS",
        width: Width::Seen(9, 40),
        rank: 1,
        shown: |scope| !scope.has_trouble(),
        sort: Some(SortBy::Status),
        key: |pod| SortKey::Number(Some(status_rank(&pod.facts))),
        filter: FilterMatch::Value(|pod, test| test.holds([pod.facts.status()].into_iter())),
        in_words: true,
        cell: Cell::Drawn(PodFigure::Status),
        ..Column::PLAIN
    },
    Column {
        name: "restarts",
        header: "RESTARTS",
        width: Width::Fixed(8),
        rank: 5,
        rank_by: Some(|scope| scope.rank(5, 7)),
        align: Align::Right,
        sort: Some(SortBy::Restarts),
        key: |pod| SortKey::Number(Some(-i128::from(pod.facts.restarts))),
        filter: FilterMatch::Count(|pod| Some(pod.facts.restarts.into())),
        cell: Cell::Drawn(PodFigure::Restarts),
        ..Column::PLAIN
    },
    Column {
        name: "gpu",
        aliases: &["gpus"],
        header: "GPU",
        width: Width::Fixed(3),
        rank: 2,
        rank_by: Some(|scope| scope.rank(2, 2)),
        align: Align::Right,
        sort: Some(SortBy::Gpu),
        key: |pod| SortKey::Number(Some(-i128::from(pod.gpus))),
        filter: FilterMatch::Count(|pod| Some(pod.gpus)),
        cell: Cell::Drawn(PodFigure::Gpu),
        ..Column::PLAIN
    },
    // A pod without a creation time comes last, also in reverse.
    Column {
        name: "age",
        reads: Reads::Time,
        header: "AGE",
        width: Width::Fixed(6),
        rank: 4,
        rank_by: Some(|scope| scope.rank(4, 9)),
        align: Align::Right,
        sort: Some(SortBy::Age),
        key: |pod| SortKey::Number(pod.facts.created.map(|created| -i128::from(created.as_second()))),
        filter: FilterMatch::Age(|pod| pod.age),
        cell: Cell::Drawn(PodFigure::Age),
        ..Column::PLAIN
    },
    Column {
        name: "owner",
        header: "OWNER",
        width: Width::Seen(10, 24),
        rank: 6,
        rank_by: Some(|scope| scope.rank(6, 8)),
        filter: FilterMatch::Value(|pod, test| test.holds([pod.facts.owner_kind, pod.facts.owner_name].into_iter())),
        in_words: true,
        cell: Cell::DrawnName(PodFigure::Owner),
        ..Column::PLAIN
    },
    Column {
        name: "gang",
        header: "GANG",
        width: Width::Seen(8, 32),
        rank: 6,
        rank_by: Some(|scope| scope.rank(6, 8)),
        shown: |scope| scope.is_cluster() && *scope != PodScope::Gang,
        filter: FilterMatch::Value(|pod, test| test.holds([pod.facts.gang.map_or("", |gang| gang.name)].into_iter())),
        in_words: true,
        cell: Cell::DrawnName(PodFigure::Gang),
        ..Column::PLAIN
    },
    Column {
        name: "cpu",
        header: "CPU",
        width: Width::Fixed(7),
        shown: |scope| !scope.has_trouble(),
        rank: 8,
        align: Align::Right,
        sort: Some(SortBy::Cpu),
        key: |pod| most_first(held(&pod.facts, pod.facts.requests.cpu)),
        filter: FilterMatch::Amount(|pod| Some((held(&pod.facts, pod.facts.requests.cpu), None))),
        cell: Cell::Drawn(PodFigure::Cpu),
        ..Column::PLAIN
    },
    Column {
        name: "memory",
        aliases: &["mem"],
        header: "MEMORY",
        width: Width::Fixed(7),
        shown: |scope| !scope.has_trouble(),
        rank: 9,
        align: Align::Right,
        sort: Some(SortBy::Memory),
        key: |pod| most_first(held(&pod.facts, pod.facts.requests.memory)),
        filter: FilterMatch::Amount(|pod| Some((held(&pod.facts, pod.facts.requests.memory), None))),
        cell: Cell::Drawn(PodFigure::Memory),
        ..Column::PLAIN
    },
    Column {
        name: "reason",
        header: "REASON",
        width: Width::RestFrom(24),
        rank: 4,
        shown: |scope| scope.has_trouble(),
        filter: FilterMatch::Text(|pod, text| {
            contains(pod.facts.status(), text)
                || pod
                    .facts
                    .trouble
                    .is_some_and(|trouble| contains(trouble.message, text) || contains(trouble.image, text))
        }),
        in_words: true,
        cell: Cell::Drawn(PodFigure::Reason),
        ..Column::PLAIN
    },
];

/// Terms of a filter that are not columns of the table.
const TERMS: &[(&str, FilterMatch<Pods>, Reads)] = &[(
    "resource",
    FilterMatch::Value(|pod, test| {
        let requested = pod.facts.requests.others.iter().filter(|(_, amount)| *amount > Quantity::ZERO);
        test.holds(requested.map(|(resource, _)| *resource))
    }),
    Reads::Row,
)];

/// Amount that the pod holds now: zero once it has ended, whatever it requested.
fn held(pod: &PodFacts<'_>, amount: Quantity) -> Quantity {
    if pod.phase.is_terminal() { Quantity::ZERO } else { amount }
}

fn most_first(amount: Quantity) -> SortKey {
    SortKey::Number(Some(amount.nano().saturating_neg()))
}

/// Worst first: failed, unknown, failing, not ready, terminating, starting, running, succeeded.
fn status_rank(pod: &PodFacts<'_>) -> i128 {
    match (pod.phase, pod.reason) {
        (PodPhase::Failed, _) => 0,
        (PodPhase::Unknown, _) => 1,
        (PodPhase::Succeeded, _) => 7,
        (_, reason) if reason.contains("BackOff") || reason.contains("Err") => 2,
        (_, "Terminating") => 4,
        (PodPhase::Pending, _) => 5,
        (PodPhase::Running, "") if pod.ready >= pod.containers => 6,
        (PodPhase::Running, _) => 3,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::table::filter::Filter;
    use crate::msg::LineEdit;

    fn shown(text: &str) -> (Vec<&'static str>, Option<String>) {
        let mut filter = Filter::<Pods>::default();
        filter.edit(&LineEdit::Paste(text.to_owned()));
        let pod = |namespace, name, reason, restarts, owner_kind| PodFacts {
            namespace,
            name,
            owner_kind,
            reason,
            restarts,
            ..PodFacts::default()
        };
        let pods = [
            (pod("train", "llm-0", "CrashLoopBackOff", 12, "Job"), 4),
            (pod("train", "llm-1", "", 0, "Job"), 8),
            (pod("kube-system", "proxy-x", "", 3, "DaemonSet"), 0),
        ];
        let row = |(facts, gpus)| PodRow {
            facts,
            gpus,
            selected: false,
            rank: None,
            member: None,
            age: None,
            last_report: None,
            trouble: None,
            since: None,
        };
        let shown = pods.into_iter().map(row).filter(|pod| filter.shows(pod));
        (shown.map(|pod| pod.facts.name).collect(), filter.note().map(ToString::to_string))
    }

    #[test]
    fn terms_narrow_the_pods() {
        for (text, want) in [
            ("", &["llm-0", "llm-1", "proxy-x"][..]),
            ("LLM", &["llm-0", "llm-1"]),
            ("crash", &["llm-0"]),
            ("!llm", &["proxy-x"]),
            ("ns:kube", &["proxy-x"]),
            ("owner:job !crash", &["llm-1"]),
            ("restarts>3", &["llm-0"]),
            ("restarts>=3", &["llm-0", "proxy-x"]),
            ("restarts=0", &["llm-1"]),
            ("gpu<8", &["llm-0", "proxy-x"]),
            ("gpu>0 gpu<=4", &["llm-0"]),
        ] {
            assert_eq!(shown(text), (want.to_vec(), None), "{text}");
        }
    }

    #[test]
    fn a_term_that_means_nothing_hides_nothing_and_is_named() {
        for text in ["gpu>", "gpu:4", "status>3", "color:red", "ns:", "!", "restarts>many"] {
            let (pods, note) = shown(text);
            assert_eq!(pods.len(), 3, "{text}");
            assert!(note.is_some_and(|note| note.contains(text)), "{text}");
        }
    }
}

//! Pods that the alerts of the cluster hit.

use super::ClusterState;
use crate::facts::text::Clean;
use crate::model::alerts::{self, AlertLine, Alerts, HitScope, Rule};
use crate::model::derive::device_conditions;
use crate::model::derive::hits::{self, HitPart, HitReads, HitTarget, Hits};
use crate::model::derive::join::SLOWLY;
use crate::model::known::Known;
use crate::model::store::Stores;
use crate::model::store::pods::PodSlot;
use crate::msg::{AlertHits, HitsState, Mono, Now};

/// Above this number of pods that a count reads, hits are counted at most once in [`SLOWLY`].
const MANY: usize = 4_096;

/// Hits of the firing alerts, kept until one of their inputs changes.
#[derive(Debug, Default)]
pub(super) struct HitCache {
    counted: Vec<CountedHits>,
    inputs: Option<HitInputs>,
    /// Time of the count.
    at: Mono,
    /// Number of pods that were read: of the nodes, and of the gangs that are named.
    read: usize,
    /// Number of counts.
    #[cfg(test)]
    made: u64,
}

/// Hits of one alert.
#[derive(Debug)]
struct CountedHits {
    rule: Rule,
    subject: Option<Clean>,
    hits: Known<Hits>,
}

/// Inputs of the hits; the same inputs and alerts give the same hits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct HitInputs {
    /// Revision of the nodes; below, of their histories, of those that end their pods, of the pods and of the sizes of gangs.
    nodes: u64,
    history: u64,
    black_holes: u64,
    pods: u64,
    sizes: u64,
    known: Known<()>,
}

/// Identity of the alert whose pods are listed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HitKey {
    /// The kind of alert.
    pub rule: Rule,
    /// Object that it is about; `None` if that is many nodes.
    pub subject: Option<Clean>,
}

impl HitKey {
    /// Title of the list: `pods hit by NodeNotReady`, `pods that GpusMissing may hit`.
    #[must_use]
    pub fn title(&self) -> String {
        let about = self.subject.as_ref().map(|subject| format!(" of {subject}")).unwrap_or_default();
        let reason = self.rule.reason();
        if self.rule.spec().hits.is_upper_bound() {
            format!("pods that {reason}{about} may hit")
        } else {
            format!("pods hit by {reason}{about}")
        }
    }
}

impl HitCache {
    /// Returns `true` if the counted alerts are the ones that hit pods now.
    fn matches(&self, alerts: &Alerts) -> bool {
        hitting(alerts).eq(self.counted.iter().map(|counted| (counted.rule, counted.subject.as_ref())))
    }
}

impl ClusterState {
    /// Pods that a firing alert hits, as of the last frame; `None` if it hits none by its kind.
    #[must_use]
    pub fn hits(&self, rule: Rule, subject: Option<&Clean>) -> Option<&Known<Hits>> {
        let same = |counted: &&CountedHits| counted.rule == rule && counted.subject.as_ref() == subject;
        self.hits.counted.iter().find(same).map(|counted| &counted.hits)
    }

    /// The same as of now, as plain data with its state.
    #[must_use]
    pub fn hits_now(&self, alert: &AlertLine, now: Now) -> (Option<AlertHits>, HitsState) {
        let mut reads = HitReads::default();
        hits::plain(self.count_hits(alert.rule, alert.subject.as_ref(), &mut reads, now).as_ref())
    }

    /// Counts the pods that the firing alerts hit, if something has changed: O(pods of the nodes, of each alert, and all pods of up
    /// to 16 gangs of each), and once in [`SLOWLY`] if more than [`MANY`] were read.
    pub(super) fn refresh_hits(&mut self, now: Now) {
        let inputs = HitInputs {
            nodes: self.nodes.revision(),
            history: self.history.revision(),
            black_holes: self.black_holes.revision(),
            pods: self.pods.revision(),
            sizes: self.gang_sizes.revision(),
            known: self.tracks.pods.known(()),
        };
        let (is_same, is_recent) = (self.hits.inputs == Some(inputs), now.mono.since(self.hits.at) < SLOWLY);
        if self.hits.matches(&self.alerts) && (is_same || (self.hits.read > MANY && is_recent)) {
            return;
        }
        let mut reads = HitReads::default();
        let counted = hitting(&self.alerts).filter_map(|(rule, subject)| {
            let hits = self.count_hits(rule, subject, &mut reads, now)?;
            Some(CountedHits { rule, subject: subject.cloned(), hits })
        });
        let counted: Vec<CountedHits> = counted.collect();
        self.hits.read = reads.pods();
        self.hits.counted = counted;
        (self.hits.inputs, self.hits.at) = (Some(inputs), now.mono);
        #[cfg(test)]
        {
            self.hits.made += 1;
        }
    }

    /// Counts the pods that an alert hits now; `None` if it hits none by its kind. Alerts that are counted together share `reads`.
    pub(in crate::model) fn count_hits(
        &self,
        rule: Rule,
        subject: Option<&Clean>,
        reads: &mut HitReads,
        now: Now,
    ) -> Option<Known<Hits>> {
        let target = self.hit_target(rule, subject, now)?;
        let requested = match target {
            HitTarget::Nodes(_) => 0,
            HitTarget::Cluster => {
                let whole = self.join.whole_devices(&self.nodes, &self.tracks.pods);
                whole.and_then(|devices| devices.requested.any()).unwrap_or(0)
            }
        };
        let at_most = rule.spec().hits.is_upper_bound();
        // Nothing is counted of pods that are not known.
        let count = |()| Hits { at_most, ..target.count(self.gang_source(now), requested, reads) };
        Some(self.tracks.pods.known(()).map(count))
    }

    /// Slots of the pods that an alert hits now, in no particular order.
    pub(super) fn hit_pods(&self, alert: &HitKey, now: Now) -> Vec<PodSlot> {
        let target = self.hit_target(alert.rule, alert.subject.as_ref(), now);
        target.map(|target| target.slots(Stores { nodes: &self.nodes, pods: &self.pods })).unwrap_or_default()
    }

    /// Pods that an alert may hit; `None` if it hits none by its kind.
    fn hit_target(&self, rule: Rule, subject: Option<&Clean>, now: Now) -> Option<HitTarget> {
        let scope = rule.spec().hits;
        match scope {
            HitScope::None => return None,
            HitScope::Cluster => return Some(HitTarget::Cluster),
            HitScope::Node | HitScope::SomeOfNode | HitScope::Conditions | HitScope::Devices => {}
        }
        let nodes = match subject {
            Some(subject) => {
                // The subject is the node, or node and resource.
                let (node, resource) = subject.split_once('/').map_or((&**subject, None), |(a, b)| (a, Some(b)));
                vec![(Clean::new(node), resource.map(Clean::new))]
            }
            None => alerts::nodes_of(rule, &self.evidence(now)),
        };
        let parts = nodes.into_iter().map(|(node, resource)| {
            let part = match (scope, resource) {
                (HitScope::Devices, Some(resource)) => HitPart::Resource(resource),
                (HitScope::Conditions, _) if self.reports_devices_only(&node) => HitPart::Accelerators,
                _ => HitPart::All,
            };
            (node, part)
        });
        Some(HitTarget::of_nodes(parts.collect()))
    }

    /// The accelerators of a node whose bad conditions report faults of devices only; `None` if it has several kinds, which one
    /// term of a filter cannot name.
    pub(in crate::model) fn faulty_resource(&self, name: &str) -> Option<Clean> {
        let node = self.nodes.by_name(name).filter(|_| self.reports_devices_only(name))?;
        let [only] = &**node.devices else { return None };
        Some(only.resource.clone())
    }

    /// Returns `true` if the bad conditions of a node report faults of its devices only.
    fn reports_devices_only(&self, name: &str) -> bool {
        let node = self.nodes.by_name(name);
        node.is_some_and(|node| device_conditions::are_of_devices(&node.facts.conditions, node.pressures()))
    }
}

/// Firing alerts that hit pods by their kind, also the one about several clusters that this is one of.
fn hitting(alerts: &Alerts) -> impl Iterator<Item = (Rule, Option<&Clean>)> {
    let lines = alerts.lines().iter().map(|line| (line.rule, line.subject.as_ref()));
    let outage = alerts.is_in_outage().then_some((Rule::ClustersUnreachable, None));
    lines.chain(outage).filter(|(rule, _)| rule.spec().hits != HitScope::None)
}

#[cfg(test)]
mod tests;

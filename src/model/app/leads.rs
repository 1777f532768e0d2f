//! Where a row leads on: node, pod, accelerators, alert, and the node of each.

use super::Model;
use super::screens::{NodePane, ReplacedTables, Screen};
use crate::action::TopScreen;
use crate::facts::text::Clean;
use crate::model::alerts::{HitScope, Rule, SEVERAL};
use crate::model::cluster::{HitKey, PodPlace, PodSet, PodTable};
use crate::model::derive::gpus::{GpuGroup, Grouping, HolderGroup};
use crate::model::derive::pod_groups::PodGroupKey;
use crate::model::known::Known;
use crate::model::rules::DataSource;
use crate::model::table::TextTest;
use crate::model::table::pods::PodKey;
use crate::msg::detail::ObjectRef;
use crate::msg::{LineEdit, Now};

/// Node of devices that several nodes can use, as the list of held devices names it.
const NETWORK: &str = "network";

impl Model {
    /// Opens the selected row, or shows in full what the screen shows in part.
    pub(in crate::model) fn lead_on(&mut self, now: Now) {
        match &self.screen {
            Screen::Nodes => self.open(now),
            Screen::Node { pane: NodePane::Pods, .. }
            | Screen::Pods(_)
            | Screen::Gang(_)
            | Screen::Top(TopScreen::Trouble) => self.open_pod(now),
            Screen::Top(TopScreen::Gangs) => self.open_gang(now),
            Screen::Node { pane: NodePane::Conditions | NodePane::Resources | NodePane::Labels, name } => {
                match self.current().node(name, now) {
                    // Its YAML has every message and label in full.
                    Some(_) => self.toggle_yaml(now),
                    None => self.set_notice("the node does not exist", now),
                }
            }
            Screen::Top(TopScreen::Alerts) => self.open_alert(now),
            Screen::Top(TopScreen::Gpus) => self.open_gpus(now),
            Screen::Node { pane: NodePane::Events, .. } | Screen::Top(TopScreen::Api) => {
                if !self.toggle_row() {
                    self.set_notice("no row is selected", now);
                }
            }
            Screen::Pod { .. } => {
                // Conditions and claims are no rows; the YAML has them in full.
                if !self.toggle_row() {
                    self.toggle_yaml(now);
                }
            }
            Screen::Yaml { .. } => self.no_such_key(now),
        }
    }

    /// Opens the selected node.
    fn open(&mut self, now: Now) {
        self.on_current(|cluster| cluster.arrange_all(now));
        match self.current().selected_name().cloned() {
            Some(name) => {
                self.on_current(|cluster| cluster.select(Some(name.clone()), now));
                self.open_node(self.current, name, None, now);
            }
            None => self.set_notice("no node is selected", now),
        }
    }

    /// Opens a node of a cluster, with the cursor at one of its pods.
    fn open_node(&mut self, at: usize, name: Clean, pod: Option<PodKey>, now: Now) {
        self.descend(at, Screen::Node { name: name.clone(), pane: NodePane::Pods });
        let current = self.current;
        let Some(cluster) = self.clusters.get_mut(current) else { return };
        let before = cluster.visit_node(name, pod);
        cluster.arrange_pods(PodPlace::Node, now);
        self.keep_replaced(ReplacedTables { cluster: current, nodes: None, pods: Some((PodPlace::Node, before)) });
    }

    /// Opens a list of pods of the current cluster.
    fn open_pods(&mut self, set: PodSet, now: Now) {
        self.open_pods_of(self.current, set, now);
    }

    /// Opens a list of pods of a cluster.
    fn open_pods_of(&mut self, at: usize, set: PodSet, now: Now) {
        self.descend(at, Screen::Pods(set.clone()));
        self.show_pods(set);
        self.arrange_pods(now);
    }

    /// Opens the pods in trouble with their sort and filter, unless other pods have their place.
    pub(super) fn open_trouble(&mut self) {
        self.descend(self.current, Screen::Top(TopScreen::Trouble));
        if !matches!(self.current().pod_list(PodPlace::Screen).set(), PodSet::Trouble | PodSet::All) {
            self.show_pods(PodSet::Trouble);
        }
    }

    /// Opens the gangs, with the cursor at the open gang or at the gang of the selected or open pod or group.
    pub(super) fn open_gangs(&mut self, now: Now) {
        self.arrange_pods(now);
        let gang = match (&self.screen, self.subject()) {
            (Screen::Gang(key), _) => Some(key.clone()),
            (_, Some(ObjectRef::Pod { namespace, name })) => self.current().gang_of(&namespace, &name),
            (Screen::Top(TopScreen::Trouble), None) => {
                let groups = self.current().pod_list(PodPlace::Screen).groups();
                groups.and_then(|groups| groups.selected()?.gang())
            }
            _ => None,
        };
        self.show(Screen::Top(TopScreen::Gangs), now);
        self.on_current(|cluster| {
            if let Some(gang) = gang {
                cluster.gangs_mut().seek(gang);
            }
            cluster.arrange_gangs(now);
        });
    }

    /// Opens the selected gang, with the cursor at its worst member.
    fn open_gang(&mut self, now: Now) {
        self.on_current(|cluster| cluster.arrange_gangs(now));
        let Some(gang) = self.current().gangs().selected() else {
            return self.set_notice("no gang is selected", now);
        };
        let (key, worst) = (gang.key.clone(), gang.worst.as_ref().map(|worst| worst.pod.clone()));
        let pod = worst.and_then(|pod| self.current().pod_key(&key.namespace, &pod));
        self.descend(self.current, Screen::Gang(key.clone()));
        self.show_pods(PodSet::Gang(key.clone()));
        self.on_current(|cluster| {
            cluster.arrange_gang(&key, now);
            cluster.pod_list_mut(PodPlace::Screen).choose(pod);
        });
        self.arrange_pods(now);
    }

    /// Puts a new list of pods on the screen that was just opened.
    fn show_pods(&mut self, set: PodSet) {
        let current = self.current;
        let Some(cluster) = self.clusters.get_mut(current) else { return };
        let before = cluster.replace_pods(PodPlace::Screen, PodTable::of(set));
        self.keep_replaced(ReplacedTables { cluster: current, nodes: None, pods: Some((PodPlace::Screen, before)) });
    }

    /// Keeps the tables that the screen on top has replaced, for the way back.
    fn keep_replaced(&mut self, replaced: ReplacedTables) {
        if let Some(below) = self.trail.last_mut() {
            below.replaced = Some(replaced);
        }
    }

    /// Opens the selected pod of the list on the screen.
    fn open_pod(&mut self, now: Now) {
        self.arrange_pods(now);
        if let Some(key) = self.selected_group().cloned() {
            return self.open_pods(PodSet::Group(key), now);
        }
        let place = self.screen.pod_place();
        match place.and_then(|place| self.current().selected_pod(place)) {
            Some(pod) => self.descend(self.current, Screen::Pod { namespace: pod.namespace, name: pod.name }),
            None => self.set_notice("no pod is selected", now),
        }
    }

    /// The selected group of pods in trouble.
    fn selected_group(&self) -> Option<&PodGroupKey> {
        let place = self.screen.pod_place()?;
        self.current().pod_list(place).groups()?.selected().map(|group| &group.key)
    }

    /// Opens the nodes of a cluster that a filter shows.
    fn open_nodes(&mut self, at: usize, filter: String) {
        self.descend(at, Screen::Nodes);
        let current = self.current;
        let Some(cluster) = self.clusters.get_mut(current) else { return };
        let nodes = Some(cluster.show_nodes(filter));
        self.keep_replaced(ReplacedTables { cluster: current, nodes, pods: None });
    }

    /// Opens the node of the selected or open pod, of the selected held devices, or of the selected alert.
    pub(in crate::model) fn open_its_node(&mut self, now: Now) {
        self.arrange_pods(now);
        let node = match &self.screen {
            Screen::Nodes => return self.open(now),
            Screen::Node { name, .. } => {
                let text = format!("`{name}` is shown already");
                return self.set_notice(&text, now);
            }
            Screen::Top(TopScreen::Alerts) => return self.open_alert_node(now),
            Screen::Top(TopScreen::Gpus) => {
                let Some(held) = self.current().gpus().selected_held() else {
                    return self.set_notice("no held GPU is selected", now);
                };
                held.node.clone()
            }
            Screen::Top(TopScreen::Gangs) => match self.current().gangs().selected() {
                Some(gang) => gang.worst.as_ref().map(|worst| worst.node.clone()).unwrap_or_default(),
                None => return self.set_notice("no gang is selected", now),
            },
            Screen::Pod { .. }
            | Screen::Yaml { .. }
            | Screen::Pods(_)
            | Screen::Gang(_)
            | Screen::Top(TopScreen::Trouble) => match self.subject() {
                Some(ObjectRef::Node { name }) => name,
                Some(ObjectRef::Pod { namespace, name }) => self.node_of_pod(&namespace, &name, now),
                None => return self.set_notice("no pod is selected", now),
            },
            Screen::Top(_) => return self.no_such_key(now),
        };
        let pod = match self.subject() {
            Some(ObjectRef::Pod { namespace, name }) => self.current().pod_key(&namespace, &name),
            _ => None,
        };
        match &*node {
            "" => self.set_notice("no node yet", now),
            name if self.current().node(name, now).is_some() => self.open_node(self.current, node, pod, now),
            name => {
                let text = format!("no node is called `{name}`");
                self.set_notice(&text, now);
            }
        }
    }

    /// Opens the pods of the controlling owner of the selected or open pod, or those that hold the devices of the selected group.
    pub(in crate::model) fn open_owner(&mut self, now: Now) {
        self.arrange_pods(now);
        if matches!(self.screen, Screen::Nodes | Screen::Top(TopScreen::Alerts | TopScreen::Api)) {
            return self.no_such_key(now);
        }
        if let Some(owner) = self.selected_group().and_then(PodGroupKey::owner) {
            return self.open_pods(PodSet::Owner(owner), now);
        }
        if self.screen == Screen::Top(TopScreen::Gpus) && self.current().gpus().selected_group().is_some() {
            return self.open_holders(now);
        }
        let Some(ObjectRef::Pod { namespace, name }) = self.subject() else {
            return self.set_notice("no pod is selected", now);
        };
        let set = match self.current().owner_of(&namespace, &name) {
            Some(owner) => PodSet::Owner(owner),
            None if self.current().pod_key(&namespace, &name).is_some() => {
                return self.set_notice("the pod has no owner", now);
            }
            None => return self.set_notice("the pod is not in the list of pods", now),
        };
        if self.screen == Screen::Pods(set.clone()) {
            return self.set_notice("the pods of this owner are shown already", now);
        }
        self.open_pods(set, now);
    }

    /// Node of a pod: by the object if it was read, else by the list; empty if neither names one.
    fn node_of_pod(&self, namespace: &str, name: &str, now: Now) -> Clean {
        let (cluster, is_named) = (self.current(), |node: &&str| !node.is_empty());
        let read = cluster.detail().and_then(|detail| detail.pod()).map(|pod| &*pod.node).filter(is_named);
        let listed = || cluster.pod_row(namespace, name, now).map(|row| row.facts.node).filter(is_named);
        read.or_else(listed).map(Clean::new).unwrap_or_default()
    }

    /// The pod that holds the selected devices.
    pub(super) fn held_pod(&self) -> Option<ObjectRef> {
        let held = self.current().gpus().selected_held().filter(|held| !held.claim)?;
        Some(ObjectRef::Pod { namespace: held.namespace.clone(), name: held.name.clone() })
    }

    /// Opens the pod that holds the selected devices, the node of a claim's devices, or the nodes of the selected model or pool.
    fn open_gpus(&mut self, now: Now) {
        if let Some(ObjectRef::Pod { namespace, name }) = self.held_pod() {
            return self.descend(self.current, Screen::Pod { namespace, name });
        }
        let gpus = self.current().gpus();
        if let Some(claim) = gpus.selected_held() {
            match &*claim.node {
                NETWORK => self.set_notice("these devices belong to no single node", now),
                _ => self.open_its_node(now),
            }
            return;
        }
        let Some(group) = gpus.selected_group() else { return self.set_notice("no row is selected", now) };
        // The report may still be that of the previous grouping.
        let term = match gpus.report().by.unwrap_or(self.grouping) {
            Grouping::Model => "model",
            Grouping::Pool => "pool",
            Grouping::Namespace | Grouping::Owner => return self.open_holders(now),
        };
        if group.dra && (term == "model" || *group.name == *NETWORK) {
            return self.set_notice("nodes cannot be filtered by their DRA devices", now);
        }
        let filter = nodes_of_group(term, group, &gpus.report().groups);
        self.open_nodes(self.current, filter);
    }

    /// Opens the pods that hold the devices of the selected group.
    fn open_holders(&mut self, now: Now) {
        let gpus = self.current().gpus();
        let Some(group) = gpus.selected_group() else { return self.set_notice("no row is selected", now) };
        if group.dra {
            return self.set_notice("DRA devices belong to claims, not to pods", now);
        }
        let GpuGroup { name, resource, kind, .. } = group.clone();
        let by = gpus.report().by.unwrap_or(self.grouping);
        self.open_pods(PodSet::Holders(HolderGroup { by, name, resource, kind }), now);
    }

    /// Opens the pods that the selected alert hits: the node that it is about, with a filter if it is about devices, or a list of
    /// its own; or the nodes or the API view of its cluster.
    fn open_alert(&mut self, now: Now) {
        let Some(alert) = self.alert_target(now) else { return self.set_notice("no alert is selected", now) };
        match (&alert.node, alert.rule.spec().hits) {
            (Some(name), scope) => {
                let resource = match scope {
                    HitScope::Devices => alert.resource().map(Clean::new),
                    HitScope::Conditions => self.clusters.get(alert.cluster).and_then(|of| of.faulty_resource(name)),
                    HitScope::None | HitScope::Node | HitScope::SomeOfNode | HitScope::Cluster => None,
                };
                let filter = resource.map(|resource| format!("resource={resource}"));
                self.open_node(alert.cluster, name.clone(), None, now);
                if let (Some(filter), Some(cluster)) = (filter, self.clusters.get_mut(alert.cluster)) {
                    cluster.pod_list_mut(PodPlace::Node).control_mut().edit_filter(&LineEdit::Paste(filter));
                    cluster.arrange_pods(PodPlace::Node, now);
                }
            }
            (None, _) if !alert.rule.is_about_nodes() => self.descend(alert.cluster, Screen::Top(TopScreen::Api)),
            (None, scope) if scope != HitScope::None && self.knows_pods(alert.cluster) => {
                let hits = HitKey { rule: alert.rule, subject: alert.subject };
                self.open_pods_of(alert.cluster, PodSet::Hit(hits), now);
            }
            (None, _) => self.open_alert_nodes(&alert),
        }
    }

    /// Opens the node or the nodes that the selected alert is about.
    fn open_alert_node(&mut self, now: Now) {
        let Some(alert) = self.alert_target(now) else { return self.set_notice("no alert is selected", now) };
        match &alert.node {
            Some(name) => self.open_node(alert.cluster, name.clone(), None, now),
            None if alert.rule.is_about_nodes() => self.open_alert_nodes(&alert),
            None => self.set_notice("the alert is not about a node", now),
        }
    }

    fn open_alert_nodes(&mut self, alert: &AlertTarget) {
        let filter = self.filter_of(alert);
        self.open_nodes(alert.cluster, filter);
    }

    /// Returns `true` if pods of a cluster are known.
    fn knows_pods(&self, cluster: usize) -> bool {
        self.clusters.get(cluster).is_some_and(|cluster| cluster.pod_counts().any().is_some())
    }

    fn alert_target(&mut self, now: Now) -> Option<AlertTarget> {
        let key = self.chosen_key(now)?;
        let first = if key.cluster == SEVERAL { self.outage.first() } else { None };
        let cluster = first.unwrap_or(usize::from(key.cluster.0));
        // The subject is the node, or node and resource.
        let node = key.subject.as_deref().and_then(|subject| subject.split('/').next());
        let node = node
            .filter(|_| key.rule.is_about_nodes())
            .filter(|name| self.clusters.get(cluster).is_some_and(|of| of.node(name, now).is_some()));
        let node = node.map(Clean::new);
        Some(AlertTarget { cluster, rule: key.rule, subject: key.subject, node })
    }

    /// Filter of the node table for an alert about many nodes. Numbers of pods that are lower bounds match no comparison, so
    /// that all nodes are shown then.
    fn filter_of(&self, alert: &AlertTarget) -> String {
        let Some(cluster) = self.clusters.get(alert.cluster) else { return String::new() };
        let spec = alert.rule.spec();
        match (spec.source, cluster.pod_counts()) {
            (DataSource::Pods, Known::AtLeast(_) | Known::Unknown | Known::Denied) => String::new(),
            _ => (spec.nodes)(&cluster.settings),
        }
    }
}

/// Filter of the node table for a group of accelerators, with the resource if other groups have the same name.
fn nodes_of_group(term: &str, group: &GpuGroup, all: &[GpuGroup]) -> String {
    let name = match &*group.name {
        "" => format!("{term}={}", TextTest::NONE),
        // A blank begins another term.
        name if name.contains(' ') => {
            name.split_whitespace().map(|word| format!("{term}:{word}")).collect::<Vec<_>>().join(" ")
        }
        name => format!("{term}={name}"),
    };
    let is_alone = all.iter().filter(|other| other.name == group.name && !other.dra).count() < 2;
    if group.dra || is_alone { name } else { format!("{name} resource={}", group.resource) }
}

/// Object that an alert is about.
struct AlertTarget {
    /// Index of its cluster; of several clusters that of the first.
    cluster: usize,
    rule: Rule,
    subject: Option<Clean>,
    /// Its node, if it is about one that exists.
    node: Option<Clean>,
}

impl AlertTarget {
    /// The resource, if it is about devices of one node.
    fn resource(&self) -> Option<&str> {
        self.subject.as_deref()?.split_once('/').map(|(_, resource)| resource)
    }
}

#[cfg(test)]
mod tests;

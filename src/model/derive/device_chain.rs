//! Why a node has no devices: the chain from the driver to the validator, and its first broken link.
//!
//! Each `DaemonSet` of the chain waits for the one before it, so that the first pod in the order that is not Ready is the cause and
//! every later `Init:0/1` only waits. What brings devices is declared in `links.rs`.

mod links;

use std::fmt::Write as _;

use super::joined_node::JoinedNode;
use crate::facts::accelerator::{AcceleratorTable, maker};
use crate::facts::node::{NodeFacts, NodeInventory, Readiness};
use crate::facts::pod::{PodBatch, PodFacts, PodPhase};
use crate::facts::text::Clean;
use crate::model::known::Known;
use crate::model::store::nodes::{AcceleratorSum, Node, devices};
use crate::model::store::pods::PodStore;
use crate::model::store::scope::PodTracks;

use links::{DeviceStack, LinkRole, LinkSource, LinkSpec, STACKS};

/// Value of the label of a link whose pod is assigned to the node.
const DEPLOY: &str = "true";
/// Value of the driver's label on a node whose driver belongs to the host.
const PRE_INSTALLED: &str = "pre-installed";
/// Beginning of the values with which the operator takes pods away for a while. One that is left behind looks like a missing
/// `DaemonSet` (NVIDIA/gpu-operator#316, #416).
const PAUSED: &str = "paused-";

/// The chain that brings the devices of one maker to a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceChain {
    /// Maker of the devices, `nvidia.com`.
    pub maker: &'static str,
    /// The links that the node has or should have, in their order.
    pub links: Vec<ChainLink>,
    /// The verdict.
    pub verdict: ChainVerdict,
}

/// One link on a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChainLink {
    /// Name in words: `driver`, `device plugin`.
    pub name: &'static str,
    /// kubectl's STATUS of its pod, the value of its label, or why it has no pod.
    pub state: Clean,
    /// Its condition.
    pub health: LinkHealth,
}

/// Condition of a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkHealth {
    /// It does its part, or is not needed.
    Good,
    /// It does not.
    Broken,
    /// Its pod may be among those that are not known.
    Unknown,
}

/// Reason why a node has no devices, as far as the chain tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ChainVerdict {
    /// The first broken link, with its state and the kubelet's message: `driver: Init:CrashLoopBackOff, back-off 5m0s …`.
    Broken(Clean),
    /// No link is broken: the device plugin itself does not register or withdraws the devices, or they are offered elsewhere.
    Intact(Clean),
    /// The pods that decide it are not known, and why.
    Unknown(Clean),
}

/// A link that the node has or should have, with all that the verdict needs.
struct FoundLink {
    link: ChainLink,
    role: LinkRole,
    /// `true` if it has neither a pod nor a label that says why.
    is_absent: bool,
    /// Message and pod of a broken link; empty without one.
    detail: String,
}

/// Pods of a node, as far as they are known.
pub(crate) type PodsOfNode<'p> = Known<Vec<PodFacts<'p>>>;

impl DeviceChain {
    /// The verdict in words: `broken at driver: …`.
    #[must_use]
    pub fn text(&self) -> String {
        match &self.verdict {
            ChainVerdict::Broken(text) => format!("broken at {text}"),
            ChainVerdict::Intact(text) => text.to_string(),
            ChainVerdict::Unknown(text) => format!("cause unknown: {text}"),
        }
    }

    /// The first broken link with its state; `None` if none is known to be broken.
    #[must_use]
    pub fn broken(&self) -> Option<&Clean> {
        match &self.verdict {
            ChainVerdict::Broken(text) => Some(text),
            ChainVerdict::Intact(_) | ChainVerdict::Unknown(_) => None,
        }
    }
}

/// The chain of the devices of `maker` on a node; `None` if no chain of that maker is known. `works`: the node has healthy devices
/// of that maker, so that some device plugin runs, whatever its name.
pub(crate) fn chain(maker: &str, node: &impl NodeInventory, pods: &PodsOfNode<'_>, works: bool) -> Option<DeviceChain> {
    let stack = STACKS.iter().find(|stack| stack.maker == maker)?;
    let mut found: Vec<FoundLink> = stack.links.iter().filter_map(|spec| find(spec, node, pods)).collect();
    forgive(&mut found);
    let verdict = verdict(&found, pods).unwrap_or_else(|| no_plugin(stack, node, works));
    Some(DeviceChain { maker: stack.maker, links: found.into_iter().map(|found| found.link).collect(), verdict })
}

/// A link of the table on this node; `None` if the node neither has it nor should have it.
fn find(spec: &LinkSpec, node: &impl NodeInventory, pods: &PodsOfNode<'_>) -> Option<FoundLink> {
    let name = spec.name;
    let found = |state: &str, health, role| FoundLink {
        link: ChainLink { name, state: Clean::new(state), health },
        role,
        is_absent: false,
        detail: String::new(),
    };
    let (deploy, role) = match spec.source {
        LinkSource::State { label, bad } => {
            let value = node.label(label).filter(|value| !value.is_empty())?;
            let health = if bad.contains(&value.as_str()) { LinkHealth::Broken } else { LinkHealth::Good };
            return Some(found(value, health, LinkRole::After));
        }
        LinkSource::DaemonSet { deploy, role, .. } => (deploy, role),
    };
    let label = node.label(deploy).map(Clean::as_str).filter(|_| !deploy.is_empty());
    let absent = |state: &str, health| FoundLink { is_absent: true, ..found(state, health, role) };
    match (label, pod_of(spec, pods)) {
        (Some(paused), _) if paused.starts_with(PAUSED) => {
            Some(FoundLink { detail: format!("label {deploy}"), ..found(paused, LinkHealth::Broken, role) })
        }
        (_, Some(pod)) => Some(of_pod(name, pod, role)),
        (Some(PRE_INSTALLED), None) => Some(found(PRE_INSTALLED, LinkHealth::Good, role)),
        (Some(DEPLOY), None) => Some(match pods {
            Known::Exact(_) => absent("no pod on this node", LinkHealth::Broken),
            _ => absent("no pod seen", LinkHealth::Unknown),
        }),
        (Some(other), None) => Some(absent(&format!("not deployed ({deploy}={other})"), LinkHealth::Broken)),
        (None, None) => None,
    }
}

/// The state of a link by its pod.
fn of_pod(name: &'static str, pod: &PodFacts<'_>, role: LinkRole) -> FoundLink {
    let health = if is_ready(pod) { LinkHealth::Good } else { LinkHealth::Broken };
    let state = match (health, pod.status()) {
        (LinkHealth::Broken, "Running") => format!("Running, not ready ({}/{})", pod.ready, pod.containers),
        (_, status) => status.to_owned(),
    };
    let message = pod.trouble.map(|trouble| trouble.message).filter(|message| !message.is_empty());
    let pod = format!("{}/{}", pod.namespace, pod.name);
    let detail = message.map_or_else(|| pod.clone(), |message| format!("{message} ({pod})"));
    FoundLink { link: ChainLink { name, state: Clean::new(&state), health }, role, is_absent: false, detail }
}

fn is_ready(pod: &PodFacts<'_>) -> bool {
    pod.phase == PodPhase::Running && pod.reason.is_empty() && !pod.deleting && pod.ready >= pod.containers
}

/// The pod of a link on the node: a ready one, else the newest that is not being deleted.
fn pod_of<'a, 'p>(spec: &LinkSpec, pods: &'a PodsOfNode<'p>) -> Option<&'a PodFacts<'p>> {
    let (Known::Exact(pods) | Known::AtLeast(pods)) = pods else { return None };
    let own = pods.iter().filter(|pod| link_of(pod).is_some_and(|link| std::ptr::eq(link, spec)));
    own.max_by_key(|pod| (is_ready(pod), !pod.deleting, pod.created))
}

/// The link of the table that a pod's `DaemonSet` belongs to: the one with the longest part of its name.
fn link_of(pod: &PodFacts<'_>) -> Option<&'static LinkSpec> {
    if pod.owner_kind != "DaemonSet" {
        return None;
    }
    let length = |spec: &LinkSpec| match &spec.source {
        LinkSource::DaemonSet { names, namespace, .. } if pod.namespace.contains(namespace) => {
            names.iter().filter(|name| pod.owner_name.contains(*name)).map(|name| name.len()).max()
        }
        _ => None,
    };
    let matching = STACKS.iter().flat_map(|stack| stack.links).filter_map(|spec| Some((length(spec)?, spec)));
    matching.max_by_key(|(length, _)| *length).map(|(_, spec)| spec)
}

/// Counts a link without a pod as good where nothing depends on it: a later pod that is Ready has found a driver and a toolkit,
/// for example those of the host, and what runs beside the plugin registers nothing.
fn forgive(found: &mut [FoundLink]) {
    let mut is_proven = false;
    for FoundLink { link, role, is_absent, .. } in found.iter_mut().rev() {
        let is_needed = match role {
            LinkRole::Before => !is_proven,
            LinkRole::Registers | LinkRole::Slices => true,
            LinkRole::After => false,
        };
        if *is_absent && !is_needed {
            link.health = LinkHealth::Good;
        }
        is_proven |= !*is_absent && link.health == LinkHealth::Good && &*link.state == "Running";
    }
}

/// The verdict on the links that were found; `None` if all pods are known and none is of a device plugin.
fn verdict(found: &[FoundLink], pods: &PodsOfNode<'_>) -> Option<ChainVerdict> {
    let first = found.iter().find(|found| found.link.health != LinkHealth::Good);
    let registers = |found: &&FoundLink| matches!(found.role, LinkRole::Registers | LinkRole::Slices);
    let plugin = found.iter().find(registers);
    Some(match (pods, first, plugin) {
        (_, Some(first), _) if first.link.health == LinkHealth::Broken => {
            let mut text = format!("{}: {}", first.link.name, first.link.state);
            if !first.detail.is_empty() {
                _ = write!(text, ", {}", first.detail);
            }
            ChainVerdict::Broken(Clean::new(&text))
        }
        (Known::Denied, ..) => ChainVerdict::Unknown("pods may not be listed".into()),
        (Known::Unknown, ..) => ChainVerdict::Unknown("pods are not known yet".into()),
        (Known::AtLeast(_), Some(first), _) => {
            let text = format!("{}: {}, but not all pods are known", first.link.name, first.link.state);
            ChainVerdict::Unknown(Clean::new(&text))
        }
        (Known::AtLeast(_), None, None) => {
            ChainVerdict::Unknown("no pod of a device plugin seen, but not all pods are known".into())
        }
        (_, _, None) => return None,
        (_, _, Some(plugin)) if plugin.role == LinkRole::Slices => {
            ChainVerdict::Intact("no link broken; devices are offered as ResourceSlices, not as allocatable".into())
        }
        (..) => ChainVerdict::Intact("no link broken; see the log of the device plugin".into()),
    })
}

/// The verdict on a node without a pod of a known device plugin. Where devices are healthy, one with another name runs.
fn no_plugin(stack: &DeviceStack, node: &impl NodeInventory, works: bool) -> ChainVerdict {
    if works {
        return ChainVerdict::Unknown("the device plugin is none of those that are known".into());
    }
    let has_card = stack.card.is_empty() || stack.has_card(node);
    let seen = if has_card { "" } else { ", and no label says that it has a card" };
    ChainVerdict::Broken(Clean::new(&format!("device plugin: no known one runs on this node{seen}")))
}

/// Devices of a node that are withdrawn or missing, a line for each resource, for a check without a model. With the pods of the node
/// a line also has the verdict on the chain: `8 of 8 nvidia.com/gpu not registered; broken at driver: Init:CrashLoopBackOff`.
#[must_use]
pub fn device_faults(node: &NodeFacts, pods: Option<&PodBatch>, table: &AcceleratorTable) -> Vec<Clean> {
    let all = devices(node, table);
    let line = |sum: &AcceleratorSum| {
        let count = match (sum.withdrawn(), sum.missing()) {
            (withdrawn @ 1.., _) => format!("{withdrawn} of {} {} unhealthy", sum.capacity, sum.resource),
            (_, missing @ 1..) => {
                format!("{missing} of {} {} not registered", sum.expected.unwrap_or_default(), sum.resource)
            }
            _ => return None,
        };
        let maker = maker(&sum.resource);
        let works = all.iter().any(|other| self::maker(&other.resource) == maker && other.allocatable > 0);
        let known = pods.map(|pods| Known::Exact(pods.iter().map(|(pod, _)| pod).collect()));
        let chain = known.and_then(|known| chain(maker, node, &known, works));
        // Devices that are registered and unhealthy do not need the chain, unless it is broken.
        let verdict = chain.filter(|chain| sum.missing() > 0 || chain.broken().is_some());
        let verdict = verdict.map(|chain| format!("; {}", chain.text())).unwrap_or_default();
        Some(Clean::new(&format!("{count}{verdict}")))
    };
    all.iter().filter_map(line).collect()
}

/// The chain of the devices of `resource` on a node; `None` if no chain of its maker is known.
pub(crate) fn of_resource(node: &Node, resource: &str, pods: &PodStore, tracks: &PodTracks) -> Option<DeviceChain> {
    of_maker(node, maker(resource), pods, tracks)
}

fn of_maker(node: &Node, maker: &str, pods: &PodStore, tracks: &PodTracks) -> Option<DeviceChain> {
    let here: Vec<_> = pods.pods_on(&node.facts.name).map(|slot| pods.pod(slot)).collect();
    let own = |devices: &&AcceleratorSum| self::maker(&devices.resource) == maker;
    let works = node.devices.iter().filter(own).any(|devices| devices.allocatable > 0);
    let mut chain = chain(maker, &node.facts, &tracks.known(here), works)?;
    // The pods of a node that is silent are as it has last reported them.
    if node.readiness == Readiness::Unknown
        && let ChainVerdict::Broken(text) | ChainVerdict::Intact(text) = &mut chain.verdict
    {
        *text = Clean::new(&format!("{text}, as last reported"));
    }
    Some(chain)
}

impl JoinedNode<'_> {
    /// The chains of makers whose devices are missing or unhealthy on this node, or that have a card here and no device.
    pub(crate) fn device_chains(&self) -> Vec<DeviceChain> {
        let is_short = |stack: &&DeviceStack| {
            let mut own = self.node.devices.iter().filter(|devices| maker(&devices.resource) == stack.maker).peekable();
            let has_none = own.peek().is_none() && stack.has_card(&self.node.facts);
            own.any(|devices| devices.missing() > 0 || devices.withdrawn() > 0) || has_none
        };
        let short = STACKS.iter().filter(is_short);
        short.filter_map(|stack| of_maker(self.node, stack.maker, self.source.pods, self.source.pod_tracks)).collect()
    }
}

impl DeviceStack {
    /// Returns `true` if the labels of a node say that it has a card.
    fn has_card(&self, node: &impl NodeInventory) -> bool {
        self.card.iter().any(|label| node.label(label).is_some_and(|value| !matches!(&**value, "false" | "0")))
    }
}

#[cfg(test)]
mod tests;

//! The simulated objects: compact records, turned into JSON when they are served.

use std::borrow::Borrow;
use std::cmp::Ordering;
use std::sync::Arc;

use super::dynamic::DynamicRecord;
use super::event::EventRecord;
use super::meta::SimMeta;
use super::node::NodeRecord;
use super::pod::SimPod;
use super::raw::RawRecord;
use super::resource::SimResource;
use super::template::{raw, string, time, uid};

/// A namespace.
#[derive(Clone, Debug)]
pub(super) struct NamespaceRecord {
    pub(super) meta: SimMeta,
}

/// A kubelet's lease; its renewal time is computed when it is served, so that 100,000 kubelets cost nothing at rest.
#[derive(Clone, Debug)]
pub(super) struct LeaseRecord {
    pub(super) meta: SimMeta,
    /// The time at which the kubelet stopped; 0 while it runs.
    pub(super) stopped: i64,
}

/// One stored version of an object.
#[derive(Clone, Debug)]
pub(super) enum SimObject {
    Node(NodeRecord),
    Pod(SimPod),
    Namespace(NamespaceRecord),
    Event(EventRecord),
    Lease(LeaseRecord),
    Dynamic(DynamicRecord),
    Raw(RawRecord),
}

impl SimObject {
    pub(super) fn resource(&self) -> SimResource {
        match self {
            Self::Node(_) => SimResource::Nodes,
            Self::Pod(_) => SimResource::Pods,
            Self::Namespace(_) => SimResource::Namespaces,
            Self::Event(_) => SimResource::Events,
            Self::Lease(_) => SimResource::Leases,
            Self::Dynamic(dynamic) => dynamic.resource,
            Self::Raw(object) => object.resource(),
        }
    }

    pub(super) fn meta(&self) -> &SimMeta {
        match self {
            Self::Node(node) => &node.meta,
            Self::Pod(pod) => &pod.meta,
            Self::Namespace(namespace) => &namespace.meta,
            Self::Event(event) => &event.meta,
            Self::Lease(lease) => &lease.meta,
            Self::Dynamic(dynamic) => &dynamic.meta,
            Self::Raw(object) => &object.meta,
        }
    }

    pub(super) fn meta_mut(&mut self) -> &mut SimMeta {
        match self {
            Self::Node(node) => &mut node.meta,
            Self::Pod(pod) => &mut pod.meta,
            Self::Namespace(namespace) => &mut namespace.meta,
            Self::Event(event) => &mut event.meta,
            Self::Lease(lease) => &mut lease.meta,
            Self::Dynamic(dynamic) => &mut dynamic.meta,
            Self::Raw(object) => &mut object.meta,
        }
    }

    /// A label's value.
    pub(super) fn label(&self, key: &str) -> Option<&str> {
        match self {
            Self::Node(node) => node.label(key),
            Self::Pod(pod) => pod.shape.labels.iter().find(|(k, _)| k == key).map(|(_, v)| v.as_str()),
            Self::Namespace(namespace) => (key == "kubernetes.io/metadata.name").then(|| namespace.meta.name()),
            Self::Event(_) | Self::Lease(_) | Self::Dynamic(_) => None,
            Self::Raw(object) => object.label(key),
        }
    }

    /// The value of a field that selectors may name; `None` if this kind does not support it.
    ///
    /// Source: the `ToSelectableFields` of kubernetes `pkg/registry/core/{pod,node,namespace,event}/strategy.go`.
    pub(super) fn field(&self, name: &str) -> Option<std::borrow::Cow<'_, str>> {
        match name {
            "metadata.name" => return Some(self.meta().name().into()),
            "metadata.namespace" if self.resource().namespaced() => return Some(self.meta().namespace().into()),
            _ => {}
        }
        match self {
            Self::Node(node) => (name == "spec.unschedulable").then(|| node.unschedulable.to_string().into()),
            Self::Pod(pod) => pod.field(name),
            Self::Namespace(namespace) => match name {
                "name" => Some(namespace.meta.name().into()),
                "status.phase" => Some("Active".into()),
                _ => None,
            },
            Self::Event(event) => event.field(name),
            Self::Dynamic(dynamic) => match name {
                "spec.nodeName" => Some(dynamic.body["spec"]["nodeName"].as_str().unwrap_or_default().into()),
                "spec.driver" => Some(dynamic.body["spec"]["driver"].as_str().unwrap_or_default().into()),
                _ => None,
            },
            Self::Lease(_) => None,
            Self::Raw(object) => object.field(name),
        }
    }

    /// Writes the whole `metadata`.
    pub(super) fn write_metadata(&self, rv: u64, out: &mut Vec<u8>) {
        if let Self::Raw(object) = self {
            return object.write_metadata(rv, out);
        }
        self.meta().write(rv, out);
        match self {
            Self::Node(node) => node.write_metadata_rest(out),
            Self::Pod(pod) => pod.write_metadata_rest(out),
            Self::Namespace(namespace) => {
                raw(out, ",\"labels\":{\"kubernetes.io/metadata.name\":");
                string(out, namespace.meta.name());
                raw(out, "}");
            }
            // A raw object has been written above.
            Self::Event(_) | Self::Dynamic(_) | Self::Raw(_) => {}
            Self::Lease(lease) => lease.write_metadata_rest(out),
        }
        raw(out, "}");
    }

    /// Writes the fields after `metadata`, from the comma on, without the closing brace.
    pub(super) fn write_rest(&self, now: i64, out: &mut Vec<u8>) {
        match self {
            Self::Node(node) => node.write_rest(now, out),
            Self::Pod(pod) => pod.write_rest(out),
            Self::Namespace(_) => {
                raw(out, ",\"spec\":{\"finalizers\":[\"kubernetes\"]},\"status\":{\"phase\":\"Active\"}");
            }
            Self::Event(event) => event.write_rest(out),
            Self::Lease(lease) => lease.write_rest(now, out),
            Self::Dynamic(dynamic) => dynamic.write_rest("v1", out),
            // A raw object is written as a whole by the encoder.
            Self::Raw(_) => {}
        }
    }
}

impl LeaseRecord {
    /// The last renewal: every 10 s while the kubelet runs (kubelet `nodeLeaseRenewIntervalFraction` of 40 s).
    fn renewed(&self, now: i64) -> i64 {
        let last = if self.stopped == 0 { now } else { self.stopped };
        last - last.rem_euclid(10)
    }

    fn write_metadata_rest(&self, out: &mut Vec<u8>) {
        raw(out, ",\"ownerReferences\":[{\"apiVersion\":\"v1\",\"kind\":\"Node\",\"name\":");
        string(out, self.meta.name());
        raw(out, ",\"uid\":\"");
        uid(out, self.meta.uid);
        raw(out, "\"}]");
    }

    fn write_rest(&self, now: i64, out: &mut Vec<u8>) {
        raw(out, ",\"spec\":{\"holderIdentity\":");
        string(out, self.meta.name());
        raw(out, ",\"leaseDurationSeconds\":40,\"renewTime\":\"");
        time(out, self.renewed(now));
        // A MicroTime has six digits after the point (apimachinery `pkg/apis/meta/v1/micro_time.go`).
        out.pop();
        raw(out, ".000000Z\"}");
    }
}

/// An object ordered and found by its key.
#[derive(Clone, Debug)]
pub(super) struct Keyed(pub(super) Arc<SimObject>);

impl Borrow<str> for Keyed {
    fn borrow(&self) -> &str {
        &self.0.meta().key
    }
}

impl PartialEq for Keyed {
    fn eq(&self, other: &Self) -> bool {
        self.0.meta().key == other.0.meta().key
    }
}

impl Eq for Keyed {}

impl PartialOrd for Keyed {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Keyed {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.meta().key.cmp(&other.0.meta().key)
    }
}

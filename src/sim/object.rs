//! The simulated objects: compact records, turned into JSON when they are served.

use std::borrow::Borrow;
use std::cmp::Ordering;
use std::sync::Arc;

use super::dynamic::{self, DynamicRecord};
use super::event::EventRecord;
use super::node::NodeRecord;
use super::pod::PodRecord;
use super::proto;
use super::raw::RawRecord;
use super::template::{number, raw, string, time, uid};

/// The kinds that the server holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum SimResource {
    Nodes,
    Pods,
    Namespaces,
    Events,
    Leases,
    Slices,
    Claims,
    Classes,
    Rules,
}

impl SimResource {
    /// Every kind, in the order of the store's tables.
    pub(super) const ALL: [Self; 9] = [
        Self::Nodes,
        Self::Pods,
        Self::Namespaces,
        Self::Events,
        Self::Leases,
        Self::Slices,
        Self::Claims,
        Self::Classes,
        Self::Rules,
    ];

    /// The kinds of `resource.k8s.io`; taint rules are in some of its versions only.
    pub(super) const DRA: [Self; 4] = [Self::Slices, Self::Claims, Self::Classes, Self::Rules];

    /// The plural, as in a path.
    pub(super) fn plural(self) -> &'static str {
        match self {
            Self::Nodes => "nodes",
            Self::Pods => "pods",
            Self::Namespaces => "namespaces",
            Self::Events => "events",
            Self::Leases => "leases",
            Self::Slices => "resourceslices",
            Self::Claims => "resourceclaims",
            Self::Classes => "deviceclasses",
            Self::Rules => "devicetaintrules",
        }
    }

    /// The kind of one object.
    pub(super) fn kind(self) -> &'static str {
        match self {
            Self::Nodes => "Node",
            Self::Pods => "Pod",
            Self::Namespaces => "Namespace",
            Self::Events => "Event",
            Self::Leases => "Lease",
            Self::Slices => "ResourceSlice",
            Self::Claims => "ResourceClaim",
            Self::Classes => "DeviceClass",
            Self::Rules => "DeviceTaintRule",
        }
    }

    /// Whether its objects live in namespaces.
    pub(super) fn namespaced(self) -> bool {
        matches!(self, Self::Pods | Self::Events | Self::Leases | Self::Claims)
    }

    /// The API group of its main version; empty for core.
    pub(super) fn group(self) -> &'static str {
        match self {
            Self::Leases => "coordination.k8s.io",
            Self::Slices | Self::Claims | Self::Classes | Self::Rules => dynamic::GROUP,
            Self::Nodes | Self::Pods | Self::Namespaces | Self::Events => "",
        }
    }

    /// Its main `apiVersion`.
    pub(super) fn api_version(self) -> &'static str {
        match self {
            Self::Leases => "coordination.k8s.io/v1",
            Self::Slices | Self::Claims | Self::Classes => "resource.k8s.io/v1",
            Self::Rules => "resource.k8s.io/v1beta2",
            Self::Nodes | Self::Pods | Self::Namespaces | Self::Events => "v1",
        }
    }
}

/// What every object has.
#[derive(Clone, Debug)]
pub(super) struct SimMeta {
    /// `namespace/name`, or the bare name of a cluster-scoped object: the order of etcd's keys.
    pub(super) key: Box<str>,
    /// Where the name starts in the key.
    name_at: u16,
    pub(super) uid: u128,
    pub(super) rv: u64,
    /// Seconds of the Unix epoch, like every time in a record.
    pub(super) created: i64,
    /// When deletion was asked for; 0 if it was not.
    pub(super) deleted: i64,
}

impl SimMeta {
    pub(super) fn new(namespace: &str, name: &str, uid: u128, created: i64) -> Self {
        let key: Box<str> = if namespace.is_empty() { name.into() } else { format!("{namespace}/{name}").into() };
        let name_at = u16::try_from(key.len() - name.len()).expect("a namespace has at most 63 characters");
        Self { key, name_at, uid, rv: 0, created, deleted: 0 }
    }

    pub(super) fn name(&self) -> &str {
        &self.key[usize::from(self.name_at)..]
    }

    pub(super) fn namespace(&self) -> &str {
        &self.key[..usize::from(self.name_at).saturating_sub(1)]
    }

    /// Writes the fields that all kinds share, without the closing brace of `metadata`.
    pub(super) fn write(&self, rv: u64, out: &mut Vec<u8>) {
        raw(out, "{\"name\":");
        string(out, self.name());
        if self.name_at > 0 {
            raw(out, ",\"namespace\":");
            string(out, self.namespace());
        }
        raw(out, ",\"uid\":\"");
        uid(out, self.uid);
        raw(out, "\",\"resourceVersion\":\"");
        number(out, rv);
        raw(out, "\",\"creationTimestamp\":\"");
        time(out, self.created);
        raw(out, "\"");
        if self.deleted != 0 {
            raw(out, ",\"deletionTimestamp\":\"");
            time(out, self.deleted);
            raw(out, "\",\"deletionGracePeriodSeconds\":30");
        }
    }
}

impl SimMeta {
    /// The same in protobuf, without tag and length of the message.
    pub(super) fn write_binary(&self, rv: u64, out: &mut Vec<u8>) {
        proto::text(1, self.name(), out);
        if self.name_at > 0 {
            proto::text(3, self.namespace(), out);
        }
        proto::sized(5, out, |out| uid(out, self.uid));
        proto::sized(6, out, |out| number(out, rv));
        proto::time(8, self.created, out);
        if self.deleted != 0 {
            proto::time(9, self.deleted, out);
            proto::int(10, 30, out);
        }
    }
}

/// A namespace.
#[derive(Clone, Debug)]
pub(super) struct NamespaceRecord {
    pub(super) meta: SimMeta,
}

/// A kubelet's lease; its renewal time is computed when it is served, so that 100,000 kubelets cost nothing at rest.
#[derive(Clone, Debug)]
pub(super) struct LeaseRecord {
    pub(super) meta: SimMeta,
    /// When the kubelet fell silent; 0 while it lives.
    pub(super) stopped: i64,
}

/// One stored version of an object.
#[derive(Clone, Debug)]
pub(super) enum SimObject {
    Node(NodeRecord),
    Pod(PodRecord),
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

    /// Writes `metadata`, whole.
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
            // A raw object has written all of it.
            Self::Event(_) | Self::Dynamic(_) | Self::Raw(_) => {}
            Self::Lease(lease) => lease.write_metadata_rest(out),
        }
        raw(out, "}");
    }

    /// Writes what follows `metadata`, from the comma on, without the closing brace.
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
            // It is written whole.
            Self::Raw(_) => {}
        }
    }
}

impl LeaseRecord {
    /// When the kubelet renewed it last: every 10 s while it lives (kubelet `nodeLeaseRenewIntervalFraction` of 40 s).
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

//! Nodes in protobuf, straight from their records. Fields are written in the order of the JSON, so that a test can compare bytes.

use super::{NodeRecord, NodeShape};
use crate::sim::proto::{ProtoTemplate, SlotValues, int, sized, text, time};
use crate::sim::template::Slot;

/// The templates of a shape.
#[derive(Debug)]
pub(in crate::sim) struct NodeTemplates {
    metadata: ProtoTemplate,
    status_tail: ProtoTemplate,
}

impl NodeTemplates {
    fn of(shape: &NodeShape) -> &Self {
        shape.binary.get_or_init(|| Self {
            metadata: ProtoTemplate::compile("ObjectMeta", &shape.metadata),
            status_tail: ProtoTemplate::compile("NodeStatus", &shape.status_tail),
        })
    }
}

impl SlotValues for NodeRecord {
    fn write_slot(&self, slot: Slot, out: &mut Vec<u8>) {
        Self::fill(self, slot, out);
    }

    fn slot_time(&self, slot: Slot) -> i64 {
        if slot == Slot::Updated { self.heartbeat } else { self.meta.created }
    }
}

impl NodeRecord {
    /// Appends the message.
    pub(in crate::sim) fn write_binary(&self, rv: u64, out: &mut Vec<u8>) {
        let templates = NodeTemplates::of(&self.shape);
        sized(1, out, |out| {
            self.meta.write_binary(rv, out);
            templates.metadata.write(self, out);
        });
        sized(2, out, |out| {
            let cidr = self.cidr();
            text(1, &cidr, out);
            text(7, &cidr, out);
            text(3, &format!("maas:///default/{}", self.meta.name()), out);
            self.binary_taints(out);
            if self.unschedulable {
                int(4, 1, out);
            }
        });
        sized(3, out, |out| {
            for (kind, address) in [("InternalIP", &*self.ip), ("Hostname", self.meta.name())] {
                sized(5, out, |out| {
                    text(2, address, out);
                    text(1, kind, out);
                });
            }
            for (number, allocatable) in [(2, true), (1, false)] {
                for (resource, amount) in self.resources(allocatable) {
                    sized(number, out, |out| {
                        text(1, resource, out);
                        sized(2, out, |out| text(1, &amount, out));
                    });
                }
            }
            self.binary_conditions(out);
            templates.status_tail.write(self, out);
        });
    }

    fn binary_taints(&self, out: &mut Vec<u8>) {
        for taint in self.taints() {
            sized(5, out, |out| {
                text(3, taint.effect, out);
                text(1, &taint.key, out);
                if !taint.value.is_empty() {
                    text(2, &taint.value, out);
                }
                if taint.added != 0 {
                    time(4, taint.added, out);
                }
            });
        }
    }

    fn binary_conditions(&self, out: &mut Vec<u8>) {
        for condition in self.conditions.iter() {
            sized(4, out, |out| {
                time(3, self.heartbeat, out);
                time(4, self.since(condition), out);
                text(6, &condition.message, out);
                text(5, &condition.reason, out);
                text(2, &condition.status, out);
                text(1, &condition.kind, out);
            });
        }
    }
}

//! Pods in protobuf, straight from their records. Fields are written in the order of the JSON, so that a test can compare bytes.

use super::container::{SimContainer, SimContainerState};
use super::{DIGEST, PodShape, SimPod, SimPodCondition, exit_reason};
use crate::sim::proto::{ProtoTemplate, SlotValues, int, sized, text, time};
use crate::sim::template::Slot;

/// The templates of a shape.
#[derive(Debug)]
pub(in crate::sim) struct PodTemplates {
    metadata: ProtoTemplate,
    spec: ProtoTemplate,
}

impl PodTemplates {
    fn of(shape: &PodShape) -> &Self {
        shape.binary.get_or_init(|| Self {
            metadata: ProtoTemplate::compile("ObjectMeta", &shape.metadata),
            spec: ProtoTemplate::compile("PodSpec", &shape.spec),
        })
    }
}

impl SlotValues for SimPod {
    fn write_slot(&self, slot: Slot, out: &mut Vec<u8>) {
        Self::fill(self, slot, out);
    }

    fn slot_time(&self, slot: Slot) -> i64 {
        if slot == Slot::Updated { self.updated } else { self.meta.created }
    }
}

impl SimPod {
    /// Appends the message.
    pub(in crate::sim) fn write_binary(&self, rv: u64, out: &mut Vec<u8>) {
        let templates = PodTemplates::of(&self.shape);
        sized(1, out, |out| {
            self.meta.write_binary(rv, out);
            templates.metadata.write(self, out);
        });
        sized(2, out, |out| {
            if let Some(host) = &self.host {
                text(10, &host.name, out);
            }
            templates.spec.write(self, out);
        });
        sized(3, out, |out| self.binary_status(out));
    }

    fn binary_status(&self, out: &mut Vec<u8>) {
        text(1, self.state.phase(), out);
        for SimPodCondition { kind, value, since, reason, message } in self.conditions() {
            sized(2, out, |out| {
                time(4, since, out);
                for (number, value) in [(5, reason), (6, message)] {
                    if !value.is_empty() {
                        text(number, value, out);
                    }
                }
                text(2, if value { "True" } else { "False" }, out);
                text(1, kind, out);
            });
        }
        if let Some(host) = &self.host {
            text(5, &host.ip, out);
            sized(16, out, |out| text(1, &host.ip, out));
            if self.has_ip() {
                let ip = self.ip_text();
                text(6, &ip, out);
                sized(12, out, |out| text(1, &ip, out));
            }
            time(7, self.started(), out);
        }
        if let Some([reason, message]) = self.state.ended_by_kubelet() {
            text(4, reason, out);
            text(3, message, out);
        } else if self.host.is_some() {
            for (i, container) in self.shape.init.iter().enumerate() {
                sized(10, out, |out| self.binary_container(out, &self.init_status(i, container)));
            }
            for (i, container) in self.shape.containers.iter().enumerate() {
                sized(8, out, |out| self.binary_container(out, &self.container_status(i, container)));
            }
        }
        text(9, self.shape.qos, out);
    }

    fn binary_container(&self, out: &mut Vec<u8>, container: &SimContainer<'_>) {
        let SimContainer { shape, state, index, restarts } = *container;
        if state.has_run() {
            sized(8, out, |out| {
                out.extend_from_slice(b"containerd://");
                self.write_digest(out, index, restarts);
            });
        }
        text(6, &shape.image, out);
        sized(7, out, |out| {
            out.extend_from_slice(shape.image.as_bytes());
            out.extend_from_slice(DIGEST.as_bytes());
        });
        sized(3, out, |out| {
            if restarts > 0 && self.restarted != 0 {
                self.binary_terminated(out, self.last_code(), self.restarted);
            }
        });
        text(1, &shape.name, out);
        int(4, state.is_ready(index).into(), out);
        int(5, restarts.into(), out);
        int(9, matches!(state, SimContainerState::Running).into(), out);
        sized(2, out, |out| match state {
            SimContainerState::Running => sized(2, out, |out| time(1, self.running_since(restarts), out)),
            SimContainerState::Waiting(reason) => sized(1, out, |out| {
                text(1, reason, out);
                if !state.is_starting() {
                    text(2, &self.shape.waiting_words(reason, shape), out);
                }
            }),
            SimContainerState::Ended { code, at } => self.binary_terminated(out, code, at),
        });
    }

    fn binary_terminated(&self, out: &mut Vec<u8>, code: u8, at: i64) {
        sized(3, out, |out| {
            int(1, code.into(), out);
            text(3, exit_reason(code), out);
            time(5, self.started.min(at), out);
            time(6, at, out);
        });
    }
}

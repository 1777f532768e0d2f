//! Metadata of the simulated objects.

use super::proto;
use super::template::{number, raw, string, time, uid};

/// Metadata of one object: the fields that all kinds share.
#[derive(Clone, Debug)]
pub(super) struct SimMeta {
    /// `namespace/name`, or the bare name of a cluster-scoped object: the order of etcd's keys.
    pub(super) key: Box<str>,
    /// Index of the name in the key.
    name_at: u16,
    pub(super) uid: u128,
    pub(super) rv: u64,
    /// Seconds of the Unix epoch, like every time in a record.
    pub(super) created: i64,
    /// `deletionTimestamp`; 0 for none.
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

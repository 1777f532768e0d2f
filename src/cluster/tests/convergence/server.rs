//! A simulated server of one resource: objects, a log of events, pages that can expire, a backup to be restored from.

use std::collections::{BTreeMap, HashMap};

use super::*;
use crate::cluster::classify::{self, RequestError};
use crate::cluster::reflector::{PageNews, PageRequest};
use crate::facts::wire::StatusFacts;

/// Number of versions that an etcd restore goes back: more than a sequence adds.
const RESTORE: u64 = 10_000;

pub(super) type Key = (String, String);

/// An object of the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Object {
    pub(super) uid: u64,
    pub(super) version: u64,
    /// A pod's node; empty for a node.
    pub(super) node: u8,
    /// A pod's phase (Running, Pending, Succeeded), or a node's readiness (ready, not ready, unknown).
    pub(super) state: u8,
}

impl Object {
    pub(super) fn uid_text(&self) -> String {
        format!("00000000-0000-4000-8000-{:012x}", self.uid)
    }

    pub(super) fn json(&self, of: Resource, (namespace, name): &Key) -> String {
        let (uid, version) = (self.uid_text(), self.version);
        match of {
            Resource::Pods => format!(
                r#"{{"metadata":{{"name":"{name}","namespace":"{namespace}","uid":"{uid}","resourceVersion":"{version}"}},"spec":{{"nodeName":"n{}","containers":[{{"name":"c","resources":{{"requests":{{"cpu":"{}m"}}}}}}]}},"status":{{"phase":"{}"}}}}"#,
                self.node,
                100 + self.uid,
                ["Running", "Pending", "Succeeded"][usize::from(self.state)],
            ),
            Resource::Nodes => format!(
                r#"{{"metadata":{{"name":"{name}","uid":"{uid}","resourceVersion":"{version}"}},"status":{{"conditions":[{{"type":"Ready","status":"{}"}}]}}}}"#,
                ["True", "False", "Unknown"][usize::from(self.state)],
            ),
            other => unreachable!("{other:?} is optional"),
        }
    }
}

/// One event of the log, as a watch with our selector sees it.
#[derive(Clone, Debug)]
pub(super) struct Logged {
    pub(super) version: u64,
    pub(super) kind: &'static str,
    pub(super) key: Key,
    pub(super) object: Object,
}

/// The rest of a paged list.
#[derive(Clone, Debug)]
pub(super) struct Snapshot {
    pub(super) version: u64,
    after: Key,
    pub(super) objects: BTreeMap<Key, Object>,
}

/// One resource of the server.
pub(super) struct Server {
    pub(super) of: Resource,
    /// The namespace of all of its objects, if they share one.
    namespace: Option<&'static str>,
    pub(super) version: u64,
    pub(super) objects: BTreeMap<Key, Object>,
    pub(super) log: Vec<Logged>,
    /// Watches from before this version are gone.
    pub(super) compacted: u64,
    pub(super) snapshots: HashMap<String, Snapshot>,
    pub(super) backup: BTreeMap<Key, Object>,
    uids: u64,
}

impl Server {
    pub(super) fn new(of: Resource, namespace: Option<&'static str>) -> Self {
        let (objects, backup) = (BTreeMap::new(), BTreeMap::new());
        let (log, snapshots) = (Vec::new(), HashMap::new());
        Self { of, namespace, version: 1_000_000, objects, log, compacted: 1_000_000, snapshots, backup, uids: 0 }
    }

    /// With `status.phase!=Succeeded,status.phase!=Failed`, as pods are requested (F55).
    fn is_selected(&self, object: &Object) -> bool {
        self.of == Resource::Nodes || object.state < 2
    }

    pub(super) fn selected(&self) -> BTreeMap<Key, Object> {
        self.objects.iter().filter(|(_, o)| self.is_selected(o)).map(|(k, o)| (k.clone(), o.clone())).collect()
    }

    /// Creates, changes or deletes one object; a new incarnation has another uid.
    pub(super) fn change(&mut self, rng: &mut fastrand::Rng) {
        self.version += rng.u64(1..4);
        let namespace = self.namespace.unwrap_or_else(|| ["a", "b"][rng.usize(..2)]);
        let key = (namespace.to_owned(), format!("o{}", rng.u8(..8)));
        let key = if self.of == Resource::Nodes { (String::new(), format!("n{}", rng.u8(..6))) } else { key };
        let old = self.objects.get(&key).cloned();
        let was = old.as_ref().is_some_and(|object| self.is_selected(object));
        if let Some(mut gone) = old.clone().filter(|_| rng.u8(..4) == 0) {
            gone.version = self.version;
            self.objects.remove(&key);
            if was {
                self.log.push(Logged { version: self.version, kind: "DELETED", key, object: gone });
            }
            return;
        }
        let uid = old.as_ref().map_or_else(
            || {
                self.uids += 1;
                self.uids
            },
            |old| old.uid,
        );
        let object = Object { uid, version: self.version, node: rng.u8(..6), state: rng.u8(..3) };
        let is = self.is_selected(&object);
        self.objects.insert(key.clone(), object.clone());
        let (kind, object) = match (was, is) {
            (false, false) => return,
            (false, true) => ("ADDED", object),
            (true, true) => ("MODIFIED", object),
            // The last state that the selector let through, at the version of the change.
            (true, false) => ("DELETED", Object { version: self.version, ..old.expect("it was selected") }),
        };
        self.log.push(Logged { version: self.version, kind, key, object });
    }

    /// Restores etcd from a backup: versions go back, and earlier watches and tokens are unknown (F43).
    pub(super) fn restore(&mut self) {
        self.objects.clone_from(&self.backup);
        self.version -= RESTORE;
        for object in self.objects.values_mut() {
            object.version = object.version.min(self.version);
        }
        self.compacted = self.version;
        self.log.clear();
        self.snapshots.clear();
    }

    pub(super) fn page(&mut self, request: &PageRequest) -> Result<(String, PageNews), RequestError> {
        let snapshot = match &request.token {
            None => Snapshot { version: self.version, after: Key::default(), objects: self.selected() },
            Some(token) => match self.snapshots.get(token) {
                Some(snapshot) => snapshot.clone(),
                None => return Err(gone("")),
            },
        };
        let rest = snapshot.objects.iter().filter(|(key, _)| request.token.is_none() || **key > snapshot.after);
        let limit = usize::try_from(request.limit).unwrap();
        let page: Vec<(&Key, &Object)> = rest.clone().take(limit).collect();
        let mut news = PageNews { version: snapshot.version.to_string(), ..PageNews::default() };
        if rest.count() > limit {
            let after = page.last().unwrap().0.clone();
            news.token = format!("{}:{}/{}", snapshot.version, after.0, after.1);
            self.snapshots.insert(news.token.clone(), Snapshot { after, ..snapshot.clone() });
        }
        let items: Vec<String> = page.iter().map(|(key, object)| object.json(self.of, key)).collect();
        let meta = format!(r#"{{"resourceVersion":"{}","continue":"{}"}}"#, news.version, news.token);
        Ok((format!(r#"{{"kind":"List","metadata":{meta},"items":[{}]}}"#, items.join(",")), news))
    }

    /// A continue token has expired: the answer may carry one for the rest of the list as it is now (R5, F40).
    pub(super) fn expire(&mut self, token: &str, helpful: bool) -> RequestError {
        let Some(old) = self.snapshots.remove(token).filter(|_| helpful) else { return gone("") };
        let next = format!("{}:inconsistent:{}/{}", self.version, old.after.0, old.after.1);
        let snapshot = Snapshot { version: self.version, after: old.after, objects: self.selected() };
        self.snapshots.insert(next.clone(), snapshot);
        gone(&next)
    }
}

pub(super) fn gone(token: &str) -> RequestError {
    let status = StatusFacts { code: 410, continue_token: token.to_owned(), ..StatusFacts::default() };
    classify::event(status, Duration::ZERO)
}

pub(super) fn too_large() -> RequestError {
    classify::event(StatusFacts { code: 504, version_too_large: true, ..StatusFacts::default() }, Duration::ZERO)
}

/// A failure that has no effect on the data.
pub(super) fn any_error(rng: &mut fastrand::Rng) -> RequestError {
    let answered = |code: u16| {
        let status = StatusFacts { code, ..StatusFacts::default() };
        classify::event(status, Duration::ZERO)
    };
    match rng.u8(..8) {
        0 => RequestError::timed_out(Layer::FirstByte, "no answer within 30 s"),
        1 => RequestError::timed_out(Layer::Body, "no data for 10 s"),
        2 => RequestError::new(Layer::Connect, "refused"),
        3 => RequestError { retry_after: Some(secs(rng.u64(..8))), ..answered(429) },
        4 => answered(500),
        5 => answered(401),
        6 => answered(403),
        _ => answered(504),
    }
}

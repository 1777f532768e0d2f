//! APIs that a cluster need not have: whether they are seen, and if not, why.

use super::sync::{PageHead, Visibility};
use crate::facts::dra::{ClaimFacts, ClassFacts, RuleFacts, SliceFacts};
use crate::facts::lease::LeaseFacts;
use crate::facts::text::Clean;
use crate::model::store::objects::ObjectStore;
use crate::msg::{Batch, Failure, Now, Resource, SyncState};

/// Objects of the optional APIs.
#[derive(Debug, Default)]
pub struct OptionalApis {
    pub(crate) leases: ObjectStore<LeaseFacts>,
    pub(crate) slices: ObjectStore<SliceFacts>,
    pub(crate) claims: ObjectStore<ClaimFacts>,
    pub(crate) classes: ObjectStore<ClassFacts>,
    pub(crate) rules: ObjectStore<RuleFacts>,
}

/// Does the same to the store of whichever resource it is.
macro_rules! on_store {
    ($self:ident, $resource:expr, $store:ident => $what:expr) => {
        match $resource {
            Resource::Leases => {
                let $store = &mut $self.leases;
                $what
            }
            Resource::Slices => {
                let $store = &mut $self.slices;
                $what
            }
            Resource::Claims => {
                let $store = &mut $self.claims;
                $what
            }
            Resource::Classes => {
                let $store = &mut $self.classes;
                $what
            }
            Resource::Rules => {
                let $store = &mut $self.rules;
                $what
            }
            Resource::Nodes | Resource::Pods => {}
        }
    };
}

impl OptionalApis {
    pub(crate) fn begin(&mut self, resource: Resource, generation: u32) {
        on_store!(self, resource, store => store.begin(generation));
    }

    pub(crate) fn finish(&mut self, resource: Resource, generation: u32, now: Now) {
        on_store!(self, resource, store => store.finish(generation, now));
    }

    pub(crate) fn note_alive(&mut self, resource: Resource, now: Now) {
        on_store!(self, resource, store => store.note_alive(now));
    }

    /// Nothing more is taken in, and that is why.
    pub(crate) fn exceed(&mut self, failure: &Failure) {
        for resource in Resource::OPTIONAL {
            on_store!(self, resource, store => store.exceed(failure.clone()));
        }
    }

    /// Objects of all kinds.
    pub(crate) fn len(&self) -> usize {
        let dra = self.slices.len() + self.claims.len() + self.classes.len() + self.rules.len();
        self.leases.len() + dra
    }

    /// Bytes on the heap; a look at every object.
    pub(crate) fn heap_bytes(&self) -> usize {
        let dra = self.slices.heap_bytes() + self.claims.heap_bytes();
        self.leases.heap_bytes() + dra + self.classes.heap_bytes() + self.rules.heap_bytes()
    }

    /// The machine slept: what we hold is old at once.
    pub(crate) fn slept(&mut self, now: Now) {
        self.leases.slept(now);
        self.slices.slept(now);
        self.claims.slept(now);
        self.classes.slept(now);
        self.rules.slept(now);
    }

    pub(crate) fn set_state(&mut self, resource: Resource, state: SyncState) {
        on_store!(self, resource, store => store.set_state(state));
    }

    pub(crate) fn page(&mut self, head: PageHead, batch: Batch, now: Now) {
        match batch {
            Batch::Leases(leases) => self.leases.page(head, leases, now),
            Batch::Slices(slices) => self.slices.page(head, slices, now),
            Batch::Claims(claims) => self.claims.page(head, claims, now),
            Batch::Classes(classes) => self.classes.page(head, classes, now),
            Batch::Rules(rules) => self.rules.page(head, rules, now),
            Batch::Nodes(_) | Batch::Pods(_) => {}
        }
    }

    pub(crate) fn changes(&mut self, generation: u32, unreadable: u32, batch: Batch, now: Now) {
        match batch {
            Batch::Leases(leases) => self.leases.changes(generation, unreadable, leases, now),
            Batch::Slices(slices) => self.slices.changes(generation, unreadable, slices, now),
            Batch::Claims(claims) => self.claims.changes(generation, unreadable, claims, now),
            Batch::Classes(classes) => self.classes.changes(generation, unreadable, classes, now),
            Batch::Rules(rules) => self.rules.changes(generation, unreadable, rules, now),
            Batch::Nodes(_) | Batch::Pods(_) => {}
        }
    }

    /// Visibility of the devices of dynamic resource allocation: of the slices and the claims.
    #[must_use]
    pub fn dra_visible(&self) -> Visibility {
        let slices = self.slices.visible();
        if slices == crate::model::store::sync::Visibility::Visible { self.claims.visible() } else { slices }
    }

    /// There is a picture of slices and claims, however old.
    pub(crate) fn dra_known(&self) -> bool {
        self.slices.complete() && self.claims.complete()
    }

    /// Grows with every change of slices, claims and taint rules.
    pub(crate) fn dra_revision(&self) -> u64 {
        self.slices.revision() + self.claims.revision() + self.rules.revision()
    }

    /// Number of taint rules; `None` where they are not seen.
    #[must_use]
    pub fn taint_rule_count(&self) -> Option<usize> {
        self.rules.complete().then(|| self.rules.iter().count())
    }

    /// Device classes that serve an extended resource: the resource, and the class; by name.
    #[must_use]
    pub fn bridges(&self) -> Vec<(Clean, Clean)> {
        let named = self.classes.iter().filter(|(_, class)| !class.extended_resource.is_empty());
        let mut bridges: Vec<_> = named.map(|(key, class)| (class.extended_resource.clone(), key.clone())).collect();
        bridges.sort_unstable();
        bridges
    }

    /// The taint rules as far as they are known; few clusters have any.
    pub(crate) fn taint_rules(&self) -> Vec<&RuleFacts> {
        self.rules.iter().map(|(_, facts)| facts).collect()
    }

    /// Everything has been answered for, one way or another.
    pub(crate) fn settled(&self) -> bool {
        let rest = [self.classes.visible(), self.rules.visible()];
        self.leases.visible().answered()
            && self.dra_visible().answered()
            && rest.iter().all(crate::model::store::sync::Visibility::answered)
    }
}

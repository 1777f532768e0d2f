//! Objects of the optional APIs, with their visibility and the reason if they are not visible.

use super::sync::Visibility;
use crate::facts::dra::RuleFacts;
use crate::facts::optional_resources;
use crate::facts::text::Clean;
use crate::model::store::objects::{ObjectStore, OptionalStore};
use crate::msg::{Batch, Failure, Now, PageHead, Resource, SyncState};

/// Declares [`OptionalApis`] with a store for each row.
macro_rules! stores {
    ($($(#[$doc:meta])* $variant:ident($facts:ty) in $field:ident,)*) => {
        /// Objects of the optional APIs.
        #[derive(Debug, Default)]
        pub struct OptionalApis {
            $($(#[$doc])* pub(crate) $field: ObjectStore<$facts>,)*
        }

        impl OptionalApis {
            /// The store of an optional resource.
            fn store(&self, resource: Resource) -> Option<&dyn OptionalStore> {
                match resource {
                    Resource::Nodes | Resource::Pods => None,
                    $(Resource::$variant => Some(&self.$field),)*
                }
            }

            fn store_mut(&mut self, resource: Resource) -> Option<&mut dyn OptionalStore> {
                match resource {
                    Resource::Nodes | Resource::Pods => None,
                    $(Resource::$variant => Some(&mut self.$field),)*
                }
            }

            /// Applies a page of a list.
            pub(crate) fn page(&mut self, head: PageHead, batch: Batch, now: Now) {
                match batch {
                    Batch::Nodes(_) | Batch::Pods(_) => {}
                    $(Batch::$variant(objects) => self.$field.page(head, objects, now),)*
                }
            }

            /// Applies changes of a watch.
            pub(crate) fn changes(&mut self, generation: u32, unreadable: u32, batch: Batch, now: Now) {
                match batch {
                    Batch::Nodes(_) | Batch::Pods(_) => {}
                    $(Batch::$variant(objects) => self.$field.changes(generation, unreadable, objects, now),)*
                }
            }
        }
    };
}
optional_resources!(stores);

impl OptionalApis {
    pub(crate) fn begin(&mut self, resource: Resource, generation: u32) {
        if let Some(store) = self.store_mut(resource) {
            store.begin(generation);
        }
    }

    pub(crate) fn finish(&mut self, resource: Resource, generation: u32, now: Now) {
        if let Some(store) = self.store_mut(resource) {
            store.finish(generation, now);
        }
    }

    pub(crate) fn note_alive(&mut self, resource: Resource, now: Now) {
        if let Some(store) = self.store_mut(resource) {
            store.note_alive(now);
        }
    }

    pub(crate) fn set_state(&mut self, resource: Resource, state: SyncState) {
        if let Some(store) = self.store_mut(resource) {
            store.set_state(state);
        }
    }

    /// Stops storing objects, for this reason.
    pub(crate) fn exceed(&mut self, failure: &Failure) {
        self.each_mut(|store| store.exceed(failure.clone()));
    }

    /// Applies a sleep of the machine, after which all data is old.
    pub(crate) fn slept(&mut self, now: Now) {
        self.each_mut(|store| store.slept(now));
    }

    fn each_mut(&mut self, mut act: impl FnMut(&mut dyn OptionalStore)) {
        for resource in Resource::OPTIONAL {
            if let Some(store) = self.store_mut(resource) {
                act(store);
            }
        }
    }

    fn all(&self) -> impl Iterator<Item = (Resource, &dyn OptionalStore)> {
        Resource::OPTIONAL.into_iter().filter_map(|resource| Some((resource, self.store(resource)?)))
    }

    /// Number of objects of all kinds.
    pub(crate) fn len(&self) -> usize {
        self.all().map(|(_, store)| store.len()).sum()
    }

    /// Bytes on the heap; visits every object.
    pub(crate) fn heap_bytes(&self) -> usize {
        self.all().map(|(_, store)| store.heap_bytes()).sum()
    }

    /// Visibility of the devices of dynamic resource allocation: of the slices and the claims.
    #[must_use]
    pub fn dra_visible(&self) -> Visibility {
        let slices = self.slices.visible();
        if slices == Visibility::Visible { self.claims.visible() } else { slices }
    }

    /// Returns `true` if slices and claims are known, however old.
    pub(crate) fn dra_known(&self) -> bool {
        self.slices.complete() && self.claims.complete()
    }

    /// Revision that grows with every change of slices, claims and taint rules.
    pub(crate) fn dra_revision(&self) -> u64 {
        self.slices.revision() + self.claims.revision() + self.rules.revision()
    }

    /// Revision that grows with every change of device classes.
    pub(crate) fn class_revision(&self) -> u64 {
        self.classes.revision()
    }

    /// Number of taint rules; `None` if they are not visible.
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

    /// Returns `true` once each API has answered, one way or another. Claims without slices are useless, so nothing waits for them.
    pub(crate) fn settled(&self) -> bool {
        let is_dra = |resource| matches!(resource, Resource::Slices | Resource::Claims);
        self.dra_visible().answered()
            && self.all().all(|(resource, store)| is_dra(resource) || store.visible().answered())
    }
}

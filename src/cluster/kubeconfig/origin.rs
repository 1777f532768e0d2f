//! The source of a context, which is read again after an edit (F65), once for all its contexts.

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use super::files::{self, Stamp, stamps};
use super::{ContextTarget, KubeconfigError, MergedConfig, Sources, one_line};
use crate::cluster::exec::Plugins;
use crate::cluster::proxy::ProxyEnv;

/// The source of one context, and its state when it was read.
#[derive(Clone)]
pub(super) struct ConfigOrigin {
    name: String,
    stamps: Arc<[Stamp]>,
    shared: Arc<SharedConfig>,
}

/// State that the contexts of one kubeconfig share.
struct SharedConfig {
    sources: Sources,
    names: Vec<String>,
    plugins: Plugins,
    /// The contexts of the last edit that have not been picked up yet.
    edit: Mutex<Option<ConfigEdit>>,
}

struct ConfigEdit {
    stamps: Arc<[Stamp]>,
    targets: Result<HashMap<String, ContextTarget>, KubeconfigError>,
}

impl ConfigOrigin {
    /// Origin of the first of the contexts with these names.
    pub(super) fn new(sources: Sources, names: &[String], stamps: &[Stamp]) -> Self {
        let shared =
            SharedConfig { sources, names: names.to_vec(), plugins: Plugins::default(), edit: Mutex::new(None) };
        Self { name: String::new(), stamps: stamps.into(), shared: Arc::new(shared) }
    }

    /// Origin of the context of this name.
    pub(super) fn of(&self, name: &str) -> Self {
        Self { name: name.to_owned(), ..self.clone() }
    }

    /// The context's name, as written.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// The file that was given by `--kubeconfig`.
    pub(super) fn flag(&self) -> Option<&Path> {
        self.shared.sources.flag.as_deref()
    }

    /// The plugins of all contexts.
    pub(super) fn plugins(&self) -> &Plugins {
        &self.shared.plugins
    }

    pub(super) async fn is_edited(&self) -> bool {
        let files = self.stamps.iter().map(|(file, _)| file.clone()).collect();
        *stamps(files).await != *self.stamps
    }

    /// Reads the context from the current kubeconfig. Blocking.
    ///
    /// # Errors
    /// The kubeconfig cannot be read, or the context is gone.
    pub(super) fn load(&self) -> Result<ContextTarget, KubeconfigError> {
        let SharedConfig { sources, names, edit, .. } = &*self.shared;
        let stamps: Arc<[Stamp]> = files::stamps_of(sources).into();
        let mut edit = edit.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(ConfigEdit { targets, .. }) = edit.as_mut().filter(|edit| edit.stamps == stamps) {
            match targets {
                Err(error) => return Err(error.clone()),
                Ok(targets) => {
                    if let Some(target) = targets.remove(&self.name) {
                        return Ok(target);
                    }
                }
            }
        }
        let read = files::read(sources).map(|document| document.map(|document| self.all(&document, names, &stamps)));
        let mut targets = match read {
            Ok(targets) => targets.unwrap_or_default(),
            Err(error) => {
                *edit = Some(ConfigEdit { stamps, targets: Err(error.clone()) });
                return Err(error);
            }
        };
        let own = targets.remove(&self.name);
        *edit = Some(ConfigEdit { stamps, targets: Ok(targets) });
        own.ok_or_else(|| KubeconfigError::Gone { name: one_line(&self.name) })
    }

    fn all(&self, document: &MergedConfig, names: &[String], stamps: &Arc<[Stamp]>) -> HashMap<String, ContextTarget> {
        let env = ProxyEnv::read();
        let origin = |name: &String| Self { stamps: stamps.clone(), ..self.of(name) };
        let targets = names.iter().filter_map(|name| {
            let target = ContextTarget::of_context(document, name, &env)?;
            Some((name.clone(), ContextTarget { origin: Some(origin(name)), ..target }))
        });
        targets.collect()
    }
}

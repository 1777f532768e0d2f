//! Contexts: which kubeconfig files are read, how they are merged, and which contexts are usable.
//!
//! Order as in kubectl: `--kubeconfig`, the files of `$KUBECONFIG` (missing ones are skipped, the first definition
//! wins), `~/.kube/config`, the service account of the pod we run in. An unusable context becomes a [`ContextTarget`]
//! that gives the reason; the others work.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use http::Uri;

use super::Task;
use super::classify::{RequestError, one_line};
use super::connect;
use super::exec::PluginMode;
use super::meter::MeterSink;
use super::proxy::{self, ProxyEnv};
use super::session::{Built, ClientFactory, Renewal};
use super::tuning::Tuning;
use crate::facts::text::{Clean, is_dns_label};
use crate::msg::Layer;

mod document;
mod error;
mod fields;
mod files;
mod login;
mod origin;
mod plan;
mod prepare;
mod server;
mod settings;

use document::{CONTEXT, MergedConfig};
pub use error::KubeconfigError;
use files::{Stamp, stamps};
use login::{Login, PluginRun};
use origin::ConfigOrigin;
pub(crate) use plan::ConnectionPlan;
use prepare::ContextSettings;
use settings::{Authorization, ClusterSettings, UserSettings};

/// Longest time to read the files of a context, should a file system hang.
const FILES_DEADLINE: Duration = Duration::from_secs(15);

/// Locations of the kubeconfig.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    /// `--kubeconfig`; must exist.
    pub flag: Option<PathBuf>,
    /// `$KUBECONFIG`: a list of files, of which missing ones are skipped.
    pub env: Option<OsString>,
    /// The home directory, with `.kube/config` in it.
    pub home: Option<PathBuf>,
}

impl Sources {
    /// `true` if `$KUBECONFIG` is set, so that the home is not used.
    fn names_files(&self) -> bool {
        self.env.as_ref().is_some_and(|list| !list.is_empty())
    }
}

/// Selection of contexts to show.
#[derive(Clone, Debug, Default)]
pub struct Selection {
    /// `--context`, in order: names, or lists of them with commas between.
    pub contexts: Vec<String>,
    /// `--all-contexts`.
    pub all: bool,
}

/// The kubeconfig with all its contexts, as read.
pub struct Kubeconfig {
    /// `None` without any file: then in a pod, or without any configuration.
    document: Option<MergedConfig>,
    sources: Sources,
    stamps: Vec<Stamp>,
}

/// One context: a cluster and the credentials for it.
#[derive(Clone)]
pub struct ContextTarget {
    context: Clean,
    server: Option<Clean>,
    /// Namespace of the context.
    namespace: Option<Clean>,
    broken: Option<Clean>,
    insecure: bool,
    /// Settings of this context alone; `None` if it is broken.
    settings: Option<Arc<ContextSettings>>,
    env: ProxyEnv,
    /// The files that the clients were built from, with their state at that time.
    stamps: Vec<Stamp>,
    origin: Option<ConfigOrigin>,
    /// State of the credential plugin.
    login: Login,
}

/// Reads the kubeconfig and picks contexts. Blocking; reads files only.
///
/// # Errors
/// [`KubeconfigError`] if there is nothing to show at all; a single broken context is a [`ContextTarget`] with the
/// reason.
pub fn load(sources: &Sources, selection: &Selection) -> Result<Vec<ContextTarget>, KubeconfigError> {
    Kubeconfig::read(sources)?.targets(selection)
}

impl Kubeconfig {
    /// Reads the files, each once: one of them may be a pipe. Blocking.
    ///
    /// # Errors
    /// [`KubeconfigError`] if a file cannot be read.
    pub fn read(sources: &Sources) -> Result<Self, KubeconfigError> {
        let stamps = files::stamps_of(sources);
        Ok(Self { document: files::read(sources)?, sources: sources.clone(), stamps })
    }

    /// The names of all contexts, whether they are usable or not.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.document.iter().flat_map(|document| document.contexts.names())
    }

    /// Picks contexts.
    ///
    /// # Errors
    /// [`KubeconfigError`] if there is nothing to show at all.
    pub fn targets(&self, selection: &Selection) -> Result<Vec<ContextTarget>, KubeconfigError> {
        let Some(document) = &self.document else {
            return ContextTarget::in_cluster().map(|target| vec![target]).ok_or_else(|| KubeconfigError::Nowhere {
                searched: Clean::new(&files::searched_places(&self.sources)),
            });
        };
        let names = self.select(document, selection)?;
        let origin = ConfigOrigin::new(self.sources.clone(), &names, &self.stamps);
        let env = ProxyEnv::read();
        let target = |name: &String| {
            let target = ContextTarget::of_context(document, name, &env);
            target.map(|target| ContextTarget { origin: Some(origin.of(name)), ..target })
        };
        let unknown = |name| KubeconfigError::Unknown { name: one_line(name), known: self.known() };
        names.iter().map(|name| target(name).ok_or_else(|| unknown(name))).collect()
    }

    /// Names of the requested contexts, each once.
    fn select(&self, document: &MergedConfig, selection: &Selection) -> Result<Vec<String>, KubeconfigError> {
        let mut names: Vec<&str> = Vec::new();
        if selection.all {
            names.extend(document.contexts.names());
        } else {
            for given in &selection.contexts {
                split_names(given, |name| document.contexts.contains(name), &mut names);
            }
            // An empty name counts as none, as in kubectl.
            names.retain(|name| !name.is_empty());
            if names.is_empty() {
                names.extend(document.current.as_deref());
            }
        }
        if names.is_empty() {
            return Err(KubeconfigError::NoCurrent { known: self.known() });
        }
        let mut seen = std::collections::HashSet::new();
        names.retain(|name| seen.insert(*name));
        Ok(names.into_iter().map(str::to_owned).collect())
    }

    /// The existing names, for messages.
    fn known(&self) -> Clean {
        let names: Vec<&str> = self.names().collect();
        if names.is_empty() { Clean::new("none") } else { one_line(&names.join(", ")) }
    }
}

/// Splits a list of names at its commas; an existing name that contains commas wins over the list.
fn split_names<'a>(list: &'a str, exists: impl Fn(&str) -> bool, into: &mut Vec<&'a str>) {
    let mut rest = list;
    loop {
        let ends = rest.match_indices(',').map(|(at, _)| at).chain([rest.len()]);
        let first = rest.find(',').unwrap_or(rest.len());
        let end = ends.filter(|&end| exists(&rest[..end])).last().unwrap_or(first);
        into.push(&rest[..end]);
        match rest.get(end + 1..) {
            Some(next) => rest = next,
            None => return,
        }
    }
}

impl ContextTarget {
    /// An unauthenticated server, for the demo and for tests; `url` is `http://` on loopback.
    #[must_use]
    pub fn plain(context: &str, url: &str) -> Self {
        let (server, broken) = match url.parse::<Uri>() {
            Ok(uri) => (Some(uri), None),
            Err(error) => (None, Some(Clean::new(&format!("the server's URL cannot be used: {error}")))),
        };
        Self {
            server: server.as_ref().map(public_url),
            broken,
            settings: server.map(|url| Arc::new(ContextSettings::plain(url))),
            ..Self::new(Clean::new(context), ProxyEnv::default())
        }
    }

    fn new(context: Clean, env: ProxyEnv) -> Self {
        Self {
            context,
            server: None,
            namespace: None,
            broken: None,
            insecure: false,
            settings: None,
            env,
            stamps: Vec::new(),
            origin: None,
            login: Login::default(),
        }
    }

    /// The context's name.
    #[must_use]
    pub fn context(&self) -> &Clean {
        &self.context
    }

    /// The server's URL, without credentials.
    #[must_use]
    pub fn server(&self) -> Option<&str> {
        self.server.as_deref()
    }

    /// The namespace of the context's user, if it names one: an example for advice (F23).
    #[must_use]
    pub fn namespace(&self) -> Option<&Clean> {
        self.namespace.as_ref()
    }

    /// The reason why this context cannot be used, if so.
    #[must_use]
    pub fn broken(&self) -> Option<&Clean> {
        self.broken.as_ref()
    }

    /// `true` if the kubeconfig says `insecure-skip-tls-verify`.
    #[must_use]
    pub fn is_insecure(&self) -> bool {
        self.insecure
    }

    fn in_cluster() -> Option<Self> {
        let (settings, namespace) = ContextSettings::in_cluster()?;
        Some(Self {
            server: Some(public_url(&settings.cluster.server)),
            namespace: own_namespace(&namespace),
            settings: Some(Arc::new(settings)),
            ..Self::new(Clean::new("in-cluster"), ProxyEnv::read())
        })
    }

    /// `None` if there is no such context.
    fn of_context(document: &MergedConfig, name: &str, env: &ProxyEnv) -> Option<Self> {
        if !document.contexts.contains(name) {
            return None;
        }
        let mut target = Self::new(one_line(name), env.clone());
        match target.fill(document, name) {
            Ok(settings) => target.settings = Some(Arc::new(settings)),
            Err(why) => target.broken = Some(one_line(&why)),
        }
        Some(target)
    }

    fn fill(&mut self, document: &MergedConfig, name: &str) -> Result<ContextSettings, String> {
        let entry = document.contexts.get(CONTEXT, name)?;
        if entry.value.is_none() {
            return Err("the context is empty".to_owned());
        }
        let fields = fields::EntryFields::new(CONTEXT, entry)?;
        self.namespace = fields.text("namespace")?.as_deref().and_then(own_namespace);
        let cluster = fields.text("cluster")?.ok_or("the context names no cluster")?;
        let cluster_entry = document.clusters.get("cluster", &cluster)?;
        let cluster = ClusterSettings::read(cluster_entry)?;
        self.server = Some(public_url(&cluster.server));
        self.insecure = cluster.insecure;
        let user = match fields.text("user")? {
            Some(name) => UserSettings::read(document.users.get("user", &name)?, cluster_entry)?,
            None => UserSettings::default(),
        };
        let proxy = proxy::choose(&cluster.server, cluster.proxy_url.as_deref(), &self.env)?;
        let has_secrets = user.has_secrets() || cluster.login.is_some();
        if has_secrets && proxy::is_exposed(&cluster.server, proxy.as_ref()) {
            return Err("credentials are not sent over plain http:// to another machine".to_owned());
        }
        let user = user.for_cluster(&cluster);
        Ok(ContextSettings { cluster, user })
    }

    /// Settings that the clients are built from.
    ///
    /// # Errors
    /// The context is broken.
    fn settings(&self) -> Result<Arc<ContextSettings>, RequestError> {
        let broken = || self.broken.as_deref().unwrap_or("there is nothing to connect to");
        self.settings.clone().ok_or_else(|| RequestError::new(Layer::Config, broken()).permanent())
    }

    /// Reads the context again if its kubeconfig was edited; returns the server if it has changed. An unusable edit
    /// changes nothing.
    async fn reload(&mut self) -> Result<Option<(Clean, bool)>, RequestError> {
        let Some(origin) = self.origin.clone() else { return Ok(None) };
        if !self.edited().await {
            return Ok(None);
        }
        let loaded = blocking(move || origin.load()).await?;
        let request_error = |why: &str| RequestError::new(Layer::Config, &format!("the kubeconfig was edited: {why}"));
        let next = loaded.map_err(|error| request_error(&error.to_string()))?;
        if let Some(why) = &next.broken {
            return Err(request_error(why));
        }
        let moved = (next.server != self.server || next.insecure != self.insecure)
            .then(|| (next.server.clone().unwrap_or_default(), next.insecure));
        *self = Self { login: self.login.clone(), ..next };
        Ok(moved)
    }

    async fn make(&mut self, tuning: Arc<Tuning>, sink: MeterSink, run: PluginRun) -> Result<Built, RequestError> {
        let moved = self.reload().await?;
        let settings = self.settings()?;
        self.stamps = stamps(settings.files()).await;
        let unusable = |why: String| RequestError::new(Layer::Config, &why).permanent();
        let proxy = proxy::choose(&settings.cluster.server, settings.cluster.proxy_url.as_deref(), &self.env);
        let proxy = proxy.map_err(unusable)?;
        let read = settings.clone();
        let mut prepared = blocking(move || read.prepare()).await?.map_err(unusable)?;
        let mut issued = None;
        if let Authorization::Plugin(plugin) = &settings.user.authorization {
            let (checked, allowed) = (settings.clone(), tuning.exec_allow.clone());
            blocking(move || checked.user.may_run(allowed.as_deref())).await??;
            let exec = prepared.exec.take().unwrap_or_else(|| plugin.exec.clone());
            let got = self.issue(&exec, &tuning, run).await?;
            issued = Some((got.at, got.credential.expires()));
            prepared.accept(got.credential)?;
        } else {
            let read = settings.clone();
            prepared.authorize(blocking(move || read.user.authorization.header()).await??);
        }
        let (mut config, tls) = (prepared.config, prepared.tls);
        config.proxy_url = proxy.as_ref().map(|proxy| proxy.url.clone());
        let clients = move || {
            let auth = proxy.as_ref().and_then(|proxy| proxy.auth.as_ref());
            let api = connect::client(config.clone(), &tls, auth, &tuning, &sink)?;
            connect::client(config, &tls, auth, &tuning, &sink).map(|probe| (api, probe, tls.skipped()))
        };
        let (api, probe, skipped) = blocking(clients).await??;
        let (issued, expires) = issued.unzip();
        let notes = skipped.iter().map(|what| skipped_note(what)).collect();
        Ok(Built { api, probe, expires: expires.flatten(), issued, moved, notes })
    }
}

impl ClientFactory for ContextTarget {
    async fn build(&mut self, tuning: Arc<Tuning>, sink: MeterSink) -> Result<Built, RequestError> {
        let deadline = tuning.exec_deadline;
        self.make(tuning, sink, PluginRun { mode: PluginMode::Background, deadline }).await
    }

    async fn log_in(
        &mut self,
        tuning: Arc<Tuning>,
        sink: MeterSink,
        deadline: Duration,
    ) -> Result<Built, RequestError> {
        self.make(tuning, sink, PluginRun { mode: PluginMode::Terminal, deadline }).await
    }

    fn renew(&mut self, why: Renewal) {
        self.login.renew(why);
    }

    fn superseded(&self) -> Task {
        self.login.superseded()
    }

    async fn stale(&mut self) -> bool {
        let files = self.stamps.iter().map(|(file, _)| file.clone()).collect();
        stamps(files).await != self.stamps
    }

    async fn edited(&mut self) -> bool {
        match &self.origin {
            Some(origin) => origin.is_edited().await,
            None => false,
        }
    }
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, RequestError> {
    let Ok(done) = tokio::time::timeout(FILES_DEADLINE, tokio::task::spawn_blocking(work)).await else {
        let text = format!("reading the credentials took longer than {} s", FILES_DEADLINE.as_secs());
        return Err(RequestError::timed_out(Layer::Credentials, &text));
    };
    done.map_err(|_| RequestError::new(Layer::Internal, "reading the credentials failed in our own code"))
}

/// Note about skipped certificates.
fn skipped_note(what: &str) -> Clean {
    one_line(&format!("passed over in the certificate-authority: {what}"))
}

/// The URL without user, password, and a single slash as its path.
fn public_url(url: &Uri) -> Clean {
    let (scheme, host) = (url.scheme_str().unwrap_or("https"), url.host().unwrap_or_default());
    let port = url.port_u16().map(|port| format!(":{port}")).unwrap_or_default();
    one_line(&format!("{scheme}://{host}{port}{}", url.path().trim_end_matches('/')))
}

/// Returns the name if it is a valid namespace name, which may be pasted into a command.
fn own_namespace(name: &str) -> Option<Clean> {
    is_dns_label(name).then(|| Clean::new(name))
}

/// A path as text, for messages.
fn shown(path: &Path) -> Clean {
    one_line(&path.to_string_lossy())
}

#[cfg(test)]
mod tests;

//! Contexts: which kubeconfig files are read, how they are merged, and what of them can be used.
//!
//! Order as in kubectl: `--kubeconfig`, the files of `$KUBECONFIG` (missing ones are skipped, the first definition wins),
//! `~/.kube/config`, the service account of the pod we run in. A context that cannot be used becomes a [`Target`] that says
//! why; the others work.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use http::Uri;
use kube::Config;
use kube::config::{AuthInfo, KubeConfigOptions, Kubeconfig};

use super::classify::{Trouble, one_line};
use super::connect;
use super::exec::{self, Place};
use super::meter::Sink;
use super::proxy::{self, ProxyEnv, base64};
use super::session::{Build, Built};
use super::tuning::Tuning;
use crate::facts::text::{Clean, is_dns_label};
use crate::msg::Layer;

mod files;
mod plan;

use files::{Stamp, read_token, stamps};
pub(crate) use plan::Plan;

/// Where a kubeconfig may be.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    /// `--kubeconfig`; must exist.
    pub flag: Option<PathBuf>,
    /// `$KUBECONFIG`: a list of files, of which missing ones are skipped.
    pub env: Option<OsString>,
    /// The home directory, with `.kube/config` in it.
    pub home: Option<PathBuf>,
}

/// Which contexts to show.
#[derive(Clone, Debug, Default)]
pub struct Selection {
    /// `--context`, in order.
    pub contexts: Vec<String>,
    /// `--all-contexts`.
    pub all: bool,
}

/// Why there is nothing to show at all.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KubeconfigError {
    /// A file cannot be read.
    #[error("cannot read kubeconfig `{path}`: {why}")]
    Read {
        /// The file.
        path: Clean,
        /// What the system says.
        why: Clean,
    },
    /// A file is not a kubeconfig.
    #[error("`{path}`{place} is not a kubeconfig: {why}")]
    Invalid {
        /// The file.
        path: Clean,
        /// ` line 3`, or nothing where that is not known.
        place: Clean,
        /// What is wrong, without what stands there.
        why: Clean,
    },
    /// No file, and no service account.
    #[error("no kubeconfig found (looked at {looked}); name one with `--kubeconfig` or $KUBECONFIG")]
    Nowhere {
        /// Where we looked.
        looked: Clean,
    },
    /// No context is selected and none is current.
    #[error("the kubeconfig has no current context; choose with `--context`: {known}")]
    NoCurrent {
        /// The contexts that exist.
        known: Clean,
    },
    /// A context that does not exist was asked for.
    #[error("no context `{name}` in the kubeconfig; there is {known}")]
    Unknown {
        /// What was asked for.
        name: Clean,
        /// The contexts that exist.
        known: Clean,
    },
}

/// One context: a cluster and the credentials for it.
#[derive(Clone)]
pub struct Target {
    context: Clean,
    server: Option<Clean>,
    /// The namespace that the context names.
    namespace: Option<Clean>,
    broken: Option<Clean>,
    insecure: bool,
    source: Source,
    env: ProxyEnv,
    /// The files that the clients were built from, as they were then.
    stamps: Vec<Stamp>,
    origin: Option<Origin>,
}

/// Where a context was read from, to be read again after an edit (F65).
#[derive(Clone)]
struct Origin {
    sources: Sources,
    name: String,
    /// The kubeconfig's files as they were then.
    stamps: Vec<Stamp>,
}

#[derive(Clone)]
enum Source {
    /// A kubeconfig with this context alone.
    Context(Arc<Kubeconfig>),
    /// The service account of our pod.
    InCluster,
    /// A URL without credentials.
    Plain(Uri),
    /// Nothing usable.
    None,
}

/// The names of all contexts of the kubeconfig; none without one. Blocking; reads files only.
///
/// # Errors
/// [`KubeconfigError`] if a file cannot be read.
pub fn contexts(sources: &Sources) -> Result<Vec<String>, KubeconfigError> {
    let config = files::read(sources)?;
    Ok(config.into_iter().flat_map(|config| config.contexts).map(|context| context.name).collect())
}

/// Reads the kubeconfig and picks contexts. Blocking; reads files only.
///
/// # Errors
/// [`KubeconfigError`] if there is nothing to show at all; a single broken context is a [`Target`] that says so.
pub fn load(sources: &Sources, selection: &Selection) -> Result<Vec<Target>, KubeconfigError> {
    let Some(config) = files::read(sources)? else {
        return Target::in_cluster()
            .map(|target| vec![target])
            .ok_or_else(|| KubeconfigError::Nowhere { looked: Clean::new(&files::looked_at(sources)) });
    };
    let known = || {
        let names: Vec<&str> = config.contexts.iter().map(|context| context.name.as_str()).collect();
        if names.is_empty() { Clean::new("none") } else { one_line(&names.join(", ")) }
    };
    let mut names: Vec<&String> = Vec::new();
    if selection.all {
        names.extend(config.contexts.iter().map(|context| &context.name));
    } else if selection.contexts.is_empty() {
        let current = config.current_context.as_ref().filter(|name| !name.is_empty());
        names.push(current.ok_or_else(|| KubeconfigError::NoCurrent { known: known() })?);
    } else {
        names.extend(&selection.contexts);
    }
    let mut seen = std::collections::HashSet::new();
    names.retain(|name| seen.insert(name.as_str()));
    if names.is_empty() {
        return Err(KubeconfigError::NoCurrent { known: known() });
    }
    let env = ProxyEnv::read();
    let stamps = files::stamps_of(sources);
    names
        .into_iter()
        .map(|name| {
            let origin = Origin { sources: sources.clone(), name: name.clone(), stamps: stamps.clone() };
            let target =
                Target::of_context(&config, name, &env).map(|target| Target { origin: Some(origin), ..target });
            target.ok_or_else(|| KubeconfigError::Unknown { name: one_line(name), known: known() })
        })
        .collect()
}

impl Target {
    /// An unauthenticated server, for the demo and for tests; `url` is `http://` on loopback.
    #[must_use]
    pub fn plain(context: &str, url: &str) -> Self {
        let (server, broken) = match url.parse::<Uri>() {
            Ok(uri) => (Some(uri), None),
            Err(error) => (None, Some(Clean::new(&format!("the server's URL cannot be used: {error}")))),
        };
        Self {
            context: Clean::new(context),
            server: server.as_ref().map(public_url),
            namespace: None,
            broken,
            insecure: false,
            source: server.map_or(Source::None, Source::Plain),
            env: ProxyEnv::default(),
            stamps: Vec::new(),
            origin: None,
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

    /// The namespace that its user works in, if the context names one: an example for advice (F23).
    #[must_use]
    pub fn namespace(&self) -> Option<&Clean> {
        self.namespace.as_ref()
    }

    /// Why this context cannot be used, if so.
    #[must_use]
    pub fn broken(&self) -> Option<&Clean> {
        self.broken.as_ref()
    }

    /// The kubeconfig says `insecure-skip-tls-verify`.
    #[must_use]
    pub fn is_insecure(&self) -> bool {
        self.insecure
    }

    fn in_cluster() -> Option<Self> {
        let config = Config::incluster().ok()?;
        Some(Self {
            context: Clean::new("in-cluster"),
            server: Some(public_url(&config.cluster_url)),
            namespace: own_namespace(&config.default_namespace),
            broken: None,
            insecure: false,
            source: Source::InCluster,
            env: ProxyEnv::read(),
            stamps: Vec::new(),
            origin: None,
        })
    }

    /// `None` if there is no such context.
    fn of_context(config: &Kubeconfig, name: &str, env: &ProxyEnv) -> Option<Self> {
        let named = config.contexts.iter().find(|context| context.name == name)?;
        let mut target = Self {
            context: one_line(name),
            server: None,
            namespace: None,
            broken: None,
            insecure: false,
            source: Source::None,
            env: env.clone(),
            stamps: Vec::new(),
            origin: None,
        };
        if let Err(why) = target.fill(config, named) {
            target.broken = Some(one_line(&why));
        }
        Some(target)
    }

    fn fill(&mut self, config: &Kubeconfig, named: &kube::config::NamedContext) -> Result<(), String> {
        let context = named.context.as_ref().ok_or("the context is empty")?;
        self.namespace = context.namespace.as_deref().and_then(own_namespace);
        let cluster = config.clusters.iter().find(|cluster| cluster.name == context.cluster);
        let cluster = cluster.ok_or_else(|| format!("its cluster `{}` is not in the kubeconfig", context.cluster))?;
        let details = cluster.cluster.as_ref().ok_or_else(|| format!("its cluster `{}` is empty", cluster.name))?;
        let server = details.server.as_deref().filter(|server| !server.is_empty());
        let server = server.ok_or_else(|| format!("its cluster `{}` has no server", cluster.name))?;
        let url: Uri = server.parse().map_err(|_| "the server's URL cannot be parsed".to_owned())?;
        self.server = Some(public_url(&url));
        self.insecure = details.insecure_skip_tls_verify == Some(true);
        if !matches!(url.scheme_str(), Some("http" | "https")) || url.host().is_none_or(str::is_empty) {
            return Err("the server's URL must begin with https://".to_owned());
        }
        let user_name = context.user.as_deref().filter(|user| !user.is_empty());
        let user = match user_name {
            None => None,
            Some(name) => {
                let user = config.auth_infos.iter().find(|user| user.name == name);
                Some(user.ok_or_else(|| format!("its user `{name}` is not in the kubeconfig"))?.clone())
            }
        };
        let auth = user.as_ref().and_then(|user| user.auth_info.as_ref());
        if auth.is_some_and(has_credentials) && is_exposed(&url) {
            return Err("credentials are not sent over plain http:// to another machine".to_owned());
        }
        proxy::choose(&url, details.proxy_url.as_deref(), &self.env)?;
        self.source = Source::Context(Arc::new(Kubeconfig {
            clusters: vec![cluster.clone()],
            contexts: vec![named.clone()],
            auth_infos: user.into_iter().collect(),
            current_context: Some(named.name.clone()),
            ..Kubeconfig::default()
        }));
        Ok(())
    }

    /// The configuration of kube, with files read; the proxy is not yet decided.
    async fn config(&self) -> Result<Config, String> {
        let text = |error: &(dyn std::error::Error + 'static)| {
            super::classify::chain(error).map(ToString::to_string).collect::<Vec<_>>().join(": ")
        };
        match &self.source {
            Source::Context(kubeconfig) => {
                let options = KubeConfigOptions::default();
                let loaded = Config::from_custom_kubeconfig(Kubeconfig::clone(kubeconfig), &options).await;
                loaded.map_err(|error| text(&error))
            }
            Source::InCluster => Config::incluster().map_err(|error| text(&error)),
            Source::Plain(url) => Ok(Config::new(url.clone())),
            Source::None => Err("nothing to connect to".to_owned()),
        }
    }

    /// The certificate files that the clients depend on.
    fn files(&self) -> Vec<PathBuf> {
        let Source::Context(config) = &self.source else { return Vec::new() };
        let authorities = config.clusters.iter().filter_map(|c| c.cluster.as_ref()?.certificate_authority.as_ref());
        let users = config.auth_infos.iter().filter_map(|user| user.auth_info.as_ref());
        let identities = users.flat_map(|user| [&user.client_certificate, &user.client_key].into_iter().flatten());
        authorities.chain(identities).map(PathBuf::from).collect()
    }
}

impl Target {
    /// Reads the context again if its kubeconfig was edited; says whether the server is another one now. An edit that
    /// cannot be used changes nothing.
    async fn reload(&mut self) -> Result<Option<(Clean, bool)>, Trouble> {
        if !self.edited().await {
            return Ok(None);
        }
        let Some(origin) = self.origin.clone() else { return Ok(None) };
        let selection = Selection { contexts: vec![origin.name], all: false };
        let loaded = blocking(move || load(&origin.sources, &selection)).await?;
        let trouble = |why: &str| Trouble::new(Layer::Config, &format!("the kubeconfig was edited: {why}"));
        let next = loaded.map_err(|error| trouble(&error.to_string()))?.pop().ok_or_else(|| trouble("it is empty"))?;
        if let Some(why) = &next.broken {
            return Err(trouble(why));
        }
        if next.origin.is_none() {
            return Err(trouble("it is gone"));
        }
        let moved = (next.server != self.server || next.insecure != self.insecure)
            .then(|| (next.server.clone().unwrap_or_default(), next.insecure));
        *self = next;
        Ok(moved)
    }
}

impl Target {
    /// The name of the credential plugin that the context uses.
    #[must_use]
    pub fn plugin(&self) -> Option<Clean> {
        let Source::Context(config) = &self.source else { return None };
        let auth = config.auth_infos.first()?.auth_info.as_ref()?;
        let plugin = auth.exec.as_ref().filter(|_| !has_static_credentials(auth))?;
        Some(one_line(exec::name(plugin)))
    }

    async fn make(&mut self, tuning: Arc<Tuning>, sink: Sink, by: (Place, Duration)) -> Result<Built, Trouble> {
        let moved = self.reload().await?;
        if let Some(why) = &self.broken {
            return Err(Trouble::new(Layer::Config, why));
        }
        let mut files = self.files();
        let target = self.clone();
        let runtime = tokio::runtime::Handle::current();
        let config = blocking(move || runtime.block_on(target.config())).await?;
        let mut config = config.map_err(|why| Trouble::new(Layer::Config, &why))?;
        if let (None, Some(path)) = (&config.auth_info.token, config.auth_info.token_file.take()) {
            config.auth_info.token = Some(read_token(&path).await?.into());
            files.push(path.into());
        }
        self.stamps = stamps(files).await;
        let mut expires = None;
        if let Some(plugin) = config.auth_info.exec.take()
            && !has_static_credentials(&config.auth_info)
        {
            let credential = exec::run(&plugin, &self.context, by).await?;
            expires = credential.expires();
            apply(&mut config.auth_info, credential);
        }
        let own = match &self.source {
            Source::Context(kubeconfig) => {
                kubeconfig.clusters.first().and_then(|c| c.cluster.as_ref()?.proxy_url.clone())
            }
            _ => None,
        };
        let proxy = proxy::choose(&config.cluster_url, own.as_deref(), &self.env);
        let proxy = proxy.map_err(|why| Trouble::new(Layer::Config, &why))?;
        config.proxy_url = proxy.as_ref().map(|proxy| proxy.url.clone());
        let clients = move || {
            let auth = proxy.as_ref().and_then(|proxy| proxy.auth.as_ref());
            let api = connect::client(config.clone(), auth, &tuning, &sink)?;
            connect::client(config, auth, &tuning, &sink).map(|probe| (api, probe))
        };
        match blocking(clients).await? {
            Ok((api, probe)) => Ok(Built { api, probe, expires, moved }),
            Err(error) => Err(super::classify::unusable(&error)),
        }
    }
}

impl Build for Target {
    async fn build(&mut self, tuning: Arc<Tuning>, sink: Sink) -> Result<Built, Trouble> {
        let deadline = tuning.exec_deadline;
        self.make(tuning, sink, (Place::Background, deadline)).await
    }

    async fn log_in(&mut self, tuning: Arc<Tuning>, sink: Sink, deadline: Duration) -> Result<Built, Trouble> {
        self.make(tuning, sink, (Place::Terminal, deadline)).await
    }

    async fn stale(&mut self) -> bool {
        let files = self.stamps.iter().map(|(file, _)| file.clone()).collect();
        stamps(files).await != self.stamps
    }

    async fn edited(&mut self) -> bool {
        let Some(origin) = &self.origin else { return false };
        let files = origin.stamps.iter().map(|(file, _)| file.clone()).collect();
        stamps(files).await != origin.stamps
    }
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, Trouble> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|_| Trouble::new(Layer::Internal, "reading the credentials failed in our own code"))
}

/// Puts what a plugin returned where kube looks for it.
fn apply(auth: &mut AuthInfo, credential: exec::Credential) {
    auth.token = credential.token.map(Into::into);
    if let (Some(certificate), Some(key)) = (credential.client_certificate_data, credential.client_key_data) {
        auth.client_certificate = None;
        auth.client_key = None;
        auth.client_certificate_data = base64(certificate.into_bytes());
        auth.client_key_data = base64(key.into_bytes()).map(Into::into);
    }
}

/// Credentials that kube prefers to a plugin's.
fn has_static_credentials(auth: &AuthInfo) -> bool {
    auth.token.is_some() || auth.token_file.is_some() || auth.username.is_some() || auth.auth_provider.is_some()
}

fn has_credentials(auth: &AuthInfo) -> bool {
    has_static_credentials(auth) || auth.exec.is_some()
}

/// Plain http to another machine: whoever listens would see the credentials.
fn is_exposed(url: &Uri) -> bool {
    let host = url.host().unwrap_or_default().trim_matches(['[', ']']);
    let loopback = host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback());
    url.scheme_str() == Some("http") && !loopback
}

/// The URL without user and password, and without a lone slash.
fn public_url(url: &Uri) -> Clean {
    let (scheme, host) = (url.scheme_str().unwrap_or("https"), url.host().unwrap_or_default());
    let port = url.port_u16().map(|port| format!(":{port}")).unwrap_or_default();
    one_line(&format!("{scheme}://{host}{port}{}", url.path().trim_end_matches('/')))
}

/// A namespace that can be one: it may be pasted into a command.
fn own_namespace(name: &str) -> Option<Clean> {
    is_dns_label(name).then(|| Clean::new(name))
}

/// For messages: a path as text.
fn shown(path: &Path) -> Clean {
    one_line(&path.to_string_lossy())
}

#[cfg(test)]
mod tests;

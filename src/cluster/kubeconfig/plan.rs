//! What a context leads to and with which credentials, for the health check: looked at, not used.

use http::Uri;
use kube::Config;
use kube::config::AuthInfo;
use tokio::runtime::Handle;

use super::super::proxy;
use super::{Source, Target, blocking, has_static_credentials};
use crate::cluster::classify::Trouble;
use crate::msg::Layer;

/// The way to a server.
pub(crate) struct Plan {
    /// As kube sees it, without an exec plugin: building a TLS configuration of it runs nothing.
    pub(crate) config: Config,
    /// The proxy in between, without credentials.
    pub(crate) proxy: Option<Uri>,
    /// For people: `a client certificate`.
    pub(crate) kind: String,
    /// The client certificate chain, PEM.
    pub(crate) client_certificate: Option<Vec<u8>>,
}

impl Target {
    /// Reads what the context says.
    ///
    /// # Errors
    /// A context, a file or a proxy that cannot be used.
    pub(crate) async fn plan(&self) -> Result<Plan, Trouble> {
        let unusable = |why: &str| Trouble::new(Layer::Config, why);
        if let Some(why) = self.broken() {
            return Err(unusable(why));
        }
        let (target, runtime) = (self.clone(), Handle::current());
        let config = blocking(move || runtime.block_on(target.config())).await?;
        let mut config = config.map_err(|why| unusable(&why))?;
        let own = match &self.source {
            Source::Context(kubeconfig) => {
                kubeconfig.clusters.first().and_then(|c| c.cluster.as_ref()?.proxy_url.clone())
            }
            _ => None,
        };
        let proxy = proxy::choose(&config.cluster_url, own.as_deref(), &self.env).map_err(|why| unusable(&why))?;
        let kind = kind(&config.auth_info);
        config.auth_info.exec = None;
        let client_certificate = client_certificate(&config.auth_info).await;
        Ok(Plan { config, proxy: proxy.map(|proxy| proxy.url), kind, client_certificate })
    }
}

fn kind(auth: &AuthInfo) -> String {
    let certificate = auth.client_certificate.is_some() || auth.client_certificate_data.is_some();
    let mut kinds = Vec::new();
    match &auth.exec {
        Some(exec) if !has_static_credentials(auth) => {
            let command = exec.command.as_deref().unwrap_or_default();
            kinds.push(format!("credential plugin `{}`", command.rsplit('/').next().unwrap_or(command)));
        }
        _ if auth.token.is_some() => kinds.push("a token".to_owned()),
        _ if auth.token_file.is_some() => kinds.push("a token file".to_owned()),
        _ if auth.username.is_some() => kinds.push("user and password".to_owned()),
        _ if auth.auth_provider.is_some() => kinds.push("an auth provider".to_owned()),
        _ => {}
    }
    if certificate {
        kinds.push("a client certificate".to_owned());
    }
    if kinds.is_empty() { "none: the server sees an anonymous user".to_owned() } else { kinds.join(" and ") }
}

async fn client_certificate(auth: &AuthInfo) -> Option<Vec<u8>> {
    match (&auth.client_certificate_data, &auth.client_certificate) {
        (Some(data), _) => {
            // A Kubernetes byte string is written in base64, as this field is.
            let text = serde_json::Value::String(data.clone());
            serde_json::from_value::<k8s_openapi::ByteString>(text).ok().map(|bytes| bytes.0)
        }
        (None, Some(path)) => tokio::fs::read(path).await.ok(),
        (None, None) => None,
    }
}

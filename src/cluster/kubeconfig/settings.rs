//! The settings of a context's server and user, typed; and the precedence of a user's credentials.
//!
//! Precedence as in client-go (`tools/clientcmd/client_config.go`, `transport/round_trippers.go`,
//! `plugin/pkg/client/auth/exec/exec.go`): a token file before a token, both before a plugin; a client certificate is
//! sent beside either and makes a plugin unnecessary; a token and a user name together are refused.

use std::path::PathBuf;

use base64::prelude::{BASE64_STANDARD, Engine as _};
use bytes::Bytes;
use http::{HeaderName, HeaderValue, Uri};
use kube::config::{ExecAuthCluster, ExecConfig, ExecInteractiveMode};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use zeroize::Zeroizing;

use super::document::NamedEntry;
use super::fields::{EntryFields, PemSource};
use super::server::{ServerUrl, UrlLogin};
use crate::cluster::classify::RequestError;
use crate::cluster::exec;

/// The extension of a cluster that is passed to a plugin (client-go `clusterExtensionKey`).
const PLUGIN_EXTENSION: &str = "client.authentication.k8s.io/exec";
/// Characters of an extra's name that a header's name may have (client-go `legalHeaderByte`).
const EXTRA_NAME: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'!')
    .remove(b'#')
    .remove(b'$')
    .remove(b'&')
    .remove(b'\'')
    .remove(b'*')
    .remove(b'+')
    .remove(b'-')
    .remove(b'.')
    .remove(b'^')
    .remove(b'_')
    .remove(b'`')
    .remove(b'|')
    .remove(b'~');

/// A server.
pub(super) struct ClusterSettings {
    /// Without user and password.
    pub(super) server: Uri,
    /// User and password of the server's URL.
    pub(super) login: Option<UrlLogin>,
    /// `true` if the server has no scheme: none of the user's credentials are sent.
    pub(super) is_bare: bool,
    pub(super) insecure: bool,
    pub(super) authority: Option<PemSource>,
    pub(super) tls_server_name: Option<String>,
    pub(super) proxy_url: Option<String>,
    pub(super) disable_compression: bool,
}

/// Identity and credentials for a server.
#[derive(Default)]
pub(super) struct UserSettings {
    pub(super) authorization: Authorization,
    pub(super) identity: Option<CertificateSource>,
    /// Impersonation.
    pub(super) headers: Vec<(HeaderName, HeaderValue)>,
}

/// A client certificate and its key.
pub(super) struct CertificateSource {
    pub(super) certificate: PemSource,
    pub(super) key: PemSource,
}

/// Source of the `Authorization` header.
#[derive(Default)]
pub(super) enum Authorization {
    #[default]
    None,
    /// A token, a file with one, or both: the file wins while it can be read.
    Token(Option<String>, Option<PathBuf>),
    /// User and password.
    Basic(String, String),
    /// A credential plugin.
    Plugin(Box<Plugin>),
}

/// A credential plugin.
pub(super) struct Plugin {
    /// Without the cluster's certificate authority, which may have to be read from a file.
    pub(super) exec: ExecConfig,
    /// The file that names it.
    pub(super) file: PathBuf,
    /// Reason why another user could have written that file, if so.
    pub(super) others: Option<String>,
}

impl ClusterSettings {
    /// # Errors
    /// A field of the entry that cannot be used.
    pub(super) fn read(entry: &NamedEntry) -> Result<Self, String> {
        if entry.value.is_none() {
            return Err(format!("its cluster `{}` is empty", entry.name));
        }
        let fields = EntryFields::new("cluster", entry)?;
        let server = fields.text("server")?;
        let server = server.ok_or_else(|| format!("its cluster `{}` has no server", entry.name))?;
        let ServerUrl { url: server, login, is_bare } = ServerUrl::read(&server)?;
        let insecure = fields.flag("insecure-skip-tls-verify")?;
        let authority = fields.pem("certificate-authority-data", "certificate-authority")?;
        // client-go `transport.TLSConfigFor`: one of the two is a mistake, and it is unclear which.
        if insecure && authority.is_some() && server.scheme_str() == Some("https") {
            let text =
                "`certificate-authority` and `insecure-skip-tls-verify: true` are both set; take one of them out";
            return Err(fields.complain(text));
        }
        Ok(Self {
            server,
            login,
            is_bare,
            insecure,
            authority,
            tls_server_name: fields.text("tls-server-name")?,
            proxy_url: fields.text("proxy-url")?,
            disable_compression: fields.flag("disable-compression")?,
        })
    }
}

impl UserSettings {
    /// # Errors
    /// A field of the entry that cannot be used; fields without effect are not read.
    pub(super) fn read(entry: &NamedEntry, cluster: &NamedEntry) -> Result<Self, String> {
        let fields = EntryFields::new("user", entry)?;
        let identity = identity(&fields)?;
        let authorization = authorization(&fields, identity.is_some(), entry, cluster)?;
        Ok(Self { authorization, identity, headers: impersonation(&fields)? })
    }

    /// Verifies that the operator lets its plugin run, if it has one. Blocking.
    ///
    /// # Errors
    /// As [`Plugin::may_run`].
    pub(super) fn may_run(&self, allowed: Option<&[String]>) -> Result<(), RequestError> {
        match &self.authorization {
            Authorization::Plugin(plugin) => plugin.may_run(allowed),
            _ => Ok(()),
        }
    }

    /// Returns the user as it is sent to `cluster`, which depends on the server's URL (client-go's `clientcmd.DirectClientConfig`
    /// and Go's `http.Client`).
    pub(super) fn for_cluster(self, cluster: &ClusterSettings) -> Self {
        let user = if cluster.is_bare { Self::default() } else { self };
        match &cluster.login {
            Some(login) => {
                let authorization = Authorization::Basic(login.user.clone(), login.password.clone());
                Self { authorization, ..user }
            }
            None => user,
        }
    }

    /// `true` if it has a secret that only the server may see.
    pub(super) fn has_secrets(&self) -> bool {
        !matches!(self.authorization, Authorization::None)
    }
}

fn identity(fields: &EntryFields<'_>) -> Result<Option<CertificateSource>, String> {
    let Some(certificate) = fields.pem("client-certificate-data", "client-certificate")? else { return Ok(None) };
    let key = fields.pem("client-key-data", "client-key")?;
    let key = key.ok_or_else(|| fields.complain("`client-certificate` has no `client-key`"))?;
    Ok(Some(CertificateSource { certificate, key }))
}

fn authorization(
    fields: &EntryFields<'_>,
    has_identity: bool,
    entry: &NamedEntry,
    cluster: &NamedEntry,
) -> Result<Authorization, String> {
    let id_token = match fields.below("auth-provider")? {
        Some(provider) => Some(id_token(&provider)?),
        None => None,
    };
    let (token, file) = (fields.text("token")?, fields.path("tokenFile")?);
    let (user, password) = (fields.text("username")?, fields.text("password")?);
    // client-go `clientcmd.validateAuthInfo`, and `transport.HTTPWrappersForConfig` for a token in a file.
    let beside = match (&user, &password) {
        (Some(_), _) if token.is_some() || file.is_some() => Some("username"),
        (None, Some(_)) if token.is_some() => Some("password"),
        _ => None,
    };
    if let Some(beside) = beside {
        let token = if token.is_some() { "token" } else { "tokenFile" };
        let text = format!("`{beside}` and `{token}` are both set, and only one can count; take one of them out");
        return Err(fields.complain(&text));
    }
    Ok(match user {
        Some(user) => Authorization::Basic(user, password.unwrap_or_default()),
        None if token.is_some() || file.is_some() => Authorization::Token(token, file),
        None if id_token.is_some() => Authorization::Token(id_token, None),
        None if has_identity => Authorization::None,
        None => match fields.below("exec")? {
            Some(exec) => Authorization::Plugin(Box::new(plugin(&exec, entry, cluster)?)),
            None => Authorization::None,
        },
    })
}

/// The token that an `auth-provider` holds. Providers are never run: client-go has removed those that ran a command.
fn id_token(provider: &EntryFields<'_>) -> Result<String, String> {
    let name = provider.text("name")?.unwrap_or_default();
    let instead = match name.as_str() {
        "oidc" => {
            // A valid token is used like any other; only a plugin could renew it.
            let config = provider.below("config")?;
            if let Some(token) = config.map(|config| config.text("id-token")).transpose()?.flatten() {
                return Ok(token);
            }
            "has no `id-token`, and none is fetched; use an `exec` plugin such as `kubectl oidc-login` (kubelogin)"
        }
        "gcp" => {
            "was removed in Kubernetes 1.26; use the `exec` plugin `gke-gcloud-auth-plugin` \
             (`gcloud container clusters get-credentials` writes it)"
        }
        "azure" => {
            "was removed in Kubernetes 1.26; use the `exec` plugin `kubelogin` \
             (`kubelogin convert-kubeconfig` writes it)"
        }
        _ => "is none that Kubernetes has; use an `exec` credential plugin",
    };
    Err(provider.complain(&format!("the auth-provider `{name}` {instead}")))
}

fn plugin(fields: &EntryFields<'_>, entry: &NamedEntry, cluster: &NamedEntry) -> Result<Plugin, String> {
    let command = fields.text("command")?.ok_or_else(|| fields.complain("`exec` names no command"))?;
    // A name without a slash is searched in PATH; client-go resolves only names with a slash.
    let has_slash = command.contains('/');
    let command = if has_slash { entry.file.resolve(&command).to_string_lossy().into_owned() } else { command };
    let mut env = Vec::new();
    for node in fields.list("env")? {
        let name = node.get("name").filter(|name| !name.is_empty());
        let name = name.ok_or_else(|| fields.complain("a variable of `exec` has no name"))?;
        let value = node.get("value").map(|value| fields.member_text("env", value)).transpose()?;
        let pair = [("name", fields.member_text("env", name)?), ("value", value.unwrap_or_default())];
        env.push(pair.map(|(key, text)| (key.to_owned(), text)).into());
    }
    let api_version = api_version(fields)?;
    let interactive_mode = match fields.text("interactiveMode")?.as_deref() {
        None => None,
        Some("Never") => Some(ExecInteractiveMode::Never),
        Some("IfAvailable") => Some(ExecInteractiveMode::IfAvailable),
        Some("Always") => Some(ExecInteractiveMode::Always),
        Some(_) => return Err(fields.complain("`interactiveMode` is none of Never, IfAvailable, Always")),
    };
    let mut exec = ExecConfig {
        api_version,
        command: Some(command),
        args: Some(fields.texts("args")?),
        env: Some(env),
        install_hint: fields.text("installHint")?,
        interactive_mode,
        provide_cluster_info: fields.flag("provideClusterInfo")?,
        ..ExecConfig::default()
    };
    if exec.provide_cluster_info {
        let config = EntryFields::new("cluster", cluster)?.extension(PLUGIN_EXTENSION)?;
        exec.cluster = Some(ExecAuthCluster { config, ..ExecAuthCluster::default() });
    }
    Ok(Plugin { exec, file: entry.file.path.clone(), others: entry.file.others.clone() })
}

/// The version of the plugin's protocol, one of those that client-go knows; [`exec::V1`] if none is named.
///
/// # Errors
/// It is another.
fn api_version(fields: &EntryFields<'_>) -> Result<Option<String>, String> {
    let version = fields.text("apiVersion")?;
    let [v1, v1beta1] = exec::API_VERSIONS;
    match version.as_deref() {
        Some(version) if !exec::API_VERSIONS.contains(&version) => {
            let why = if version == exec::V1ALPHA1 {
                format!("`{version}`, which was removed in Kubernetes 1.24")
            } else {
                format!("neither `{v1}` nor `{v1beta1}`")
            };
            let next = format!("set it to `{v1}` if the plugin knows that, or have the plugin write the entry anew");
            Err(fields.complain(&format!("the `apiVersion` of `exec` is {why}; {next}")))
        }
        _ => Ok(version),
    }
}

/// Headers of `as`, `as-uid`, `as-groups` and `as-user-extra`.
fn impersonation(fields: &EntryFields<'_>) -> Result<Vec<(HeaderName, HeaderValue)>, String> {
    let (user, uid) = (fields.text("as")?, fields.text("as-uid")?);
    let (groups, extra) = (fields.texts("as-groups")?, fields.text_lists("as-user-extra")?);
    if user.is_none() && !(uid.is_none() && groups.is_empty() && extra.is_empty()) {
        return Err(fields.complain("`as-uid`, `as-groups` and `as-user-extra` need an `as`"));
    }
    let named = |name: &'static str, values: Vec<String>| values.into_iter().map(move |value| (name.to_owned(), value));
    let plain = named("impersonate-user", user.into_iter().collect())
        .chain(named("impersonate-uid", uid.into_iter().collect()))
        .chain(named("impersonate-group", groups));
    let extra = extra.into_iter().flat_map(|(name, values)| {
        let name = format!("impersonate-extra-{}", utf8_percent_encode(&name, EXTRA_NAME));
        values.into_iter().map(move |value| (name.clone(), value))
    });
    let odd = || fields.complain("whom to impersonate (`as…`) has characters that no header may have");
    plain
        .chain(extra)
        .map(|(name, value)| {
            let name = HeaderName::try_from(name).map_err(|_| odd())?;
            Ok((name, HeaderValue::try_from(value).map_err(|_| odd())?))
        })
        .collect()
}

/// `Authorization: Bearer …`.
///
/// # Errors
/// A text that is not valid in a header: hyper would refuse it, and kube would panic.
pub(super) fn bearer(token: &str) -> Result<HeaderValue, String> {
    sensitive(&["Bearer ", token.trim()]).ok_or_else(|| "the token has characters that no header may have".to_owned())
}

/// `Authorization: Basic …`.
pub(super) fn basic(user: &str, password: &str) -> Option<HeaderValue> {
    let encoded = BASE64_STANDARD.encode(format!("{user}:{password}"));
    sensitive(&["Basic ", &encoded])
}

/// Marks a header value as sensitive: no log shows it, and its bytes are wiped with the last request that carries them.
fn sensitive(parts: &[&str]) -> Option<HeaderValue> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(parts.iter().map(|part| part.len()).sum()));
    for part in parts {
        bytes.extend_from_slice(part.as_bytes());
    }
    let mut value = HeaderValue::from_maybe_shared(Bytes::from_owner(bytes)).ok()?;
    value.set_sensitive(true);
    Some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_trimmed_and_one_that_no_header_may_have_is_refused_by_name() {
        assert_eq!(bearer("abc\n").unwrap(), "Bearer abc");
        assert!(bearer("abc").unwrap().is_sensitive());
        for token in ["a\nb", "a\rb", "a\0b", "a\u{7f}b"] {
            assert_eq!(bearer(token).unwrap_err(), "the token has characters that no header may have");
        }
        assert_eq!(basic("a\nb", "c\0").unwrap(), "Basic YQpiOmMA");
    }
}

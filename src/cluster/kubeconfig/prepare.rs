//! Makes the configuration of a client from the settings of a context: kube gets data, never a path or a command.

use std::path::{Path, PathBuf};

use http::header::AUTHORIZATION;
use http::{HeaderValue, Uri};
use kube::Config;
use kube::config::ExecConfig;
use secrecy::ExposeSecret as _;
use zeroize::Zeroizing;

use super::fields::PemSource;
use super::files::{read_pem, read_token};
use super::settings::{Authorization, ClusterSettings, Plugin, UserSettings, basic, bearer};
use super::shown;
use crate::cluster::classify::RequestError;
use crate::cluster::connect::tls::{ClientIdentity, TlsSettings};
use crate::cluster::exec;
use crate::cluster::yaml::non_empty;
use crate::file::{self, ReadLimit, others_may_replace};
use crate::msg::Layer;

/// Folder of a pod's service account (client-go `rest.InClusterConfig`).
const SERVICE_ACCOUNT: &str = "/var/run/secrets/kubernetes.io/serviceaccount";
/// Limits for the file with the name of a namespace.
const NAMESPACE: ReadLimit = ReadLimit { bytes: 4096, within: std::time::Duration::from_secs(5) };

/// Settings of one context.
pub(super) struct ContextSettings {
    pub(super) cluster: ClusterSettings,
    pub(super) user: UserSettings,
}

/// A client's configuration, without the credential of its plugin.
pub(super) struct Prepared {
    pub(super) config: Config,
    /// The credential plugin with its cluster information.
    pub(super) exec: Option<ExecConfig>,
    /// Trust and identity.
    pub(super) tls: TlsSettings,
}

impl ContextSettings {
    /// A server without credentials.
    pub(super) fn plain(server: Uri) -> Self {
        let cluster = ClusterSettings {
            server,
            login: None,
            is_bare: false,
            insecure: false,
            authority: None,
            tls_server_name: None,
            proxy_url: None,
            disable_compression: false,
        };
        Self { cluster, user: UserSettings::default() }
    }

    /// The service account of the pod that we run in, and the pod's namespace. Blocking.
    pub(super) fn in_cluster() -> Option<(Self, String)> {
        let [host, port] = ["KUBERNETES_SERVICE_HOST", "KUBERNETES_SERVICE_PORT"].map(std::env::var);
        Self::of_service_account(Path::new(SERVICE_ACCOUNT), &non_empty(host.ok())?, &non_empty(port.ok())?)
    }

    fn of_service_account(folder: &Path, host: &str, port: &str) -> Option<(Self, String)> {
        let server =
            if host.contains(':') { format!("https://[{host}]:{port}") } else { format!("https://{host}:{port}") };
        let token = Some(folder.join("token")).filter(|path| path.is_file())?;
        let mut settings = Self::plain(server.parse().ok()?);
        settings.cluster.authority = Some(folder.join("ca.crt")).filter(|path| path.is_file()).map(PemSource::File);
        settings.user.authorization = Authorization::Token(None, Some(token));
        let namespace = file::read(&folder.join("namespace"), NAMESPACE).ok();
        let namespace = namespace.and_then(|contents| String::from_utf8(contents.bytes).ok()).unwrap_or_default();
        Some((settings, namespace.trim().to_owned()))
    }

    /// The files that the clients depend on.
    pub(super) fn files(&self) -> Vec<PathBuf> {
        let pem = |source: &PemSource| match source {
            PemSource::File(path) => Some(path.clone()),
            PemSource::Inline(_) => None,
        };
        let identity = self.user.identity.iter().flat_map(|identity| [&identity.certificate, &identity.key]);
        let token = match &self.user.authorization {
            Authorization::Token(_, file) => file.clone(),
            _ => None,
        };
        self.cluster.authority.iter().chain(identity).filter_map(pem).chain(token).collect()
    }

    /// Reads the files, except the token's. Blocking.
    ///
    /// # Errors
    /// A file that cannot be read, or that holds no certificate.
    pub(super) fn prepare(&self) -> Result<Prepared, String> {
        let Self { cluster, user } = self;
        let mut config = Config::new(cluster.server.clone());
        config.disable_compression = cluster.disable_compression;
        config.headers.clone_from(&user.headers);
        // Without TLS none of its settings are read, as in kubectl; and no authority is read where nothing is verified.
        let secure = cluster.server.scheme_str() == Some("https");
        let authority = cluster.authority.as_ref().filter(|_| secure && !cluster.insecure);
        let authority = authority.map(|source| read_pem("certificate-authority", source)).transpose()?;
        let exec = match &user.authorization {
            Authorization::Plugin(plugin) => Some(self.with_cluster_info(&plugin.exec, authority.clone())),
            _ => None,
        };
        let identity = user.identity.as_ref().filter(|_| secure).map(|identity| {
            let certificate = read_pem("client-certificate", &identity.certificate)?;
            let key = Zeroizing::new(read_pem("client-key", &identity.key)?);
            Ok::<_, String>(ClientIdentity { certificate, key })
        });
        let tls = TlsSettings {
            authority,
            insecure: cluster.insecure,
            identity: identity.transpose()?,
            server_name: cluster.tls_server_name.clone(),
        };
        Ok(Prepared { config, exec, tls })
    }

    /// The plugin with the cluster information that it is given.
    fn with_cluster_info(&self, exec: &ExecConfig, authority: Option<Vec<u8>>) -> ExecConfig {
        let mut exec = exec.clone();
        if let Some(reported) = &mut exec.cluster {
            reported.server = Some(self.cluster.server.to_string().trim_end_matches('/').to_owned());
            reported.insecure_skip_tls_verify = self.cluster.insecure.then_some(true);
            reported.certificate_authority_data = authority;
            reported.proxy_url.clone_from(&self.cluster.proxy_url);
            reported.tls_server_name.clone_from(&self.cluster.tls_server_name);
        }
        exec
    }
}

impl Prepared {
    /// Sets the `Authorization` of every request.
    pub(super) fn authorize(&mut self, header: Option<HeaderValue>) {
        self.config.headers.extend(header.map(|value| (AUTHORIZATION, value)));
    }

    /// Sets the credential of a plugin.
    ///
    /// # Errors
    /// The token is not valid in a header.
    pub(super) fn accept(&mut self, credential: exec::Credential) -> Result<(), RequestError> {
        let refused =
            |why: String| RequestError::new(Layer::Credentials, &format!("the credential plugin: {why}")).permanent();
        self.authorize(
            credential.token.as_ref().map(|token| bearer(token.expose_secret())).transpose().map_err(refused)?,
        );
        if let (Some(certificate), Some(key)) = (credential.client_certificate_data, credential.client_key_data) {
            let key = Zeroizing::new(key.expose_secret().as_bytes().to_vec());
            self.tls.identity = Some(ClientIdentity { certificate: certificate.into_bytes(), key });
        }
        Ok(())
    }
}

impl Authorization {
    /// Returns the header without running a plugin. Blocking: reads a token file.
    ///
    /// # Errors
    /// A token that cannot be read or sent.
    pub(super) fn header(&self) -> Result<Option<HeaderValue>, RequestError> {
        let header = match self {
            Self::None | Self::Plugin(_) => return Ok(None),
            Self::Basic(user, password) => basic(user, password).ok_or_else(|| "user and password".to_owned()),
            Self::Token(token, None) => bearer(token.as_deref().unwrap_or_default()),
            Self::Token(token, Some(file)) => match (read_token(file), token) {
                (Ok(read), _) => bearer(&read),
                (Err(_), Some(token)) => bearer(token),
                (Err(error), None) => return Err(error),
            },
        };
        header.map(Some).map_err(|why| RequestError::new(Layer::Credentials, &why).permanent())
    }
}

impl Plugin {
    /// Verifies that the operator lets this plugin run. Blocking: reads file metadata.
    ///
    /// # Errors
    /// The kubeconfig or the plugin's file is not the operator's alone, or the command is not in `allowed`.
    pub(super) fn may_run(&self, allowed: Option<&[String]>) -> Result<(), RequestError> {
        let command = self.exec.command.as_deref().unwrap_or_default();
        let refuse = |why: &str| {
            let text = format!("credential plugin `{}` is not run: {why}", exec::name(&self.exec));
            Err(RequestError::new(Layer::Credentials, &text).permanent())
        };
        if let Some(why) = &self.others {
            return refuse(&format!("it is named in `{}`, and {why}", shown(&self.file)));
        }
        if allowed.is_some_and(|allowed| !allowed.iter().any(|name| exec::is_same_command(name, command))) {
            return refuse(&format!("`{}` is not in `exec-allow` of the configuration", exec::file_name(&self.exec)));
        }
        // A missing file is reported when the plugin is started.
        match exec::find(command).ok().filter(|file| file.exists()).map(|file| (others_may_replace(&file), file)) {
            Some((Some(why), file)) => refuse(&format!("it is `{}`, and {why}", shown(&file))),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pod_uses_its_service_account_and_knows_its_files() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        let read = || ContextSettings::of_service_account(folder, "2001:db8::1", "443");
        assert!(read().is_none(), "no token is no service account");
        std::fs::write(folder.join("token"), "T\n").unwrap();
        std::fs::write(folder.join("namespace"), "team-a\n").unwrap();
        let (settings, namespace) = read().unwrap();
        assert_eq!(
            (settings.cluster.server.to_string().as_str(), namespace.as_str()),
            ("https://[2001:db8::1]:443/", "team-a")
        );
        assert_eq!(settings.user.authorization.header().ok().unwrap().unwrap(), "Bearer T");
        std::fs::write(folder.join("ca.crt"), "").unwrap();
        assert_eq!(read().unwrap().0.files(), [folder.join("ca.crt"), folder.join("token")]);
    }

    #[test]
    fn of_a_server_without_tls_no_certificate_is_read() {
        let mut settings = ContextSettings::plain("http://127.0.0.1:1".parse().unwrap());
        let missing = || PemSource::File("/nowhere/at-all".into());
        settings.cluster.authority = Some(missing());
        settings.user.identity =
            Some(super::super::settings::CertificateSource { certificate: missing(), key: missing() });
        assert!(settings.prepare().is_ok());
        settings.cluster.server = "https://127.0.0.1:1".parse().unwrap();
        assert!(settings.prepare().err().unwrap().contains("certificate-authority"));
        settings.cluster.insecure = true;
        assert!(
            settings.prepare().err().unwrap().contains("client-certificate"),
            "the identity counts, the authority does not"
        );
    }
}

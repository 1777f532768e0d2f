//! Description of the server, the route and the credentials of a context, for the health check.

use http::Uri;
use kube::Config;
use kube::config::ExecConfig;

use super::super::{exec, proxy};
use super::settings::Authorization;
use super::{ContextTarget, blocking};
use crate::cluster::classify::RequestError;
use crate::cluster::connect::tls::TlsSettings;
use crate::msg::Layer;

/// The connection to a server.
pub(crate) struct ConnectionPlan {
    /// kube's configuration, without credentials that must be obtained first.
    pub(crate) config: Config,
    /// The proxy in between, without credentials.
    pub(crate) proxy: Option<Uri>,
    /// The credentials in words: `a client certificate`.
    pub(crate) kind: String,
    /// The command of the credential plugin in words, without arguments.
    pub(crate) command: Option<String>,
    /// Trust and identity.
    pub(crate) tls: TlsSettings,
}

impl ContextTarget {
    /// Reads the context's settings.
    ///
    /// # Errors
    /// A context, a file or a proxy that cannot be used.
    pub(crate) async fn plan(&self) -> Result<ConnectionPlan, RequestError> {
        let unusable = |why: &str| RequestError::new(Layer::Config, why);
        let settings = self.settings()?;
        let proxy = proxy::choose(&settings.cluster.server, settings.cluster.proxy_url.as_deref(), &self.env)
            .map_err(|why| unusable(&why))?;
        let kind = kind(&settings.user.authorization, settings.user.identity.is_some());
        let command = self.exec().map(command_line);
        let prepared = blocking(move || settings.prepare()).await?.map_err(|why| unusable(&why))?;
        let (config, tls) = (prepared.config, prepared.tls);
        Ok(ConnectionPlan { config, proxy: proxy.map(|proxy| proxy.url), kind, command, tls })
    }
}

fn kind(authorization: &Authorization, certificate: bool) -> String {
    let mut kinds = Vec::new();
    match authorization {
        Authorization::Plugin(plugin) => kinds.push(format!("credential plugin `{}`", exec::name(&plugin.exec))),
        Authorization::Token(_, Some(_)) => kinds.push("bearer token file".to_owned()),
        Authorization::Token(..) => kinds.push("bearer token".to_owned()),
        Authorization::Basic(..) => kinds.push("user and password".to_owned()),
        Authorization::None => {}
    }
    if certificate {
        kinds.push("client certificate".to_owned());
    }
    if kinds.is_empty() { "none: the server sees an anonymous user".to_owned() } else { kinds.join(" and ") }
}

/// The command of a plugin with the names of the variables that it gets, for operators who check what is run.
/// Arguments are only counted: each of them may be a secret.
fn command_line(exec: &ExecConfig) -> String {
    let is_name = |name: &str| name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    let names = exec.env.iter().flatten().filter_map(|variable| variable.get("name"));
    let names = names.map(|name| if is_name(name) { format!("{name}=… ") } else { "… ".to_owned() });
    let arguments = match exec.args.as_ref().map_or(0, Vec::len) {
        0 => "without arguments".to_owned(),
        1 => "with 1 argument".to_owned(),
        count => format!("with {count} arguments"),
    };
    format!("`{}{}` {arguments}", names.collect::<String>(), exec::file_name(exec))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_of_a_plugin_is_named_with_its_variables_and_no_argument() {
        let text = |words: &[&str]| words.iter().map(|&word| word.to_owned()).collect::<Vec<_>>();
        let variable = |name: &str| [("name", name), ("value", "CANARY")].map(|(k, v)| (k.into(), v.into())).into();
        let exec = |command: &str, args: &[&str], variables: &[&str]| ExecConfig {
            command: Some(command.to_owned()),
            args: Some(text(args)),
            env: Some(variables.iter().map(|name| variable(name)).collect()),
            ..ExecConfig::default()
        };
        let args = ["get", "CANARY", "--CANARY", "--pass=CANARY", "-pCANARY", "canary", "https://u:CANARY@h"];
        let line = command_line(&exec("/usr/bin/kubectl", &args, &["AWS_PROFILE", "X=CANARY"]));
        assert_eq!(line, "`AWS_PROFILE=… … /usr/bin/kubectl` with 7 arguments");
        assert_eq!(command_line(&exec("aws", &[], &[])), "`aws` without arguments");
        // The command contains arguments by mistake, so there is no such file.
        for (command, shown) in [
            ("aws CANARY", "`aws` with 1 argument"),
            ("/bin/a/aws --x CANARY/CANARY", "`/bin/a/aws` with 1 argument"),
            ("/a b/aws", "`/a b/aws` with 1 argument"),
        ] {
            assert_eq!(command_line(&exec(command, &["CANARY"], &[])), shown);
        }
    }
}

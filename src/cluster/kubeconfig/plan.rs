//! What a context leads to and with which credentials, for the health check: looked at, not used.

use http::Uri;
use kube::Config;
use kube::config::ExecConfig;

use super::super::{exec, proxy};
use super::settings::Authorization;
use super::{ContextTarget, blocking};
use crate::cluster::classify::RequestError;
use crate::cluster::connect::tls::TlsSettings;
use crate::msg::Layer;

/// Parts of a flag's name after which its value is a secret.
const SECRET_FLAGS: [&str; 8] = ["secret", "pass", "pwd", "token", "key", "auth", "cred", "header"];

/// The way to a server.
pub(crate) struct ConnectionPlan {
    /// As kube sees it, without credentials that would have to be fetched.
    pub(crate) config: Config,
    /// The proxy in between, without credentials.
    pub(crate) proxy: Option<Uri>,
    /// For people: `a client certificate`.
    pub(crate) kind: String,
    /// The whole command of the credential plugin, without secrets.
    pub(crate) command: Option<String>,
    /// Trust and identity.
    pub(crate) tls: TlsSettings,
}

impl ContextTarget {
    /// Reads what the context says.
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
        Authorization::Token(_, Some(_)) => kinds.push("a token file".to_owned()),
        Authorization::Token(..) => kinds.push("a token".to_owned()),
        Authorization::Basic(..) => kinds.push("user and password".to_owned()),
        Authorization::None => {}
    }
    if certificate {
        kinds.push("a client certificate".to_owned());
    }
    if kinds.is_empty() { "none: the server sees an anonymous user".to_owned() } else { kinds.join(" and ") }
}

/// The whole command of a plugin with the variables that it gets, for somebody who wants to know what is run; values that may
/// be secret are left out.
fn command_line(exec: &ExecConfig) -> String {
    // The value behind a flag of one letter may be anything.
    let secret = |flag: &str| {
        let name = flag.trim_start_matches('-').to_ascii_lowercase();
        flag.starts_with('-') && (name.len() == 1 || SECRET_FLAGS.iter().any(|part| name.contains(part)))
    };
    let plain = |word: &str| word.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_./".contains(&byte));
    let names = exec.env.iter().flatten().filter_map(|variable| variable.get("name"));
    let mut words: Vec<String> = names.map(|name| format!("{name}=…")).collect();
    words.push(exec.command.clone().unwrap_or_default());
    let mut hide = false;
    for argument in exec.args.iter().flatten() {
        let hidden = std::mem::take(&mut hide) && !argument.starts_with('-');
        let glued = argument.starts_with('-') && !argument.starts_with("--") && argument.len() > 2;
        words.push(match argument.split_once('=') {
            _ if hidden => "…".to_owned(),
            Some((flag, _)) if plain(flag) && !glued => format!("{flag}=…"),
            None if glued && argument.is_char_boundary(2) => format!("{}…", &argument[..2]),
            None if plain(argument) && !glued => {
                hide = secret(argument);
                argument.clone()
            }
            // A URL, a header, whatever else may hold a secret.
            _ => "…".to_owned(),
        });
    }
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_whole_command_of_a_plugin_is_named_without_secret_values() {
        let text = |words: &[&str]| words.iter().map(|&word| word.to_owned()).collect::<Vec<_>>();
        let args =
            ["oidc-login", "get-token", "--oidc-client-secret=canary", "--password", "canary", "-v", "--region", "eu"];
        let exec = ExecConfig {
            command: Some("/usr/bin/kubectl".to_owned()),
            args: Some(text(&args)),
            env: Some(vec![[("name", "AWS_PROFILE"), ("value", "canary")].map(|(k, v)| (k.into(), v.into())).into()]),
            ..ExecConfig::default()
        };
        let line =
            "AWS_PROFILE=… /usr/bin/kubectl oidc-login get-token --oidc-client-secret=… --password … -v --region eu";
        assert_eq!(command_line(&exec), line);
        let hostile = [
            "--pass=CANARY",
            "-p",
            "CANARY",
            "token=CANARY",
            "https://u:CANARY@h/?code=CANARY",
            "--header",
            "Authorization: Bearer CANARY",
            "-tCANARY",
            "--apikey:CANARY",
            "-t=CANARY",
            "--auth",
            "CANARY",
        ];
        let line = command_line(&ExecConfig { args: Some(text(&hostile)), ..ExecConfig::default() });
        assert!(!line.contains("CANARY"), "{line}");
    }
}

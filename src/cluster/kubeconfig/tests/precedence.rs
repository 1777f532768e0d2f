//! Precedence of a user's credentials, as in client-go; empty is unset.

use super::*;

/// The `Authorization` that is sent, whether a client certificate is shown, and the plugin that is run.
fn credentials(home: &Home, user: &str) -> Result<String, String> {
    credentials_for(home, "server: 'https://k'", user)
}

/// As [`credentials`], for this cluster.
fn credentials_for(home: &Home, cluster: &str, user: &str) -> Result<String, String> {
    let text = format!(
        "current-context: c\nclusters: [{{name: k, cluster: {{{cluster}}}}}]\n\
         contexts: [{{name: c, context: {{cluster: k, user: u}}}}]\nusers:\n- name: u\n  user: {user}\n"
    );
    home.write(".kube/config", text);
    let target = load(&home.sources(), &Selection::default()).unwrap().remove(0);
    let settings = target.settings().map_err(|error| error.text.to_string())?;
    let mut prepared = settings.prepare()?;
    prepared.authorize(settings.user.authorization.header().map_err(|error| error.text.to_string())?);
    let auth = &prepared.config.auth_info;
    assert!(auth.exec.is_none() && auth.auth_provider.is_none() && auth.token_file.is_none() && auth.token.is_none());
    let certificate = if prepared.tls.identity.is_some() { " with a certificate" } else { "" };
    let plugin = prepared.exec.map(|exec| exec.command.unwrap_or_default()).unwrap_or_default();
    let header = prepared.config.headers.iter().map(|(_, value)| value.to_str().unwrap().to_owned());
    Ok(format!("{}{plugin}{certificate}", header.collect::<String>()))
}

#[test]
fn empty_is_unset_and_the_next_credential_counts() {
    let home = Home::new();
    home.write(".kube/t", "FILE\n");
    for (user, sent) in [
        ("{token: '', exec: {command: aws}}", "aws"),
        ("{token: '', tokenFile: t}", "Bearer FILE"),
        ("{token: ~, tokenFile: '', exec: {command: aws}}", "aws"),
        ("{token: '', client-certificate-data: Q0VSVA==, client-key-data: S0VZ}", " with a certificate"),
        ("{username: '', password: '', exec: {command: aws}}", "aws"),
        ("{username: '', password: '', token: T}", "Bearer T"),
        ("{client-certificate-data: '', client-key-data: '', exec: {command: aws}}", "aws"),
        ("{client-certificate: '', client-key: '', token: T}", "Bearer T"),
        ("{client-certificate-data: '', client-key-data: S0VZ, token: T}", "Bearer T"),
        ("{as: '', as-uid: '', as-groups: [], token: T}", "Bearer T"),
        ("{exec: , token: T}", "Bearer T"),
        ("{auth-provider: , exec: {command: aws, apiVersion: '', interactiveMode: '', installHint: ''}}", "aws"),
        ("{token: ''}", ""),
        ("{}", ""),
        ("", ""),
    ] {
        assert_eq!(credentials(&home, user), Ok(sent.to_owned()), "{user}");
    }
}

/// Requests of kubectl 1.34.1 to a small server in each case: plain http, without credentials.
#[test]
fn a_server_without_a_scheme_is_asked_over_plain_http_and_without_credentials() {
    let home = Home::new();
    for cluster in [
        "server: '127.0.0.1:8443'",
        "server: '127.0.0.1:8443', certificate-authority: ca.crt",
        "server: '127.0.0.1:8443', certificate-authority-data: Q0VSVA==",
        "server: '127.0.0.1:8443', insecure-skip-tls-verify: true",
        "server: '127.0.0.1:8443', tls-server-name: foo, certificate-authority-data: Q0VSVA==",
        "server: 'localhost:8443', certificate-authority-data: Q0VSVA==",
    ] {
        for user in [
            "{}",
            "{token: CANARY}",
            "{username: u, password: CANARY}",
            "{client-certificate-data: Q0VSVA==, client-key-data: S0VZ}",
            "{token: CANARY, client-certificate-data: Q0VSVA==, client-key-data: S0VZ}",
            "{exec: {command: aws}}",
            "{token: CANARY, as: somebody}",
        ] {
            assert_eq!(credentials_for(&home, cluster, user), Ok(String::new()), "{cluster} {user}");
            let target = load(&home.sources(), &Selection::default()).unwrap().remove(0);
            assert!(target.server().unwrap().starts_with("http://"), "{cluster}");
        }
    }
    // kubectl leaves them out too, without a message.
    let away = credentials_for(&home, "server: 'api.example:8443'", "{token: CANARY}").unwrap_err();
    assert_eq!(away, "credentials are not sent over plain http:// to another machine");
    assert_eq!(
        credentials_for(&home, "server: 'api.example:8443', certificate-authority: ca.crt", "{}"),
        Ok(String::new())
    );
    let bare = credentials_for(&home, "server: 'us:pw@127.0.0.1:8443'", "{token: CANARY}");
    assert_eq!(bare, Ok("Basic dXM6cHc=".to_owned()), "the URL's own user is sent");
}

#[test]
fn the_user_of_a_servers_url_wins_over_the_kubeconfigs_as_in_kubectl_and_is_never_shown() {
    let home = Home::new();
    for (server, user, sent) in [
        ("https://us:pw@k", "{}", "Basic dXM6cHc="),
        ("https://us:pw@k", "{token: T}", "Basic dXM6cHc="),
        ("https://us:pw@k", "{username: a, password: b}", "Basic dXM6cHc="),
        ("https://us:pw@k", "{exec: {command: aws}}", "Basic dXM6cHc="),
        ("https://us@k", "{}", "Basic dXM6"),
        ("https://u%40s:p%3aw@k", "{}", "Basic dUBzOnA6dw=="),
        (
            "https://us:pw@k",
            "{client-certificate-data: Q0VSVA==, client-key-data: S0VZ}",
            "Basic dXM6cHc= with a certificate",
        ),
        ("http://us:pw@127.0.0.1", "{token: T}", "Basic dXM6cHc="),
    ] {
        let cluster = format!("server: '{server}'");
        assert_eq!(credentials_for(&home, &cluster, user), Ok(sent.to_owned()), "{server} {user}");
        let target = load(&home.sources(), &Selection::default()).unwrap().remove(0);
        assert!(!target.server().unwrap().contains('@'), "{server}");
    }
    let exposed = credentials_for(&home, "server: 'http://us:CANARY@k'", "{}").unwrap_err();
    assert!(
        exposed.contains("credentials are not sent over plain http://") && !exposed.contains("CANARY"),
        "{exposed}"
    );
}

// client-go: transport.NewBearerAuthWithRefreshRoundTripper, exec.UpdateTransportConfig, clientcmd.validateAuthInfo.
#[test]
fn credentials_have_the_precedence_of_client_go() {
    let home = Home::new();
    home.write(".kube/t", "FILE\n");
    home.write(".kube/empty", "\n");
    let certificate = "client-certificate-data: Q0VSVA==, client-key-data: S0VZ";
    for (user, sent) in [
        ("{token: OLD, tokenFile: t}".to_owned(), "Bearer FILE"),
        ("{token: OLD, tokenFile: missing}".to_owned(), "Bearer OLD"),
        ("{token: OLD, tokenFile: empty}".to_owned(), "Bearer OLD"),
        ("{token: T, exec: {command: aws}}".to_owned(), "Bearer T"),
        (
            "{username: Aladdin, password: open sesame, exec: {command: aws}}".to_owned(),
            "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==",
        ),
        ("{username: u}".to_owned(), "Basic dTo="),
        ("{password: p}".to_owned(), ""),
        ("{password: p, tokenFile: t}".to_owned(), "Bearer FILE"),
        ("{password: p, exec: {command: aws, apiVersion: client.authentication.k8s.io/v1beta1}}".to_owned(), "aws"),
        ("{token: T, exec: {command: aws, apiVersion: client.authentication.k8s.io/v1alpha1}}".to_owned(), "Bearer T"),
        (format!("{{{certificate}, exec: {{command: /nowhere/missing}}}}"), " with a certificate"),
        (format!("{{{certificate}, exec: {{args: 3}}}}"), " with a certificate"),
        (format!("{{{certificate}, token: T}}"), "Bearer T with a certificate"),
        ("{auth-provider: {name: oidc, config: {id-token: ID}}}".to_owned(), "Bearer ID"),
        ("{token: T, auth-provider: {name: oidc, config: {id-token: ID}}}".to_owned(), "Bearer T"),
    ] {
        assert_eq!(credentials(&home, &user), Ok(sent.to_owned()), "{user}");
    }
    for (user, why) in [
        ("{token: T, username: u, password: p}", "`username` and `token` are both set"),
        ("{token: T, username: u}", "`username` and `token` are both set"),
        ("{token: T, password: p}", "`password` and `token` are both set"),
        ("{token: T, tokenFile: t, username: '', password: p}", "`password` and `token` are both set"),
        ("{tokenFile: t, username: u}", "`username` and `tokenFile` are both set"),
        (
            "{exec: {command: aws, apiVersion: client.authentication.k8s.io/v1alpha1}}",
            "`client.authentication.k8s.io/v1alpha1`, which was removed in Kubernetes 1.24; set it to",
        ),
        (
            "{exec: {command: aws, apiVersion: client.authentication.k8s.io/v2}}",
            "neither `client.authentication.k8s.io/v1` nor",
        ),
        ("{exec: {command: aws, apiVersion: v1}}", "the `apiVersion` of `exec` is neither"),
        ("{client-certificate-data: Q0VSVA==}", "`client-certificate` has no `client-key`"),
        ("{as-uid: '7', token: T}", "need an `as`"),
        ("{tokenFile: missing}", "missing`: no such file or directory"),
        ("{tokenFile: empty}", "it is empty"),
        ("{exec: {args: []}}", "`exec` names no command"),
    ] {
        let error = credentials(&home, user).unwrap_err();
        assert!(error.contains(why), "{user}: {error}");
    }
}

#[test]
fn an_auth_provider_is_refused_with_what_to_use_instead_and_never_run() {
    let home = Home::new();
    let mark = home.0.path().join("ran");
    let script = home.write("x", format!("#!/bin/sh\ntouch {}\necho CANARY\nexit 1\n", mark.display()));
    fs::set_permissions(&script, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    for (name, instead) in
        [("gcp", "gke-gcloud-auth-plugin"), ("azure", "kubelogin"), ("openstack", "exec"), ("oidc", "oidc-login")]
    {
        let config = format!("{{cmd-path: {}, cmd-args: SECRET, token-key: '{{.t}}'}}", script.display());
        let user = format!("{{token: T, auth-provider: {{name: {name}, config: {config}}}}}");
        let error = credentials(&home, &user).unwrap_err();
        assert!(error.contains(&format!("auth-provider `{name}`")) && error.contains(instead), "{error}");
        assert!(!error.contains("CANARY") && !error.contains("SECRET") && !mark.exists(), "{error}");
    }
}

#[test]
fn a_value_that_no_header_may_have_is_refused_before_it_is_sent() {
    let home = Home::new();
    home.write(".kube/t", "a\nb");
    for user in ["{token: \"a\\nb\"}", "{token: \"a\\0b\"}", "{tokenFile: t}"] {
        assert_eq!(credentials(&home, user).unwrap_err(), "the token has characters that no header may have");
    }
    for user in ["{as: \"a\\rb\"}", "{as: a, as-groups: [\"\\x01\"]}", "{as: a, as-user-extra: {k: [\"\\n\"]}}"] {
        let error = credentials(&home, user).unwrap_err();
        assert!(error.contains("`u`") && error.contains("impersonate"), "{error}");
    }
    // Impersonation is sent as client-go sends it.
    let sent = credentials(&home, "{token: T, as: jane, as-groups: [a, b], as-user-extra: {'a/b': [x]}}");
    assert_eq!(sent.unwrap(), "janeabxBearer T");
}

#[test]
fn a_plugins_token_that_no_header_may_have_is_refused() {
    let mut prepared = ContextSettings::plain("https://a".parse().unwrap()).prepare().unwrap();
    let credential = serde_json::from_str(r#"{"token":"a\nb"}"#).unwrap();
    let error = prepared.accept(credential).err().unwrap();
    assert_eq!((error.layer, error.text.contains("no header may have")), (Layer::Credentials, true));
}

#[test]
fn a_plugin_that_others_may_write_or_replace_is_not_run_allowed_or_not() {
    let home = Home::new();
    let set = |path: &Path, mode: u32| {
        fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(mode)).unwrap();
    };
    let plugin = home.write("bin/p.sh", "#!/bin/sh\n");
    let (bin, kube) = (plugin.parent().unwrap().to_owned(), home.0.path().join(".kube"));
    let refusal = || {
        credentials(&home, "{exec: {command: ../bin/p.sh}}").unwrap();
        let target = load(&home.sources(), &Selection::default()).unwrap().remove(0);
        let refusals = [None, Some(vec![plugin.display().to_string()])].map(|allowed| {
            target.settings().unwrap().user.may_run(allowed.as_deref()).err().map(|why| why.text.to_string())
        });
        assert_eq!(refusals[0], refusals[1]);
        refusals[0].clone()
    };
    set(&plugin, 0o755);
    set(&bin, 0o755);
    assert_eq!(refusal(), None);
    for (path, bad, good, why) in [
        (&plugin, 0o775, 0o755, "p.sh`, and others may write the file".to_owned()),
        (&bin, 0o777, 0o755, format!("others may write the folder `{}`", bin.display())),
        (&kube, 0o777, 0o755, format!("it is named in `{}/config`, and others may write the folder", kube.display())),
    ] {
        set(path, bad);
        let text = refusal().unwrap_or_default();
        assert!(text.contains("credential plugin `p.sh` is not run") && text.contains(&why), "{why}: {text}");
        set(path, good);
        assert_eq!(refusal(), None);
    }
}

#[test]
fn a_plugin_runs_only_from_a_kubeconfig_that_is_ours_alone_and_from_the_allowlist() {
    let home = Home::new();
    let refusal = |mode: u32, allowed: Option<&[&str]>| {
        credentials(&home, "{exec: {command: aws}}").unwrap();
        let path = home.0.path().join(".kube/config");
        fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(mode)).unwrap();
        let target = load(&home.sources(), &Selection::default()).unwrap().remove(0);
        let settings = target.settings().unwrap();
        let Authorization::Plugin(plugin) = &settings.user.authorization else { panic!("no plugin") };
        let allowed: Option<Vec<String>> = allowed.map(|names| names.iter().map(|&name| name.to_owned()).collect());
        plugin.may_run(allowed.as_deref()).err().map(|error| error.text.to_string())
    };
    assert_eq!(refusal(0o600, None), None);
    assert_eq!(refusal(0o644, Some(&["gke-gcloud-auth-plugin", "aws"])), None);
    let text = refusal(0o666, Some(&["aws"])).unwrap();
    for part in ["`aws`", ".kube/config", "others may write the file; `chmod go-w` it"] {
        assert!(text.contains(part), "{part}: {text}");
    }
    for allowed in [&["kubectl"][..], &[]] {
        let text = refusal(0o600, Some(allowed)).unwrap();
        assert!(text.contains("`aws` is not in `exec-allow`"), "{text}");
    }
}

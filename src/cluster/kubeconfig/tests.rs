//! Tests of contexts, merging and files, against files in a temporary folder.

use std::fs;

use super::*;
use crate::cluster::exec;

mod odd;
mod precedence;

struct Home(tempfile::TempDir);

impl Home {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.0.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, content).unwrap();
        path
    }

    fn sources(&self) -> Sources {
        Sources { flag: None, env: None, home: Some(self.0.path().to_owned()) }
    }
}

fn config(current: &str, names: &[(&str, &str)]) -> String {
    let mut text = format!("apiVersion: v1\nkind: Config\ncurrent-context: {current}\n");
    let section = |text: &mut String, title: &str, line: &dyn Fn(&str, &str) -> String| {
        text.push_str(title);
        for (name, server) in names {
            text.push_str(&line(name, server));
        }
    };
    section(&mut text, "clusters:\n", &|name, server| format!("- {{name: {name}, cluster: {{server: '{server}'}}}}\n"));
    section(&mut text, "contexts:\n", &|name, _| {
        format!("- {{name: {name}, context: {{cluster: {name}, user: {name}}}}}\n")
    });
    section(&mut text, "users:\n", &|name, _| format!("- {{name: {name}, user: {{token: canary}}}}\n"));
    text
}

fn contexts(targets: &[ContextTarget]) -> Vec<(&str, &str)> {
    targets.iter().map(|target| (&**target.context(), target.server().unwrap_or("none"))).collect()
}

fn select(contexts: &[&str]) -> Selection {
    Selection { contexts: contexts.iter().map(|&name| name.to_owned()).collect(), all: false }
}

const ALL: Selection = Selection { contexts: Vec::new(), all: true };

#[test]
fn the_flag_comes_before_the_environment_and_that_before_the_home() {
    let home = Home::new();
    home.write(".kube/config", config("h", &[("h", "https://home")]));
    let env = home.write("env", config("e", &[("e", "https://env")]));
    let flag = home.write("flag", config("f", &[("f", "https://flag")]));
    let mut sources = home.sources();
    assert_eq!(contexts(&load(&sources, &Selection::default()).unwrap()), [("h", "https://home")]);
    sources.env = Some(env.into());
    assert_eq!(contexts(&load(&sources, &Selection::default()).unwrap()), [("e", "https://env")]);
    sources.flag = Some(flag);
    assert_eq!(contexts(&load(&sources, &Selection::default()).unwrap()), [("f", "https://flag")]);
}

// kubectl: a missing file of the list is skipped, and the first file to set a key wins.
#[test]
fn a_list_of_files_is_merged_the_first_wins_and_missing_ones_are_skipped() {
    let home = Home::new();
    let first = home.write("1", config("a", &[("a", "https://first")]));
    let second = home.write("2", config("b", &[("a", "https://second"), ("b", "https://b")]));
    let missing = home.0.path().join("missing");
    let env = std::env::join_paths([missing, first, PathBuf::new(), second]).unwrap();
    let sources = Sources { env: Some(env), ..home.sources() };
    let targets = load(&sources, &ALL).unwrap();
    assert_eq!(contexts(&targets), [("a", "https://first"), ("b", "https://b")]);
    assert_eq!(contexts(&load(&sources, &Selection::default()).unwrap()), [("a", "https://first")]);
}

#[test]
fn an_empty_variable_counts_as_none() {
    let home = Home::new();
    home.write(".kube/config", config("h", &[("h", "https://home")]));
    let sources = Sources { env: Some("".into()), ..home.sources() };
    assert_eq!(load(&sources, &Selection::default()).unwrap().len(), 1);
}

#[test]
fn contexts_are_chosen_by_name_in_order_and_once() {
    let home = Home::new();
    home.write(".kube/config", config("a", &[("a", "https://a"), ("b", "https://b"), ("c", "https://c")]));
    let targets = load(&home.sources(), &select(&["c", "a", "c"])).unwrap();
    assert_eq!(contexts(&targets), [("c", "https://c"), ("a", "https://a")]);
    assert_eq!(load(&home.sources(), &ALL).unwrap().len(), 3);
    let error = load(&home.sources(), &select(&["x"])).err().unwrap();
    assert_eq!(error.to_string(), "no context `x` in the kubeconfig; there is a, b, c");
}

#[test]
fn a_current_context_that_is_missing_or_unknown_is_an_error_that_lists_the_others() {
    let home = Home::new();
    home.write(".kube/config", config("\"\"", &[("a", "https://a")]));
    let error = load(&home.sources(), &Selection::default()).err().unwrap();
    assert_eq!(error.to_string(), "the kubeconfig has no current context; choose with `--context`: a");
    home.write(".kube/config", config("gone", &[("a", "https://a")]));
    let error = load(&home.sources(), &Selection::default()).err().unwrap();
    assert_eq!(error.to_string(), "no context `gone` in the kubeconfig; there is a");
}

#[test]
fn a_broken_context_says_why_and_the_others_work() {
    let home = Home::new();
    let text = "
clusters:
- {name: ok, cluster: {server: 'https://u:canary@ok:6443/prefix/'}}
- {name: nourl, cluster: {}}
- {name: odd, cluster: {server: 'ok:6443'}}
- {name: plain, cluster: {server: 'http://10.0.0.1:8080'}}
- {name: local, cluster: {server: 'http://127.0.0.1:8080', insecure-skip-tls-verify: true}}
- {name: proxied, cluster: {server: 'https://ok', proxy-url: 'ftp://u:canary@p'}}
- {name: hop, cluster: {server: 'http://127.0.0.1:1', proxy-url: 'http://gate:3128'}}
users:
- {name: u, user: {token: canary}}
contexts:
- {name: good, context: {cluster: ok, user: u}}
- {name: no-user, context: {cluster: ok}}
- {name: empty-user, context: {cluster: ok, user: ''}}
- {name: dangling-cluster, context: {cluster: gone, user: u}}
- {name: dangling-user, context: {cluster: ok, user: gone}}
- {name: no-url, context: {cluster: nourl, user: u}}
- {name: no-scheme, context: {cluster: odd, user: u}}
- {name: exposed, context: {cluster: plain, user: u}}
- {name: plain-without, context: {cluster: plain}}
- {name: loopback, context: {cluster: local, user: u}}
- {name: bad-proxy, context: {cluster: proxied, user: u}}
- {name: loopback-of-another, context: {cluster: hop, user: u}}
- {name: nothing}
";
    home.write(".kube/config", text);
    let targets = load(&home.sources(), &ALL).unwrap();
    let seen: Vec<(&str, &str)> = targets.iter().map(|t| (&**t.context(), t.broken().map_or("works", |b| b))).collect();
    assert_eq!(
        seen,
        [
            ("good", "works"),
            ("no-user", "works"),
            ("empty-user", "works"),
            ("dangling-cluster", "its cluster `gone` is not in the kubeconfig"),
            ("dangling-user", "its user `gone` is not in the kubeconfig"),
            ("no-url", "its cluster `nourl` has no server"),
            ("no-scheme", "credentials are not sent over plain http:// to another machine"),
            ("exposed", "credentials are not sent over plain http:// to another machine"),
            ("plain-without", "works"),
            ("loopback", "works"),
            ("bad-proxy", "the cluster's proxy-url cannot be used: its scheme is none of http, https, socks5"),
            ("loopback-of-another", "credentials are not sent over plain http:// to another machine"),
            ("nothing", "the context is empty"),
        ]
    );
    assert_eq!(targets[0].server(), Some("https://ok:6443/prefix"), "without credentials");
    assert!(targets[9].is_insecure() && !targets[0].is_insecure());
}

#[test]
fn files_with_a_byte_order_mark_are_read() {
    let text = config("a", &[("a", "https://a")]);
    let wide = |unit: fn(u16) -> [u8; 2]| text.encode_utf16().flat_map(unit).collect::<Vec<u8>>();
    let home = Home::new();
    for bytes in [
        [&[0xEF, 0xBB, 0xBF][..], text.as_bytes()].concat(),
        [&[0xFF, 0xFE][..], &wide(u16::to_le_bytes)].concat(),
        [&[0xFE, 0xFF][..], &wide(u16::to_be_bytes)].concat(),
    ] {
        home.write(".kube/config", bytes);
        assert_eq!(contexts(&load(&home.sources(), &Selection::default()).unwrap()), [("a", "https://a")]);
    }
}

#[test]
fn what_is_no_kubeconfig_is_named_with_its_line_and_not_quoted() {
    let home = Home::new();
    let path = home.write("bad", "apiVersion: v1\nclusters:\n- name: a\n  cluster: 'canary-secret\n");
    let sources = Sources { flag: Some(path.clone()), ..Sources::default() };
    let error = load(&sources, &ALL).err().unwrap().to_string();
    assert!(error.contains(path.to_str().unwrap()) && error.contains(" line "), "{error}");
    assert!(!error.contains("canary"), "{error}");

    home.write("bad", "users: [\n  {name: \"canary");
    let error = load(&sources, &ALL).err().unwrap().to_string();
    assert!(error.contains(" line 2 ") && !error.contains("canary"), "{error}");

    home.write("bad", [0xff, 0x00, 0xc3, 0x28]);
    assert!(load(&sources, &ALL).err().unwrap().to_string().ends_with("it is not text"));

    home.write("bad", "");
    assert!(matches!(load(&sources, &ALL), Err(KubeconfigError::NoCurrent { .. })), "empty is no context");

    fs::remove_file(&path).unwrap();
    fs::create_dir(&path).unwrap();
    let error = load(&sources, &ALL).err().unwrap().to_string();
    assert!(error.ends_with("it is a directory"), "{error}");

    fs::remove_dir(&path).unwrap();
    let error = load(&sources, &ALL).err().unwrap().to_string();
    assert!(error.starts_with("cannot read kubeconfig") && error.contains("no such file"), "{error}");
}

#[test]
fn without_any_file_and_outside_a_cluster_the_error_says_where_we_looked() {
    let home = Home::new();
    let error = load(&home.sources(), &ALL).err().unwrap().to_string();
    assert!(error.contains(".kube/config") && error.contains("service account"), "{error}");
}

#[test]
fn relative_paths_are_meant_from_the_files_folder() {
    let home = Home::new();
    let path = home.write(
        "sub/config",
        "
current-context: c
clusters: [{name: k, cluster: {server: 'https://k', certificate-authority: ca.crt}}]
users: [{name: u, user: {client-certificate: /abs/c.crt, client-key: keys/c.key, exec: {command: ./plugin}}}]
contexts: [{name: c, context: {cluster: k, user: u}}]
",
    );
    let folder = path.parent().unwrap();
    let target = load(&Sources { flag: Some(path.clone()), ..Sources::default() }, &ALL).unwrap().remove(0);
    let files = target.settings().unwrap().files();
    assert_eq!(files, [folder.join("ca.crt"), PathBuf::from("/abs/c.crt"), folder.join("keys/c.key")]);
    home.write("sub/config", fs::read_to_string(&path).unwrap().replace("client-certificate: /abs/c.crt, ", ""));
    let target = load(&Sources { flag: Some(path.clone()), ..Sources::default() }, &ALL).unwrap().remove(0);
    let command = target.exec().unwrap().command.as_deref();
    assert_eq!(command.map(PathBuf::from), Some(folder.join("./plugin")));
}

#[test]
fn a_context_keeps_nothing_of_the_others() {
    let home = Home::new();
    let many: Vec<(String, String)> = (0..500).map(|n| (format!("c{n}"), format!("https://c{n}"))).collect();
    let many: Vec<(&str, &str)> = many.iter().map(|(name, url)| (name.as_str(), url.as_str())).collect();
    home.write(".kube/config", config("c7", &many));
    let targets = load(&home.sources(), &ALL).unwrap();
    assert_eq!(targets.len(), 500);
    let settings = targets[7].settings().unwrap();
    assert_eq!(settings.cluster.server.to_string(), "https://c7/");
    assert!(matches!(&settings.user.authorization, Authorization::Token(Some(token), None) if token == "canary"));
}

#[test]
fn a_plain_target_has_no_credentials_and_a_bad_url_is_broken() {
    let target = ContextTarget::plain("demo", "http://127.0.0.1:8080/");
    assert_eq!((target.server(), target.broken()), (Some("http://127.0.0.1:8080"), None));
    assert!(ContextTarget::plain("demo", "http://[").broken().is_some());
}

#[tokio::test]
async fn what_a_plugins_message_offers_to_paste_is_quoted_and_names_the_kubeconfig_that_was_given() {
    let home = Home::new();
    let text = "clusters: [{name: k, cluster: {server: 'https://127.0.0.1:1'}}]\n\
         contexts: [{name: 'a;id', context: {cluster: k, user: u}}]\n\
         users: [{name: u, user: {exec: {apiVersion: client.authentication.k8s.io/v1, command: x, interactiveMode: Always}}}]\n";
    let reported = async |sources: &Sources| {
        let mut target = load(sources, &select(&["a;id"])).unwrap().remove(0);
        let sink = MeterSink::new(crate::clock::Clock::start());
        target.build(Arc::new(Tuning::default()), sink).await.err().unwrap().text
    };
    home.write(".kube/config", text);
    let found = reported(&home.sources()).await;
    assert!(found.contains("log in with `kubectl --context 'a;id' get nodes` elsewhere"), "{found}");
    let flag = home.write("my config", text);
    let given = reported(&Sources { flag: Some(flag.clone()), ..home.sources() }).await;
    let command = format!("`kubectl --kubeconfig '{}' --context 'a;id' get nodes`", flag.display());
    assert!(given.contains(&command), "{given}");
}

/// A plugin's credentials are set as kube reads them.
#[test]
fn what_a_plugin_returns_becomes_a_token_or_a_certificate() {
    let prepared = |json: &str| {
        let credential = serde_json::from_str::<exec::Credential>(json).unwrap();
        let mut prepared = ContextSettings::plain("https://a".parse().unwrap()).prepare().unwrap();
        prepared.accept(credential).unwrap();
        prepared
    };
    let token = prepared(r#"{"token":"t"}"#);
    assert_eq!(token.config.headers, [(http::header::AUTHORIZATION, "Bearer t".parse().unwrap())]);
    assert!(token.tls.identity.is_none());
    let certificate = prepared(r#"{"token":"","clientCertificateData":"CERT","clientKeyData":"KEY"}"#);
    let identity = certificate.tls.identity.unwrap();
    assert_eq!((&*identity.certificate, &**identity.key), (&b"CERT"[..], &b"KEY"[..]));
    assert!(certificate.config.headers.is_empty(), "an empty token is none");
}

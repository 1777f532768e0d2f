//! Tests with plugins that are shell scripts and record each run.

use std::path::Path;

use secrecy::ExposeSecret as _;
use tokio::task::JoinSet;
use tokio::time::sleep;

use super::*;

/// A plugin that records each run in the file `runs` of the folder.
fn plugin(folder: &Path, script: &str) -> ExecConfig {
    let script = format!("cd {}; echo run >> runs; n=$(wc -l < runs | tr -d ' ')\n{script}", folder.display());
    ExecConfig { command: Some("/bin/sh".into()), args: Some(vec!["-c".into(), script]), ..ExecConfig::default() }
}

fn runs(folder: &Path) -> usize {
    std::fs::read_to_string(folder.join("runs")).unwrap_or_default().lines().count()
}

fn token(issued: &Issued) -> String {
    issued.credential.token.as_ref().unwrap().expose_secret().to_owned()
}

const GIVES: &str = "echo '{\"status\":{\"token\":\"t'$n'\"}}'";

async fn ten(plugins: &Plugins, exec: &ExecConfig, demand: Demand) -> Vec<Result<Issued, PluginError>> {
    let mut asking = JoinSet::new();
    for _ in 0..10 {
        // Each context has its own user entry.
        let (entry, exec) = (plugins.entry(exec), exec.clone());
        asking.spawn(async move { entry.credential(&exec, demand, &Tuning::default()).await });
    }
    asking.join_all().await
}

#[tokio::test]
async fn ten_contexts_that_share_an_entry_run_its_plugin_once_also_after_a_rejection() {
    let folder = tempfile::tempdir().unwrap();
    let (plugins, exec) = (Plugins::default(), plugin(folder.path(), &format!("sleep 0.2; {GIVES}")));
    for issued in ten(&plugins, &exec, Demand::default()).await {
        assert_eq!(token(&issued.unwrap()), "t1");
    }
    for issued in ten(&plugins, &exec, Demand { after: 1, by_operator: false }).await {
        assert_eq!(token(&issued.unwrap()), "t2", "one renewal for all that were rejected");
    }
    assert_eq!(runs(folder.path()), 2);
}

#[tokio::test]
async fn ten_contexts_share_a_failure_and_an_operator_who_asks_gets_a_run() {
    let folder = tempfile::tempdir().unwrap();
    let (plugins, exec) = (Plugins::default(), plugin(folder.path(), "sleep 0.1; exit 7"));
    for outcome in ten(&plugins, &exec, Demand::default()).await {
        assert_eq!(outcome.err(), Some(PluginError::Failed(Some(7))));
    }
    assert_eq!(runs(folder.path()), 1);
    assert!(plugins.entry(&exec).credential(&exec, Demand::default(), &Tuning::default()).await.is_err());
    assert_eq!(runs(folder.path()), 1, "within the backoff");
    let demand = Demand { after: 0, by_operator: true };
    assert!(plugins.entry(&exec).credential(&exec, demand, &Tuning::default()).await.is_err());
    assert_eq!(runs(folder.path()), 2);
}

// client-go keys its cache by the whole exec configuration and the cluster (`exec.go`, `cacheKey`).
#[test]
fn entries_are_shared_by_command_arguments_environment_and_the_cluster_that_is_passed() {
    let plugins = Plugins::default();
    let base = plugin(Path::new("/"), GIVES);
    let shares = |other: &ExecConfig| Arc::ptr_eq(&plugins.entry(&base), &plugins.entry(other));
    let cluster = |server: &str| {
        let server = Some(server.to_owned());
        Some(kube::config::ExecAuthCluster { server, ..kube::config::ExecAuthCluster::default() })
    };
    assert!(shares(&base.clone()));
    assert!(shares(&ExecConfig { install_hint: Some("brew".into()), ..base.clone() }), "a matter of messages");
    assert!(shares(&ExecConfig { cluster: cluster("https://b"), ..base.clone() }), "it is not told");
    assert!(!shares(&ExecConfig { command: Some("/bin/bash".into()), ..base.clone() }));
    assert!(!shares(&ExecConfig { args: None, ..base.clone() }));
    let variable = HashMap::from([("name".to_owned(), "A".to_owned()), ("value".to_owned(), "1".to_owned())]);
    assert!(!shares(&ExecConfig { env: Some(vec![variable]), ..base.clone() }));
    let reported = |server: &str| ExecConfig { provide_cluster_info: true, cluster: cluster(server), ..base.clone() };
    assert!(!shares(&reported("https://a")));
    assert!(!Arc::ptr_eq(&plugins.entry(&reported("https://a")), &plugins.entry(&reported("https://b"))));
    assert!(Arc::ptr_eq(&plugins.entry(&reported("https://a")), &plugins.entry(&reported("https://a"))));
}

#[tokio::test]
async fn no_more_than_four_plugins_run_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let plugins = Plugins::default();
    let mut asking = JoinSet::new();
    for number in 0..9 {
        let script = format!("touch on.{number}; ls on.* | wc -l >> counts; sleep 0.3; rm on.{number}; {GIVES}");
        let exec = plugin(folder.path(), &script);
        let entry = plugins.entry(&exec);
        asking.spawn(async move { entry.credential(&exec, Demand::default(), &Tuning::default()).await.is_ok() });
    }
    assert!(asking.join_all().await.into_iter().all(|good| good));
    let counts = std::fs::read_to_string(folder.path().join("counts")).unwrap();
    let most = counts.lines().filter_map(|line| line.trim().parse::<usize>().ok()).max();
    assert_eq!(most, Some(4), "{counts}");
}

#[tokio::test]
async fn a_short_life_is_used_up_to_its_last_fifth() {
    let folder = tempfile::tempdir().unwrap();
    let expires = (wall() + Duration::from_secs(5)).strftime("%FT%TZ").to_string();
    let script = format!("echo '{{\"status\":{{\"token\":\"t'$n'\",\"expirationTimestamp\":\"{expires}\"}}}}'");
    let (plugins, exec) = (Plugins::default(), plugin(folder.path(), &script));
    for _ in 0..2 {
        assert!(ten(&plugins, &exec, Demand::default()).await.iter().all(Result::is_ok));
        assert_eq!(runs(folder.path()), 1);
    }
    sleep(Duration::from_millis(4_200)).await;
    assert!(ten(&plugins, &exec, Demand::default()).await.iter().all(Result::is_ok));
    assert_eq!(runs(folder.path()), 2);
}

#[tokio::test]
async fn a_login_is_for_all_that_share_the_entry_and_does_not_wait_for_a_run_in_the_background() {
    let folder = tempfile::tempdir().unwrap();
    let script = "case $KUBERNETES_EXEC_INFO in *'\"interactive\":true'*) ;; *) exec sleep 1000 ;; esac";
    let (plugins, exec) = (Plugins::default(), plugin(folder.path(), &format!("{script}; {GIVES}")));
    let entry = plugins.entry(&exec);
    let mut newest = entry.newest();
    let waiting = tokio::spawn({
        let (plugins, exec) = (plugins.clone(), exec.clone());
        async move { ten(&plugins, &exec, Demand::default()).await }
    });
    while runs(folder.path()) == 0 {
        sleep(Duration::from_millis(5)).await;
    }
    let issued = entry.log_in(&exec, Duration::from_secs(60), &Tuning::default()).await.ok().unwrap();
    assert_eq!((token(&issued).as_str(), issued.serial), ("t2", 1));
    for outcome in waiting.await.unwrap() {
        assert_eq!(token(&outcome.unwrap()), "t2");
    }
    newest.wait_for(|serial| *serial == 1).await.unwrap();
    assert_eq!(runs(folder.path()), 2);
}

//! Output when something is wrong: it is clean text, whatever names and texts it contains.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::process::{Output, Stdio};

use tempfile::TempDir;

use crate::rig::{program_in, shell_in};

/// Fills the clipboard, colours, goes back to the start of the line, turns the direction, hides, names a window; no `/` and no NUL.
const HOSTILE: &str = "x\u{1b}]52;c;QQ==\u{7}\u{9b}31m\u{1b}[2J\r\u{202e}\u{200b}\u{85}\u{8}y";
/// The same in a string of TOML or JSON.
const ESCAPED: &str = r"x\u001b]52;c;QQ==\u0007\u009b31m\u001b[2J\r\u202e\u200b\u0085\u0008y";

fn run(dir: &TempDir, args: &[&OsStr], env: &[(&str, &str)]) -> Output {
    let mut command = program_in(dir.path());
    command.current_dir(dir.path()).stdin(Stdio::null());
    command.envs(env.iter().copied()).args(args).output().unwrap()
}

/// The program fails and says so without a control character; returns what it says.
fn fails_cleanly(dir: &TempDir, args: &[&str], env: &[(&str, &str)]) -> String {
    let args: Vec<&OsStr> = args.iter().map(OsStr::new).collect();
    let output = run(dir, &args, env);
    let said = assert_clean(&output);
    assert!(!output.status.success() && !said.is_empty(), "{args:?} {env:?} should fail");
    assert_ne!(output.status.code(), Some(101), "{args:?} {env:?}: a panic: {said}");
    said
}

fn assert_clean(output: &Output) -> String {
    for bytes in [&output.stderr, &output.stdout] {
        let text = String::from_utf8(bytes.clone()).expect("UTF-8");
        let foreign = |c: char| c != '\n' && (c.is_control() || matches!(c, '\u{202e}' | '\u{200b}'));
        assert!(!text.contains(foreign), "a control character: {text:?}");
    }
    String::from_utf8(output.stderr.clone()).unwrap()
}

#[test]
fn usage_errors_quote_arguments_cleanly() {
    let dir = tempfile::tempdir().unwrap();
    for args in [
        &[HOSTILE][..],
        &[&format!("--{HOSTILE}")],
        &["snapshot", HOSTILE],
        &["snapshot", "-o", HOSTILE],
        &["snapshot", "--deadline", HOSTILE],
        &["--color", HOSTILE],
        &["-n", HOSTILE],
        &["completion", HOSTILE],
        &["simulate", "-s", "small", "--listen", HOSTILE],
        &["simulate", "-s", "small", "--churn", HOSTILE],
        &["simulate", "-s", "small", "--churn", "4000000000"],
    ] {
        assert!(fails_cleanly(&dir, args, &[]).starts_with("error: "), "{args:?}");
    }
    let raw = OsStr::from_bytes(b"\xff\x1b[31m\x9b");
    assert!(!run(&dir, &[raw], &[]).status.success());
    assert_clean(&run(&dir, &[raw], &[]));
    assert_clean(&run(&dir, &[OsStr::new("--help")], &[("WATCHBELL_CONFIG", HOSTILE)]));
}

#[test]
fn paths_are_named_cleanly() {
    let dir = tempfile::tempdir().unwrap();
    let file = format!("{HOSTILE}.toml");
    fs::write(dir.path().join(&file), "[keys\n").unwrap();
    let missing = format!("missing{HOSTILE}.toml");
    for args in [
        &["--config", &missing, "snapshot"][..],
        &["--config", &file, "snapshot"],
        &["--config", &file, "demo"],
        &["--kubeconfig", &missing, "snapshot"],
        &["--kubeconfig", &file, "check"],
        &["--log-file", &format!("{missing}/log"), "snapshot"],
        &["--log-file", ".", "snapshot"],
        &["simulate", "-s", &missing],
        &["simulate", "-s", &file],
        &["demo", "-s", HOSTILE],
        &["simulate", "-s", HOSTILE],
        &["simulate", "-s", "small", "--kubeconfig-out", &file],
    ] {
        fails_cleanly(&dir, args, &[]);
    }
    for env in [("KUBECONFIG", HOSTILE), ("WATCHBELL_CONFIG", HOSTILE), ("HOME", HOSTILE)] {
        fails_cleanly(&dir, &["snapshot"], &[env]);
    }
}

#[test]
fn texts_of_scenarios_are_quoted_cleanly() {
    let dir = tempfile::tempdir().unwrap();
    let head = "title = \"x\"\nseed = 1\n";
    let cluster = |lines: &str| format!("{head}[[cluster]]\ncontext = \"{ESCAPED}\"\n{lines}");
    let step = |lines: &str| format!("{}[[step]]\nat = \"1s\"\n{lines}", cluster(""));
    let texts = [
        format!("{head}base = \"{ESCAPED}\""),
        format!("{head}\"{ESCAPED}\" = 1"),
        format!("{head}# {HOSTILE}\nbase = \"{HOSTILE}\""),
        cluster(&format!("[[cluster]]\ncontext = \"{ESCAPED}\"")),
        cluster(&format!("nodes = [{{ name = \"{ESCAPED}\", count = 2 }}]")),
        cluster(&format!("nodes = [{{ name = \"n\", count = 1, role = \"{ESCAPED}\" }}]")),
        cluster(&format!("history = \"{ESCAPED}\"")),
        cluster(&format!("raw = [{{ resource = \"pods\", json = \"{ESCAPED}\" }}]")),
        step(&format!("fault = \"{ESCAPED}\"")),
        step(&format!("change = \"{ESCAPED}\"")),
        step(&format!("change = \"cordon\"\nnode = \"{ESCAPED}\"")),
        step(&format!("fault = \"freeze\"\ncluster = \"{ESCAPED}2\"")),
        step(&format!("fault = \"headers\"\nheaders = {{ \"{ESCAPED}\" = \"x\" }}")),
        step(&format!("fault = \"freeze\"\nfor = \"{ESCAPED}\"")),
        step(&format!("fault = \"freeze\"\nmatch = {{ verb = \"{ESCAPED}\", \"{ESCAPED}\" = 1 }}")),
        cluster("pods = { counted = 5 }"),
    ];
    for text in texts {
        fs::write(dir.path().join("s.toml"), &text).unwrap();
        let said = fails_cleanly(&dir, &["simulate", "-s", "s.toml"], &[]);
        assert!(said.starts_with("watchbell: "), "{text}: {said}");
        fails_cleanly(&dir, &["demo", "-s", "s.toml"], &[]);
    }
}

#[test]
fn texts_of_configurations_are_quoted_cleanly() {
    let dir = tempfile::tempdir().unwrap();
    let texts = [
        format!("{HOSTILE} = 1"),
        format!("[clusters]\ncontexts = [\"{ESCAPED}\""),
        format!("[clusters]\nnamespaces = [\"{ESCAPED}\"]"),
        format!("[keys]\n\"{ESCAPED}\" = [\"a\"]"),
        format!("[keys]\nquit = [\"{ESCAPED}\"]"),
        format!("[display]\ncolor = \"{ESCAPED}\""),
        format!("[probe]\nperiod = \"{ESCAPED}\""),
        format!("[accelerators]\n\"{ESCAPED}\" = \"{ESCAPED}\""),
        format!("[alerts]\n\"{ESCAPED}\" = 1\n[tell]\nnotify = \"{ESCAPED}\""),
        format!("[timeouts]\nconnect = \"{ESCAPED}\""),
        // A warning each, and then no kubeconfig.
        format!("\"{ESCAPED}\" = 1\n[cluster.\"{ESCAPED}\"]\nwatch-list = true"),
    ];
    for text in texts {
        fs::write(dir.path().join("c.toml"), &text).unwrap();
        for command in ["snapshot", "check", "demo"] {
            let said = fails_cleanly(&dir, &["--config", "c.toml", command], &[]);
            assert!(said.starts_with("watchbell: "), "{text}: {said}");
        }
    }
}

#[test]
fn texts_of_kubeconfigs_are_quoted_cleanly() {
    let dir = tempfile::tempdir().unwrap();
    let whole = |cluster: &str, user: &str| {
        format!(
            "{{\"apiVersion\":\"v1\",\"kind\":\"Config\",\"current-context\":\"{ESCAPED}\",\
             \"clusters\":[{{\"name\":\"c\",\"cluster\":{cluster}}}],\"users\":[{{\"name\":\"u\",\"user\":{user}}}],\
             \"contexts\":[{{\"name\":\"{ESCAPED}\",\"context\":{{\"cluster\":\"c\",\"user\":\"u\"}}}}]}}"
        )
    };
    let dead = "{\"server\":\"http://127.0.0.1:9\"}";
    let texts = [
        format!("a: [{HOSTILE}"),
        format!("\"{ESCAPED}\": &x [*y]"),
        format!("{{\"current-context\":\"{ESCAPED}\"}}"),
        whole(&format!("{{\"server\":\"{ESCAPED}\"}}"), "{}"),
        whole(&format!("{{\"server\":\"https://h\",\"certificate-authority\":\"{ESCAPED}\"}}"), "{}"),
        whole(&format!("{{\"server\":\"https://h\",\"certificate-authority-data\":\"{ESCAPED}\"}}"), "{}"),
        whole(&format!("{{\"server\":\"https://127.0.0.1:9\",\"tls-server-name\":\"{ESCAPED}\"}}"), "{}"),
        whole(&format!("{{\"server\":\"http://127.0.0.1:9\",\"proxy-url\":\"{ESCAPED}\"}}"), "{}"),
        whole(dead, &format!("{{\"tokenFile\":\"{ESCAPED}\"}}")),
        whole(dead, &format!("{{\"token\":\"{ESCAPED}\"}}")),
        whole(dead, &format!("{{\"auth-provider\":{{\"name\":\"{ESCAPED}\"}}}}")),
        whole(
            dead,
            &format!(
                "{{\"exec\":{{\"apiVersion\":\"client.authentication.k8s.io/v1\",\"command\":\"{ESCAPED}\",\"interactiveMode\":\"Never\",\"installHint\":\"{ESCAPED}\"}}}}"
            ),
        ),
        whole(
            dead,
            &format!(
                "{{\"exec\":{{\"apiVersion\":\"{ESCAPED}\",\"command\":\"/bin/true\",\"interactiveMode\":\"{ESCAPED}\"}}}}"
            ),
        ),
    ];
    for text in texts {
        fs::write(dir.path().join("kc"), &text).unwrap();
        for args in [
            &["--kubeconfig", "kc", "--log-file", "log", "snapshot", "--deadline", "500ms"][..],
            &["--kubeconfig", "kc", "snapshot", "-o", "json", "--deadline", "500ms"],
            &["--kubeconfig", "kc", "check", "--deadline", "2s"],
            &["--kubeconfig", "kc", "--context", HOSTILE, "check", "--deadline", "2s"],
        ] {
            let args: Vec<&OsStr> = args.iter().map(OsStr::new).collect();
            let output = run(&dir, &args, &[]);
            assert_clean(&output);
            assert_ne!(output.status.code(), Some(101), "{text}: {}", String::from_utf8_lossy(&output.stderr));
        }
        let log = fs::read_to_string(dir.path().join("log")).unwrap();
        assert!(!log.contains(|c: char| c != '\n' && c.is_control()), "{log:?}");
    }
}

#[test]
fn too_few_open_files_are_an_error_that_says_what_to_do() {
    let dir = tempfile::tempdir().unwrap();
    for command in ["demo", "snapshot", "check", "simulate -s small"] {
        for limit in [4, 8, 12, 16, 20, 24, 32] {
            let script = format!("ulimit -n {limit}; exec \"$WATCHBELL\" {command}");
            let mut shell = shell_in(dir.path(), &script);
            let output = shell.env("TERM", "xterm").stdin(Stdio::null()).output().unwrap();
            let said = assert_clean(&output);
            assert_eq!(output.status.code(), Some(1), "{command} with {limit}: {said}");
            assert!(said.contains("`ulimit -n`") && said.contains("raise the limit"), "{command} with {limit}: {said}");
        }
    }
}

#[test]
fn a_kubeconfig_of_the_simulation_replaces_none_of_others() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("precious"), "apiVersion: v1\n").unwrap();
    std::os::unix::fs::symlink("precious", dir.path().join("link")).unwrap();
    for path in ["precious", "link", "."] {
        let said = fails_cleanly(&dir, &["simulate", "-s", "small", "--kubeconfig-out", path], &[]);
        assert!(said.contains(&format!("`{path}`")) && said.contains("name another file"), "{said}");
    }
    assert_eq!(fs::read_to_string(dir.path().join("precious")).unwrap(), "apiVersion: v1\n");
}

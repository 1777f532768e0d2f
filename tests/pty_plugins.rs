//! No process that the program started outlives it: credential plugins, with and without the terminal, and the command of
//! `on-alert`, each with its children. No output of a plugin reaches the program's screen.

use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tokio::time::Instant;

use crate::rig::{PASSWORD_PROMPT, PATIENCE, Terminal, TestServer, binary, set_exec_plugin, watchbell};

/// Sleeping processes of one test, identified by their seconds, which no other test uses.
struct Sleepers(u32);

impl Sleepers {
    fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        Self(1_000_000 + std::process::id() % 100_000 * 100 + NEXT.fetch_add(1, Ordering::Relaxed))
    }

    /// A script with children: an ordinary one, one in a group of its own, and one that heeds no SIGTERM.
    fn script(&self) -> String {
        let seconds = self.0;
        format!(
            "sleep {seconds} & timeout 9999999 sleep {seconds} & (trap '' TERM HUP INT; sleep {seconds}) & wait; wait"
        )
    }

    fn count(&self) -> usize {
        let commands = std::fs::read_dir("/proc").unwrap().flatten().map(|entry| entry.path().join("cmdline"));
        let wanted = format!("sleep\0{}\0", self.0);
        let runs = |text: String| text.ends_with(&wanted);
        commands.filter(|file| std::fs::read_to_string(file).is_ok_and(runs)).count()
    }

    fn wait_until_all_run(&self) {
        let start = Instant::now();
        // The one of `timeout` is there twice.
        while self.count() < 4 {
            assert!(start.elapsed() < PATIENCE, "only {} of the plugin's children run", self.count());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn assert_gone(&self, way: &str) {
        let start = Instant::now();
        // A killed process takes a moment to go.
        while self.count() > 0 {
            assert!(start.elapsed() < Duration::from_secs(2), "{} are left after {way}", self.count());
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

/// The program as a shell runs it in the foreground: what a script puts into the background ignores INT and QUIT, and so would
/// all that these tests start there.
fn in_foreground(served: &TestServer) -> Command {
    let mut command = Command::new("env");
    command.arg("--default-signal=INT,QUIT").arg(binary()).stdout(Stdio::null()).stderr(Stdio::null());
    command.env_clear().env("PATH", "/usr/bin:/bin").env("HOME", served.dir.path());
    command.env("KUBECONFIG", served.kubeconfig());
    command
}

/// The exit code of a program that is to end now.
fn end_of(mut child: Child) -> Option<i32> {
    let start = Instant::now();
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            return status.code();
        }
        if start.elapsed() > PATIENCE {
            child.kill().unwrap();
            panic!("the program does not end");
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Every way out that can be chosen: signals, `None` for the key.
const WAYS: [Option<Signal>; 6] =
    [Some(Signal::TERM), Some(Signal::HUP), Some(Signal::INT), Some(Signal::QUIT), Some(Signal::USR1), None];

fn leave(mut terminal: Terminal, way: Option<Signal>) {
    if let Some(signal) = way {
        kill_process(terminal.program(), signal).unwrap();
        terminal.expect_exit(128 + signal.as_raw());
    } else {
        terminal.press("q");
        terminal.expect_exit(0);
    }
}

#[test]
fn pty_a_plugin_in_the_background_ends_with_its_children_whatever_ends_the_program() {
    for way in WAYS {
        let (served, sleepers) = (TestServer::scenario("small"), Sleepers::new());
        set_exec_plugin(&served, &sleepers.script(), "Never");
        let terminal = Terminal::start(&served, "", &[]);
        terminal.wait_for("nodes");
        sleepers.wait_until_all_run();
        leave(terminal, way);
        sleepers.assert_gone(&format!("{way:?}"));
    }
}

#[test]
fn pty_a_plugin_that_has_the_terminal_ends_with_its_children_and_leaves_the_terminal_as_it_was() {
    // Ctrl-C and Ctrl-\ are the plugin's while it has the terminal.
    for signal in [Signal::TERM, Signal::HUP] {
        let (served, sleepers) = (TestServer::scenario("small"), Sleepers::new());
        set_exec_plugin(&served, &format!("stty -echo; printf 'Password: ' >&2; {}", sleepers.script()), "Always");
        let mut terminal = Terminal::start(&served, "", &[]);
        terminal.wait_for("L log in");
        terminal.press("L");
        terminal.wait_for("Password: ");
        sleepers.wait_until_all_run();
        leave(terminal, Some(signal));
        sleepers.assert_gone(&format!("{signal:?} under L"));
    }
}

#[test]
fn pty_a_plugin_that_ends_while_a_password_is_typed_leaves_the_echo_on() {
    let served = TestServer::scenario("small");
    set_exec_plugin(&served, "stty -echo; printf 'Password: ' >&2; read answer", "Always");
    let mut terminal = Terminal::start(&served, "", &[]);
    terminal.wait_for("L log in");
    terminal.press("L");
    terminal.wait_for("Password: ");
    terminal.press("\u{3}");
    terminal.wait_for("ended with a signal");
    leave(terminal, None);
}

#[test]
fn pty_the_command_for_alerts_ends_with_its_children_whatever_ends_the_program() {
    for way in [Some(Signal::TERM), None] {
        let (served, sleepers) = (TestServer::scenario("incident"), Sleepers::new());
        let config = served.dir.path().join("config.toml");
        let command = serde_json::json!(["/bin/sh", "-c", sleepers.script()]);
        std::fs::write(&config, format!("[tell]\non-alert = {command}\n")).unwrap();
        let terminal = Terminal::start(&served, &format!("--config {}", config.display()), &[]);
        sleepers.wait_until_all_run();
        leave(terminal, way);
        sleepers.assert_gone(&format!("{way:?}"));
    }
}

#[test]
fn plugins_of_one_shot_commands_end_with_them() {
    for arguments in [&["snapshot", "--deadline", "1h"][..], &["check", "--deadline", "1h"]] {
        for signal in [Signal::TERM, Signal::INT, Signal::HUP, Signal::QUIT] {
            let (served, sleepers) = (TestServer::scenario("small"), Sleepers::new());
            set_exec_plugin(&served, &sleepers.script(), "Never");
            let child = in_foreground(&served).args(arguments).spawn().unwrap();
            sleepers.wait_until_all_run();
            kill_process(Pid::from_raw(child.id().cast_signed()).unwrap(), signal).unwrap();
            assert_eq!(end_of(child), Some(128 + signal.as_raw()), "{arguments:?}");
            sleepers.assert_gone(&format!("{signal:?} to {arguments:?}"));
        }
    }
}

/// Signals that end a program unless it handles them, but for those above; 34 and 64 are the ends of the real-time signals.
#[test]
fn plugins_end_with_the_program_whatever_signal_that_can_be_handled_ends_it() {
    let (served, sleepers) = (TestServer::scenario("small"), Sleepers::new());
    set_exec_plugin(&served, &sleepers.script(), "Never");
    let named = [
        Signal::ALARM,
        Signal::USR1,
        Signal::USR2,
        Signal::ABORT,
        Signal::VTALARM,
        Signal::PROF,
        Signal::XCPU,
        Signal::XFSZ,
        Signal::SYS,
        Signal::TRAP,
        Signal::BUS,
        Signal::IO,
        Signal::POWER,
        Signal::STKFLT,
    ];
    for number in named.map(Signal::as_raw).into_iter().chain([34, 64]) {
        let child = in_foreground(&served).args(["snapshot", "--deadline", "1h"]).spawn().unwrap();
        sleepers.wait_until_all_run();
        let kill = Command::new("/bin/sh").args(["-c", &format!("kill -{number} {}", child.id())]).status();
        assert!(kill.unwrap().success(), "no signal {number}");
        assert_eq!(end_of(child), Some(128 + number), "signal {number}");
        sleepers.assert_gone(&format!("signal {number}"));
    }
}

#[test]
fn a_plugin_that_is_slower_than_the_answer_ends_with_the_command() {
    let (served, sleepers) = (TestServer::scenario("small"), Sleepers::new());
    set_exec_plugin(&served, &sleepers.script(), "Never");
    let output =
        watchbell(&served).args(["snapshot", "--deadline", "3s"]).env("PATH", "/usr/bin:/bin").output().unwrap();
    assert_eq!(output.status.code(), Some(3));
    sleepers.assert_gone("the deadline");
}

#[test]
fn what_a_script_puts_into_the_background_outlives_a_hang_up_that_it_is_to_ignore() {
    let (served, sleepers) = (TestServer::scenario("small"), Sleepers::new());
    set_exec_plugin(&served, &sleepers.script(), "Never");
    let mut command = Command::new("nohup");
    command.arg(binary()).args(["snapshot", "--deadline", "1h"]);
    command.env_clear().env("PATH", "/usr/bin:/bin").env("HOME", served.dir.path());
    command.env("KUBECONFIG", served.kubeconfig());
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    sleepers.wait_until_all_run();
    let pid = Pid::from_raw(child.id().cast_signed()).unwrap();
    kill_process(pid, Signal::HUP).unwrap();
    std::thread::sleep(Duration::from_millis(500));
    assert!(child.try_wait().unwrap().is_none(), "it has ended");
    kill_process(pid, Signal::TERM).unwrap();
    assert_eq!(end_of(child), Some(128 + Signal::TERM.as_raw()));
    sleepers.assert_gone("SIGTERM");
}

#[test]
fn pty_a_plugin_that_opens_the_terminal_in_the_background_gets_none() {
    let served = TestServer::scenario("small");
    let script = "{ echo CANARY > /dev/tty; read answer < /dev/tty; } 2>/dev/null && exit 9; echo CANARY >&2; exit 3";
    set_exec_plugin(&served, script, "IfAvailable");
    let mut terminal = Terminal::start(&served, "", &[]);
    terminal.wait_for("ended with exit code 3");
    terminal.press("?");
    terminal.wait_for("next cluster");
    assert!(!terminal.raw().contains("CANARY"), "{}", terminal.text());
    terminal.press("?q");
    terminal.expect_exit(0);
}

/// A shell with job control gets the terminal for Ctrl-Z, as for any job, and `fg` continues both.
#[test]
fn pty_ctrl_z_stops_a_plugin_that_has_the_terminal_and_the_program() {
    let served = TestServer::scenario("small");
    set_exec_plugin(&served, PASSWORD_PROMPT, "Always");
    // By its path, which is what `fg` says of it.
    let script = format!("set -m; '{}'; echo stopped=$?; read -r line; fg", binary().display());
    let mut terminal = Terminal::script(&served, &script, &[]);
    terminal.wait_for("L log in");
    terminal.press("L");
    terminal.wait_for("Password: ");
    terminal.press("\u{1a}");
    terminal.wait_for("stopped=");
    terminal.press("\n");
    // `fg` names the job that it continues.
    terminal.wait("the job", |text| text.rsplit("stopped=").next().is_some_and(|after| after.contains("watchbell")));
    terminal.press("open sesame\n");
    terminal.wait_for("✓ Ready");
    terminal.press("q");
    terminal.expect_exit(0);
}

#[test]
fn output_of_a_plugin_stands_neither_in_the_snapshot_nor_in_the_check() {
    let served = TestServer::scenario("small");
    let says = "password=CANARY https://login.example.com/device?code=CANARY";
    // The check names the whole command, so what the plugin says does not stand in its arguments.
    let script = served.dir.path().join("says.sh");
    std::fs::write(&script, format!("echo '{says}'; echo '{says}' >&2; exit 5")).unwrap();
    set_exec_plugin(&served, &format!(". '{}'", script.display()), "Never");
    for arguments in
        [&["snapshot", "-o", "json", "--deadline", "3s"][..], &["snapshot", "--deadline", "3s"], &["check"]]
    {
        let output = watchbell(&served).args(arguments).env("PATH", "/usr/bin:/bin").output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
        assert!(text.contains("`sh` ended with exit code 5"), "{text}");
        assert!(!text.contains("CANARY") && !text.contains("example.com"), "{text}");
    }
}

/// Ten contexts; `users` says how many user entries they have, all with the same plugin.
fn ten_contexts(served: &TestServer, script: &str, users: usize) {
    let user = |at: usize| format!("u{}", at % users);
    let exec = serde_json::json!({"exec": {
        "apiVersion": "client.authentication.k8s.io/v1",
        "command": "/bin/sh",
        "args": ["-c", script],
        "interactiveMode": "Never",
    }});
    let context =
        |at: usize| serde_json::json!({"name": format!("c{at}"), "context": {"cluster": "k", "user": user(at)}});
    let config = serde_json::json!({
        "clusters": [{"name": "k", "cluster": {"server": served.simulation.clusters()[0].url}}],
        "contexts": (0..10).map(context).collect::<Vec<_>>(),
        "users": (0..users).map(|at| serde_json::json!({"name": user(at), "user": exec})).collect::<Vec<_>>(),
    });
    std::fs::write(served.kubeconfig(), config.to_string()).unwrap();
}

#[test]
fn ten_contexts_with_the_same_plugin_run_it_once() {
    for users in [1, 10] {
        for command in ["snapshot", "check"] {
            let served = TestServer::scenario("small");
            let runs = served.dir.path().join("runs");
            let token = r#"{"kind":"ExecCredential","status":{"token":"t0k"}}"#;
            ten_contexts(&served, &format!("echo run >> {}; sleep 0.3; echo '{token}'", runs.display()), users);
            let mut program = watchbell(&served);
            program.args([command, "--all-contexts"]).env("PATH", "/usr/bin:/bin");
            let output = program.output().unwrap();
            assert_eq!(std::fs::read_to_string(&runs).unwrap(), "run\n", "{users} entries, {command}");
            assert!(String::from_utf8_lossy(&output.stdout).contains("c9"), "all contexts are told of");
        }
    }
}

#[test]
fn a_plugin_is_not_run_out_of_the_current_directory() {
    use std::os::unix::fs::PermissionsExt as _;

    let served = TestServer::scenario("small");
    let here = served.dir.path();
    set_exec_plugin(&served, "true", "Never");
    let text = std::fs::read_to_string(served.kubeconfig()).unwrap();
    std::fs::write(served.kubeconfig(), text.replace("/bin/sh", "planted")).unwrap();
    std::fs::write(here.join("planted"), "#!/bin/sh\ntouch ran\n").unwrap();
    std::fs::set_permissions(here.join("planted"), std::fs::Permissions::from_mode(0o755)).unwrap();
    for path in [":/usr/bin:/bin", "/usr/bin:.", "/usr/bin::/bin", "../bin:./"] {
        let mut program = watchbell(&served);
        let output =
            program.args(["snapshot", "--deadline", "2s"]).env("PATH", path).current_dir(here).output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(!here.join("ran").exists(), "run with PATH={path}");
        assert!(text.contains("`planted` could not be started"), "{text}");
    }
}

//! Faults of what surrounds the program: its terminal, its output, its home, its log and a second instance (docs/faults.md).

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::Read;
use std::path::Path;
use std::process::Stdio;
use std::thread;
use std::time::Duration;

use portable_pty::{CommandBuilder, PtySize, native_pty_system};
use tokio::time::Instant;

use crate::rig::{Terminal, TestServer, binary, program_in, wait_until, watchbell};

/// `true` if the process has ended; one that nobody waits for stays as a zombie.
fn has_ended(process: u32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    stat.rsplit_once(") ").is_none_or(|(_, fields)| fields.starts_with('Z'))
}

#[test]
fn pty_f94_the_program_leaves_within_two_seconds_when_its_terminal_is_gone() {
    let served = TestServer::scenario("small");
    let pair = native_pty_system().openpty(PtySize { rows: 45, cols: 160, pixel_width: 0, pixel_height: 0 }).unwrap();
    let mut command = CommandBuilder::new(binary());
    command.env_clear();
    command.env("TERM", "xterm-256color");
    command.env("LANG", "C.UTF-8");
    command.env("HOME", served.dir.path());
    command.env("KUBECONFIG", served.kubeconfig());
    let mut child = pair.slave.spawn_command(command).unwrap();
    drop(pair.slave);
    let mut reader = pair.master.try_clone_reader().unwrap();
    let (mut seen, mut buf) = (Vec::new(), [0; 4096]);
    while !String::from_utf8_lossy(&seen).contains("NAME") {
        let count = reader.read(&mut buf).unwrap();
        seen.extend_from_slice(&buf[..count]);
    }
    // The pane is killed: nobody holds the other side of the terminal any more.
    drop((reader, pair.master));
    let start = Instant::now();
    while !has_ended(child.process_id().unwrap()) {
        assert!(start.elapsed() < Duration::from_secs(2), "it still runs without a terminal");
        thread::sleep(Duration::from_millis(10));
    }
    child.wait().unwrap();
}

#[test]
fn f95_a_reader_that_leaves_is_no_error_and_a_full_device_is_one() {
    let served = TestServer::scenario("small");
    for arguments in [&["config"][..], &["snapshot"], &["snapshot", "-o", "json"]] {
        let mut child =
            watchbell(&served).args(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!((output.status.code(), &*said), (Some(0), ""), "{arguments:?}");
        let full = File::options().write(true).open("/dev/full").unwrap();
        let output = watchbell(&served).args(arguments).stdout(full).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{arguments:?}: {said}");
        assert!(said.contains("could not write to stdout") && said.contains("no space left"), "{said}");
    }
}

/// Every file below a folder, with its size.
fn files(folder: &Path, found: &mut BTreeSet<(String, u64)>) {
    for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let kind = entry.metadata().unwrap();
        found.insert((entry.path().display().to_string(), if kind.is_file() { kind.len() } else { 0 }));
        if kind.is_dir() {
            files(&entry.path(), found);
        }
    }
}

#[test]
fn f99_two_instances_share_no_lock_and_write_nothing() {
    let served = TestServer::scenario("small");
    let home = || {
        let mut found = BTreeSet::new();
        files(served.dir.path(), &mut found);
        found
    };
    let before = home();
    let start = || watchbell(&served).args(["snapshot", "-o", "json"]).stdout(Stdio::piped()).spawn().unwrap();
    for child in [start(), start()] {
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
        let json: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(json["clusters"][0]["nodes"]["state"], "complete");
    }
    assert_eq!(home(), before);
}

#[test]
fn f100_without_a_home_the_kubeconfig_that_is_named_is_used() {
    let served = TestServer::scenario("small");
    let mut command = program_in(served.dir.path());
    command.env_remove("HOME").args(["snapshot", "-o", "json", "--kubeconfig"]).arg(served.kubeconfig());
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{said}");
    let json: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(json["clusters"][0]["nodes"]["state"], "complete");
}

#[test]
fn pty_f107_a_log_that_cannot_be_written_changes_nothing_on_the_screen() {
    // A process that may write no byte into a file is told what a full disk would tell it.
    for (limit, is_written) in [("unlimited", true), ("0", false)] {
        let served = TestServer::scenario("incident");
        let path = |name: &str| served.dir.path().join(name);
        let (config, log, ran) = (path("config.toml"), path("log"), path("ran"));
        // The failure of the command is the one thing that is logged.
        let command = serde_json::json!(["/bin/sh", "-c", format!("touch {}; exit 3", ran.display())]);
        fs::write(&config, format!("[tell]\non-alert = {command}\n")).unwrap();
        let script = format!(
            "trap '' XFSZ; ulimit -f {limit}; \"$WATCHBELL\" --config {} --log-file {}",
            config.display(),
            log.display()
        );
        let mut terminal = Terminal::script(&served, &script, &[]);
        wait_until("the command for an alert", || ran.exists());
        if is_written {
            wait_until("the line of the log", || fs::metadata(&log).is_ok_and(|log| log.len() > 0));
        }
        terminal.press("a");
        terminal.wait_for("in flight");
        terminal.press("qq");
        terminal.expect_exit(0);
        assert_eq!(fs::metadata(&log).unwrap().len() > 0, is_written, "{limit}");
    }
}

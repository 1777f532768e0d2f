//! The program as a job of a shell, in a pseudo-terminal: stopped, continued, in a script, and where there is no shell.

use rustix::process::{Pid, Signal, kill_process};

use crate::rig::{Terminal, TestServer, wait_until};

/// Shell with job control, as it treats a job that may be stopped: sets its own modes, says so, waits for enter, continues it.
fn in_a_shell(served: &TestServer, job: &str) -> Terminal {
    let script = format!("set -m; {job}; echo stopped=$?; stty sane; read -r line; fg");
    let terminal = Terminal::script(served, &script, &[]);
    terminal.wait_for("✓ Ready");
    terminal
}

/// Enter in the shell brings the job back, and one press is one key.
fn continues(mut terminal: Terminal) {
    let text = terminal.wait_for("stopped=");
    assert!(!text.contains("NAME"), "the shell has its screen:\n{text}");
    let entered = terminal.raw().matches("\u{1b}[?1049h").count();
    terminal.press("\n");
    terminal.wait("the dashboard again", |text| text.contains("✓ Ready"));
    assert_eq!(terminal.raw().matches("\u{1b}[?1049h").count(), entered + 1, "taken back once");
    terminal.press("?");
    terminal.wait_for("next cluster");
    terminal.press("?");
    terminal.wait_for("✓ Ready");
    terminal.press("q");
    terminal.expect_exit(0);
}

#[test]
fn pty_suspend_gives_the_terminal_to_the_shell_and_takes_it_back() {
    let served = TestServer::scenario("small");
    let mut terminal = in_a_shell(&served, "\"$WATCHBELL\"");
    terminal.press("\u{1a}");
    continues(terminal);
}

#[test]
fn pty_suspend_in_a_script_stops_the_script_too() {
    let served = TestServer::scenario("small");
    let mut terminal = in_a_shell(&served, "sh -c 'sh -c \"\\\"\\$WATCHBELL\\\"; true\"; exit'");
    terminal.press("\u{1a}");
    continues(terminal);
}

/// The same by a signal from elsewhere, which stops this process alone.
#[test]
fn pty_stop_signals_of_others_give_the_terminal_back_and_keys_work_after_them() {
    let served = TestServer::scenario("small");
    let terminal = in_a_shell(&served, "\"$WATCHBELL\"");
    kill_process(terminal.program(), Signal::TSTP).unwrap();
    continues(terminal);
}

/// Nobody sees it coming, so the shell's text stands on our screen; but its modes are not ours.
#[test]
fn pty_after_a_stop_that_could_not_be_seen_coming_the_terminal_is_raw_again() {
    let served = TestServer::scenario("small");
    let mut terminal = in_a_shell(&served, "\"$WATCHBELL\"");
    kill_process(terminal.program(), Signal::STOP).unwrap();
    terminal.wait_for("stopped=");
    terminal.press("\n");
    terminal.wait("the dashboard again", |text| text.contains("✓ Ready") && !text.contains("stopped="));
    terminal.press("?");
    terminal.wait_for("next cluster");
    terminal.press("?");
    terminal.wait_for("✓ Ready");
    terminal.press("q");
    terminal.expect_exit(0);
}

/// As `ps` shows it.
fn state(pid: Pid) -> char {
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", pid.as_raw_nonzero())).unwrap();
    stat.rsplit_once(") ").and_then(|(_, rest)| rest.chars().next()).unwrap()
}

/// Ctrl-Z and the signal leave it running, and it says why.
fn does_not_stop(terminal: &mut Terminal, program: Pid) {
    terminal.wait_for("✓ Ready");
    for by_signal in [false, true] {
        if by_signal {
            kill_process(program, Signal::TSTP).unwrap();
        } else {
            terminal.press("\u{1a}");
        }
        terminal.wait_for("no shell to come back to");
        assert_ne!(state(program), 'T', "it is stopped");
        terminal.press("?");
        terminal.wait_for("next cluster");
        terminal.press("?");
        // The answer goes after a few seconds.
        terminal.wait("the main screen", |text| text.contains("✓ Ready") && !text.contains("no shell"));
    }
}

#[test]
fn pty_in_a_session_without_a_shell_it_does_not_stop_and_says_so() {
    let served = TestServer::scenario("small");
    let mut terminal = Terminal::start(&served, "", &[]);
    terminal.wait_for("✓ Ready");
    let program = terminal.program();
    does_not_stop(&mut terminal, program);
    terminal.press("\u{3}");
    terminal.expect_exit(0);
}

/// As under `ssh -t host watchbell`, and in a container.
#[test]
fn pty_as_the_leader_of_a_session_it_does_not_stop_and_says_so() {
    let served = TestServer::scenario("small");
    let mut terminal = Terminal::script(&served, "exec \"$WATCHBELL\"", &[]);
    let leader = terminal.leader();
    does_not_stop(&mut terminal, leader);
    kill_process(leader, Signal::TERM).unwrap();
    terminal.wait("the screen of before", |text| !text.contains("NAME"));
}

/// As where `kubectl exec` or `docker exec` starts it: parent, group and session lie outside and have the number 0.
#[test]
fn pty_in_a_namespace_of_processes_without_its_parent_ctrl_z_says_why_it_does_not_stop() {
    let namespace = "unshare --user --map-root-user --pid --fork";
    let mut probe = std::process::Command::new("sh");
    if !probe.args(["-c", &format!("{namespace} true")]).status().is_ok_and(|status| status.success()) {
        eprintln!("not tested: this machine gives no namespaces");
        return;
    }
    let served = TestServer::scenario("small");
    let mut terminal = Terminal::script(&served, &format!("{namespace} \"$WATCHBELL\""), &[]);
    terminal.wait_for("✓ Ready");
    terminal.press("\u{1a}");
    terminal.wait_for("no shell to come back to");
    terminal.press("q");
    terminal.expect_exit(0);
}

/// tmux shows the title of its pane for ever.
#[test]
fn pty_the_title_of_before_comes_back() {
    let served = TestServer::scenario("small");
    let mut terminal = Terminal::start(&served, "", &[]);
    terminal.wait_for("✓ Ready");
    terminal.press("q");
    wait_until("the title popped", || terminal.raw().contains("\u{1b}[23;0t"));
    let raw = terminal.raw();
    let (pushed, popped) = (raw.find("\u{1b}[22;0t").unwrap(), raw.rfind("\u{1b}[23;0t").unwrap());
    let (first, last) = (raw.find("\u{1b}]0;").unwrap(), raw.rfind("\u{1b}]0;").unwrap());
    assert!(pushed < first && last < popped, "the title is pushed before ours is set, and popped after");
    terminal.expect_exit(0);
}

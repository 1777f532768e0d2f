//! Many reconnects leak no file descriptor. Tested with the real program, because other tests open files in
//! this process.

use watchbell::sim::Change;

use crate::rig::{Terminal, TestServer, wait_until};

/// Times that every connection of the program is cut.
const CUTS: usize = 6;

/// Open files of the program; `None` where only root may look, since the program leaves no dumps of itself (`process::harden`).
fn open_files(terminal: &Terminal) -> Option<usize> {
    let pid = terminal.program().as_raw_nonzero();
    match std::fs::read_dir(format!("/proc/{pid}/fd")) {
        Err(error) if error.kind() == std::io::ErrorKind::PermissionDenied => None,
        files => Some(files.unwrap().count()),
    }
}

/// Number of watches that were requested so far.
fn watches(served: &TestServer) -> usize {
    served.control().requests().iter().filter(|log| log.path_and_query.contains("watch=1")).count()
}

#[test]
fn many_reconnects_leave_no_file_descriptor_behind() {
    let served = TestServer::scenario("small");
    let mut terminal = Terminal::start(&served, "", &[]);
    terminal.wait_for("✓ Ready");
    if open_files(&terminal).is_none() {
        println!("skipped: only root sees the open files of the program");
        return;
    }
    let control = served.control();
    wait_until("the first watches", || watches(&served) >= 2);
    let mut counts = Vec::new();
    for round in 0..CUTS {
        served.runtime.block_on(control.stop_listening());
        served.runtime.block_on(control.listen_again()).unwrap();
        wait_until("the watches come back", || watches(&served) >= 2 * (round + 2));
        // A watch that brings nothing has not proven itself, and the next one would wait for longer.
        let node = "worker-1".to_owned();
        let cordons = round % 2 == 0;
        control.apply(if cordons { Change::Cordon { node } } else { Change::Uncordon { node } });
        let (namespace, name) = ("web".to_owned(), format!("late-{round}"));
        control.apply(Change::AddPod { namespace, name, node: Some("gpu-1".to_owned()) });
        let pods = format!("pods {}/330", 20 + round + 1);
        terminal.wait("both changes", |text| text.contains("SchedulingDisabled") == cordons && text.contains(&pods));
        counts.extend(open_files(&terminal));
    }
    // Two watches, two probes and a page at most, whichever of them is open at the moment of the count.
    let (first, last) = (counts[0], *counts.last().unwrap());
    assert!(last <= first + 3, "{counts:?}");
    terminal.press("q");
    terminal.expect_exit(0);
}

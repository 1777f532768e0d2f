//! Members of the process groups that we have started.

use rustix::process::{Pid, Signal};

use super::signal_group;

/// Leaders and, on Linux, all processes that belong to them: the rest of their groups and sessions, and their children in other
/// groups, as `timeout` and shells with job control create them.
pub(super) struct Members {
    leaders: Vec<Pid>,
    known: Vec<MemberProcess>,
}

/// One process.
#[derive(Clone, Copy, PartialEq, Eq)]
struct MemberProcess {
    pid: Pid,
    /// Start time in the system's ticks, because the pid may be reused.
    started: u64,
}

impl Members {
    pub(super) fn of(leaders: &[Pid]) -> Self {
        Self { leaders: leaders.to_vec(), known: system::belonging_to(leaders) }
    }

    /// Sends a signal to all members, including new ones.
    pub(super) fn signal(&self, signal: Signal) {
        for leader in &self.leaders {
            signal_group(*leader, signal);
        }
        for entry in self.alive() {
            // It may have ended meanwhile.
            let _ = rustix::process::kill_process(entry.pid, signal);
        }
    }

    pub(super) fn are_alive(&self) -> bool {
        if cfg!(target_os = "linux") {
            !self.alive().is_empty()
        } else {
            self.leaders.iter().any(|leader| rustix::process::test_kill_process_group(*leader).is_ok())
        }
    }

    fn alive(&self) -> Vec<MemberProcess> {
        let known: Vec<Pid> = self.known.iter().map(|entry| entry.pid).collect();
        let of_known = system::among(&known).into_iter().filter(|entry| self.known.contains(entry));
        let mut alive: Vec<MemberProcess> = of_known.collect();
        alive.extend(system::belonging_to(&self.leaders));
        alive
    }
}

#[cfg(target_os = "linux")]
mod system {
    use rustix::process::Pid;

    use super::MemberProcess;

    struct Stat {
        entry: MemberProcess,
        parent: i32,
        group: i32,
        session: i32,
    }

    impl Stat {
        /// Reads `/proc/PID/stat`; `None` for a zombie, which only waits to be reaped. Source: `proc_pid_stat(5)`.
        fn read(pid: i32) -> Option<Self> {
            let text = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
            // The process name before it may contain any characters.
            let (_, rest) = text.rsplit_once(')')?;
            let fields: Vec<&str> = rest.split_ascii_whitespace().collect();
            let number = |at: usize| fields.get(at)?.parse().ok();
            if matches!(fields.first(), None | Some(&("Z" | "X"))) {
                return None;
            }
            let entry = MemberProcess { pid: Pid::from_raw(pid)?, started: fields.get(19)?.parse().ok()? };
            Some(Self { entry, parent: number(1)?, group: number(2)?, session: number(3)? })
        }
    }

    /// Filters the processes that run.
    pub(super) fn among(pids: &[Pid]) -> Vec<MemberProcess> {
        pids.iter().filter_map(|pid| Some(Stat::read(pid.as_raw_nonzero().get())?.entry)).collect()
    }

    /// Processes in a group or session of the leaders, and their descendants.
    pub(super) fn belonging_to(leaders: &[Pid]) -> Vec<MemberProcess> {
        if leaders.is_empty() {
            return Vec::new();
        }
        let leaders: Vec<i32> = leaders.iter().map(|leader| leader.as_raw_nonzero().get()).collect();
        let listed = std::fs::read_dir("/proc").into_iter().flatten().flatten();
        let pids = listed.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
        let mut rest: Vec<Stat> = pids.filter_map(Stat::read).collect();
        let mut members: Vec<MemberProcess> = Vec::new();
        let mut parents = leaders.clone();
        loop {
            let is_ours = |stat: &Stat| {
                let pid = stat.entry.pid.as_raw_nonzero().get();
                [pid, stat.group, stat.session].iter().any(|id| leaders.contains(id)) || parents.contains(&stat.parent)
            };
            let (ours, others): (Vec<Stat>, Vec<Stat>) = rest.into_iter().partition(is_ours);
            if ours.is_empty() {
                return members;
            }
            parents.extend(ours.iter().map(|stat| stat.entry.pid.as_raw_nonzero().get()));
            members.extend(ours.iter().map(|stat| stat.entry));
            rest = others;
        }
    }
}

#[cfg(not(target_os = "linux"))]
mod system {
    use rustix::process::Pid;

    use super::MemberProcess;

    /// Unsupported: only the groups are known.
    pub(super) fn among(_: &[Pid]) -> Vec<MemberProcess> {
        Vec::new()
    }

    /// Unsupported: only the groups are known.
    pub(super) fn belonging_to(_: &[Pid]) -> Vec<MemberProcess> {
        Vec::new()
    }
}

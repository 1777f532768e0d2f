use std::os::unix::fs::symlink;

use super::*;
use crate::file::words;

fn program(file: impl Into<PathBuf>, args: &[&str]) -> Program {
    Program {
        file: file.into(),
        args: args.iter().map(|&arg| arg.to_owned()).collect(),
        variables: Vec::new(),
        terminal: Terminal::None,
        stdin: ProcessInput::Null,
        reads_stdout: false,
        inherits_stderr: false,
    }
}

fn shell(script: &str) -> Program {
    program("/bin/sh", &["-c", script])
}

/// Processes of this machine that sleep for so many seconds, a number that no other test uses.
fn sleepers(seconds: u32) -> usize {
    let commands = std::fs::read_dir("/proc").unwrap().flatten().map(|entry| entry.path().join("cmdline"));
    let wanted = format!("sleep\0{seconds}\0");
    commands.filter(|file| std::fs::read_to_string(file).is_ok_and(|command| command.ends_with(&wanted))).count()
}

async fn until(what: &str, done: impl Fn() -> bool) {
    for _ in 0..500 {
        if done() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("{what}");
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_process_that_is_dropped_takes_its_children_along_also_those_with_groups_of_their_own() {
    let id = std::process::id();
    let (own, group) = (700_000 + id, 1_400_000 + id);
    let script = format!("sleep {own} & timeout {group} sleep {group} & wait");
    let process = Process::start(shell(&script)).await.unwrap();
    until("both run", || sleepers(own) == 1 && sleepers(group) >= 1).await;
    drop(process);
    until("both are gone", || sleepers(own) == 0 && sleepers(group) == 0).await;
}

#[tokio::test]
async fn a_process_without_the_terminal_leads_a_session() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("tty");
    let script = format!("(: < /dev/tty) 2>/dev/null && echo yes > {0} || echo no > {0}", out.display());
    let process = Process::start(shell(&script)).await.unwrap();
    assert_eq!(rustix::process::getsid(Some(process.group.leader)), Ok(process.group.leader));
    assert_eq!(process.wait().await.unwrap(), Some(0));
    assert_eq!(std::fs::read_to_string(out).unwrap(), "no\n");
}

// Go: os/exec TestLookPath, "." and "" in the PATH.
#[test]
fn a_command_without_a_slash_is_found_in_absolute_folders_only() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("tool");
    std::fs::write(&file, "").unwrap();
    let absolute = folder.path().to_str().unwrap().to_owned();
    let path = |text: &str| std::ffi::OsString::from(text);
    assert_eq!(find("tool", Some(&path(&absolute))), Err("it is not in the PATH"), "it cannot be executed");
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o755)).unwrap();
    for listed in [absolute.clone(), format!(":{absolute}"), format!(".:{absolute}"), format!("bin:{absolute}:")] {
        assert_eq!(find("tool", Some(&path(&listed))).as_deref(), Ok(file.as_path()), "{listed}");
    }
    // The tests run in the package's folder.
    let here = "scripts/count.py";
    let name = "count.py";
    assert!(is_executable(Path::new(here)) && find(name, Some(&path("tests"))).is_err());
    let refused = Err("it is only in the current directory, from which nothing is run");
    assert_eq!(find(name, Some(&path("scripts:/nowhere"))), refused);
    assert_eq!(find("tool", None), Err("it is not in the PATH"));
    assert_eq!(find("", Some(&path(&absolute))), Err("no command is named"));
    assert_eq!(find("./tool", Some(&path(&absolute))).as_deref(), Ok(Path::new("./tool")), "a path is a path");
    symlink(&file, folder.path().join("link")).unwrap();
    assert!(find("link", Some(&path(&absolute))).is_ok());
}

#[tokio::test]
async fn the_system_is_quoted_where_the_standard_library_has_no_words() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("tool");
    std::fs::write(&file, "no interpreter\n").unwrap();
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o755)).unwrap();
    let error = Process::start(program(&file, &[])).await.unwrap_err();
    assert_eq!(words(&error), "exec format error");
    // Made for another machine.
    std::fs::write(&file, "\x7fELF\x02\x01\x01\0").unwrap();
    let error = Process::start(program(&file, &[])).await.unwrap_err();
    assert_eq!(words(&error), "exec format error");
    let error = Process::start(program("/nowhere/tool", &[])).await.unwrap_err();
    assert_eq!(words(&error), "no such file or directory");
    let error = Process::start(program("/bin/sh", &["zero\0byte"])).await.unwrap_err();
    assert!(words(&error).contains("nul byte"), "{error}");
}

#[tokio::test]
async fn a_process_has_our_environment_with_what_is_set_besides_and_no_descriptors_of_ours() {
    let script = "[ \"$ADDED\" = yes ] && [ -n \"$PATH\" ] && exit \"$(ls /proc/self/fd | wc -l)\"; exit 99";
    let variables = vec![("ADDED".to_owned(), "yes".to_owned())];
    let process = Process::start(Program { variables, ..shell(script) }).await.unwrap();
    let mut standard = std::process::Command::new("/bin/sh");
    let status = standard.args(["-c", script]).env("ADDED", "yes").stdin(std::process::Stdio::null()).status().unwrap();
    assert_eq!(process.wait().await.unwrap(), status.code(), "as many as the standard library leaves open");
    let process = Process::start(shell("kill -9 $$")).await.unwrap();
    assert_eq!(process.wait().await.unwrap(), None);
}

#[cfg(target_os = "linux")]
#[test]
fn nothing_of_our_memory_gets_into_a_crash_dump() {
    harden();
    assert_eq!(rustix::process::getrlimit(rustix::process::Resource::Core).current, Some(0));
    let dumpable = rustix::process::dumpable_behavior().unwrap();
    assert_eq!(dumpable, rustix::process::DumpableBehavior::NotDumpable);
}

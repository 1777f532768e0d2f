//! The program and kubectl as processes, each with an environment of its own: nothing of the machine that runs the test.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use super::TestServer;

/// Path of the program under test: `WATCHBELL_BIN` if set (by CI, to the release build), else this profile's build.
pub(crate) fn binary() -> PathBuf {
    std::env::var_os("WATCHBELL_BIN").map_or_else(
        || env!("CARGO_BIN_EXE_watchbell").into(),
        |path| std::fs::canonicalize(path).expect("WATCHBELL_BIN names a file"),
    )
}

/// The program with this home folder, without configuration and clusters.
pub(crate) fn program_in(home: &Path) -> Command {
    let mut command = Command::new(binary());
    command.env_clear().env("HOME", home);
    command
}

/// A shell script in this folder, which is the home of the program that it runs as `"$WATCHBELL"`.
pub(crate) fn shell_in(home: &Path, script: &str) -> Command {
    let mut command = Command::new("/bin/sh");
    command.env_clear().env("HOME", home).env("WATCHBELL", binary()).current_dir(home).arg("-c").arg(script);
    command
}

/// The program with a kubeconfig for these clusters.
pub(crate) fn watchbell(served: &TestServer) -> Command {
    let mut command = program_in(served.dir.path());
    command.env("KUBECONFIG", served.kubeconfig());
    command
}

/// The JSON and the exit code of `watchbell snapshot`.
pub(crate) fn snapshot(served: &TestServer, args: &[&str]) -> (Value, i32) {
    let output = watchbell(served).args(["snapshot", "-o", "json"]).args(args).output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    let json = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("no JSON; stderr says: {stderr}"));
    (json, output.status.code().unwrap())
}

/// `true` if kubectl is installed; otherwise prints that the test is skipped.
#[expect(clippy::print_stdout, reason = "a skipped test says so")]
pub(crate) fn has_kubectl() -> bool {
    let version = Command::new("kubectl").args(["version", "--client"]).output();
    let found = version.is_ok_and(|output| output.status.success());
    if !found {
        println!("skipped: kubectl is not on the PATH");
    }
    found
}

/// kubectl with a kubeconfig for these clusters, and these arguments, separated by spaces.
pub(crate) fn kubectl(served: &TestServer, arguments: &str) -> Command {
    let mut command = Command::new("kubectl");
    command.args(arguments.split(' ')).env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
    command.env("HOME", served.dir.path()).env("KUBECONFIG", served.kubeconfig());
    command
}

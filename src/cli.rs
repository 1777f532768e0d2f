//! Command line: clap definitions, the source of `--help`, the completions and the man page.

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::builder::{OsStringValueParser, TypedValueParser};
use clap::error::ErrorKind;
use clap::{Args, CommandFactory, Parser, Subcommand, ValueEnum, ValueHint};

use crate::facts::text::is_dns_label;

/// A terminal dashboard for people on call for Kubernetes clusters.
///
/// Shows nodes, GPUs, pod density and the API server's latency of one or more clusters, and stays accurate when an API server is
/// slow, throttling, flapping or gone: what is not known is shown as unknown, what is old with its age.
/// Read only: it sends nothing but GET.
#[derive(Debug, Parser)]
#[command(name = "watchbell", version, max_term_width = 100, after_help = EXIT_CODES)]
pub struct Cli {
    /// Command; without one the dashboard starts.
    #[command(subcommand)]
    pub command: Option<Command>,
    /// Selection of the clusters.
    #[command(flatten)]
    pub clusters: ClusterArgs,
    /// Look of the screen.
    #[command(flatten)]
    pub display: DisplayArgs,
    /// The configuration file, instead of the user's [env: `WATCHBELL_CONFIG`].
    #[arg(long, value_name = "FILE", global = true, value_parser = path(), value_hint = ValueHint::AnyPath)]
    pub config: Option<PathBuf>,
    /// Start with the defaults, whatever the configuration file says.
    #[arg(long, global = true)]
    pub ignore_config: bool,
    /// Write a log to this file; without it nothing is logged.
    #[arg(long, value_name = "FILE", global = true, value_parser = path(), value_hint = ValueHint::AnyPath)]
    pub log_file: Option<PathBuf>,
}

impl Cli {
    /// Drops flags with an empty value: as for kubectl, they count as not set (`--context "$UNSET"`).
    ///
    /// # Errors
    /// Flags that exclude each other in any position: clap misses those of which one stands before the command and the other after
    /// it.
    pub fn settled(mut self) -> Result<Self, clap::Error> {
        let unset = |path: &mut Option<PathBuf>| *path = path.take().filter(|path| !path.as_os_str().is_empty());
        unset(&mut self.config);
        unset(&mut self.log_file);
        unset(&mut self.clusters.kubeconfig);
        self.clusters.context.retain(|name| !name.is_empty());
        self.clusters.namespace.retain(|name| !name.is_empty());
        self.check()?;
        Ok(self)
    }

    fn check(&self) -> Result<(), clap::Error> {
        let conflict = |flags: [&str; 2]| {
            let text = format!("the argument '{}' cannot be used with '{}'", flags[0], flags[1]);
            Err(Self::command().error(ErrorKind::ArgumentConflict, text))
        };
        if self.clusters.all_contexts && !self.clusters.context.is_empty() {
            return conflict(["--all-contexts", "--context <NAME>"]);
        }
        if self.ignore_config && self.config.is_some() {
            return conflict(["--ignore-config", "--config <FILE>"]);
        }
        Ok(())
    }

    /// Path of the configuration file from the flag, or from `env`, the value of `WATCHBELL_CONFIG`.
    #[must_use]
    pub fn config_file(&self, env: Option<OsString>) -> Option<PathBuf> {
        self.config.clone().or_else(|| env.filter(|path| !path.is_empty()).map(PathBuf::from))
    }
}

const EXIT_CODES: &str = "Exit codes: 0 done, 1 error, 2 usage or no terminal, 3 part of a snapshot is missing or a check failed, 128+n signal n.";

/// Command of the program.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Watch a simulated cluster: no cluster needed.
    Demo {
        /// A built-in scenario, or the path of a scenario file.
        #[arg(long, short, default_value = "incident", value_name = "NAME|FILE")]
        scenario: String,
    },
    /// Serve a simulated cluster to any client until interrupted.
    ///
    /// Prints one line of JSON with the addresses once it is ready.
    Simulate {
        /// A built-in scenario, or the path of a scenario file.
        #[arg(long, short, value_name = "NAME|FILE")]
        scenario: String,
        /// Where the first cluster listens; loopback only.
        #[arg(long, default_value = "127.0.0.1:0", value_name = "ADDRESS", value_parser = loopback)]
        listen: SocketAddr,
        /// Write a kubeconfig for the simulated clusters to this file, which must be new or written so before.
        #[arg(long, value_name = "FILE")]
        kubeconfig_out: Option<PathBuf>,
        /// Watch events of pods a second in each cluster, instead of what the scenario says; 0 for none of any kind.
        #[arg(long, value_name = "EVENTS", value_parser = clap::value_parser!(u32).range(..=400_000))]
        churn: Option<u32>,
    },
    /// Read the clusters once, print what was found, and exit.
    Snapshot {
        /// Output format.
        #[arg(long, short, value_enum, default_value_t = OutputFormat::Table)]
        output: OutputFormat,
        /// Print what is known by then, even if some of it is missing.
        #[arg(long, default_value = "90s", value_name = "DURATION", value_parser = duration)]
        deadline: Duration,
    },
    /// Test the path to each cluster, layer by layer, and what it serves, and say what to do next.
    ///
    /// Prints a line for each step as it comes. Exits with 0 if all is well or only warned of, with 3 if something failed.
    Check {
        /// Output format.
        #[arg(long, short, value_enum, default_value_t = CheckOutput::Text)]
        output: CheckOutput,
        /// It ends after this at the latest, whatever hangs.
        #[arg(long, default_value = "60s", value_name = "DURATION", value_parser = duration)]
        deadline: Duration,
    },
    /// Print shell completions.
    Completion {
        /// The shell.
        #[arg(value_enum)]
        shell: clap_complete::Shell,
    },
    /// Print the man page.
    Man,
    /// Print the configuration file's template, with every default.
    Config,
    /// Print the Kubernetes roles that this program needs.
    Rbac,
}

impl Command {
    /// Returns `true` if the command opens or serves connections.
    #[must_use]
    pub fn connects(&self) -> bool {
        matches!(self, Self::Demo { .. } | Self::Simulate { .. } | Self::Snapshot { .. } | Self::Check { .. })
    }
}

/// Selection of the clusters to watch.
#[derive(Args, Clone, Debug, Default)]
pub struct ClusterArgs {
    /// The kubeconfig file [default: $KUBECONFIG, ~/.kube/config, in-cluster].
    #[arg(long, value_name = "FILE", global = true, value_parser = path(), value_hint = ValueHint::AnyPath)]
    pub kubeconfig: Option<PathBuf>,
    /// A context to watch; repeat it or separate with commas [default: the current context].
    #[arg(long, value_name = "NAME", global = true)]
    pub context: Vec<String>,
    /// Watch every context of the kubeconfig.
    #[arg(long, global = true)]
    pub all_contexts: bool,
    /// Watch only the pods of this namespace; repeat it or separate with commas [default: the whole cluster].
    ///
    /// For users who may not list the pods of the whole cluster. Nodes are watched all the same; what depends on all pods is
    /// shown as a lower bound, or not at all.
    #[arg(long, short, value_name = "NAME", value_delimiter = ',', global = true, value_parser = namespace_or_none)]
    pub namespace: Vec<String>,
}

/// Look of the screen.
#[derive(Args, Clone, Debug, Default)]
pub struct DisplayArgs {
    /// Draw with plain ASCII.
    #[arg(long, global = true)]
    pub ascii: bool,
    /// Colours [default: the terminal's 16; none under `NO_COLOR`].
    #[arg(long, value_enum, value_name = "WHEN", global = true)]
    pub color: Option<Color>,
}

/// Colour depth.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Color {
    /// The terminal's 16, or none where `NO_COLOR` or a dumb terminal says so.
    Auto,
    /// None; glyphs and words carry the state.
    Never,
    /// The terminal's 16.
    #[value(name = "16")]
    #[serde(rename = "16")]
    Ansi16,
    /// 256.
    #[value(name = "256")]
    #[serde(rename = "256")]
    Ansi256,
    /// 24 bits.
    Truecolor,
}

/// Output format of a snapshot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum OutputFormat {
    /// For people.
    Table,
    /// For programs; its fields are in docs/schema.md.
    Json,
    /// For programs: a line of JSON for each cluster as soon as it is read.
    Ndjson,
}

/// Output format of a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum CheckOutput {
    /// For people, line by line.
    Text,
    /// For programs; its fields are in docs/schema.md.
    Json,
}

/// 365 days: the maximum of a deadline or period, so that sums of a few never overflow a clock.
const LONGEST: Duration = Duration::from_secs(365 * 86_400);

/// Parses a duration as people write it: `300ms`, `10s`, `5m`; at most 365 days.
///
/// # Errors
/// Message about the invalid `text`, for the command line and the configuration.
pub fn duration(text: &str) -> Result<Duration, String> {
    let parsed: jiff::SignedDuration =
        text.parse().map_err(|_| format!("`{text}` is no duration; write it like `300ms`, `10s` or `5m`"))?;
    let span = Duration::try_from(parsed).map_err(|_| format!("`{text}` is negative; a duration is not"))?;
    if span > LONGEST { Err(format!("`{text}` is too long; write at most `8760h`, 365 days")) } else { Ok(span) }
}

/// Parses the name of a namespace.
///
/// # Errors
/// Message about the invalid `text`, for the command line and the configuration.
pub fn namespace(text: &str) -> Result<String, String> {
    if is_dns_label(text) {
        return Ok(text.to_owned());
    }
    Err(format!("`{text}` cannot be a namespace; it must be a DNS label: 1 to 63 of a-z, 0-9 and -, not - at the ends"))
}

/// Parser of a path that may be empty, which clap's own parser rejects.
fn path() -> impl TypedValueParser<Value = PathBuf> {
    OsStringValueParser::new().map(PathBuf::from)
}

fn namespace_or_none(text: &str) -> Result<String, String> {
    if text.is_empty() { Ok(String::new()) } else { namespace(text) }
}

fn loopback(text: &str) -> Result<SocketAddr, String> {
    let address: SocketAddr =
        text.parse().map_err(|_| format!("`{text}` is no address; write it like `127.0.0.1:0`"))?;
    if address.ip().is_loopback() {
        Ok(address)
    } else {
        Err(format!(
            "`{text}` is not on this machine; the simulation has no authentication and listens on loopback only"
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_definitions_hold_together() {
        Cli::command().debug_assert();
    }

    #[test]
    fn contexts_may_be_repeated_and_the_kubeconfig_decides_what_a_comma_is() {
        let cli = Cli::try_parse_from(["watchbell", "--context", "a,b", "--context", "c"]).unwrap();
        assert_eq!(cli.clusters.context, ["a,b", "c"]);
    }

    #[test]
    fn flags_that_exclude_each_other_do_so_before_and_after_the_command() {
        for (flags, named) in [
            (&["--context", "x", "snapshot", "--all-contexts"][..], "--context <NAME>"),
            (&["--all-contexts", "check", "--context", "x"], "--context <NAME>"),
            (&["--ignore-config", "snapshot", "--config", "f"], "--config <FILE>"),
            (&["--config", "f", "demo", "--ignore-config"], "--config <FILE>"),
            (&["--context", "x", "--all-contexts"], "--context <NAME>"),
            (&["demo", "--ignore-config", "--config", "f"], "--config <FILE>"),
        ] {
            let cli = Cli::try_parse_from([&["watchbell"], flags].concat()).unwrap();
            let error = cli.settled().unwrap_err();
            assert_eq!(error.kind(), ErrorKind::ArgumentConflict);
            assert!(error.to_string().contains(named) && error.exit_code() == 2, "{error}");
        }
        assert!(Cli::try_parse_from(["watchbell", "--context", "x", "snapshot"]).unwrap().settled().is_ok());
    }

    #[test]
    fn a_flag_with_an_empty_value_is_not_set_as_for_kubectl() {
        let cli = |flags: &[&str]| {
            Cli::try_parse_from([&["watchbell", "snapshot"], flags].concat()).and_then(Cli::settled).unwrap()
        };
        let all = cli(&["--context", "", "--kubeconfig", "", "--config", "", "--log-file", "", "-n", ""]);
        assert!(all.clusters.context.is_empty() && all.clusters.namespace.is_empty());
        assert_eq!((all.clusters.kubeconfig.clone(), all.config.clone(), all.log_file.clone()), (None, None, None));
        assert_eq!(all.config_file(Some("f".into())), Some("f".into()), "the variable counts then");
        assert_eq!(cli(&["--context", "", "--context=x", "-n", "a,"]).clusters.context, ["x"]);
        assert!(cli(&["--context=", "--all-contexts", "--config=", "--ignore-config"]).clusters.all_contexts);
        assert_eq!(cli(&["--kubeconfig", "f"]).clusters.kubeconfig, Some("f".into()));
    }

    #[test]
    fn an_empty_variable_names_no_configuration_file_and_the_flag_comes_first() {
        let cli = |flags: &[&str]| Cli::try_parse_from([&["watchbell"], flags].concat()).unwrap();
        assert_eq!(cli(&[]).config_file(Some("".into())), None);
        assert_eq!(cli(&[]).config_file(Some("f".into())), Some("f".into()));
        assert_eq!(cli(&["--config", "g"]).config_file(Some("f".into())), Some("g".into()));
    }

    #[test]
    fn namespaces_may_be_repeated_or_separated_by_commas_and_must_be_labels() {
        let cli = Cli::try_parse_from(["watchbell", "-n", "a,b", "snapshot", "--namespace", "c"]);
        assert_eq!(cli.unwrap().clusters.namespace, ["c"], "the last place where it is given counts");
        let cli = Cli::try_parse_from(["watchbell", "snapshot", "-n", "a,b", "-n", "c-1"]).unwrap();
        assert_eq!(cli.clusters.namespace, ["a", "b", "c-1"]);
        let error = Cli::try_parse_from(["watchbell", "-n", "a,Team"]).unwrap_err().to_string();
        assert!(error.contains("`Team`") && error.contains("--namespace"), "{error}");
    }

    #[test]
    fn the_simulation_refuses_to_listen_beyond_this_machine() {
        assert!(loopback("127.0.0.1:0").is_ok());
        assert!(loopback("[::1]:8080").is_ok());
        assert!(loopback("0.0.0.0:8080").unwrap_err().contains("loopback only"));
    }

    #[test]
    fn durations_read_like_people_write_them() {
        assert_eq!(duration("300ms"), Ok(Duration::from_millis(300)));
        assert_eq!(duration("5m"), Ok(Duration::from_secs(300)));
        assert_eq!(duration("1m30s"), Ok(Duration::from_secs(90)));
        assert!(duration("ten").unwrap_err().contains("`10s`"));
        assert!(duration("-5s").unwrap_err().contains("negative"));
        assert_eq!(duration("8760h"), Ok(Duration::from_secs(31_536_000)));
        assert!(duration("8760h1ms").unwrap_err().contains("at most `8760h`"));
        assert!(duration("2562047788015215h").unwrap_err().contains("at most `8760h`"));
    }
}

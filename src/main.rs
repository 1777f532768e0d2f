//! Entry point: parses the command line, installs color-eyre, dispatches, and turns the outcome into an exit code.

use std::io::{self, Write};
use std::panic::{self, AssertUnwindSafe};
use std::path::Path;
use std::sync::Mutex;
use std::time::Duration;

use clap::{CommandFactory, Parser};
use color_eyre::eyre::{self, WrapErr};
use tokio::signal::unix::{SignalKind, signal};
use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use watchbell::cli::{CheckOutput, Cli, ClusterArgs, Color, Command, DisplayArgs, OutputFormat};
use watchbell::cluster;
use watchbell::cluster::kubeconfig::{ContextTarget, Kubeconfig, Selection, Sources};
use watchbell::config::{Ascii, Config};
use watchbell::facts::text::Clean;
use watchbell::file;
use watchbell::limits;
use watchbell::logfile;
use watchbell::model::derive::device_chain;
use watchbell::msg::check::{CheckStep, FindDeviceFaults, StepOutcome};
use watchbell::process;
use watchbell::report;
use watchbell::runtime::{self, Dashboard, Watched};
use watchbell::sim::{self, Scenario, Simulation};
use watchbell::stderr::{self, print_message};
use watchbell::term;
use watchbell::theme::{Depth, Theme};

const DONE: i32 = 0;
const ERROR: i32 = 1;
const USAGE: i32 = 2;
const PARTIAL: i32 = 3;
/// Exit code of the standard library for a panic.
const PANICKED: i32 = 101;
/// First line of a kubeconfig that may be overwritten.
const KUBECONFIG_MARK: &str = "# written by `watchbell simulate`, which replaces this file\n";
/// Maximum number of steps of one check that wait to be printed.
const CHECK_STEPS: usize = 64;

fn main() {
    process::harden();
    limits::with_enough_stack(run);
}

fn run() {
    let cli = match Cli::try_parse().and_then(Cli::settled) {
        Ok(cli) => cli,
        Err(error) if error.use_stderr() => {
            stderr::usage(&error);
            term::exit(USAGE)
        }
        // Help and version.
        Err(error) => error.exit(),
    };
    let run = || install_reports().and_then(|()| dispatch(&cli));
    let code = match panic::catch_unwind(AssertUnwindSafe(run)) {
        Ok(Ok(code)) => code,
        Ok(Err(report)) => {
            print_message(&ReportLine(&report).to_string());
            ERROR
        }
        // The panic hook has printed the report.
        Err(_) => PANICKED,
    };
    // `exit` runs no destructors: a stuck name resolution or a blocked terminal would keep the program alive (F02).
    term::exit(code)
}

/// Chain of causes on one line, each once, since many errors already contain the text of their cause.
struct ReportLine<'a>(&'a eyre::Report);

impl std::fmt::Display for ReportLine<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut line = String::new();
        for cause in self.0.chain().map(in_words) {
            if !line.contains(&cause) {
                line.push_str(if line.is_empty() { "" } else { ": " });
                line.push_str(&cause);
            }
        }
        f.write_str(&line)
    }
}

/// Text of a cause; of a system error without its number.
fn in_words(cause: &(dyn std::error::Error + 'static)) -> String {
    cause.downcast_ref::<io::Error>().map_or_else(|| cause.to_string(), file::words)
}

fn install_reports() -> eyre::Result<()> {
    color_eyre::install()?;
    stderr::report_panics();
    Ok(())
}

fn dispatch(cli: &Cli) -> eyre::Result<i32> {
    if let Some(path) = &cli.log_file {
        log_to(path)?;
    }
    if cli.command.as_ref().is_none_or(Command::connects) {
        limits::ensure_files()?;
    }
    match &cli.command {
        None => dashboard(cli, None),
        Some(Command::Demo { scenario }) => dashboard(cli, Some(scenario)),
        Some(Command::Simulate { scenario, listen, kubeconfig_out, churn }) => {
            simulate(scenario, *churn, *listen, kubeconfig_out.as_deref())
        }
        Some(Command::Snapshot { output, deadline }) => {
            let config = load_config(cli)?;
            let targets = targets(&cli.clusters, &config)?;
            end_on_signals()?;
            let watched = watched(targets, &config);
            let is_complete = match output {
                OutputFormat::Ndjson => {
                    let line = |snapshot: &_| print(&(serde_json::to_string(snapshot)? + "\n"));
                    runtime::snapshot_each(&watched, *deadline, line)?
                }
                OutputFormat::Table | OutputFormat::Json => {
                    let snapshot = runtime::snapshot(&watched, *deadline)?;
                    print(&match output {
                        OutputFormat::Table => report::table(&snapshot),
                        _ => serde_json::to_string_pretty(&snapshot)? + "\n",
                    })?;
                    snapshot.complete()
                }
            };
            Ok(if is_complete { DONE } else { PARTIAL })
        }
        Some(Command::Check { output, deadline }) => check(cli, *output, *deadline),
        Some(Command::Completion { shell }) => {
            let mut script = Vec::new();
            clap_complete::generate(*shell, &mut Cli::command(), "watchbell", &mut script);
            print(&String::from_utf8(script)?)?;
            Ok(DONE)
        }
        Some(Command::Man) => {
            let mut page = Vec::new();
            clap_mangen::Man::new(Cli::command()).render(&mut page)?;
            print(&String::from_utf8(page)?)?;
            Ok(DONE)
        }
        Some(Command::Config) => print(&watchbell::config::template()).map(|()| DONE),
        Some(Command::Rbac) => print(&watchbell::role::manifest()).map(|()| DONE),
    }
}

/// Contexts are checked side by side. A single one is printed step by step, several as they end, without what is well.
fn check(cli: &Cli, output: CheckOutput, deadline: Duration) -> eyre::Result<i32> {
    let config = load_config(cli)?;
    let targets = targets(&cli.clusters, &config)?;
    end_on_signals()?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let (is_text, is_alone) = (output == CheckOutput::Text, targets.len() == 1);
    let clusters = runtime.block_on(async {
        let mut running = tokio::task::JoinSet::new();
        let (put, mut live) = tokio::sync::mpsc::channel(1);
        for (at, target) in targets.into_iter().enumerate() {
            let tuning = config.tuning(target.context());
            let put = (is_alone && is_text).then(|| put.clone());
            let table = config.conventions().accelerators;
            let find: FindDeviceFaults = Box::new(move |node, pods| device_chain::device_faults(node, pods, &table));
            running.spawn(async move { (at, check_one(target, tuning, find, deadline, put).await) });
        }
        drop(put);
        while let Some(text) = live.recv().await {
            print(&text)?;
        }
        let mut clusters = Vec::new();
        while let Some(ended) = running.join_next().await {
            let (at, cluster) = ended.wrap_err("a check broke off")?;
            match (is_text, is_alone) {
                (false, _) => {}
                (true, true) => print(&cluster.summary())?,
                (true, false) => print(&format!("{}\n", cluster.brief()))?,
            }
            clusters.push((at, cluster));
        }
        clusters.sort_by_key(|(at, _)| *at);
        eyre::Ok(clusters.into_iter().map(|(_, cluster)| cluster).collect())
    });
    // A hanging name resolution cannot be cancelled, so do not wait for it (F02).
    runtime.shutdown_background();
    let check = report::check::Check::new(watchbell::clock::wall(), clusters?);
    match output {
        CheckOutput::Json => print(&(serde_json::to_string_pretty(&check)? + "\n"))?,
        CheckOutput::Text if !is_alone => print(&check.summary())?,
        CheckOutput::Text => {}
    }
    Ok(if check.outcome == StepOutcome::Fail { PARTIAL } else { DONE })
}

/// Checks one cluster; the text of each step goes to `put` as it comes.
async fn check_one(
    target: ContextTarget,
    tuning: cluster::Tuning,
    find: FindDeviceFaults,
    deadline: Duration,
    put: Option<tokio::sync::mpsc::Sender<String>>,
) -> report::check::ClusterCheck {
    let (context, server) = (target.context().clone(), target.server().map(Into::into));
    let print = async |text| {
        if let Some(put) = &put {
            // Without a reader the program is ending.
            let _ = put.send(text).await;
        }
    };
    print(report::check::heading(&context)).await;
    // The channel holds more than all steps: a check never waits until another one is printed.
    let (out, mut steps) = tokio::sync::mpsc::channel(CHECK_STEPS);
    let run = cluster::check::run(target, tuning, find, deadline, out);
    let task = tokio::spawn(Box::pin(run) as cluster::Task);
    let mut completed = Vec::new();
    while let Some(step) = steps.recv().await {
        print(report::check::line(&step)).await;
        completed.push(step);
    }
    if let Err(error) = task.await {
        let step = CheckStep::new("check", StepOutcome::Fail, &format!("broke off: {error}"));
        print(report::check::line(&step)).await;
        completed.push(step);
    }
    report::check::ClusterCheck::new(context, server, completed)
}

/// Handles ending signals, so that running plugins end too; the exit code is that of the signal.
fn end_on_signals() -> eyre::Result<()> {
    term::end_on_signals().wrap_err("could not set up signal handling")
}

/// Writes to stdout; a closed reader (`| head`) is not an error.
fn print(text: &str) -> eyre::Result<()> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        other => other.wrap_err("could not write to stdout"),
    }
}

fn load_config(cli: &Cli) -> eyre::Result<Config> {
    let named = cli.config_file(std::env::var_os("WATCHBELL_CONFIG"));
    let mut config = if cli.ignore_config { Config::defaults() } else { Config::load(named.as_deref())? };
    config.watch_only(&cli.clusters.namespace)?;
    for warning in &config.warnings {
        print_message(&format!("warning: {warning}"));
    }
    Ok(config)
}

/// Clusters to watch, and warnings about configuration sections without a cluster.
fn targets_and_warnings(args: &ClusterArgs, config: &Config) -> eyre::Result<(Vec<ContextTarget>, Vec<String>)> {
    let sources = Sources {
        flag: args.kubeconfig.clone(),
        env: std::env::var_os("KUBECONFIG"),
        home: directories::BaseDirs::new().map(|dirs| dirs.home_dir().to_owned()),
    };
    let contexts = if args.context.is_empty() && !args.all_contexts { &config.contexts } else { &args.context };
    let selection = Selection { contexts: contexts.clone(), all: args.all_contexts };
    let kubeconfig = Kubeconfig::read(&sources)?;
    let targets = kubeconfig.targets(&selection)?;
    let warnings = unknown_contexts(config, &kubeconfig, &targets);
    for warning in &warnings {
        print_message(&format!("warning: {warning}"));
    }
    Ok((targets, warnings))
}

fn targets(args: &ClusterArgs, config: &Config) -> eyre::Result<Vec<ContextTarget>> {
    targets_and_warnings(args, config).map(|(targets, _)| targets)
}

/// Warnings about sections for unknown contexts: a mistyped name must not pass silently.
fn unknown_contexts(config: &Config, kubeconfig: &Kubeconfig, targets: &[ContextTarget]) -> Vec<String> {
    let is_known = |name: &str| {
        kubeconfig.names().any(|known| known == name) || targets.iter().any(|target| &**target.context() == name)
    };
    let unknown = config.clusters().filter(|name| !is_known(name));
    let warning = |name: &str| {
        format!("`[cluster.{}]` has no effect: the kubeconfig has no context of that name", Clean::new(name))
    };
    unknown.map(warning).collect()
}

fn theme(args: &DisplayArgs, config: &Config) -> Theme {
    let env = |name: &str| std::env::var(name).ok();
    let detected = Theme::detect(&env, args.ascii || config.ascii == Ascii::Always);
    let ascii = detected.glyphs.ascii && (args.ascii || config.ascii != Ascii::Never);
    let depth = match args.color.unwrap_or(config.color) {
        Color::Auto => detected.palette.depth(),
        Color::Never => Depth::None,
        Color::Ansi16 => Depth::Ansi16,
        Color::Ansi256 => Depth::Ansi256,
        Color::Truecolor => Depth::True,
    };
    Theme::new(depth, ascii)
}

fn dashboard(cli: &Cli, demo: Option<&str>) -> eyre::Result<i32> {
    let config = load_config(cli)?;
    let keymap = config.keymap()?;
    if let Some(reason) = term::missing() {
        print_message(&format!("{reason}; for one-shot output use `watchbell snapshot -o table|json`"));
        return Ok(USAGE);
    }
    let mut warnings = config.warnings.clone();
    let simulation = demo.map(start_demo).transpose()?;
    let targets = if let Some((_, simulation)) = &simulation {
        simulation.clusters().iter().map(|at| ContextTarget::plain(&at.context, &at.url)).collect()
    } else {
        let (targets, unknown) = targets_and_warnings(&cli.clusters, &config)?;
        warnings.extend(unknown);
        targets
    };
    let warnings = warnings.iter().map(|warning| Clean::new(warning)).collect();
    let theme = theme(&cli.display, &config);
    let (watched, notifier) = (watched(targets, &config), config.notifications.clone());
    let outcome = Dashboard { watched, keymap, theme, notifier, warnings }.run();
    // Dropping its objects one by one would only delay the exit.
    std::mem::forget(simulation);
    outcome.map(|()| DONE)
}

/// Clusters with their settings from the configuration.
fn watched(targets: Vec<ContextTarget>, config: &Config) -> Watched<'_> {
    Watched {
        targets,
        settings: Box::new(|target| config.thresholds(target.context())),
        conventions: config.conventions(),
        tuning: Box::new(|target| config.tuning(target.context())),
    }
}

/// Starts the simulation on its own runtime, so that serving cannot slow the client that is demonstrated.
fn start_demo(scenario: &str) -> eyre::Result<(tokio::runtime::Runtime, Simulation)> {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).thread_name("simulation").enable_all().build()?;
    let scenario = find_scenario(scenario)?;
    let simulation = runtime
        .block_on(sim::start(scenario, ([127, 0, 0, 1], 0).into()))
        .wrap_err("could not start the simulated API server on loopback")?;
    Ok((runtime, simulation))
}

/// Finds a built-in scenario by name, or loads a file if the name looks like a path.
fn find_scenario(name: &str) -> eyre::Result<Scenario> {
    let path = Path::new(name);
    let is_path = path.extension().is_some() || name.contains('/');
    Ok(if is_path { Scenario::load(path)? } else { Scenario::builtin(name)? })
}

fn simulate(
    scenario: &str,
    churn: Option<u32>,
    listen: std::net::SocketAddr,
    kubeconfig_out: Option<&Path>,
) -> eyre::Result<i32> {
    let mut scenario = find_scenario(scenario)?;
    if let Some(events) = churn {
        scenario.set_churn(events.into());
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(async {
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        let simulation =
            sim::start(scenario, listen).await.wrap_err_with(|| format!("could not listen on `{listen}`"))?;
        if let Some(path) = kubeconfig_out {
            file::write_own(path, KUBECONFIG_MARK, &simulation.kubeconfig())
                .wrap_err_with(|| format!("could not write the kubeconfig to `{}`", path.display()))?;
        }
        print(&(simulation.ready_line() + "\n"))?;
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        simulation.stop().await;
        Ok(DONE)
    })
}

fn log_to(path: &Path) -> eyre::Result<()> {
    let file = logfile::open(path).wrap_err_with(|| format!("could not open the log file `{}`", path.display()))?;
    let filter = Targets::new().with_default(LevelFilter::INFO).with_target("hyper", LevelFilter::WARN);
    let lines = tracing_subscriber::fmt::layer().with_ansi(false).with_writer(Mutex::new(file));
    tracing_subscriber::registry().with(lines).with(filter).init();
    Ok(())
}

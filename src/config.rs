//! The configuration: embedded defaults ← the user's file ← environment ← flags.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use directories::ProjectDirs;
use serde::Deserialize;
use thiserror::Error;

use crate::action::ACTIONS;
use crate::cli::Color;
use crate::cluster::{Optional, Tuning};
use crate::facts::accelerator::{AcceleratorTable, Kind};
use crate::facts::text::Clean;
use crate::file::{self, ReadError, ReadLimit};
use crate::keymap::KeyMap;
use crate::model::settings::{Conventions, Settings};
use crate::notify::Notifier;

mod alerts;
mod allowlist;
mod duration;
mod keys;
mod namespaces;
mod sections;
mod timeouts;

use alerts::AlertSection;
use namespaces::Namespaces;
use sections::File;
use timeouts::TimeoutSection;

/// Limits of the file: a larger one cannot be a configuration, and a pipe may never end.
const FILE: ReadLimit = ReadLimit { bytes: 1 << 20, within: Duration::from_secs(30) };

/// The defaults, commented.
pub const DEFAULTS: &str = include_str!("../assets/config.toml");

/// The template that `watchbell config` prints: the defaults, and every action with its default keys.
#[must_use]
pub fn template() -> String {
    let mut text = DEFAULTS.to_owned();
    for entry in ACTIONS {
        let keys: Vec<String> = entry.keys.iter().map(|key| format!("{key:?}")).collect();
        let _ = writeln!(text, "# {} = [{}]  # {}", entry.name, keys.join(", "), entry.help);
    }
    text
}

/// The complete configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// Contexts to watch if the command line names none.
    pub contexts: Vec<String>,
    /// `true` if protobuf is requested; the server may still answer in JSON.
    pub protobuf: bool,
    /// `true` if lists are requested as watches (`sendInitialEvents`).
    watch_list: bool,
    /// `watch_list` by context: `[cluster.NAME] watch-list`.
    cluster_watch_list: BTreeMap<String, bool>,
    /// Credential plugins that may run; `None` allows all.
    exec_allow: Option<Vec<String>>,
    /// Namespaces whose pods are watched; empty for the whole cluster.
    namespaces: Namespaces,
    /// `namespaces` by context: `[cluster.NAME] namespaces`.
    cluster_namespaces: BTreeMap<String, Namespaces>,
    /// Requests to optional APIs.
    pub optional: Optional,
    /// Settings of the probe and limits of the model; [`Config::thresholds`] has the thresholds.
    settings: Settings,
    /// Bell, notifications and the command for new alerts.
    pub notifications: Notifier,
    /// Colour depth.
    pub color: Color,
    /// Use of plain ASCII.
    pub ascii: Ascii,
    /// Keys by action name.
    pub keys: BTreeMap<String, Vec<String>>,
    /// Line numbers of `keys` in the file.
    key_lines: BTreeMap<String, usize>,
    /// The file that was read.
    path: Option<PathBuf>,
    /// `[alerts]`: the defaults, then the user's.
    alerts: Vec<AlertSection>,
    /// `[cluster.NAME.alerts]` by context.
    cluster_alerts: BTreeMap<String, AlertSection>,
    /// `[timeouts]`: the defaults, then the user's.
    timeouts: Vec<TimeoutSection>,
    /// `[cluster.NAME.timeouts]` by context.
    cluster_timeouts: BTreeMap<String, TimeoutSection>,
    /// Resource names that count as accelerators besides the built-in ones.
    pub accelerators: BTreeMap<String, Kind>,
    /// Types of node conditions whose `True` is good, in addition to those recognised by their names.
    good_conditions: Vec<String>,
    /// Messages for the operator about unknown keys and other faults that do not stop the program.
    pub warnings: Vec<String>,
}

/// Setting for plain ASCII.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Ascii {
    /// Depends on the locale.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// Error that makes the configuration unusable. Nothing of a bad file takes effect.
#[derive(Debug, Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error(
        "cannot read the configuration `{path}`: {error}; name another with --config or start with --ignore-config"
    )]
    Read {
        /// The file.
        path: Clean,
        /// The system's reason.
        error: Clean,
    },
    /// The file is invalid; the text names line, column and key.
    #[error("the configuration `{path}` is wrong: {text}\nhint: correct it, or start with --ignore-config")]
    Parse {
        /// The file.
        path: Clean,
        /// The fault and its position; each line is clean.
        text: String,
    },
    /// A flag has an impossible value.
    #[error("{flag}: {text}")]
    Flag {
        /// The flag.
        flag: &'static str,
        /// The fault in its value.
        text: String,
    },
}

impl Config {
    /// The embedded defaults.
    ///
    /// # Panics
    /// Never: a test parses the embedded file.
    #[must_use]
    pub fn defaults() -> Self {
        let mut config = Self {
            contexts: Vec::new(),
            protobuf: true,
            watch_list: false,
            cluster_watch_list: BTreeMap::new(),
            exec_allow: None,
            namespaces: Namespaces::default(),
            cluster_namespaces: BTreeMap::new(),
            optional: Optional::default(),
            settings: Settings::default(),
            notifications: Notifier::default(),
            color: Color::Auto,
            ascii: Ascii::Auto,
            keys: BTreeMap::new(),
            key_lines: BTreeMap::new(),
            path: None,
            alerts: Vec::new(),
            cluster_alerts: BTreeMap::new(),
            timeouts: Vec::new(),
            cluster_timeouts: BTreeMap::new(),
            accelerators: BTreeMap::new(),
            good_conditions: Vec::new(),
            warnings: Vec::new(),
        };
        config.overlay(parse(DEFAULTS, &mut Vec::new()).expect("the embedded defaults are tested"));
        config
    }

    /// Loads the defaults, overridden by the file `named`, or else by the user's file. A missing user's file is ignored, an
    /// unreadable one is a warning (the home may be another user's); either of a named one is an error.
    ///
    /// # Errors
    /// [`ConfigError`] names the file, the line and the key; nothing of that file takes effect then.
    pub fn load(named: Option<&Path>) -> Result<Self, ConfigError> {
        let mut config = Self::defaults();
        let Some(path) = named.map(Path::to_owned).or_else(user_file) else { return Ok(config) };
        let contents = match file::read(&path, FILE) {
            Ok(contents) => contents,
            Err(error) if error.is_missing() && named.is_none() => return Ok(config),
            Err(error @ ReadError::Io(_)) if named.is_none() => {
                let text = format!("cannot read the configuration `{}`: {error}; the defaults hold", shown(&path));
                config.warnings.push(text);
                return Ok(config);
            }
            Err(error) => {
                return Err(ConfigError::Read { path: shown(&path), error: Clean::new(&error.to_string()) });
            }
        };
        let wrong = |text: &str| ConfigError::Parse { path: shown(&path), text: clean_lines(text) };
        let text = String::from_utf8(contents.bytes).map_err(|_| wrong("it is not text"))?;
        let mut unknown = Vec::new();
        let file = parse(&text, &mut unknown).map_err(|error| wrong(error.to_string().trim_end()))?;
        allowlist::check(&text).map_err(|why| wrong(&why))?;
        let line = |at: usize| 1 + text.bytes().take(at).filter(|&byte| byte == b'\n').count();
        config.key_lines = file.keys.iter().map(|(name, keys)| (name.clone(), line(keys.span().start))).collect();
        config.overlay(file);
        config.exec_allow.iter_mut().flatten().for_each(|command| allowlist::resolve(command, &path));
        let (shown, known) = (shown(&path), keys::known());
        let warning = |key: String| {
            let near = keys::nearest(&key, &known).map_or_else(String::new, |near| format!("; did you mean `{near}`?"));
            format!("unknown key `{}` in `{shown}` is ignored{}", Clean::new(&key), Clean::new(&near))
        };
        config.warnings = unknown.into_iter().map(warning).collect();
        if let (Some(why), false) = (&contents.others, config.notifications.on_alert.is_empty()) {
            config.notifications.on_alert.clear();
            let why = Clean::new(why);
            config.warnings.push(format!("the command of `on-alert` in `{shown}` is not run: {why}"));
        }
        config.path = Some(path);
        Ok(config)
    }

    /// The key map in force.
    ///
    /// # Errors
    /// [`ConfigError`] names the file, the lines and what is wrong with a key.
    pub fn keymap(&self) -> Result<KeyMap, ConfigError> {
        KeyMap::with(self.keys.clone()).map_err(|error| {
            let mut lines: Vec<usize> =
                error.actions().iter().filter_map(|name| self.key_lines.get(*name)).copied().collect();
            lines.sort_unstable();
            let lines: Vec<String> = lines.iter().map(|line| format!("line {line}")).collect();
            let text = clean_lines(&format!("{}: {error}", lines.join(" and ")));
            let path = self.path.as_deref().map(shown).unwrap_or_default();
            ConfigError::Parse { path, text }
        })
    }

    /// Thresholds and windows of the model for one cluster.
    #[must_use]
    pub fn thresholds(&self, context: &str) -> Settings {
        let mut settings = self.settings;
        for alerts in self.alerts.iter().chain(self.cluster_alerts.get(context)) {
            alerts.apply(&mut settings);
        }
        settings
    }

    /// Deadlines, page sizes and periods of the tasks of one cluster.
    #[must_use]
    pub fn tuning(&self, context: &str) -> Tuning {
        let mut tuning = Tuning {
            probe_period: self.settings.probe_period,
            probe_deadline: self.settings.probe_deadline,
            protobuf: self.protobuf,
            watch_list: self.cluster_watch_list.get(context).copied().unwrap_or(self.watch_list),
            optional: self.optional.clone(),
            exec_allow: self.exec_allow.clone(),
            namespaces: self.cluster_namespaces.get(context).unwrap_or(&self.namespaces).names().to_vec(),
            ..Tuning::default()
        };
        for timeouts in self.timeouts.iter().chain(self.cluster_timeouts.get(context)) {
            timeouts.apply(&mut tuning);
        }
        tuning
    }

    /// Restricts the pods to these namespaces in every cluster, overriding the files; does nothing if there are none.
    ///
    /// # Errors
    /// [`ConfigError::Flag`] if a name cannot be a namespace, or if there are too many.
    pub fn watch_only(&mut self, namespaces: &[String]) -> Result<(), ConfigError> {
        if !namespaces.is_empty() {
            let flag = |text| ConfigError::Flag { flag: "--namespace", text };
            self.namespaces = Namespaces::new(namespaces).map_err(flag)?;
            self.cluster_namespaces.clear();
        }
        Ok(())
    }

    /// The contexts that have a section `[cluster.NAME]` of their own.
    pub fn clusters(&self) -> impl Iterator<Item = &str> {
        self.cluster_alerts.keys().map(String::as_str)
    }

    /// Conventions by which nodes are read.
    #[must_use]
    pub fn conventions(&self) -> Conventions {
        Conventions {
            accelerators: AcceleratorTable::with(self.accelerators.iter().map(|(name, kind)| (name.clone(), *kind))),
            good_conditions: self.good_conditions.iter().map(|name| Clean::new(name)).collect(),
        }
    }

    fn overlay(&mut self, file: File) {
        let File {
            clusters,
            alerts,
            probe,
            optional,
            tell,
            display,
            keys,
            accelerators,
            conditions,
            timeouts,
            cluster,
        } = file;
        self.timeouts.push(timeouts);
        for (name, section) in cluster {
            self.cluster_watch_list.extend(section.watch_list.map(|stream| (name.clone(), stream)));
            self.cluster_namespaces.extend(section.namespaces.map(|namespaces| (name.clone(), namespaces)));
            self.cluster_timeouts.insert(name.clone(), section.timeouts);
            self.cluster_alerts.insert(name, section.alerts);
        }
        let settings = &mut self.settings;
        let spans = [
            (&mut settings.probe_period, probe.period),
            (&mut settings.probe_deadline, probe.deadline),
            (&mut settings.latency_window, probe.window),
        ];
        for (field, value) in spans {
            replace(field, value.map(|span| span.0));
        }
        self.alerts.push(alerts);
        replace(&mut self.notifications.bell, tell.bell.map(Some));
        replace(&mut self.notifications.notify, tell.notify);
        replace(&mut self.notifications.on_alert, tell.on_alert);
        replace(&mut self.contexts, clusters.contexts);
        replace(&mut self.namespaces, clusters.namespaces);
        replace(&mut self.protobuf, clusters.protobuf);
        replace(&mut self.watch_list, clusters.watch_list);
        replace(&mut self.exec_allow, clusters.exec_allow.map(Some));
        replace(&mut self.settings.most_objects, clusters.max_objects.map(|most| u64::from(most.get())));
        replace(&mut self.settings.most_bytes, clusters.max_mib.map(|most| u64::from(most.get()) << 20));
        replace(&mut self.optional.usage, optional.usage);
        replace(&mut self.optional.dra, optional.dra);
        replace(&mut self.optional.leases, optional.leases);
        replace(&mut self.color, display.color);
        replace(&mut self.ascii, display.ascii);
        self.keys.extend(keys.into_iter().map(|(name, keys)| (name, keys.into_inner())));
        self.accelerators.extend(accelerators);
        replace(&mut self.good_conditions, conditions.good);
    }
}

fn replace<T>(field: &mut T, value: Option<T>) {
    if let Some(value) = value {
        *field = value;
    }
}

/// Text of a path, for messages.
fn shown(path: &Path) -> Clean {
    Clean::new(&path.to_string_lossy())
}

/// Cleans a text of several lines, which quotes the file, for a terminal.
fn clean_lines(text: &str) -> String {
    text.lines().map(|line| Clean::new(line).to_string()).collect::<Vec<_>>().join("\n")
}

fn parse(text: &str, unknown: &mut Vec<String>) -> Result<File, toml::de::Error> {
    let deserializer = toml::Deserializer::parse(text)?;
    serde_ignored::deserialize(deserializer, |path| unknown.push(path.to_string())).map_err(
        |mut error: toml::de::Error| {
            error.set_input(Some(text));
            error
        },
    )
}

/// Path of the user's file, whether or not it exists.
#[must_use]
pub fn user_file() -> Option<PathBuf> {
    ProjectDirs::from("", "", "watchbell").map(|dirs| dirs.config_dir().join("config.toml"))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    /// The defaults with this text as the user's file over them.
    pub(super) fn load(text: &str) -> Result<Config, ConfigError> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("config.toml");
        fs::write(&path, text).unwrap();
        Config::load(Some(&path))
    }

    #[test]
    fn the_embedded_file_says_what_the_model_defaults_to() {
        let mut unknown = Vec::new();
        parse(DEFAULTS, &mut unknown).unwrap();
        assert_eq!(unknown, Vec::<String>::new());
        assert_eq!(Config::defaults().thresholds("any"), Settings::default());
    }

    #[test]
    fn the_template_can_be_used_as_it_is_and_with_every_line_of_keys_uncommented() {
        assert_eq!(load(&template()).unwrap().keys, BTreeMap::new());
        let is_action = |line: &&str| ACTIONS.iter().any(|entry| line.split(" = ").next() == Some(entry.name));
        let template = template();
        let keys: Vec<&str> = template.lines().filter_map(|line| line.strip_prefix("# ")).filter(is_action).collect();
        let keys = keys.join("\n");
        let config = load(&format!("[keys]\n{keys}")).unwrap();
        assert_eq!(config.keys.len(), ACTIONS.len(), "every action has a line");
        assert_eq!(config.keys["page-down"], ["ctrl-d", "pagedown", "ctrl-f"]);
    }

    #[test]
    fn what_a_file_says_replaces_a_default_and_leaves_the_others() {
        let config = load("[alerts]\nslow-call = \"3s\"\n[keys]\nquit = [\"f10\"]\n").unwrap();
        assert_eq!(config.thresholds("any").slow_call, Duration::from_secs(3));
        assert_eq!(config.thresholds("any").timeouts_over, 10);
        assert_eq!(config.keys["quit"], ["f10"]);
    }

    #[test]
    fn an_error_names_line_column_and_what_is_expected() {
        let error = load("[alerts]\ntimeouts-over = \"many\"\n").unwrap_err().to_string();
        assert!(error.contains("line 2"), "{error}");
        assert!(error.contains("timeouts-over"), "{error}");
        assert!(error.contains("--ignore-config"), "{error}");
    }

    #[test]
    fn a_bad_duration_says_how_to_write_one() {
        let error = load("[probe]\nperiod = \"soon\"\n").unwrap_err().to_string();
        assert!(error.contains("line 2") && error.contains("`10s`"), "{error}");
        assert!(load("[probe]\nperiod = \"0s\"\n").unwrap_err().to_string().contains("too short"));
    }

    #[test]
    fn a_probe_that_outlives_its_period_or_that_nobody_remembers_is_refused() {
        for (lines, keys) in [
            ("deadline = \"6s\"", ["`deadline` (6s)", "`period` (5s)"]),
            ("period = \"2s\"", ["`deadline` (5s)", "`period` (2s)"]),
            ("period = \"1s\"\ndeadline = \"1001ms\"", ["`deadline` (1.001s)", "`period` (1s)"]),
            // 4,096 samples of 5 s are 20,480 s.
            ("window = \"20481s\"", ["`window` (20481s)", "`period` (5s)"]),
        ] {
            let error = load(&format!("[probe]\n{lines}\n")).unwrap_err().to_string();
            assert!(error.contains("config.toml") && error.contains("line 1"), "{lines}: {error}");
            assert!(keys.iter().all(|key| error.contains(key)), "{lines}: {error}");
        }
        for lines in ["window = \"20480s\"", "deadline = \"1s\"\nperiod = \"1s\"", "deadline = \"1ms\""] {
            let config = load(&format!("[probe]\n{lines}\n")).unwrap();
            assert_eq!(config.warnings, Vec::<String>::new(), "{lines}");
        }
        let config = load("[probe]\nperid = \"1s\"\n").unwrap();
        assert!(config.warnings[0].contains("probe.perid"), "{:?}", config.warnings);
    }

    #[test]
    fn an_unknown_key_is_a_warning_that_names_it() {
        let config = load("[alerts]\nslow-cal = \"3s\"\n").unwrap();
        assert_eq!(config.warnings.len(), 1);
        assert!(config.warnings[0].contains("alerts.slow-cal"), "{}", config.warnings[0]);
    }

    #[test]
    fn resource_names_of_the_file_count_as_what_it_says() {
        let config = load("[accelerators]\n\"example.com/npu\" = \"device\"\n\"nvidia.com/gpu\" = \"aux\"\n").unwrap();
        let table = config.conventions().accelerators;
        assert_eq!(table.classify("example.com/npu"), Some(Kind::Device));
        assert_eq!(table.classify("nvidia.com/gpu"), Some(Kind::Aux), "the user's word wins");
        assert_eq!(table.classify("amd.com/gpu"), Some(Kind::Device), "the built-in names stay");
    }

    #[test]
    fn conditions_that_the_file_calls_good_are_good() {
        assert!(load("").unwrap().conventions().good_conditions.is_empty());
        let config = load("[conditions]\ngood = [\"GpuFabricHealthy\"]\n").unwrap();
        assert_eq!(config.conventions().good_conditions, [Clean::new("GpuFabricHealthy")]);
        assert!(config.warnings.is_empty(), "{:?}", config.warnings);
    }

    #[test]
    fn a_kind_that_nobody_knows_is_refused_with_its_line_and_the_kinds_there_are() {
        let error = load("[alerts]\n\n[accelerators]\n\"example.com/npu\" = \"gpu\"\n").unwrap_err().to_string();
        for part in ["config.toml", "line 4", "example.com/npu", "`gpu`", "`device`", "`slice`", "`shared`", "`aux`"] {
            assert!(error.contains(part), "{part}: {error}");
        }
    }

    #[test]
    fn a_command_that_others_could_have_written_is_not_run() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("config.toml");
        for (mode, runs) in [(0o644, true), (0o600, true), (0o664, false), (0o646, false)] {
            fs::write(&path, "[tell]\non-alert = [\"page\"]\n").unwrap();
            fs::set_permissions(&path, PermissionsExt::from_mode(mode)).unwrap();
            let config = Config::load(Some(&path)).unwrap();
            assert_eq!(
                (config.notifications.on_alert.is_empty(), config.warnings.len()),
                (!runs, usize::from(!runs)),
                "{mode:o}"
            );
            assert!(config.warnings.iter().all(|text| text.contains("on-alert") && text.contains("chmod go-w")));
        }
        fs::write(&path, "[probe]\nperiod = \"6s\"\n").unwrap();
        assert_eq!(
            Config::load(Some(&path)).unwrap().warnings,
            Vec::<String>::new(),
            "there is no command to fear for"
        );
    }

    #[test]
    fn a_conflict_of_keys_is_reported_with_the_file_and_the_lines() {
        for (text, parts) in [
            ("[keys]\nquit = [\"j\"]\n", &["line 2", "`j` means both"][..]),
            ("[keys]\nquit = [\"f10\"]\n\nhelp = [\"f10\"]\n", &["line 2 and line 4", "`f10`", "`quit`", "`help`"]),
            ("\n[keys]\nqiut = [\"q\"]\n", &["line 3", "`qiut`"]),
            ("[keys]\nquit = [\"hyper-q\"]\n", &["line 2", "`hyper-q`"]),
            ("[keys]\nhelp = [\"ctrl-c\"]\n", &["line 2", "`ctrl-c`"]),
        ] {
            let error = load(text).unwrap().keymap().err().unwrap().to_string();
            assert!(error.contains("config.toml") && parts.iter().all(|part| error.contains(part)), "{text}: {error}");
        }
        assert!(load("[keys]\nquit = [\"f10\"]\n").unwrap().keymap().is_ok());
    }

    #[test]
    fn the_allowlist_of_plugins_reaches_every_cluster_and_without_one_all_may_run() {
        assert_eq!(load("").unwrap().tuning("any").exec_allow, None);
        let config = load("[clusters]\nexec-allow = [\"aws\"]\n").unwrap();
        assert_eq!((config.tuning("any").exec_allow, config.warnings), (Some(vec!["aws".to_owned()]), Vec::new()));
        assert_eq!(load("[clusters]\nexec-allow = []\n").unwrap().tuning("any").exec_allow, Some(Vec::new()));
    }

    #[test]
    fn what_a_file_says_is_reported_without_its_control_characters() {
        let error = load("[alerts]\nslow-call = \"\u{1b}]52;c;eA==\u{7}\"\n").unwrap_err().to_string();
        let warnings = load("[\"\\u001b]0;x\"]\na = 1\n").unwrap().warnings.concat();
        let control = |letter: char| letter.is_control() && letter != '\n';
        assert!(!error.contains(control) && !warnings.contains(control), "{error:?} {warnings:?}");
    }

    #[test]
    fn a_device_without_end_is_no_configuration() {
        let error = Config::load(Some(Path::new("/dev/zero"))).unwrap_err().to_string();
        assert!(error.contains("`/dev/zero`: it is larger than 1 MB"), "{error}");
    }

    #[test]
    fn a_missing_named_file_is_an_error() {
        let error = Config::load(Some(Path::new("/nonexistent/config.toml"))).unwrap_err().to_string();
        assert!(error.contains("/nonexistent/config.toml") && error.contains("--config"), "{error}");
    }
}

//! The files: which, read how, merged how.

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use kube::config::Kubeconfig;

use super::{KubeconfigError, Sources, shown};
use crate::cluster::classify::{Trouble, one_line};
use crate::facts::text::Clean;
use crate::msg::Layer;

/// A kubeconfig of 5,000 contexts has about 20 MB; more than this is not one.
const LARGEST: u64 = 64 << 20;
/// A file system that does not answer (NFS) must not hang the credentials that work.
const FILE_DEADLINE: Duration = Duration::from_secs(5);

/// A file and when it was last changed; `None` if that cannot be told.
pub(super) type Stamp = (PathBuf, Option<SystemTime>);

/// The merged kubeconfig; `None` if there is no file.
pub(super) fn read(sources: &Sources) -> Result<Option<Kubeconfig>, KubeconfigError> {
    let mut merged: Option<Kubeconfig> = None;
    for path in paths(sources) {
        let must_exist = sources.flag.is_some();
        let Some(next) = read_file(&path, must_exist)? else { continue };
        merged = Some(match merged {
            None => next,
            Some(first) => first.merge(next).map_err(|error| invalid(&path, "", &error.to_string()))?,
        });
    }
    Ok(merged)
}

/// For the message that there is none.
pub(super) fn looked_at(sources: &Sources) -> String {
    let mut places: Vec<String> = paths(sources).iter().map(|path| format!("`{}`", shown(path))).collect();
    places.push("the service account of a pod".to_owned());
    places.join(", ")
}

fn paths(sources: &Sources) -> Vec<PathBuf> {
    if let Some(flag) = &sources.flag {
        return vec![flag.clone()];
    }
    let listed = sources.env.iter().flat_map(std::env::split_paths);
    let listed: Vec<PathBuf> = listed.filter(|path| !path.as_os_str().is_empty()).collect();
    if !listed.is_empty() {
        return listed;
    }
    sources.home.iter().map(|home| home.join(".kube").join("config")).collect()
}

fn read_file(path: &Path, must_exist: bool) -> Result<Option<Kubeconfig>, KubeconfigError> {
    let fail = |why: &str| KubeconfigError::Read { path: shown(path), why: one_line(why) };
    let metadata = match std::fs::metadata(path) {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound && !must_exist => return Ok(None),
        Err(error) => return Err(fail(&error.to_string())),
    };
    if metadata.is_dir() {
        return Err(fail("it is a directory"));
    }
    if metadata.len() > LARGEST {
        return Err(fail("it is larger than 64 MB"));
    }
    let bytes = std::fs::read(path).map_err(|error| fail(&error.to_string()))?;
    let text = decode(&bytes).ok_or_else(|| invalid(path, "", "it is not text"))?;
    let mut config = Kubeconfig::from_yaml(&text).map_err(|error| unreadable(path, &error))?;
    if let Some(folder) = std::path::absolute(path).ok().as_deref().and_then(Path::parent) {
        resolve(&mut config, folder);
    }
    Ok(Some(config))
}

/// UTF-8 or UTF-16 by its byte order mark, UTF-8 without one.
fn decode(bytes: &[u8]) -> Option<String> {
    let wide = |bytes: &[u8], unit: fn([u8; 2]) -> u16| {
        let units: Vec<u16> = bytes.chunks_exact(2).map(|pair| unit([pair[0], pair[1]])).collect();
        String::from_utf16(&units).ok()
    };
    match bytes {
        [0xFF, 0xFE, rest @ ..] => wide(rest, u16::from_le_bytes),
        [0xFE, 0xFF, rest @ ..] => wide(rest, u16::from_be_bytes),
        [0xEF, 0xBB, 0xBF, rest @ ..] => std::str::from_utf8(rest).ok().map(str::to_owned),
        _ => std::str::from_utf8(bytes).ok().map(str::to_owned),
    }
}

/// The parser's own message shows what stands at the place, and that may be a token: only the place is kept.
fn unreadable(path: &Path, error: &kube::config::KubeconfigError) -> KubeconfigError {
    let place = match error {
        kube::config::KubeconfigError::Parse(error) => error.location().map(|at| (at.line(), at.column())),
        _ => None,
    };
    let place = place.map(|(line, column)| format!(" line {line} column {column}")).unwrap_or_default();
    invalid(path, &place, "the YAML there is not valid, or not of the expected kind")
}

fn invalid(path: &Path, place: &str, why: &str) -> KubeconfigError {
    KubeconfigError::Invalid { path: shown(path), place: Clean::new(place), why: one_line(why) }
}

/// Relative paths are meant from the file's folder; a command only where it has a slash (client-go's rule).
fn resolve(config: &mut Kubeconfig, folder: &Path) {
    let fix = |file: &mut Option<String>| {
        if let Some(path) = file.as_mut().filter(|path| !path.is_empty() && Path::new(path).is_relative())
            && let Some(absolute) = folder.join(&*path).to_str()
        {
            absolute.clone_into(path);
        }
    };
    for cluster in config.clusters.iter_mut().filter_map(|named| named.cluster.as_mut()) {
        fix(&mut cluster.certificate_authority);
    }
    for user in config.auth_infos.iter_mut().filter_map(|named| named.auth_info.as_mut()) {
        fix(&mut user.client_certificate);
        fix(&mut user.client_key);
        fix(&mut user.token_file);
        if let Some(exec) = &mut user.exec
            && exec.command.as_ref().is_some_and(|command| command.contains('/'))
        {
            fix(&mut exec.command);
        }
    }
}

/// A token file's content. Read by us, because kube 5.0 sends the newline at its end along, which no header may have.
pub(super) async fn read_token(path: &str) -> Result<String, Trouble> {
    let read = tokio::time::timeout(FILE_DEADLINE, tokio::fs::read_to_string(path)).await;
    let why = match read {
        Ok(Ok(token)) if !token.trim().is_empty() => return Ok(token.trim().to_owned()),
        Ok(Ok(_)) => "it is empty".to_owned(),
        Ok(Err(error)) => error.kind().to_string(),
        Err(_) => "the file system does not answer".to_owned(),
    };
    Err(Trouble::new(Layer::Credentials, &format!("cannot read the token file `{path}`: {why}")))
}

/// When each of the kubeconfig's files was last changed. Blocking.
pub(super) fn stamps_of(sources: &Sources) -> Vec<Stamp> {
    let modified = |path: &PathBuf| std::fs::metadata(path).and_then(|metadata| metadata.modified()).ok();
    paths(sources).into_iter().map(|path| (path.clone(), modified(&path))).collect()
}

/// When each of the files was last changed.
pub(super) async fn stamps(files: Vec<PathBuf>) -> Vec<Stamp> {
    let mut stamps = Vec::with_capacity(files.len());
    for file in files {
        let metadata = tokio::time::timeout(FILE_DEADLINE, tokio::fs::metadata(&file)).await;
        let modified = metadata.ok().and_then(Result::ok).and_then(|metadata| metadata.modified().ok());
        stamps.push((file, modified));
    }
    stamps
}

//! The files of a kubeconfig: reading, merging, and detection of edits.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use super::document::{KubeconfigFile, MergedConfig};
use super::fields::PemSource;
use super::{KubeconfigError, Sources, shown};
use crate::cluster::classify::{RequestError, one_line};
use crate::cluster::yaml;
use crate::facts::text::Clean;
use crate::file::{self, Contents, ReadLimit};
use crate::msg::Layer;

/// Limits for a kubeconfig. One with 5,000 contexts has about 20 MB; it may be a pipe whose writer has to log in
/// first.
const KUBECONFIG: ReadLimit = ReadLimit { bytes: 64 << 20, within: Duration::from_secs(30) };
/// Limits for a bundle of certificates, a key or a token. A hanging file system (NFS) must not block other credentials.
const CREDENTIAL: ReadLimit = ReadLimit { bytes: 4 << 20, within: Duration::from_secs(5) };

/// State of a file; `None` if it is unknown, or not a regular file.
pub(super) type Stamp = (PathBuf, Option<(SystemTime, u64, u64)>);

/// The merged kubeconfig; `None` if there is no file.
pub(super) fn read(sources: &Sources) -> Result<Option<MergedConfig>, KubeconfigError> {
    let mut merged: Option<MergedConfig> = None;
    for path in paths(sources) {
        let contents = match file::read(&path, KUBECONFIG) {
            Ok(contents) => contents,
            Err(error) if error.is_missing() && sources.flag.is_none() => continue,
            Err(error) => {
                return Err(KubeconfigError::Read { path: shown(&path), why: one_line(&error.to_string()) });
            }
        };
        let document = merged.get_or_insert_default();
        add(document, &path, &contents)?;
    }
    Ok(merged)
}

/// Searched locations, for the message that there is none.
pub(super) fn searched_places(sources: &Sources) -> String {
    let mut locations: Vec<String> = paths(sources).iter().map(|path| format!("`{}`", shown(path))).collect();
    if locations.is_empty() && sources.names_files() {
        locations.push("$KUBECONFIG, which names no file".to_owned());
    }
    locations.push("the service account of a pod".to_owned());
    locations.join(", ")
}

fn paths(sources: &Sources) -> Vec<PathBuf> {
    if let Some(flag) = &sources.flag {
        return vec![flag.clone()];
    }
    let mut listed: Vec<PathBuf> = Vec::new();
    for path in sources.env.iter().flat_map(std::env::split_paths) {
        // A pipe can be read once.
        if !path.as_os_str().is_empty() && !listed.contains(&path) {
            listed.push(path);
        }
    }
    // As in kubectl: a list of nothing but colons is a list without files, not an unset one.
    if sources.names_files() {
        return listed;
    }
    sources.home.iter().map(|home| home.join(".kube").join("config")).collect()
}

fn add(document: &mut MergedConfig, path: &Path, contents: &Contents) -> Result<(), KubeconfigError> {
    let invalid = |location: &str, why: &str| KubeconfigError::Invalid {
        path: shown(path),
        location: Clean::new(location),
        why: one_line(why),
    };
    let text = decode(&contents.bytes).ok_or_else(|| invalid("", "it is not text"))?;
    let root = yaml::first_document(&text)
        .map_err(|error| invalid(&format!(" line {} column {}", error.line, error.column), &error.why))?;
    // Relative paths start from the file's folder.
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let file = Arc::new(KubeconfigFile {
        folder: absolute.parent().map(Path::to_owned).unwrap_or_default(),
        path: path.to_owned(),
        others: contents.others.clone(),
    });
    if let Some(root) = root {
        let location = || invalid(&format!(" line {}", root.line), "it has no contexts, clusters or users");
        document.add(&root, &file).ok_or_else(location)?;
    }
    Ok(())
}

/// Decodes UTF-8 or UTF-16 by the byte order mark; UTF-8 without one.
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

/// Reads a token file as client-go does. Blocking.
///
/// # Errors
/// It cannot be read, or is empty.
pub(super) fn read_token(path: &Path) -> Result<String, RequestError> {
    let why = match read_credential(path) {
        Ok(bytes) => match String::from_utf8(bytes) {
            Ok(token) if !token.trim().is_empty() => return Ok(token.trim().to_owned()),
            Ok(_) => "it is empty".to_owned(),
            Err(_) => "it is not text".to_owned(),
        },
        Err(why) => why,
    };
    let text = format!("cannot read the token file `{}`: {why}", shown(path));
    Err(RequestError::new(Layer::Credentials, &text).permanent())
}

/// Text in PEM, read if it is in a file. Blocking.
///
/// # Errors
/// The file cannot be read; `what` names it.
pub(super) fn read_pem(what: &str, source: &PemSource) -> Result<Vec<u8>, String> {
    match source {
        PemSource::Inline(bytes) => Ok(bytes.clone()),
        PemSource::File(path) => {
            read_credential(path).map_err(|why| format!("cannot read the {what} `{}`: {why}", shown(path)))
        }
    }
}

fn read_credential(path: &Path) -> Result<Vec<u8>, String> {
    file::read(path, CREDENTIAL).map(|contents| contents.bytes).map_err(|error| error.to_string())
}

/// State of the kubeconfig's files. Blocking.
pub(super) fn stamps_of(sources: &Sources) -> Vec<Stamp> {
    paths(sources).into_iter().map(stamp).collect()
}

fn stamp(path: PathBuf) -> Stamp {
    let metadata = std::fs::metadata(&path).ok().filter(std::fs::Metadata::is_file);
    let changed = metadata.and_then(|metadata| Some((metadata.modified().ok()?, metadata.len(), metadata.ino())));
    (path, changed)
}

/// State of each of the files.
pub(super) async fn stamps(files: Vec<PathBuf>) -> Vec<Stamp> {
    let unknown = || files.iter().map(|path| (path.clone(), None)).collect();
    let watched = files.clone();
    let look = tokio::task::spawn_blocking(move || watched.into_iter().map(stamp).collect());
    match tokio::time::timeout(CREDENTIAL.within, look).await {
        Ok(Ok(stamps)) => stamps,
        _ => unknown(),
    }
}

//! Checks who else may change a file that contains commands, by owner and mode of the file and of every folder and link on its
//! path.
//!
//! Stricter than `sudo`, and similar to the `StrictModes` of OpenSSH, which also checks owner and mode along the path.

use std::collections::VecDeque;
use std::ffi::OsString;
use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::path::{Component, Path, PathBuf};

/// Maximum number of links on a path: `MAXSYMLINKS` of Linux.
const MOST_LINKS: usize = 40;
/// Sticky bit: only its owner can rename or remove an entry of such a folder.
const STICKY: u32 = 0o1000;
/// Group `admin` of macOS, whose members are administrators and own Homebrew's folders.
const MACOS_ADMIN: u32 = 80;

/// Reason why somebody else could have written a file, if any: a command in it may not be ours.
#[must_use]
pub fn others_may_write(metadata: &Metadata) -> Option<&'static str> {
    if !is_trusted(metadata) {
        Some("the file belongs to another user")
    } else if metadata.is_file() && metadata.mode() & 0o022 != 0 {
        Some("others may write the file; `chmod go-w` it")
    } else {
        None
    }
}

/// Reason why somebody else could have replaced or written the file at a path, if any. Blocking. The text contains folder names
/// unsanitised.
///
/// The check covers the file, and every folder and link on its path. Pipes and unnamed files have no path to check.
#[must_use]
pub fn others_may_replace(path: &Path) -> Option<String> {
    let result = std::path::absolute(path).map_err(|_| unknown(path)).and_then(|path| PathWalk::new(&path).run());
    result.err()
}

/// Like [`others_may_replace`], for an open file.
pub(super) fn others_may_write_at(path: &Path, metadata: &Metadata) -> Option<String> {
    let own = others_may_write(metadata).map(str::to_owned);
    own.or_else(|| if metadata.is_file() && metadata.nlink() > 0 { others_may_replace(path) } else { None })
}

fn is_trusted(metadata: &Metadata) -> bool {
    [0, rustix::process::geteuid().as_raw()].contains(&metadata.uid())
}

/// Walk along a path, component by component.
struct PathWalk {
    /// Path walked so far, without links.
    at: PathBuf,
    rest: VecDeque<OsString>,
    links: usize,
}

impl PathWalk {
    fn new(absolute: &Path) -> Self {
        let mut walk = Self { at: PathBuf::from("/"), rest: VecDeque::new(), links: 0 };
        walk.prepend(absolute);
        walk
    }

    /// Prepends `path` to the rest of the walk; an absolute path restarts at the root.
    fn prepend(&mut self, path: &Path) {
        if path.is_absolute() {
            self.at = PathBuf::from("/");
        }
        for part in path.components().rev() {
            match part {
                Component::Normal(name) => self.rest.push_front(name.to_owned()),
                Component::ParentDir => self.rest.push_front("..".into()),
                _ => {}
            }
        }
    }

    /// Checks every component up to the file.
    ///
    /// # Errors
    /// Reason why somebody else could have changed the file.
    fn run(mut self) -> Result<(), String> {
        while let Some(name) = self.rest.pop_front() {
            if name == ".." {
                self.at.pop();
                continue;
            }
            let folder = std::fs::symlink_metadata(&self.at).map_err(|_| unknown(&self.at))?;
            if others_may_rename(&folder) {
                return Err(format!("others may write the folder `{}`; `chmod go-w` it", self.at.display()));
            }
            let path = self.at.join(&name);
            let metadata = std::fs::symlink_metadata(&path).map_err(|_| unknown(&path))?;
            // The owner of folders further up is not checked: in a container it may have no uid there.
            if (metadata.is_symlink() || self.rest.is_empty()) && !is_trusted(&folder) {
                return Err(format!("the folder `{}` belongs to another user", self.at.display()));
            }
            if metadata.is_symlink() {
                self.follow(&path, &metadata)?;
            } else if self.rest.is_empty() {
                return others_may_write(&metadata).map_or(Ok(()), |why| Err(why.to_owned()));
            } else {
                self.at = path;
            }
        }
        Ok(())
    }

    fn follow(&mut self, link: &Path, metadata: &Metadata) -> Result<(), String> {
        self.links += 1;
        if !is_trusted(metadata) {
            return Err(format!("the link `{}` belongs to another user", link.display()));
        }
        let target = std::fs::read_link(link).ok().filter(|_| self.links <= MOST_LINKS);
        self.prepend(&target.ok_or_else(|| unknown(link))?);
        Ok(())
    }
}

/// Returns `true` if somebody else may rename and replace the entries of this folder. A user's private group, which many systems
/// create with the same number as the user, does not count as somebody else.
fn others_may_rename(folder: &Metadata) -> bool {
    let (mode, uid, gid) = (folder.mode(), folder.uid(), folder.gid());
    let own_group = (gid == uid && uid != 0 && is_trusted(folder)) || (cfg!(target_os = "macos") && gid == MACOS_ADMIN);
    let writable = if own_group { 0o002 } else { 0o022 };
    mode & writable != 0 && mode & STICKY == 0
}

fn unknown(path: &Path) -> String {
    format!("who may write `{}` cannot be told", path.display())
}

#[cfg(test)]
mod tests {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::{PermissionsExt, chown, lchown, symlink};

    use super::*;

    /// Creates a folder `in` with a file in it, which only we may write.
    fn place() -> (tempfile::TempDir, PathBuf, PathBuf) {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("in");
        fs::create_dir(&folder).unwrap();
        set_mode(&folder, 0o755);
        let file = folder.join("file");
        fs::write(&file, "").unwrap();
        set_mode(&file, 0o755);
        (root, folder, file)
    }

    fn set_mode(path: &Path, mode: u32) {
        fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
    }

    #[test]
    fn a_file_in_a_folder_that_others_may_write_is_distinguished_from_ours_unless_the_folder_is_sticky() {
        let (root, folder, file) = place();
        for (mode, ours) in [(0o700, true), (0o755, true), (0o757, false), (0o777, false), (0o1777, true)] {
            set_mode(&folder, mode);
            let why = others_may_replace(&file);
            assert_eq!(why.is_none(), ours, "{mode:o}: {why:?}");
            assert!(ours || why.unwrap().starts_with(&format!("others may write the folder `{}`", folder.display())));
        }
        set_mode(root.path(), 0o777);
        assert!(others_may_replace(&file).unwrap().contains("others may write the folder"), "further up counts too");
    }

    #[test]
    fn a_link_counts_with_the_folder_that_it_is_in_and_what_it_leads_to() {
        let (root, folder, file) = place();
        let link = root.path().join("link");
        symlink("in/../in/file", &link).unwrap();
        assert_eq!(others_may_replace(&link), None);
        set_mode(&file, 0o775);
        assert_eq!(others_may_replace(&link).as_deref(), Some("others may write the file; `chmod go-w` it"));
        set_mode(&file, 0o755);
        set_mode(&folder, 0o757);
        assert!(others_may_replace(&link).unwrap().contains("others may write the folder"));
        set_mode(&folder, 0o755);
        let (round, dangling) = (root.path().join("round"), root.path().join("dangling"));
        symlink("round", &round).unwrap();
        symlink("nothing", &dangling).unwrap();
        assert!(others_may_replace(&round).unwrap().contains("cannot be told"));
        assert!(others_may_replace(&dangling).unwrap().contains("cannot be told"));
    }

    #[test]
    fn what_belongs_to_another_user_is_distinguished_from_ours_the_link_and_the_folder_too() {
        let (root, folder, file) = place();
        let link = root.path().join("link");
        symlink(&file, &link).unwrap();
        if lchown(&link, Some(65534), None).is_err() {
            eprintln!("SKIPPED: to give a file away takes the rights of root");
            return;
        }
        assert!(others_may_replace(&link).unwrap().starts_with("the link `"));
        assert_eq!(others_may_replace(&file), None);
        chown(&folder, Some(65534), None).unwrap();
        assert!(others_may_replace(&file).unwrap().ends_with("belongs to another user"));
        chown(&folder, Some(0), None).unwrap();
        chown(&file, Some(65534), None).unwrap();
        assert_eq!(others_may_replace(&file).as_deref(), Some("the file belongs to another user"));
    }
}

//! Destination of a result: a file that is written completely or not at all.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, BufWriter, Write},
    path::{Path, PathBuf},
};

use serde::Serialize;

/// Path that means stdout, as in other programs. A file of this name is written as `./-`.
pub const STDOUT: &str = "-";

/// Largest number of links to follow. A longer chain counts as a loop; Linux has the same bound.
const MOST_LINKS: usize = 40;

/// Destination of a result, checked to be writable before the run.
#[derive(Debug)]
pub struct Destination {
    path: PathBuf,
    place: Place,
}

#[derive(Debug)]
enum Place {
    /// A file to replace. Until then its folder has no new file, whatever ends this process.
    File,
    /// A device or a pipe, which cannot be replaced.
    Direct(File),
    /// Stdout.
    Stdout,
}

/// Reason why a result cannot be written.
#[derive(Debug, thiserror::Error)]
#[error("cannot write the result to `{}`", path.display())]
pub struct WriteError {
    path: PathBuf,
    source: io::Error,
}

impl Destination {
    /// Reserves a destination at `path`; `-` is stdout. An existing file stays unchanged until the result is
    /// written.
    ///
    /// # Errors
    /// The folder does not exist, cannot be written to, or `path` is a folder.
    pub fn reserve(path: &Path) -> Result<Self, WriteError> {
        let error = |source| WriteError { path: path.to_owned(), source };
        if path == Path::new(STDOUT) {
            return Ok(Self { path: path.to_owned(), place: Place::Stdout });
        }
        let path = end_of_links(path).map_err(error)?;
        let place = match fs::metadata(&path) {
            Ok(metadata) if metadata.is_dir() => {
                return Err(error(io::Error::new(io::ErrorKind::IsADirectory, "it is a folder")));
            }
            Ok(metadata) if is_of_the_system(&path) || !metadata.is_file() => {
                Place::Direct(OpenOptions::new().write(true).open(&path).map_err(error)?)
            }
            Ok(metadata) if metadata.permissions().readonly() => {
                return Err(error(io::Error::new(io::ErrorKind::PermissionDenied, "it is read-only")));
            }
            _ => {
                let folder = folder_of(&path).map_err(error)?;
                // Checks that a file can be made there. It has no name, so nothing is left behind.
                tempfile::tempfile_in(folder).map_err(error)?;
                Place::File
            }
        };
        Ok(Self { path, place })
    }

    /// The file, in one form for all its names; `None` for stdout and devices.
    #[must_use]
    pub fn file(&self) -> Option<PathBuf> {
        file_at(&self.path)
    }

    /// Writes a document. Afterwards the file is complete and on disk, or unchanged.
    ///
    /// # Errors
    /// The disk is full, or the file cannot be replaced.
    pub fn write(self, document: &impl Serialize) -> Result<(), WriteError> {
        self.write_with(|out| crate::report::json::write(document, out))
    }

    /// Writes anything else. Afterwards the file is complete and on disk, or unchanged.
    ///
    /// # Errors
    /// The disk is full, the file cannot be replaced, or `write` fails.
    pub fn write_with(self, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<(), WriteError> {
        let Self { path, place } = self;
        let written = match place {
            Place::File => replace(&path, write),
            Place::Direct(file) => flushed(BufWriter::new(file), write),
            Place::Stdout => flushed(io::stdout().lock(), write),
        };
        written.map_err(|source| WriteError { path, source })
    }
}

/// Returns the file that `path` names, in one form for all its names; `None` for stdout and devices.
#[must_use]
pub fn file_at(path: &Path) -> Option<PathBuf> {
    let path = end_of_links(path).ok().filter(|path| path != Path::new(STDOUT) && !is_of_the_system(path))?;
    let folder = folder_of(&path).ok()?.canonicalize().ok()?;
    Some(folder.join(path.file_name()?))
}

/// Returns true for a device, and for a name that the operating system gives to an open file of the process; both are
/// written directly. Shared memory below `/dev` has files like any others.
#[must_use]
pub fn is_of_the_system(path: &Path) -> bool {
    (path.starts_with("/dev") && !path.starts_with("/dev/shm")) || path.starts_with("/proc")
}

/// Returns the target of a link, even if the target does not exist, so that the link stays a link.
fn end_of_links(path: &Path) -> io::Result<PathBuf> {
    let mut path = path.to_owned();
    for _ in 0..MOST_LINKS {
        if is_of_the_system(&path) {
            return Ok(path);
        }
        // A path that does not exist, or whose folder does not, is not a link.
        let Ok(target) = fs::read_link(&path) else { return Ok(path) };
        path = path.parent().unwrap_or(Path::new("")).join(target);
    }
    Err(io::Error::other("it is a link that leads back to itself"))
}

fn folder_of(path: &Path) -> io::Result<&Path> {
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    if folder.is_dir() {
        return Ok(folder);
    }
    let reason = format!("there is no folder `{}`", folder.display());
    Err(io::Error::new(io::ErrorKind::NotFound, reason))
}

fn flushed(mut out: impl Write, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
    write(&mut out)?;
    out.flush()
}

/// Writes a file without a name, and names it when it is complete and on disk.
fn replace(path: &Path, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
    let folder = folder_of(path)?;
    let mut unnamed = unnamed_in(folder)?;
    flushed(BufWriter::new(&mut unnamed), write)?;
    // The file gets the permissions of the file that it replaces, or of any new file.
    if let Ok(old) = fs::metadata(path) {
        unnamed.set_permissions(old.permissions())?;
    }
    unnamed.sync_all()?;
    match link(&unnamed, path) {
        Ok(()) => return Ok(()),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            // A temporary name, until the file takes the name of the old one.
            let named = temporary().make_in(folder, |name| link(&unnamed, name))?;
            return named.persist(path).map_err(Into::into);
        }
        Err(_) => {}
    }
    // If the operating system cannot name such a file, the content is copied into a file with a name.
    let mut named = temporary().tempfile_in(folder)?;
    io::Seek::rewind(&mut unnamed)?;
    io::copy(&mut unnamed, named.as_file_mut())?;
    named.as_file().set_permissions(unnamed.metadata()?.permissions())?;
    named.as_file().sync_all()?;
    named.persist(path)?;
    Ok(())
}

fn temporary() -> tempfile::Builder<'static, 'static> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(".plimsoll-").suffix(".tmp");
    builder
}

/// Creates a file without a name, with the permissions of any new file.
#[cfg(target_os = "linux")]
fn unnamed_in(folder: &Path) -> io::Result<File> {
    use rustix::fs::{Mode, OFlags, open};
    let flags = OFlags::TMPFILE | OFlags::RDWR | OFlags::CLOEXEC;
    match open(folder, flags, Mode::from_raw_mode(0o666)) {
        Ok(file) => Ok(file.into()),
        // Not every file system supports files without a name.
        Err(_) => tempfile::tempfile_in(folder),
    }
}

#[cfg(not(target_os = "linux"))]
fn unnamed_in(folder: &Path) -> io::Result<File> {
    tempfile::tempfile_in(folder)
}

/// Gives a file without a name a name that is not taken.
#[cfg(target_os = "linux")]
fn link(file: &File, name: &Path) -> io::Result<()> {
    use std::os::fd::AsRawFd;
    let open = format!("/proc/self/fd/{}", file.as_raw_fd());
    let flags = rustix::fs::AtFlags::SYMLINK_FOLLOW;
    Ok(rustix::fs::linkat(rustix::fs::CWD, open, rustix::fs::CWD, name, flags)?)
}

#[cfg(not(target_os = "linux"))]
fn link(_: &File, _: &Path) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_replaced_as_a_whole_and_nothing_is_left_beside_it() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("result.json");
        fs::write(&path, "old").expect("writable");
        let destination = Destination::reserve(&path).expect("writable");
        assert_eq!(fs::read_to_string(&path).expect("still there"), "old");
        destination.write(&[1, 2]).expect("writable");
        assert_eq!(fs::read_to_string(&path).expect("replaced"), "[\n  1,\n  2\n]\n");
        assert_eq!(fs::read_dir(folder.path()).expect("readable").count(), 1);
        Destination::reserve(&folder.path().join("new")).expect("writable").write(&[3]).expect("writable");
        assert_eq!(fs::read_to_string(folder.path().join("new")).expect("made"), "[\n  3\n]\n");
        assert_eq!(fs::read_dir(folder.path()).expect("readable").count(), 2);
    }

    #[test]
    fn nothing_lies_in_the_folder_until_the_result_is_written() {
        let folder = tempfile::tempdir().expect("a folder");
        let names = || fs::read_dir(folder.path()).expect("readable").count();
        let destination = Destination::reserve(&folder.path().join("result.json")).expect("writable");
        assert_eq!(names(), 0);
        let written = destination.write_with(|out| {
            assert!(!cfg!(target_os = "linux") || names() == 0, "a process that is killed now leaves a file");
            out.write_all(b"whole")?;
            Err(io::Error::other("the disk is full"))
        });
        assert!(written.is_err());
        assert_eq!(names(), 0);
    }

    #[test]
    fn a_file_keeps_its_permissions_and_a_new_one_has_the_usual() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().expect("a folder");
        let (private, new, usual) =
            (folder.path().join("a"), folder.path().join("b"), folder.path().join("c"));
        fs::write(&private, "old").expect("writable");
        fs::write(&usual, "").expect("writable");
        fs::set_permissions(&private, fs::Permissions::from_mode(0o600)).expect("ours");
        for path in [&private, &new] {
            Destination::reserve(path).expect("writable").write(&[1]).expect("writable");
        }
        let mode = |path: &Path| fs::metadata(path).expect("there").permissions().mode() & 0o777;
        assert_eq!((mode(&private), mode(&new)), (0o600, mode(&usual)));
    }

    #[test]
    fn a_link_to_nothing_is_followed_and_one_to_itself_is_an_error() {
        use std::os::unix::fs::symlink;
        let folder = tempfile::tempdir().expect("a folder");
        let of = |name: &str| folder.path().join(name);
        symlink("second", of("first")).expect("a link");
        symlink(of("1.json"), of("second")).expect("a link");
        Destination::reserve(&of("first")).expect("writable").write(&[1]).expect("writable");
        assert!(fs::symlink_metadata(of("first")).expect("there").is_symlink());
        assert!(fs::symlink_metadata(of("second")).expect("there").is_symlink());
        assert_eq!(fs::read_to_string(of("1.json")).expect("made"), "[\n  1\n]\n");
        symlink("loop", of("loop")).expect("a link");
        let error = Destination::reserve(&of("loop")).expect_err("a loop");
        assert!(error.source.to_string().contains("itself"), "{error:?}");
        assert!(fs::symlink_metadata(of("loop")).expect("there").is_symlink());
        symlink("nowhere/1.json", of("astray")).expect("a link");
        assert!(Destination::reserve(&of("astray")).is_err());
    }

    #[test]
    fn a_reservation_that_is_not_used_leaves_nothing() {
        let folder = tempfile::tempdir().expect("a folder");
        drop(Destination::reserve(&folder.path().join("result.json")).expect("writable"));
        assert_eq!(fs::read_dir(folder.path()).expect("readable").count(), 0);
    }

    #[test]
    fn what_cannot_be_written_is_known_before_the_run() {
        let folder = tempfile::tempdir().expect("a folder");
        for path in [folder.path().to_owned(), folder.path().join("nowhere/result.json")] {
            let error = Destination::reserve(&path).expect_err("not writable").to_string();
            assert!(error.contains(&path.display().to_string()), "{error}");
        }
    }

    #[test]
    fn a_link_stays_a_link() {
        let folder = tempfile::tempdir().expect("a folder");
        let (file, link) = (folder.path().join("1.json"), folder.path().join("latest.json"));
        fs::write(&file, "old").expect("writable");
        std::os::unix::fs::symlink(&file, &link).expect("a link");
        Destination::reserve(&link).expect("writable").write(&[1]).expect("writable");
        assert!(fs::symlink_metadata(&link).expect("there").is_symlink());
        assert_eq!(fs::read_to_string(&file).expect("replaced"), "[\n  1\n]\n");
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_full_disk_is_an_error_and_the_device_stays() {
        let full = Path::new("/dev/full");
        let error = Destination::reserve(full).expect("a device").write(&[1]).expect_err("no room");
        assert!(error.source.to_string().contains("No space left"), "{error:?}");
        assert!(!fs::metadata(full).expect("still there").is_file());
    }
}

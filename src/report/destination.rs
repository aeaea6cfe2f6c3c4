//! A file that a result is written to, whole or not at all.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, BufWriter, Write},
    path::{Path, PathBuf},
};

use serde::Serialize;
use tempfile::NamedTempFile;

/// A place for a result, known to be writable before the run that makes it.
#[derive(Debug)]
pub struct Destination {
    path: PathBuf,
    place: Place,
}

#[derive(Debug)]
enum Place {
    /// Beside the file that it will replace.
    Temporary(NamedTempFile),
    /// A device or a pipe: nothing that could be replaced.
    Direct(File),
}

/// Why a result cannot be written.
#[derive(Debug, thiserror::Error)]
#[error("cannot write the result to `{}`", path.display())]
pub struct WriteError {
    path: PathBuf,
    source: io::Error,
}

impl Destination {
    /// Reserves a place for `path`. A file that is there stays as it is until the result is written.
    ///
    /// # Errors
    /// When the folder is not there, cannot be written to, or `path` is a folder.
    pub fn reserve(path: &Path) -> Result<Self, WriteError> {
        let error = |source| WriteError { path: path.to_owned(), source };
        // A link stays a link: what it points to is replaced. Those of the system point to whatever
        // the process has open, which must be written to as it is.
        let is_device = path.starts_with("/dev") || path.starts_with("/proc");
        let path = match fs::canonicalize(path) {
            Ok(target) if !is_device => target,
            _ => path.to_owned(),
        };
        let path = path.as_path();
        let place = match fs::metadata(path) {
            Ok(metadata) if metadata.is_dir() => {
                return Err(error(io::Error::new(io::ErrorKind::IsADirectory, "it is a folder")));
            }
            Ok(metadata) if is_device || !metadata.is_file() => {
                Place::Direct(OpenOptions::new().write(true).open(path).map_err(error)?)
            }
            Ok(metadata) if metadata.permissions().readonly() => {
                return Err(error(io::Error::new(io::ErrorKind::PermissionDenied, "it is read-only")));
            }
            _ => Place::Temporary(temporary_beside(path).map_err(error)?),
        };
        Ok(Self { path: path.to_owned(), place })
    }

    /// Writes a document: afterwards the file is there, whole and on disk, or is what it was.
    ///
    /// # Errors
    /// When the disk is full, or the file cannot be replaced.
    pub fn write(self, document: &impl Serialize) -> Result<(), WriteError> {
        self.write_with(|out| super::json::write(document, out))
    }

    /// Writes anything else: afterwards the file is there, whole and on disk, or is what it was.
    ///
    /// # Errors
    /// When the disk is full, the file cannot be replaced, or `write` fails.
    pub fn write_with(self, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<(), WriteError> {
        let Self { path, place } = self;
        let written = match place {
            Place::Temporary(file) => replace(file, &path, write),
            Place::Direct(file) => flushed(BufWriter::new(file), write),
        };
        written.map_err(|source| WriteError { path, source })
    }
}

fn temporary_beside(path: &Path) -> io::Result<NamedTempFile> {
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    if !folder.is_dir() {
        let reason = format!("there is no folder `{}`", folder.display());
        return Err(io::Error::new(io::ErrorKind::NotFound, reason));
    }
    let mut builder = tempfile::Builder::new();
    builder.prefix(".plimsoll-").suffix(".tmp");
    // A temporary file is private by default; a result is as public as any other new file.
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    builder.tempfile_in(folder)
}

fn flushed(mut out: impl Write, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
    write(&mut out)?;
    out.flush()
}

fn replace(
    mut file: NamedTempFile,
    path: &Path,
    write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> io::Result<()> {
    flushed(BufWriter::new(file.as_file_mut()), write)?;
    file.as_file().sync_all()?;
    file.persist(path)?;
    Ok(())
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

    #[cfg(unix)]
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

//! Whether this process can open what a runtime needs: tokio panics where it cannot set up its signals.

use std::io;

/// Descriptors that are free before a runtime is built: two for signals, two for events, and some to spare.
const NEEDED: usize = 6;

/// Checks that a runtime can be built.
///
/// # Errors
/// When this process may not open enough files: with the limit, and the way out.
pub(crate) fn check() -> io::Result<()> {
    use std::os::unix::net::UnixStream;
    let pairs: io::Result<Vec<_>> = (0..NEEDED / 2).map(|_| UnixStream::pair()).collect();
    pairs.map(|_| ()).map_err(|error| {
        let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile).current;
        let limit = limit.map_or_else(|| "unlimited".to_owned(), |limit| limit.to_string());
        io::Error::new(
            error.kind(),
            format!("{error}; this process may open {limit} files at once: raise that with `ulimit -n 1024`"),
        )
    })
}

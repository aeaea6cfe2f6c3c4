//! Check for free file descriptors. Tokio panics if it cannot open the descriptors that a runtime needs.

use std::io;

/// Descriptors that must be free before a runtime starts: two for signals, two for events, and two spare.
const NEEDED: usize = 6;

/// Checks that a runtime can be built.
///
/// # Errors
/// Fails if this process may not open enough files. The error contains the limit and the way out.
pub(crate) fn check() -> io::Result<()> {
    use std::os::unix::net::UnixStream;
    let pairs: io::Result<Vec<_>> = (0..NEEDED / 2).map(|_| UnixStream::pair()).collect();
    pairs.map(|_| ()).map_err(|error| {
        let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile).current;
        let limit = limit.map_or_else(|| "unlimited".to_owned(), |limit| limit.to_string());
        io::Error::new(
            error.kind(),
            format!(
                "{error}; this process may open {limit} files at once; raise the limit with `ulimit -n 1024`"
            ),
        )
    })
}

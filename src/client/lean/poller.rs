//! Waits for sockets and for the time, to the nanosecond where the system can.

use std::{io, os::fd::AsFd, time::Duration};

use rustix::event::Timespec;

/// What has become possible.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ready {
    /// Under which the socket was added.
    pub(crate) key: u64,
    /// Whether it can be read from, or has come to its end.
    pub(crate) is_readable: bool,
    /// Whether it can be written to, or has failed.
    pub(crate) is_writable: bool,
}

#[cfg(target_os = "linux")]
pub(crate) use epoll::Poller;
#[cfg(not(target_os = "linux"))]
pub(crate) use poll::Poller;

fn timespec(timeout: Duration) -> Timespec {
    Timespec {
        tv_sec: i64::try_from(timeout.as_secs()).unwrap_or(i64::MAX),
        tv_nsec: i64::from(timeout.subsec_nanos()),
    }
}

#[cfg(target_os = "linux")]
mod epoll {
    use std::{num::NonZeroU64, os::fd::OwnedFd};

    use rustix::{
        buffer::spare_capacity,
        event::epoll::{self, CreateFlags, Event, EventData, EventFlags},
        thread::set_current_timer_slack,
    };

    use super::{AsFd, Duration, Ready, io, timespec};

    /// Sockets whose state is told at once. More are told by the next wait.
    const EVENTS: usize = 256;

    /// Linux's epoll(7), level-triggered. A socket that is closed is forgotten.
    pub(crate) struct Poller {
        epoll: OwnedFd,
        events: Vec<Event>,
    }

    impl std::fmt::Debug for Poller {
        fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            formatter.debug_struct("Poller").field("epoll", &self.epoll).finish_non_exhaustive()
        }
    }

    impl Poller {
        /// For the thread that calls this: its waits end on time, and not up to 50 us later, which is
        /// what Linux allows itself otherwise to save wake-ups.
        ///
        /// # Errors
        /// When there is no file descriptor left.
        pub(crate) fn new() -> io::Result<Self> {
            // Where it is not allowed, waits end a little later.
            let _ = set_current_timer_slack(NonZeroU64::new(1));
            Ok(Self { epoll: epoll::create(CreateFlags::CLOEXEC)?, events: Vec::with_capacity(EVENTS) })
        }

        pub(crate) fn add(&mut self, socket: impl AsFd, key: u64, writes: bool) -> io::Result<()> {
            Ok(epoll::add(&self.epoll, socket, EventData::new_u64(key), flags(writes))?)
        }

        /// Changes whether it is of interest that the socket can be written to.
        pub(crate) fn change(&mut self, socket: impl AsFd, key: u64, writes: bool) -> io::Result<()> {
            Ok(epoll::modify(&self.epoll, socket, EventData::new_u64(key), flags(writes))?)
        }

        /// Waits until a socket is ready, and no longer than `timeout`.
        pub(crate) fn wait(&mut self, timeout: Option<Duration>) -> io::Result<()> {
            self.events.clear();
            let timeout = timeout.map(timespec);
            match epoll::wait(&self.epoll, spare_capacity(&mut self.events), timeout.as_ref()) {
                Ok(_) | Err(rustix::io::Errno::INTR) => Ok(()),
                Err(error) => Err(error.into()),
            }
        }

        /// What the last wait brought: number `index` of it.
        pub(crate) fn ready(&self, index: usize) -> Option<Ready> {
            // A packed struct: its parts can be copied, and not be borrowed.
            let Event { flags, data } = *self.events.get(index)?;
            let failed = EventFlags::ERR | EventFlags::HUP;
            Some(Ready {
                key: data.u64(),
                is_readable: flags.intersects(EventFlags::IN | failed),
                is_writable: flags.intersects(EventFlags::OUT | failed),
            })
        }
    }

    fn flags(writes: bool) -> EventFlags {
        if writes { EventFlags::IN | EventFlags::OUT } else { EventFlags::IN }
    }
}

/// For systems without epoll; in tests, so that it is not left unproven.
#[cfg(any(test, not(target_os = "linux")))]
mod poll {
    use std::os::fd::OwnedFd;

    use rustix::event::{PollFd, PollFlags};

    use super::{AsFd, Duration, Ready, io, timespec};

    /// poll(2) over duplicates of the sockets. The time of a wait grows with their number.
    #[derive(Debug)]
    pub(crate) struct Poller {
        sockets: Vec<(u64, OwnedFd, bool)>,
        ready: Vec<Ready>,
    }

    #[cfg_attr(target_os = "linux", allow(clippy::unnecessary_wraps, reason = "as the other one"))]
    impl Poller {
        pub(crate) fn new() -> io::Result<Self> {
            Ok(Self { sockets: Vec::new(), ready: Vec::new() })
        }

        pub(crate) fn add(&mut self, socket: impl AsFd, key: u64, writes: bool) -> io::Result<()> {
            self.sockets.push((key, socket.as_fd().try_clone_to_owned()?, writes));
            Ok(())
        }

        pub(crate) fn change(&mut self, _: impl AsFd, key: u64, writes: bool) -> io::Result<()> {
            if let Some(socket) = self.sockets.iter_mut().find(|socket| socket.0 == key) {
                socket.2 = writes;
            }
            Ok(())
        }

        /// Forgets a socket. Epoll does so by itself when it is closed.
        pub(crate) fn remove(&mut self, key: u64) {
            self.sockets.retain(|socket| socket.0 != key);
        }

        pub(crate) fn wait(&mut self, timeout: Option<Duration>) -> io::Result<()> {
            let flags = |writes| if writes { PollFlags::IN | PollFlags::OUT } else { PollFlags::IN };
            let mut polled: Vec<_> =
                self.sockets.iter().map(|(_, socket, writes)| PollFd::new(socket, flags(*writes))).collect();
            self.ready.clear();
            match rustix::event::poll(&mut polled, timeout.map(timespec).as_ref()) {
                Ok(_) => {}
                Err(rustix::io::Errno::INTR) => return Ok(()),
                Err(error) => return Err(error.into()),
            }
            let failed = PollFlags::ERR | PollFlags::HUP | PollFlags::NVAL;
            for ((key, ..), polled) in self.sockets.iter().zip(polled) {
                let happened = polled.revents();
                if !happened.is_empty() {
                    self.ready.push(Ready {
                        key: *key,
                        is_readable: happened.intersects(PollFlags::IN | failed),
                        is_writable: happened.intersects(PollFlags::OUT | failed),
                    });
                }
            }
            Ok(())
        }

        pub(crate) fn ready(&self, index: usize) -> Option<Ready> {
            self.ready.get(index).copied()
        }
    }
}

#[cfg(target_os = "linux")]
impl Poller {
    /// Nothing is to be done: the kernel forgets a socket that is closed.
    #[expect(clippy::unused_self, reason = "elsewhere it must be told")]
    pub(crate) fn remove(&mut self, _: u64) {}
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{io::Write, os::unix::net::UnixStream, time::Instant};

    macro_rules! waits_for_sockets_and_time {
        ($name:ident, $poller:ty) => {
            #[test]
            fn $name() {
                let (mut near, far) = UnixStream::pair().expect("sockets");
                let mut poller = <$poller>::new().expect("a descriptor");
                poller.add(&far, 7, false).expect("added");
                let since = Instant::now();
                poller.wait(Some(Duration::from_micros(1_500))).expect("it waits");
                assert!(since.elapsed() >= Duration::from_micros(1_500));
                assert_eq!(poller.ready(0), None);
                near.write_all(b"x").expect("written");
                poller.wait(None).expect("it waits");
                assert_eq!(poller.ready(0), Some(Ready { key: 7, is_readable: true, is_writable: false }));
                poller.change(&far, 7, true).expect("changed");
                poller.wait(None).expect("it waits");
                assert_eq!(poller.ready(0), Some(Ready { key: 7, is_readable: true, is_writable: true }));
                poller.remove(7);
                drop(far);
                poller.wait(Some(Duration::ZERO)).expect("it waits");
                assert_eq!(poller.ready(0), None);
            }
        };
    }

    waits_for_sockets_and_time!(the_systems_poller_waits_for_sockets_and_time, Poller);
    waits_for_sockets_and_time!(the_other_poller_does_too, poll::Poller);
}

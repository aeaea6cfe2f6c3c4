//! The server under test: its address, and server processes that a command starts and stops.

mod child;
pub(crate) mod descriptors;
mod program;
mod processes;
mod leftovers;
pub(crate) mod place;
pub mod tls;
mod located;
pub mod target;

pub use child::{ChildError, ChildServer};
pub(crate) use descriptors::check;
pub use leftovers::Leftovers;
pub use located::{CONNECT_TIMEOUT, ConnectSettings, LocateError, Located, Origin};
pub use place::Place;
pub(crate) use processes::{process_ids, processes};
pub use program::{Program, ProgramError, ServerProcess, StartError, is_lack_of_means};
pub use target::{Target, TargetError};
pub use tls::{CertificateFileError, Identity, MadeCertificates, Tls, TlsError, TlsSettings};

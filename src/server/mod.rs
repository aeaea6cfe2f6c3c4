//! The reference server: `example.FormatData/DoFormat`, health and reflection, over bound listeners.
//!
//! The server parses no flags, handles no signals and prints nothing. [`serve()`] takes listeners, a
//! [`Config`] and a future that ends when the drain starts.

pub mod config;
mod connection;
mod bounded;
mod delays;
mod artificial_cost;
mod tls;
mod listener;
mod incoming;
mod instructions;
mod metadata;
mod service;
pub mod serve;
mod in_process;

pub use config::{Bounds, Config, Windows};
pub use connection::Cut;
pub use in_process::ReferenceServer;
pub use instructions::{DELAY_KEY, MESSAGE_KEY, REPLY_SIZE_KEY, STATUS_KEY};
pub use listener::{Listener, bind};
pub use serve::{serve, serve_on, serve_until};
pub use tls::ServerTls;

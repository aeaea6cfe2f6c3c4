//! Pages as HTML: one file per document, which opens without a network, without a script, and on any screen.

mod figure;
pub mod skeleton;

pub use skeleton::write;

//! The method that a run drives.

use std::sync::Arc;

/// A unary method.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Method {
    path: Arc<str>,
}

impl Method {
    /// The built-in method `example.FormatData/DoFormat`.
    #[must_use]
    pub fn format_data() -> Self {
        Self { path: super::format_data::PATH.into() }
    }

    /// Path of the method in a request, such as `/example.FormatData/DoFormat`.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }
}

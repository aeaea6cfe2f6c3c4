//! The method that a run drives.

use std::sync::Arc;

use super::{name::MethodName, schema::Types};

/// A unary method.
#[derive(Debug, Clone, PartialEq)]
pub struct Method {
    path: Arc<str>,
    types: Option<Arc<Types>>,
    /// True for the built-in method, whose messages are made from texts.
    is_built_in: bool,
}

impl Method {
    /// The built-in method `example.FormatData/DoFormat`.
    #[must_use]
    pub fn format_data() -> Self {
        Self { path: super::format_data::PATH.into(), types: None, is_built_in: true }
    }

    /// A method with these types; without types, its messages are only bytes.
    #[must_use]
    pub fn new(name: &MethodName, types: Option<Types>) -> Self {
        Self { path: format!("/{name}").into(), types: types.map(Arc::new), is_built_in: false }
    }

    /// Returns true for the built-in method, whose messages are made from texts.
    #[must_use]
    pub fn is_built_in(&self) -> bool {
        self.is_built_in
    }

    /// Path of the method in a request, such as `/example.FormatData/DoFormat`.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Types of request and reply, shared, if they are known.
    #[must_use]
    pub fn shared_types(&self) -> Option<&Arc<Types>> {
        self.types.as_ref()
    }

    /// Types of request and reply, if they are known.
    #[must_use]
    pub fn types(&self) -> Option<&Types> {
        self.types.as_deref()
    }
}

//! Removal of secrets from server texts: a server may repeat a caller's secrets.

use super::{document::Limits, error::LimitsError};
use crate::rpc::metadata::Secrets;

impl Limits {
    /// Hides the secrets of a search in all texts of the server.
    pub(super) fn hide(&mut self, secrets: &Secrets) {
        for record in &mut self.limits {
            let compressed = record.compressed.as_mut().and_then(|compressed| compressed.message.as_mut());
            let texts = [record.message.as_mut(), record.detail.as_mut(), compressed];
            texts.into_iter().flatten().for_each(|text| secrets.hide(text));
        }
        for finding in &mut self.findings {
            secrets.hide(&mut finding.detail);
        }
        if let Some(why) = &mut self.ended_early {
            secrets.hide(why);
        }
    }
}

impl LimitsError {
    /// Returns the error without secrets.
    pub(super) fn without(mut self, secrets: &Secrets) -> Self {
        if let Self::Mute { what, .. } = &mut self {
            secrets.hide(what);
        }
        self
    }
}

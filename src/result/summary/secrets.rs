//! Removal of secrets from server texts: a server may repeat a caller's secrets.

use super::document::Summary;
use crate::rpc::metadata::Secrets;

impl Summary {
    /// Hides the secrets of a run in all texts of its server.
    pub(super) fn hide(&mut self, secrets: &Secrets) {
        for status in &mut self.statuses {
            secrets.hide(&mut status.message);
        }
        for refusal in &mut self.refusals {
            secrets.hide(&mut refusal.message);
        }
        for difference in &mut self.wrong_replies {
            secrets.hide(&mut difference.expected);
            secrets.hide(&mut difference.got);
        }
        for finding in &mut self.soundness.findings {
            secrets.hide(&mut finding.detail);
        }
    }
}

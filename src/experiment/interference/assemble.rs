//! Assembly of the document from rounds.

use super::{
    document::{Impact, Interference, RefusedSize, Round},
    findings, impact,
};
use crate::{
    measure::Build,
    result::{document::DocumentKind, summary::Summary},
};

impl Interference {
    /// Returns the comparison that these rounds give.
    #[must_use]
    pub fn new(
        label: Option<String>,
        refused_sizes: Vec<RefusedSize>,
        fresh_servers: bool,
        rounds: Vec<Round>,
        unpaired: Vec<Summary>,
    ) -> Self {
        let is_refused = |size: u64| refused_sizes.iter().any(|refused| refused.message_bytes == size);
        let withouts: Vec<&Summary> = rounds.iter().map(|round| &round.without).collect();
        let withs: Vec<&Summary> = rounds.iter().map(|round| &round.with).collect();
        let (mut without, with) = (impact::arm(&withouts, &is_refused), impact::arm(&withs, &is_refused));
        // A process reports its peak since its start. Only the first run ended before any refused call.
        if let Some(without) = without.as_mut().filter(|_| !fresh_servers) {
            without.server_peak_rss_bytes =
                withouts.first().and_then(|summary| summary.cost.server_peak_rss_bytes);
        }
        let damage = (!rounds.is_empty()).then(|| Impact::of(&rounds));
        let mut own = Self {
            schema: DocumentKind::Interference.schema().to_owned(),
            plimsoll: Build::this(),
            label,
            refused_sizes,
            fresh_servers,
            without,
            with,
            damage,
            findings: Vec::new(),
            rounds,
            unpaired,
        };
        own.findings = findings::of(&own);
        own
    }
}

//! Meaning of the differences, in plain words.

use super::document::{Interference, PooledSide, Ratio};
use crate::{
    result::{Finding, FindingKind, Rating},
    units::{
        ByteSize, as_f64, counted, decimal, format_nanoseconds, format_share, format_throughput, grouped,
    },
};

/// Share of a latency or of CPU time that a change must exceed for a finding.
const NOTED: f64 = 0.1;

/// Share of the time that waiting must exceed for a finding; a few large messages cost less than this.
const WAITING_NOTED: f64 = 0.01;

/// Share of the server's memory that growth must exceed for a finding.
const MEMORY_NOTED: f64 = 0.1;

/// Returns the findings for this comparison.
pub(super) fn of(neighbours: &Interference) -> Vec<Finding> {
    let Interference { without: Some(without), with: Some(with), .. } = neighbours else { return Vec::new() };
    let mut findings = Vec::new();
    latency(neighbours, with, &mut findings);
    calls(without, with, &mut findings);
    connections(without, with, &mut findings);
    server(neighbours, without, with, &mut findings);
    soundness(neighbours, &mut findings);
    findings
}

fn finding(kind: FindingKind, detail: String, advice: &str) -> Finding {
    Finding::note(kind, detail, advice)
}

fn latency(neighbours: &Interference, with: &PooledSide, findings: &mut Vec<Finding>) {
    let Some(damage) = &neighbours.damage else { return };
    let rounds = neighbours.rounds.len();
    let described = |ratio: &Ratio| {
        format!(
            "{} of the response time is {} times what it is without refused calls (geometric mean; {} to {} in {rounds} rounds): {} instead of {}",
            ratio.name,
            decimal(ratio.ratio),
            decimal(ratio.lowest),
            decimal(ratio.highest),
            time(ratio.with_ns),
            time(ratio.without_ns),
        )
    };
    // The maximum of a few rounds varies too much.
    let quantiles = || damage.response.iter().filter(|ratio| ratio.name != "max");
    let worst = quantiles()
        .filter(|ratio| ratio.lowest > 1.0 + NOTED)
        .max_by(|left, right| left.ratio.total_cmp(&right.ratio));
    if quantiles().next().is_none() {
        findings.push(finding(
            FindingKind::TooFewReplies,
            "no quantile has enough replies in each round to be compared: the median needs 5".to_owned(),
            "give a longer --duration or a higher --rate; or accepted calls are not answered next to refused ones",
        ));
    } else if let Some(worst) = worst {
        let advice = if with.out_of_window.is_some_and(|share| share > WAITING_NOTED) {
            "use separate connections for large messages: they use up the HTTP/2 window of small ones"
        } else {
            "check sizes before the call, or use separate connections for large messages"
        };
        findings.push(finding(FindingKind::SlowerBesideRefused, described(worst), advice));
    } else {
        let range =
            |ratio: &Ratio| format!("{} {} to {}", ratio.name, decimal(ratio.lowest), decimal(ratio.highest));
        let ranges: Vec<String> = quantiles().map(range).collect();
        findings.push(finding(
                FindingKind::NoSlowerBesideRefused,
                format!(
                    "no quantile of the response time was more than {} longer in all of {rounds} rounds (ratios: {})",
                    format_share(NOTED),
                    ranges.join(", ")
                ),
                "",
            ));
    }
    let mut runs = neighbours.rounds.iter().map(|round| &round.with.soundness.findings);
    let holds_back =
        runs.any(|findings| findings.iter().any(|finding| finding.is(FindingKind::UploadsHeldBack)));
    let mut late = damage.lateness.iter().filter(|ratio| ratio.name != "max").filter_map(|late| {
        let response = damage.response(&late.name)?;
        let grown = |ratio: &Ratio| ratio.with_ns.saturating_sub(ratio.without_ns);
        let (own, all) = (grown(late), grown(response));
        (all > response.without_ns / 10 && own > all / 2).then_some((late, own, all))
    });
    if let Some((ratio, own, all)) = late.next_back() {
        findings.push(finding(
            FindingKind::GeneratorsShare,
            format!(
                "up to {} of the {} by which {} grew is the generator's own lateness: it also sends the large messages",
                time(own.min(all)),
                time(all),
                ratio.name
            ),
            if holds_back {
                "the stub client holds calls back while the server reads refused requests (uploads_held_back); --client lean does not"
            } else {
                "more --workers and --connections reduce lateness; service time excludes it"
            },
        ));
    }
}

fn calls(without: &PooledSide, with: &PooledSide, findings: &mut Vec<Finding>) {
    let lost = |arm: &PooledSide| {
        let lost = arm.calls.planned.saturating_sub(arm.calls.outcomes.answered);
        (lost, as_f64(lost) / as_f64(arm.calls.planned.max(1)))
    };
    let ((before, _), (after, share)) = (lost(without), lost(with));
    if after > before {
        findings.push(finding(
            FindingKind::CallsLost,
            format!(
                "{} of the accepted calls ({}) were not answered next to refused ones, and {} without them",
                grouped(after),
                format_share(share),
                grouped(before)
            ),
            "see the outcomes of the rounds",
        ));
    }
}

fn connections(without: &PooledSide, with: &PooledSide, findings: &mut Vec<Finding>) {
    if let (Some(before), Some(after)) = (without.lost_connections, with.lost_connections)
        && after > before
    {
        findings.push(finding(
            FindingKind::ConnectionsLost,
            format!(
                "{} lost next to refused calls, and {} without them",
                counted(after, "connection"),
                grouped(before)
            ),
            "a refusal ends other calls too: use separate connections for large messages",
        ));
    }
    let waits = [
        (
            FindingKind::WindowUsedUp,
            "for room in their connection's window",
            without.out_of_window,
            with.out_of_window,
        ),
        (FindingKind::ServerDidNotRead, "because the server did not read", without.held_up, with.held_up),
    ];
    for (name, why, before, after) in waits {
        if let (Some(before), Some(after)) = (before, after)
            && after > before + WAITING_NOTED
        {
            findings.push(finding(
                name,
                format!(
                    "requests waited {why} for {} of the time next to refused calls, and {} without them",
                    format_share(after.min(1.0)),
                    format_share(before.min(1.0))
                ),
                "uploads of refused messages delay accepted calls on the same connection",
            ));
        }
    }
    if let Some(bytes) = with.uploaded_in_vain_bytes_per_second.filter(|bytes| *bytes >= 1.0) {
        findings.push(finding(
            FindingKind::UploadedInVain,
            format!("refused calls uploaded {} for nothing", format_throughput(bytes)),
            "check sizes before the call; the server's HTTP/2 window bounds such uploads",
        ));
    }
}

fn server(neighbours: &Interference, without: &PooledSide, with: &PooledSide, findings: &mut Vec<Finding>) {
    if let (Some(before), Some(after)) = (without.server_cores, with.server_cores)
        && after > before * (1.0 + NOTED)
    {
        findings.push(finding(
            FindingKind::ServerWorksMore,
            format!(
                "the server used {} cores next to refused calls, and {} without them",
                decimal(after),
                decimal(before)
            ),
            "",
        ));
    }
    let has_grown = |before: u64, after: u64| as_f64(after) > as_f64(before) * (1.0 + MEMORY_NOTED);
    if let (Some(before), Some(after)) = (without.server_peak_rss_bytes, with.server_peak_rss_bytes)
        && has_grown(before, after)
    {
        let since = if neighbours.fresh_servers { "" } else { ", in all the time since it started" };
        findings.push(finding(
            FindingKind::ServerMemory,
            format!(
                "the server had up to {} of memory with refused calls, and {} before them{since}",
                mebibytes(after),
                mebibytes(before)
            ),
            "",
        ));
    }
}

fn soundness(neighbours: &Interference, findings: &mut Vec<Finding>) {
    let runs = neighbours.rounds.iter().flat_map(|round| [&round.without, &round.with]);
    // A rate that is not reached next to refused calls is itself the impact.
    let unsound = runs.filter(|summary| summary.soundness.verdict == Rating::Unsound);
    let mut names: Vec<&str> = Vec::new();
    let mut count = 0;
    for summary in unsound {
        count += 1;
        // Only the most serious findings count: notes explain figures, and make no run unsound.
        let all = &summary.soundness.findings;
        let gravest = all.iter().map(|finding| finding.weight).min();
        let of_these = all.iter().filter(|finding| Some(finding.weight) == gravest);
        names.extend(of_these.map(|finding| finding.name.as_str()));
    }
    names.sort_unstable();
    names.dedup();
    if count > 0 {
        findings.push(finding(
            FindingKind::UnsoundRuns,
            format!("{count} of {} runs were not sound ({})", neighbours.rounds.len() * 2, names.join(", ")),
            "the soundness of each run is in the result (-o FILE, or -O json)",
        ));
    }
}

fn time(nanoseconds: u64) -> String {
    format_nanoseconds(as_f64(nanoseconds))
}

fn mebibytes(bytes: u64) -> String {
    ByteSize(bytes.div_ceil(1 << 20) << 20).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        experiment::interference::document::Round,
        result::{Weight, summary::Summary},
    };

    #[test]
    fn notes_are_no_reasons_for_unsound_runs() {
        let golden = || {
            let text = include_str!("../../../tests/data/documents/summary.json");
            Summary::read(text.as_bytes()).expect("a result")
        };
        let mut with = golden();
        with.soundness.verdict = Rating::Unsound;
        let reason = |kind, weight| Finding::new(kind, weight, "", "");
        with.soundness.findings = vec![
            reason(FindingKind::FewSamples, Weight::Note),
            reason(FindingKind::OtherLoad, Weight::Warning),
        ];
        let mut without = golden();
        without.soundness.verdict = Rating::Sound;
        without.soundness.findings = vec![reason(FindingKind::SizeRounded, Weight::Note)];
        let rounds = vec![Round { with_came_first: false, without, with }];
        let neighbours = Interference::new(None, Vec::new(), true, rounds, Vec::new());
        let found = neighbours.findings.iter().find(|finding| finding.name == "unsound_runs");
        assert_eq!(found.expect("said").detail, "1 of 2 runs were not sound (other_load)");
    }
}

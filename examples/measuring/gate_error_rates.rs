//! Error rates of the gate, as Markdown, from the repetitions that `scripts/gate-proof/collect` kept.
//!
//! `gate_error_rates FOLDER [GATES]` makes this number of gates (2,000) per condition, by drawing repetitions
//! from all recorded ones of the condition. The gates are judged by the library's own rule, and by other rules
//! for comparison.

use std::{collections::BTreeMap, fs::File, path::Path};

use plimsoll::{
    experiment::gate::{
        DEFAULT_REPETITIONS, DEFAULT_THRESHOLD, GateMetric, LEVEL, MetricVerdict, Repetition, Sample,
        Thresholds, Verdict, Word, judge,
    },
    statistics::{RankSum, SignedRank, hodges_lehmann, median},
};

/// A rule that returns true if the candidate is worse, from a gate's repetitions of the first run and of the
/// second.
type Rule = fn(&[Repetition], &[Repetition]) -> bool;

/// Name of the library's rule.
const THE_GATE: &str = "**the gate**";

/// Method of drawing a gate's repetitions.
#[derive(Clone, Copy)]
enum Drawn {
    /// Independently, from all recorded repetitions.
    Apart,
    /// In a row, as recorded, so that drift of the machine stays.
    InARow,
}

use Drawn::{Apart, InARow};

const RULES: [(&str, Drawn, Rule); 9] = [
    (THE_GATE, Apart, the_gate),
    ("the gate, without its second run", Apart, |first, _| flagged(first).contains(&true)),
    ("the gate, two of three metrics must agree", Apart, |first, second| {
        agree(&flagged(first)) && agree(&flagged(second))
    }),
    ("the gate, with the whole threshold as the bound", Apart, |first, second| {
        whole_threshold(first) && whole_threshold(second)
    }),
    ("the gate, without a bound: p < .01 is enough", Apart, |first, second| {
        no_bound(first) && no_bound(second)
    }),
    ("slices as the unit: rank sum over all, p < .01 in any metric", InARow, |first, _| {
        slices_as_unit(first)
    }),
    ("10 runs, then 10 runs: rank sum over runs, p < .05 in calls/s", InARow, one_after_the_other),
    ("one run against one run: 10 % fewer calls/s", Apart, |first, _| {
        one_run(&first[0], 0.10, &[GateMetric::CallsPerSecond])
    }),
    ("one run against one run: 5 % worse in any metric", Apart, |first, _| {
        one_run(&first[0], 0.05, &GateMetric::JUDGED)
    }),
];

fn the_gate(first: &[Repetition], second: &[Repetition]) -> bool {
    let (one, other) = (judged(first), judged(second));
    regressed(&one, &other)
}

/// Returns true if both runs show a regression of one metric, and no metric abstains.
fn regressed(one: &[MetricVerdict], other: &[MetricVerdict]) -> bool {
    let is_noisy = |metric: &MetricVerdict| metric.noise.is_some_and(|noise| noise.flagged);
    let is_worse = |metric: &MetricVerdict| metric.verdict == Word::Regressed;
    !one.iter().chain(other).any(is_noisy)
        && one.iter().zip(other).any(|(one, other)| is_worse(one) && is_worse(other))
}

/// Returns true if a gate of five scenarios fails. The last scenario is drawn from `changed` and the others
/// from `same`, because the default gate has five scenarios.
fn of_five(changed: &Recorded, same: &Recorded, random: &mut Random) -> bool {
    let mut first: Vec<Vec<Repetition>> = Vec::new();
    let mut second = Vec::new();
    for recorded in [same, same, same, same, changed] {
        let [one, other] = recorded.draw(random);
        first.push(one);
        second.push(other);
    }
    let thresholds = Thresholds::all(DEFAULT_THRESHOLD);
    let judged = |runs: &[&Vec<Repetition>]| {
        let samples: Vec<Sample<'_>> =
            runs.iter().map(|repetitions| Sample { thresholds: &thresholds, repetitions }).collect();
        judge(&samples)
    };
    let said = judged(&first.iter().collect::<Vec<_>>());
    let is_flagged =
        |metrics: &[MetricVerdict]| metrics.iter().any(|metric| metric.verdict == Word::Regressed);
    let flagged: Vec<usize> = (0..said.len()).filter(|index| is_flagged(&said[*index])).collect();
    let again = judged(&flagged.iter().map(|index| &second[*index]).collect::<Vec<_>>());
    flagged.iter().zip(&again).any(|(index, again)| regressed(&said[*index], again))
}

fn judged(repetitions: &[Repetition]) -> Vec<MetricVerdict> {
    let thresholds = Thresholds::all(DEFAULT_THRESHOLD);
    judge(&[Sample { thresholds: &thresholds, repetitions }]).pop().unwrap_or_default()
}

fn flagged(repetitions: &[Repetition]) -> Vec<bool> {
    judged(repetitions).iter().map(|metric| metric.verdict == Word::Regressed).collect()
}

fn agree(flags: &[bool]) -> bool {
    flags.iter().filter(|flag| **flag).count() >= 2
}

fn cost(metric: &MetricVerdict) -> f64 {
    let logarithm = metric.ratio.ln();
    if metric.metric == GateMetric::CallsPerSecond.name() { -logarithm } else { logarithm }
}

fn whole_threshold(repetitions: &[Repetition]) -> bool {
    judged(repetitions)
        .iter()
        .any(|metric| metric.p_adjusted < LEVEL && cost(metric) > DEFAULT_THRESHOLD.ln_1p())
}

fn no_bound(repetitions: &[Repetition]) -> bool {
    judged(repetitions).iter().any(|metric| metric.p_adjusted < LEVEL)
}

/// Returns the figure of a run of one arm: the median of its slices.
fn run(slices: &[Option<f64>]) -> f64 {
    let told: Vec<f64> = slices.iter().flatten().copied().collect();
    median(&told).unwrap_or(f64::NAN)
}

fn worse_by(metric: GateMetric, base: f64, candidate: f64) -> f64 {
    if metric == GateMetric::CallsPerSecond { 1.0 - candidate / base } else { candidate / base - 1.0 }
}

fn one_run(repetition: &Repetition, bound: f64, metrics: &[GateMetric]) -> bool {
    metrics.iter().any(|metric| {
        worse_by(*metric, run(repetition.base.of(*metric)), run(repetition.candidate.of(*metric))) > bound
    })
}

fn slices_as_unit(repetitions: &[Repetition]) -> bool {
    GateMetric::JUDGED.into_iter().any(|metric| {
        let all = |candidate: bool| -> Vec<f64> {
            let arm = |repetition: &Repetition| {
                let slices = if candidate { &repetition.candidate } else { &repetition.base };
                slices.of(metric).iter().flatten().copied().collect::<Vec<f64>>()
            };
            repetitions.iter().flat_map(arm).collect()
        };
        let test = RankSum::of(&all(true), &all(false));
        let p = if metric == GateMetric::CallsPerSecond {
            test.map(|t| t.p_below)
        } else {
            test.map(|t| t.p_above)
        };
        p.is_some_and(|p| p < 0.01)
    })
}

/// Compares the base's runs of the first repetitions with the candidate's of the second, as if they ran one
/// after the other.
fn one_after_the_other(first: &[Repetition], second: &[Repetition]) -> bool {
    let metric = GateMetric::CallsPerSecond;
    let base: Vec<f64> = first.iter().take(10).map(|repetition| run(repetition.base.of(metric))).collect();
    let candidate: Vec<f64> =
        second.iter().take(10).map(|repetition| run(repetition.candidate.of(metric))).collect();
    RankSum::of(&candidate, &base).is_some_and(|test| test.p_below < 0.05)
}

/// Random numbers by `SplitMix64`.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        usize::try_from((bits ^ (bits >> 31)) % bound as u64).expect("below a usize")
    }
}

/// Recordings of one condition.
#[derive(Default)]
struct Recorded {
    repetitions: Vec<Repetition>,
    verdicts: Vec<&'static str>,
    seconds: Vec<f64>,
}

fn read(folder: &Path) -> Conditions {
    let mut recorded = Conditions::new();
    let mut verdicts: Vec<(String, Verdict)> = std::fs::read_dir(folder)
        .expect("a folder")
        .flatten()
        .filter(|entry| entry.path().extension().is_some_and(|extension| extension == "json"))
        .map(|entry| {
            let file = File::open(entry.path()).expect("readable");
            let verdict = serde_json::from_reader(std::io::BufReader::new(file)).expect("a verdict");
            (entry.file_name().to_string_lossy().trim_end_matches(".json").to_owned(), verdict)
        })
        .collect();
    // Sorted by time, for a rule that compares later repetitions with earlier ones.
    verdicts.sort_by(|(_, left), (_, right)| left.started_at.cmp(&right.started_at));
    for (name, verdict) in verdicts {
        let mut words = name.split('-');
        let load = words.next().unwrap_or_default().to_owned();
        let kind = words.next().unwrap_or_default();
        let condition = match kind {
            "same" => kind.to_owned(),
            _ => format!("{kind} {}", words.next().unwrap_or_default()),
        };
        let of = recorded.entry((condition, load)).or_default();
        #[expect(clippy::cast_precision_loss, reason = "minutes")]
        of.seconds.push(verdict.elapsed_ns as f64 / 1e9);
        for scenario in verdict.scenarios {
            let again = scenario.confirmation.as_ref().map_or(&[][..], |again| &again.repetitions);
            of.verdicts.push(word_of(&scenario.repetitions, again));
            of.repetitions.extend(scenario.repetitions);
            of.repetitions.extend(scenario.confirmation.into_iter().flat_map(|again| again.repetitions));
        }
    }
    recorded
}

/// Returns the repetitions of a candidate with these costs per metric, made from those of an equal candidate.
fn shifted(same: &Recorded, [calls, p50, cpu]: [f64; 3]) -> Recorded {
    let mut repetitions = same.repetitions.clone();
    for repetition in &mut repetitions {
        let candidate = &mut repetition.candidate;
        for (figures, factor) in [
            (&mut candidate.calls_per_second, 1.0 / (1.0 + calls)),
            (&mut candidate.p50_ns, 1.0 + p50),
            (&mut candidate.server_cpu_ns_per_call, 1.0 + cpu),
        ] {
            figures.iter_mut().flatten().for_each(|figure| *figure *= factor);
        }
    }
    Recorded { repetitions, ..Recorded::default() }
}

/// Returns the verdict on a recorded gate, by the current rule.
fn word_of(first: &[Repetition], second: &[Repetition]) -> &'static str {
    let (one, other) = (judged(first), judged(second));
    let in_both =
        |word: Word| one.iter().zip(&other).any(|(one, other)| one.verdict == word && other.verdict == word);
    let in_one = |word: Word| one.iter().any(|metric| metric.verdict == word);
    if one.iter().chain(&other).any(|metric| metric.noise.is_some_and(|noise| noise.flagged)) {
        "abstained"
    } else if in_both(Word::Regressed) {
        "regressed"
    } else if in_both(Word::Improved) {
        "improved"
    } else if in_one(Word::Regressed) || in_one(Word::Improved) || in_one(Word::Inconclusive) {
        "inconclusive"
    } else {
        "unchanged"
    }
}

/// Returns Wilson's interval for a share, with a confidence of 95 %.
#[expect(clippy::cast_precision_loss, reason = "thousands")]
fn wilson(hits: usize, of: usize) -> (f64, f64) {
    let (n, z) = (of as f64, 1.96);
    let share = hits as f64 / n;
    let middle = (share + z * z / (2.0 * n)) / (1.0 + z * z / n);
    let half = z / (1.0 + z * z / n) * (share * (1.0 - share) / n + z * z / (4.0 * n * n)).sqrt();
    ((middle - half).max(0.0), (middle + half).min(1.0))
}

impl Recorded {
    /// Draws the two runs of a gate.
    fn draw(&self, random: &mut Random) -> [Vec<Repetition>; 2] {
        let mut run = || -> Vec<Repetition> {
            let one = |_| self.repetitions[random.below(self.repetitions.len())].clone();
            (0..DEFAULT_REPETITIONS).map(one).collect()
        };
        [run(), run()]
    }

    /// Draws the two runs of a gate from repetitions in their recorded order.
    fn in_a_row(&self, random: &mut Random) -> [Vec<Repetition>; 2] {
        let start = random.below(self.repetitions.len());
        [0, DEFAULT_REPETITIONS].map(|offset| {
            let places =
                (0..DEFAULT_REPETITIONS).map(|place| (start + offset + place) % self.repetitions.len());
            places.map(|place| self.repetitions[place].clone()).collect()
        })
    }
}

/// Draws gates from the recordings, and returns the number that this rule flags.
fn rate(recorded: &Recorded, drawn: Drawn, rule: Rule, gates: usize, seed: u64) -> usize {
    let mut random = Random(seed);
    let mut flags = || {
        let [first, second] = match drawn {
            Apart => recorded.draw(&mut random),
            InARow => recorded.in_a_row(&mut random),
        };
        rule(&first, &second)
    };
    (0..gates).filter(|_| flags()).count()
}

type Conditions = BTreeMap<(String, String), Recorded>;

fn main() {
    let mut arguments = std::env::args().skip(1);
    let folder = arguments.next().expect("gate_error_rates FOLDER [GATES]");
    let gates: usize = arguments.next().map_or(2_000, |number| number.parse().expect("a number"));
    let recorded = read(Path::new(&folder));
    print_recorded(&recorded);
    print_rates(&recorded, gates);
    print_made(&recorded, gates);
}

#[expect(clippy::print_stdout, clippy::cast_precision_loss, reason = "a table")]
fn print_recorded(recorded: &Conditions) {
    println!(
        "What was recorded. The change is the Hodges-Lehmann estimate over all repetitions of the condition.\n"
    );
    println!(
        "| candidate | beside it | gates | repetitions | calls/s | p50 | server's CPU a call | spread of a repetition (CPU) | verdicts | median time of a gate |"
    );
    println!("|---|---|---|---|---|---|---|---|---|---|");
    for ((condition, load), of) in recorded {
        let differences = |metric: GateMetric| -> Vec<f64> {
            of.repetitions.iter().filter_map(|repetition| repetition.difference(metric)).collect()
        };
        let change = |metric: GateMetric| {
            let all = differences(metric);
            let p = SignedRank::of(&all).map_or(1.0, |test| test.p_two_sided());
            hodges_lehmann(&all).map_or_else(
                || "-".to_owned(),
                |estimate| format!("{:+.1} % (p {p:.2})", estimate.exp_m1() * 100.0),
            )
        };
        let cpu = differences(GateMetric::ServerCpu);
        let mean = cpu.iter().sum::<f64>() / cpu.len() as f64;
        let spread = (cpu.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / cpu.len() as f64).sqrt();
        let mut words: BTreeMap<&str, usize> = BTreeMap::new();
        for word in &of.verdicts {
            *words.entry(*word).or_default() += 1;
        }
        let words: Vec<String> = words.iter().map(|(word, count)| format!("{count} {word}")).collect();
        println!(
            "| {condition} | {load} | {} | {} | {} | {} | {} | {:.1} % | {} | {:.0} s |",
            of.verdicts.len(),
            of.repetitions.len(),
            change(GateMetric::CallsPerSecond),
            change(GateMetric::P50),
            change(GateMetric::ServerCpu),
            spread * 100.0,
            words.join(", "),
            median(&of.seconds).unwrap_or(f64::NAN),
        );
    }
}

#[expect(clippy::print_stdout, clippy::cast_precision_loss, reason = "a table of shares")]
fn print_rates(recorded: &Conditions, gates: usize) {
    println!(
        "\nHow often each rule says *regressed*, of {gates} gates drawn from these repetitions, in %, with the 95 % interval of the drawing alone.\n"
    );
    let conditions: Vec<&(String, String)> = recorded.keys().collect();
    for chosen in ["same", "work", "delay"] {
        let columns: Vec<&&(String, String)> =
            conditions.iter().filter(|(condition, _)| condition.starts_with(chosen)).collect();
        if columns.is_empty() {
            continue;
        }
        let names: Vec<String> =
            columns.iter().map(|(condition, load)| format!("{condition}, {load}")).collect();
        println!("| rule | {} |", names.join(" | "));
        println!("|---|{}", "---|".repeat(columns.len()));
        let shown = |hits: usize| {
            let (low, high) = wilson(hits, gates);
            format!("{:.1} ({:.1}-{:.1})", 100.0 * hits as f64 / gates as f64, 100.0 * low, 100.0 * high)
        };
        for (name, drawn, rule) in RULES {
            let cells = columns.iter().enumerate().map(|(index, condition)| {
                shown(rate(&recorded[**condition], drawn, rule, gates, 1 + index as u64))
            });
            println!("| {name} | {} |", cells.collect::<Vec<_>>().join(" | "));
            if name == THE_GATE {
                let cells = columns.iter().enumerate().map(|(index, condition)| {
                    let mut random = Random(100 + index as u64);
                    let same = &recorded[&("same".to_owned(), condition.1.clone())];
                    shown((0..gates).filter(|_| of_five(&recorded[**condition], same, &mut random)).count())
                });
                println!(
                    "| the gate, as one of five scenarios | {} |",
                    cells.collect::<Vec<_>>().join(" | ")
                );
            }
        }
        println!();
    }
}

#[expect(clippy::print_stdout, clippy::cast_precision_loss, reason = "a table of shares")]
fn print_made(recorded: &Conditions, gates: usize) {
    println!(
        "The gate on candidates made by calculation: repetitions of identical servers, with the candidate's figures changed by exactly so much.\n"
    );
    println!("| changed | by | loaded | quiet | loaded, one of five | quiet, one of five |");
    println!("|---|---|---|---|---|---|");
    for (name, parts) in [
        ("all three metrics", [1.0, 1.0, 1.0]),
        ("calls/s and p50 (a server that waits longer)", [1.0, 1.0, 0.0]),
        ("the server's CPU a call alone (a server that is not the bottleneck)", [0.0, 0.0, 1.0]),
    ] {
        for change in [0.02, 0.03, 0.05, 0.08, 0.10] {
            let mut cells = Vec::new();
            for five in [false, true] {
                for load in ["loaded", "quiet"] {
                    let same = &recorded[&("same".to_owned(), load.to_owned())];
                    let changed = shifted(same, parts.map(|part| part * change));
                    let mut random = Random(7);
                    let hits = if five {
                        (0..gates).filter(|_| of_five(&changed, same, &mut random)).count()
                    } else {
                        rate(&changed, Apart, the_gate, gates, 7)
                    };
                    cells.push(format!("{:.1}", 100.0 * hits as f64 / gates as f64));
                }
            }
            println!("| {name} | {:.0} % | {} |", change * 100.0, cells.join(" | "));
        }
    }
}

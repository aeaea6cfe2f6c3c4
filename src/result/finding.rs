//! Findings, their weight, and the verdict that follows from them.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::units::named;

/// Trust in a measurement, in one word. A greater value is worse.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rating {
    /// No finding speaks against the figures.
    Sound,
    /// Other load or stolen cores: the figures vary more than the server's performance does.
    Disturbed,
    /// The figures mislead: a limited or frozen generator, missing answers, a rate that was not reached.
    Unsound,
}

named!(Rating, "rating", {
    Sound => "sound",
    Disturbed => "disturbed",
    Unsound => "unsound",
});

impl Rating {
    /// Returns the rating that follows from these findings: the worst one decides.
    #[must_use]
    pub fn of(findings: &[Finding]) -> Self {
        match findings.iter().map(|finding| finding.weight).min() {
            Some(Weight::Warning) => Self::Unsound,
            Some(Weight::Disturbance) => Self::Disturbed,
            Some(Weight::Note) | None => Self::Sound,
        }
    }
}

/// An observation that a reader of the figures must know. All documents use this type.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
pub struct Finding {
    /// Name of the [kind](FindingKind), for scripts. Other versions of this program may have other kinds.
    pub name: String,
    /// Effect on the trust in the figures. Documents of earlier versions have this field in soundness only.
    #[serde(default = "note")]
    pub weight: Weight,
    /// The observation, with its figures.
    pub detail: String,
    /// The next step; empty where none is needed.
    pub advice: String,
}

fn note() -> Weight {
    Weight::Note
}

impl Finding {
    /// Creates a finding of this kind.
    pub(crate) fn new(
        kind: FindingKind,
        weight: Weight,
        detail: impl Into<String>,
        advice: impl Into<String>,
    ) -> Self {
        Self { name: kind.name().to_owned(), weight, detail: detail.into(), advice: advice.into() }
    }

    /// Creates a finding that explains the figures and does not speak against them.
    pub(crate) fn note(kind: FindingKind, detail: impl Into<String>, advice: impl Into<String>) -> Self {
        Self::new(kind, Weight::Note, detail, advice)
    }

    /// Returns true if the finding is of this kind.
    #[must_use]
    pub fn is(&self, kind: FindingKind) -> bool {
        self.name == kind.name()
    }
}

/// A kind of finding in a run, a search for limits, a comparison or a gate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
#[expect(missing_docs, reason = "the words of each are where it is found, with its figures")]
pub enum FindingKind {
    AnotherCodeWhenCompressed,
    CallerBelowServer,
    CallsLost,
    CallsShed,
    CallsUnfinished,
    ClockMoved,
    ClosedLoopPaused,
    CodeOfTonic,
    CompressedMessages,
    ConnectionsLimited,
    ConnectionsLost,
    DifferentMachines,
    DifferentPlans,
    FewRuns,
    FewSamples,
    FileSaysOtherwise,
    GeneratorPaused,
    GeneratorSaturated,
    GeneratorsShare,
    Interrupted,
    LateGenerator,
    LimitInFront,
    LimitNotCompared,
    LimitsNotLookedFor,
    MachinesDiffer,
    MissingAnswers,
    NamedWrongly,
    NoServerCpu,
    NoSlowerBesideRefused,
    NothingAnswered,
    OneRunEach,
    OtherLoad,
    ProcessesNotFresh,
    RateNotReached,
    ReasonLost,
    RecvLimitCapped,
    RefusesWithoutWords,
    RepliesEmpty,
    ReplyOutgrowsCaller,
    ServerDidNotRead,
    ServerMemory,
    ServerRefusesItsOwnReply,
    ServerWorksMore,
    ShardStandsOut,
    ShardsDisturbed,
    ShardsMissing,
    SizeRounded,
    SlowRefusal,
    SlowerBesideRefused,
    SurvivalUnstable,
    TakesOthersAlong,
    TokenInClear,
    TooFewReplies,
    Unconfirmed,
    UnexpectedOutcomes,
    Unstable,
    UnsoundRuns,
    UploadedInVain,
    UploadsHeldBack,
    WindowUsedUp,
    WindowsNotAligned,
}

named!(FindingKind, "kind of finding", {
    AnotherCodeWhenCompressed => "another_code_when_compressed",
    CallerBelowServer => "caller_below_server",
    CallsLost => "calls_lost",
    CallsShed => "calls_shed",
    CallsUnfinished => "calls_unfinished",
    ClockMoved => "clock_moved",
    ClosedLoopPaused => "closed_loop_paused",
    CodeOfTonic => "code_of_tonic",
    CompressedMessages => "compressed_messages",
    ConnectionsLimited => "connections_limited",
    ConnectionsLost => "connections_lost",
    DifferentMachines => "different_machines",
    DifferentPlans => "different_plans",
    FewRuns => "few_runs",
    FewSamples => "few_samples",
    FileSaysOtherwise => "file_says_otherwise",
    GeneratorPaused => "generator_paused",
    GeneratorSaturated => "generator_saturated",
    GeneratorsShare => "generators_share",
    Interrupted => "interrupted",
    LateGenerator => "late_generator",
    LimitInFront => "limit_in_front",
    LimitNotCompared => "limit_not_compared",
    LimitsNotLookedFor => "limits_not_looked_for",
    MachinesDiffer => "machines_differ",
    MissingAnswers => "missing_answers",
    NamedWrongly => "named_wrongly",
    NoServerCpu => "no_server_cpu",
    NoSlowerBesideRefused => "no_slower_beside_refused",
    NothingAnswered => "nothing_answered",
    OneRunEach => "one_run_each",
    OtherLoad => "other_load",
    ProcessesNotFresh => "processes_not_fresh",
    RateNotReached => "rate_not_reached",
    ReasonLost => "reason_lost",
    RecvLimitCapped => "recv_limit_capped",
    RefusesWithoutWords => "refuses_without_words",
    RepliesEmpty => "replies_empty",
    ReplyOutgrowsCaller => "reply_outgrows_caller",
    ServerDidNotRead => "server_did_not_read",
    ServerMemory => "server_memory",
    ServerRefusesItsOwnReply => "server_refuses_its_own_reply",
    ServerWorksMore => "server_works_more",
    ShardStandsOut => "shard_stands_out",
    ShardsDisturbed => "shards_disturbed",
    ShardsMissing => "shards_missing",
    SizeRounded => "size_rounded",
    SlowRefusal => "slow_refusal",
    SlowerBesideRefused => "slower_beside_refused",
    SurvivalUnstable => "survival_unstable",
    TakesOthersAlong => "takes_others_along",
    TokenInClear => "token_in_clear",
    TooFewReplies => "too_few_replies",
    Unconfirmed => "unconfirmed",
    UnexpectedOutcomes => "unexpected_outcomes",
    Unstable => "unstable",
    UnsoundRuns => "unsound_runs",
    UploadedInVain => "uploaded_in_vain",
    UploadsHeldBack => "uploads_held_back",
    WindowUsedUp => "window_used_up",
    WindowsNotAligned => "windows_not_aligned",
});

/// Effect of a finding on the trust in the figures. The smallest value is the worst.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Weight {
    /// The figures mislead.
    Warning,
    /// The figures vary more than the server's performance does.
    Disturbance,
    /// An explanation of the figures.
    Note,
}

named!(Weight, "weight", {
    Warning => "warning",
    Disturbance => "disturbance",
    Note => "note",
});

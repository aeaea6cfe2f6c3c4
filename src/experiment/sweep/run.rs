//! Run of a sweep: the remaining points, one after the other.

use std::sync::Arc;

use super::{
    document::{Sweep, SweepSpec},
    grid::{GridLoad, Point, Sizes},
};
use crate::{
    engine::{self, DriveError, Event, Events},
    experiment::{
        driven::Driven,
        limits::{self, DEFAULT_UP_TO, Limits, LimitsError},
    },
    load::{Arrivals, DEFAULT_MAX_IN_FLIGHT, Load, Mix, Options, Plan, PlanError, Rates, Settings, Share},
    measure::NotConserved,
    result::summary::{Context, Summary, TargetRecord},
    stop::Stop,
    units::{ByteSize, Limit},
};

/// Reason why a sweep ended before its last point. The sweep keeps the results so far.
#[derive(Debug, thiserror::Error)]
pub enum RunError<E> {
    /// A point has no valid plan.
    #[error("there is no plan for {0}")]
    Plan(Point, #[source] PlanError),
    /// The run failed.
    #[error(transparent)]
    Drive(#[from] DriveError),
    /// Calls were lost: a defect of this program.
    #[error(transparent)]
    NotConserved(#[from] NotConserved),
    /// The sweep could not be stored after a point.
    #[error(transparent)]
    Keep(E),
}

/// Returns the plan of a point: these settings with the point's size and load.
///
/// # Errors
/// The plan is invalid, for example with more workers than calls in flight.
pub fn plan(settings: &Settings, point: Point) -> Result<Plan, PlanError> {
    let load = match point.load {
        GridLoad::Concurrency(concurrency) => Load::Closed { concurrency },
        GridLoad::RatePerSecond(rate) => Load::Open {
            rates: Rates::One(rate),
            arrivals: Arrivals::Constant,
            max_in_flight: DEFAULT_MAX_IN_FLIGHT,
        },
    };
    let share = Share { message_bytes: ByteSize(point.message_bytes), weight: 1 };
    let texts = settings.texts.sized(Mix(vec![share]));
    Plan::new(Settings { load, texts, ..settings.clone() })
}

/// Finds the limits that a ladder of sizes covers on both sides; `None` for a list, or if `stop` came first.
///
/// # Errors
/// The search for limits failed.
pub fn ladder_limits(
    spec: &SweepSpec,
    driven: &Driven,
    stop: &Stop,
    events: &Events,
) -> Result<Option<Limits>, LimitsError> {
    let Sizes::Ladder(_, to) = spec.sizes else { return Ok(None) };
    let options = &spec.settings.options;
    let settings = limits::LimitsSettings {
        options: Options {
            metadata: options.metadata.clone(),
            max_send_message_size: options.max_send_message_size,
            max_recv_message_size: Limit::Bytes(options.max_recv_message_size.as_bytes()),
            ..Options::default()
        },
        up_to: to.min(DEFAULT_UP_TO),
    };
    match limits::find(&driven.located, &settings, stop, events) {
        // The stop came before the first probe.
        Err(LimitsError::Interrupted) => Ok(None),
        limits => limits.map(Some),
    }
}

/// Runs the remaining points, and passes the sweep to `keep` after each. Returns true if `stop` ended the sweep
/// early; the interrupted point is left out.
///
/// `settings` are the current ones, because a sweep read from its document has no secrets.
///
/// # Errors
/// A run failed, or the sweep could not be stored.
pub fn run<E>(
    sweep: &mut Sweep,
    settings: &Settings,
    driven: &Driven,
    stop: &Stop,
    events: &Events,
    keep: &mut dyn FnMut(&Sweep) -> Result<(), E>,
) -> Result<bool, RunError<E>> {
    let each = settings.warm_up + settings.duration.unwrap_or_default();
    while let Some(point) = sweep.rest().first().copied() {
        if stop.is_wanted() {
            return Ok(true);
        }
        let left = each * u32::try_from(sweep.rest().len()).unwrap_or(u32::MAX);
        let (number, of) = (sweep.points.len() + 1, sweep.order.len());
        events.send(|| Event::Point { number, of, point: point.to_string(), left });
        let plan = Arc::new(plan(settings, point).map_err(|error| RunError::Plan(point, error))?);
        let run = engine::run_beside(&plan, &driven.located, &driven.processes(), stop, events)?;
        if run.is_interrupted {
            return Ok(true);
        }
        let target = TargetRecord::of(&driven.located, sweep.asked.server.clone());
        sweep.points.push(Summary::new(&run, Context { target, label: None, objectives: &[] })?);
        keep(sweep).map_err(RunError::Keep)?;
    }
    Ok(false)
}

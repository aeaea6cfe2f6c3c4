//! Values of a reply that checks need, caught as the reply is read.

use std::cmp::Ordering;

use super::reader::Watch;
use crate::rpc::schema::{Check, MOST_STEPS, Path, Reads, Scalar};

/// Bytes of a text that are kept to be shown. A text is compared as it arrives.
const SHOWN_BYTES: usize = 48;

/// State of one check in a reply.
#[derive(Debug, Default, Clone)]
struct Caught {
    /// Number of steps of the path that lead to the current message.
    matched: usize,
    /// Number of values of the next step's field so far, by step.
    counts: [u32; MOST_STEPS],
    value: Option<u64>,
    /// Order of the text so far to the expected one; `None` without a text.
    order: Option<Ordering>,
    /// Bytes of the text so far.
    length: usize,
    shown: Vec<u8>,
    /// True in the text that is compared.
    is_inside: bool,
}

/// Values that the checks of a reply need. It can be used again for the next reply.
#[derive(Debug, Default)]
pub(super) struct Values {
    caught: Vec<Caught>,
    /// Number of messages around the current field.
    depth: usize,
}

/// Watcher that catches the values of these checks.
#[derive(Debug)]
pub(super) struct ValuesWatch<'a> {
    pub(super) values: &'a mut Values,
    pub(super) checks: &'a [Check],
    /// Expected values, in the order of the checks.
    pub(super) expected: &'a [Scalar],
}

impl Values {
    /// Begins a reply with this many checks. Keeps the memory of the last one.
    pub(super) fn begin(&mut self, checks: usize) {
        self.depth = 0;
        self.caught.resize_with(checks, Caught::default);
        for caught in &mut self.caught {
            let mut shown = std::mem::take(&mut caught.shown);
            shown.clear();
            *caught = Caught { shown, ..Caught::default() };
        }
    }

    /// Returns the first check that does not pass, and the value that it saw.
    pub(super) fn failed<'a>(&self, checks: &'a [Check], expected: &[Scalar]) -> Option<(&'a Check, Scalar)> {
        self.caught.iter().zip(checks).zip(expected).find_map(|((caught, check), expected)| {
            let value = caught.value(&check.path);
            let order = match (caught.order, expected) {
                (Some(Ordering::Equal), Scalar::Bytes(text)) => Some(caught.length.cmp(&text.len())),
                (Some(order), _) => Some(order),
                (None, _) => value.compare(expected),
            };
            (!check.passes(order)).then_some((check, value))
        })
    }
}

impl Caught {
    /// Value that was caught; the start of a text.
    fn value(&self, path: &Path) -> Scalar {
        let last = path.steps.len().saturating_sub(1);
        match path.reads {
            Reads::Length => Scalar::Integer(i128::from(self.counts[last])),
            Reads::Bytes => Scalar::Bytes(self.shown.clone()),
            reads => self.value.map_or_else(|| reads.default_value(), |raw| reads.value_of(raw)),
        }
    }

    /// Counts a field of the current message. Returns true if it is the next step of the path.
    fn is_next(&mut self, path: &Path, depth: usize, number: u32, values: u32) -> bool {
        let Some(step) = path.steps.get(depth).filter(|step| self.matched == depth && step.number == number)
        else {
            return false;
        };
        let before = self.counts[depth];
        self.counts[depth] = before.saturating_add(values);
        step.index.is_none_or(|index| index == before)
    }
}

impl Watch for ValuesWatch<'_> {
    const IS_WATCHING: bool = true;

    fn enters(&mut self, number: u32) {
        let depth = self.values.depth;
        for (caught, check) in self.values.caught.iter_mut().zip(self.checks) {
            if caught.is_next(&check.path, depth, number, 1) && depth + 1 < check.path.steps.len() {
                caught.matched = depth + 1;
                caught.counts[depth + 1] = 0;
            }
        }
        self.values.depth += 1;
    }

    fn leaves(&mut self) {
        self.values.depth = self.values.depth.saturating_sub(1);
        for caught in &mut self.values.caught {
            caught.matched = caught.matched.min(self.values.depth);
        }
    }

    fn number(&mut self, number: u32, raw: u64) {
        let depth = self.values.depth;
        for (caught, check) in self.values.caught.iter_mut().zip(self.checks) {
            if caught.is_next(&check.path, depth, number, 1) && depth + 1 == check.path.steps.len() {
                caught.value = Some(raw);
            }
        }
    }

    fn numbers(&mut self, number: u32, values: u64) {
        let values = u32::try_from(values).unwrap_or(u32::MAX);
        let depth = self.values.depth;
        for (caught, check) in self.values.caught.iter_mut().zip(self.checks) {
            caught.is_next(&check.path, depth, number, values);
        }
    }

    fn begins(&mut self, number: u32, _: usize) {
        let depth = self.values.depth;
        for (caught, check) in self.values.caught.iter_mut().zip(self.checks) {
            caught.is_inside = caught.is_next(&check.path, depth, number, 1)
                && depth + 1 == check.path.steps.len()
                && check.path.reads == Reads::Bytes;
            if caught.is_inside {
                (caught.order, caught.length) = (Some(Ordering::Equal), 0);
                caught.shown.clear();
            }
        }
    }

    fn takes(&mut self, bytes: &[u8]) {
        let caught = self.values.caught.iter_mut().zip(self.expected);
        for (caught, expected) in caught.filter(|(caught, _)| caught.is_inside) {
            if let (Some(Ordering::Equal), Scalar::Bytes(text)) = (caught.order, expected) {
                let rest = text.get(caught.length..).unwrap_or_default();
                let common = bytes.len().min(rest.len());
                let order = bytes[..common].cmp(&rest[..common]);
                let is_longer = bytes.len() > rest.len();
                caught.order = Some(if order.is_eq() && is_longer { Ordering::Greater } else { order });
            }
            caught.length += bytes.len();
            let room = SHOWN_BYTES.saturating_sub(caught.shown.len());
            caught.shown.extend_from_slice(&bytes[..bytes.len().min(room)]);
        }
    }
}

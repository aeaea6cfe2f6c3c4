//! Scales: from values to places between 0 and 1, with round ticks.

use crate::units::as_f64;

/// Largest number of ticks that carry a label.
const MOST_TICKS: f64 = 6.0;

/// Fewest ticks of a logarithmic scale from which a reader can tell the values in between.
const FEWEST_TICKS: usize = 4;

/// Digits of the ticks of a logarithmic scale, from the coarsest.
const DIGITS: [&[f64]; 4] = [
    &[1.0],
    &[1.0, 2.0, 5.0],
    &[1.0, 1.5, 2.0, 3.0, 5.0, 7.0],
    &[1.0, 1.2, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 8.0],
];

/// A scale of one axis.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Scale {
    kind: Kind,
    from: f64,
    to: f64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Linear,
    Logarithmic,
    /// Quantiles by the number of nines: 0, 0.9, 0.99 and 0.999 have the same distances.
    Nines,
}

/// A tick of an axis.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Tick {
    /// Value at the tick.
    pub value: f64,
    /// Place between 0 and 1.
    pub place: f64,
}

impl Scale {
    /// Scale from 0 to a value, rounded up to the next tick.
    #[must_use]
    pub fn from_zero(largest: f64) -> Self {
        let largest = if largest.is_finite() && largest > 0.0 { largest } else { 1.0 };
        let step = step(largest / MOST_TICKS);
        Self { kind: Kind::Linear, from: 0.0, to: (largest / step).ceil() * step }
    }

    /// Linear scale between two values.
    #[must_use]
    pub fn linear(from: f64, to: f64) -> Self {
        Self { kind: Kind::Linear, from, to: if to > from { to } else { from + 1.0 } }
    }

    /// Logarithmic scale that holds these values, between values of one digit.
    #[must_use]
    pub fn logarithmic(values: impl IntoIterator<Item = f64>) -> Self {
        let positive = values.into_iter().filter(|value| value.is_finite() && *value > 0.0);
        let (least, most) = positive
            .fold((f64::INFINITY, 0.0_f64), |(least, most), value| (least.min(value), most.max(value)));
        if least > most {
            return Self { kind: Kind::Logarithmic, from: 1.0, to: 10.0 };
        }
        let from = rounded(least, f64::floor);
        let to = rounded(most, f64::ceil);
        Self { kind: Kind::Logarithmic, from, to: if to > from { to } else { from * 10.0 } }
    }

    /// Logarithmic scale of ratios. Both sides of 1 are seen.
    #[must_use]
    pub fn ratios(values: impl IntoIterator<Item = f64>) -> Self {
        let logarithms = values.into_iter().filter(|value| value.is_finite() && *value > 0.0).map(f64::ln);
        let (low, high) =
            logarithms.fold((-0.01_f64, 0.01_f64), |(low, high), value| (low.min(value), high.max(value)));
        // A margin: what is farthest must not lie on the edge.
        let margin = (high - low) / 10.0;
        let (low, high) = ((low - margin).min(-high / 4.0), (high + margin).max(-low / 4.0));
        Self { kind: Kind::Logarithmic, from: low.exp(), to: high.exp() }
    }

    /// Scale of quantiles, up to one with so many samples above it as a run of `count` samples has.
    #[must_use]
    pub fn nines(count: u64) -> Self {
        let nines = as_f64(count.max(10)).log10().ceil();
        Self { kind: Kind::Nines, from: 0.0, to: 1.0 - 10.0_f64.powf(-nines) }
    }

    /// Place of a value between 0 and 1. Values beyond the ends are at the ends.
    #[must_use]
    pub fn place(&self, value: f64) -> f64 {
        let on_axis = |value: f64| match self.kind {
            Kind::Linear => value,
            Kind::Logarithmic => value.max(f64::MIN_POSITIVE).log10(),
            Kind::Nines => -(1.0 - value).max(f64::MIN_POSITIVE).log10(),
        };
        let (from, to) = (on_axis(self.from), on_axis(self.to));
        ((on_axis(value) - from) / (to - from)).clamp(0.0, 1.0)
    }

    /// Value at a place.
    #[must_use]
    pub fn value(&self, place: f64) -> f64 {
        match self.kind {
            Kind::Linear => self.from + (self.to - self.from) * place,
            Kind::Logarithmic => self.from * (self.to / self.from).powf(place),
            Kind::Nines => 1.0 - (1.0 - self.to).powf(place),
        }
    }

    /// First and last value.
    #[must_use]
    pub fn ends(&self) -> (f64, f64) {
        (self.from, self.to)
    }

    /// Round values with their places, in ascending order.
    #[must_use]
    pub fn ticks(&self) -> Vec<Tick> {
        let values = match self.kind {
            Kind::Linear => linear_ticks(self.from, self.to),
            Kind::Logarithmic => logarithmic_ticks(self.from, self.to),
            Kind::Nines => {
                let nines = -(1.0 - self.to).log10();
                counted(nines.round()).map(|nine| 1.0 - 10.0_f64.powf(-nine)).collect()
            }
        };
        values.into_iter().map(|value| Tick { value, place: self.place(value) }).collect()
    }
}

/// Numbers 0, 1, 2, ... up to and with the last one.
fn counted(last: f64) -> impl Iterator<Item = f64> {
    (0_u32..400).map(f64::from).take_while(move |number| *number <= last)
}

/// Smallest of 1, 2, 5, 10, ... that is not below a value.
fn step(least: f64) -> f64 {
    let decade = 10.0_f64.powf(least.log10().floor());
    [1.0, 2.0, 5.0, 10.0]
        .into_iter()
        .map(|digit| digit * decade)
        .find(|step| *step >= least * 0.999_999)
        .unwrap_or(least)
}

/// Rounds a positive value to one digit.
fn rounded(value: f64, round: fn(f64) -> f64) -> f64 {
    let decade = 10.0_f64.powf(value.log10().floor());
    // The division leaves 2.9999999999 where 3 is meant.
    let digits = value / decade;
    let whole = digits.round();
    decade * if (digits - whole).abs() < 1e-9 { whole } else { round(digits) }
}

fn linear_ticks(from: f64, to: f64) -> Vec<f64> {
    let step = step((to - from) / MOST_TICKS);
    let first = (from / step).ceil() * step;
    counted(((to - first) / step + 1e-9).floor()).map(|number| first + number * step).collect()
}

fn logarithmic_ticks(from: f64, to: f64) -> Vec<f64> {
    let decades = (to / from).log10();
    let (low, high) = (from * (1.0 - 1e-9), to * (1.0 + 1e-9));
    let every = (decades / MOST_TICKS).ceil().max(1.0);
    let first = from.log10().floor();
    let ticks = |digits: &[f64]| -> Vec<f64> {
        counted((to.log10() - first).ceil())
            .filter(|decade| decade % every == 0.0)
            .flat_map(|decade| digits.iter().map(move |digit| digit * 10.0_f64.powf(first + decade)))
            .filter(|value| (low..=high).contains(value))
            .collect()
    };
    let enough = DIGITS.into_iter().map(ticks).find(|ticks| ticks.len() >= FEWEST_TICKS);
    enough.unwrap_or_else(|| linear_ticks(from, to))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn values(scale: Scale) -> Vec<String> {
        scale
            .ticks()
            .into_iter()
            .map(|tick| format!("{:.6}", tick.value).trim_end_matches('0').to_owned())
            .collect()
    }

    #[test]
    fn ticks_are_round() {
        assert_eq!(
            values(Scale::from_zero(5_230.0)),
            ["0.", "1000.", "2000.", "3000.", "4000.", "5000.", "6000."]
        );
        assert_eq!(values(Scale::from_zero(0.0)), ["0.", "0.2", "0.4", "0.6", "0.8", "1."]);
        assert_eq!(
            values(Scale::logarithmic([87_400.0, 14_100_000.0])),
            ["100000.", "200000.", "500000.", "1000000.", "2000000.", "5000000.", "10000000.", "20000000."]
        );
        assert_eq!(
            values(Scale::logarithmic([1.0, 2e9])),
            ["1.", "100.", "10000.", "1000000.", "100000000."]
        );
        assert_eq!(values(Scale::nines(5_000)), ["0.", "0.9", "0.99", "0.999", "0.9999"]);
        for (values_of, ticks) in [
            (&[0.7, 1.8][..], &["0.8", "1.", "1.2", "1.5"][..]),
            (&[1.0, 5.0], &["0.7", "1.", "1.5", "2.", "3.", "5."]),
        ] {
            assert_eq!(values(Scale::ratios(values_of.iter().copied())), ticks, "{values_of:?}");
        }
        assert_eq!(values(Scale::logarithmic([100.0, 337.0])), ["100.", "150.", "200.", "300."]);
        assert!((Scale::nines(5_000).place(0.99) - 0.5).abs() < 1e-9);
        assert_eq!(Scale::logarithmic([]).ends(), (1.0, 10.0));
    }

    proptest! {
        #[test]
        fn each_value_has_a_place_and_each_place_its_value(least in 1e-3_f64..1e9, factor in 1.0_f64..1e9, count in 0_u64..1 << 50) {
            for scale in [
                Scale::from_zero(least),
                Scale::linear(least, least * factor),
                Scale::logarithmic([least, least * factor]),
                Scale::ratios([factor]),
                Scale::nines(count),
            ] {
                let ticks = scale.ticks();
                prop_assert!(ticks.len() > 1 && ticks.len() < 20, "{scale:?}: {ticks:?}");
                prop_assert!(ticks.windows(2).all(|pair| pair[0].place < pair[1].place), "{scale:?}: {ticks:?}");
                prop_assert!(ticks.iter().all(|tick| (0.0..=1.0).contains(&tick.place)));
                for place in [0.0, 0.25, 0.5, 1.0] {
                    prop_assert!((scale.place(scale.value(place)) - place).abs() < 1e-3, "{scale:?} at {place}");
                }
                prop_assert!(scale.place(f64::NEG_INFINITY) <= 0.0);
                prop_assert!(scale.place(scale.ends().1 * 2.0) >= 1.0);
            }
            let within = Scale::logarithmic([least, least * factor]);
            prop_assert!(within.ends().0 <= least * 1.000_001 && within.ends().1 >= least * factor * 0.999_999);
        }
    }
}

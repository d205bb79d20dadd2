//! The patients of the pseudo-data: their heights and ranges, and the rules by
//! which purchases of Basie, T-Pain and the Dead Kennedys follow from vital
//! signs.
//!
//! Used by `study`, which draws visits from these ranges, and by `tables`, which
//! writes them. The bounds are those of the 2017 procedure. Must never contain
//! anything per visit: patients are all that stays in memory.

use super::Variant;
use super::draw::Draws;

/// Highest oxygen saturation, in percent.
pub const OXYGEN_MAX: f64 = 99.4;

/// Systolic and diastolic pressure must differ by more than this, in mmHg.
const PULSE_PRESSURE_LEAST: u8 = 3;
/// The difference that is forced if they do not, in mmHg.
const PULSE_PRESSURE_FORCED: u8 = 4;

/// A patient's own range of a vital sign, both ends included.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Span<T> {
    /// Lowest value.
    pub low: T,
    /// Highest value.
    pub high: T,
}

/// Running totals of the three outcome columns.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Sums {
    /// Visits with BaseE.
    pub base_e: u64,
    /// TPain over all visits so far, added in visit order.
    pub t_pain: f64,
    /// Visits with DK.
    pub dk: u64,
}

/// One patient: about 80 bytes, independent of the number of visits.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Patient {
    /// Whole inches.
    pub height_in: u16,
    /// mmHg.
    pub systolic: Span<u8>,
    /// mmHg.
    pub diastolic: Span<u8>,
    /// Breaths per minute.
    pub breaths: Span<u8>,
    /// Beats per minute.
    pub beats: Span<u8>,
    /// Percent; a visit's value is capped at [`OXYGEN_MAX`], the range is not.
    pub oxygen: Span<f64>,
    /// Degrees Fahrenheit.
    pub temperature: Span<f64>,
    /// Pounds.
    pub weight: Span<u16>,
    /// Totals so far; they stay 0 as printed.
    pub sums: Sums,
}

impl Patient {
    /// Draws a patient: a height, then a low end and a width per vital sign.
    pub fn draw(draws: &mut Draws, variant: Variant) -> Self {
        // The order of the draws must not change: it is part of what a seed means.
        Self {
            height_in: height_in(draws.within(157_u16, 198), variant),
            systolic: whole_span(draws, (90, 129), (4, 20)),
            diastolic: whole_span(draws, (60, 84), (4, 10)),
            breaths: whole_span(draws, (10, 20), (2, 8)),
            beats: whole_span(draws, (40, 100), (10, 20)),
            oxygen: real_span(draws, (95.0, 99.0), (1.0, 2.0)),
            temperature: temperature_span(draws, variant),
            weight: whole_span(draws, (98, 280), (3, 40)),
            sums: Sums::default(),
        }
    }
}

fn whole_span<T>(draws: &mut Draws, low: (T, T), width: (T, T)) -> Span<T>
where
    T: Copy + Into<u64> + TryFrom<u64> + std::ops::Add<Output = T>,
{
    let low = draws.within(low.0, low.1);
    let high = low + draws.within(width.0, width.1);
    Span { low, high }
}

fn real_span(draws: &mut Draws, low: (f64, f64), width: (f64, f64)) -> Span<f64> {
    let low = draws.uniform(low.0, low.1);
    let high = low + draws.uniform(width.0, width.1);
    Span { low, high }
}

/// As printed, the procedure draws the low end from the bounds of the systolic
/// pressure, which gives 90 to 149 °F. Its constants intend 97.0 to 99.1 °F.
fn temperature_span(draws: &mut Draws, variant: Variant) -> Span<f64> {
    match variant {
        Variant::Repaired => real_span(draws, (97.0, 99.1), (0.3, 2.0)),
        Variant::AsPrinted => {
            let whole: Span<u8> = whole_span(draws, (90, 129), (3, 20));
            Span { low: whole.low.into(), high: whole.high.into() }
        }
    }
}

/// Converts a height from centimeters to whole inches. The comment of the
/// procedure promises 5 ft 2 to 6 ft 6, which is 157 to 198 cm to the nearest
/// inch; as printed, the fraction is cut off (5 ft 1 to 6 ft 5).
fn height_in(cm: u16, variant: Variant) -> u16 {
    match variant {
        // An inch is exactly 254/100 cm; adding half of 254 rounds to the nearest inch.
        Variant::Repaired => (cm * 100 + 127) / 254,
        Variant::AsPrinted => cm * 50 / 127,
    }
}

/// The height that TPain uses, in centimeters: exactly inches × 2.54, so that
/// TPain is linear in the height that follows from weight and BMI. As printed,
/// it is truncated to whole centimeters (TPain is up to 0.2 lower than with the
/// exact height).
pub fn height_cm(inches: u16, variant: Variant) -> f64 {
    match variant {
        Variant::Repaired => f64::from(inches) * 2.54,
        Variant::AsPrinted => f64::from(u32::from(inches) * 254 / 100),
    }
}

/// Body mass index from pounds and inches.
pub fn bmi(weight: u16, height_in: u16) -> f64 {
    703.0 * f64::from(weight) / f64::from(u32::from(height_in) * u32::from(height_in))
}

/// The diastolic pressure to record: as drawn, unless it is within 3 mmHg of
/// the systolic pressure or above it; then the systolic pressure minus 4.
pub fn diastolic_below(systolic: u8, drawn: u8) -> u8 {
    // Cannot overflow: drawn values are at most 149, and the systolic pressure is at least 90.
    if drawn + PULSE_PRESSURE_LEAST >= systolic { systolic - PULSE_PRESSURE_FORCED } else { drawn }
}

/// BaseE: heart rate 59 to 61, pulse pressure over 30 and BMI under 22.
pub fn base_e(beats: u8, systolic: u8, diastolic: u8, bmi: f64) -> bool {
    (59..=61).contains(&beats) && systolic > diastolic + 30 && bmi < 22.0
}

/// TPain: breaths + 2 (oxygen − 95) + 0.2 (height − 157), which is
/// −221.4 + 1 breaths + 2 oxygen + 0.2 height in centimeters.
pub fn t_pain(breaths: u8, oxygen: f64, height_cm: f64) -> f64 {
    f64::from(breaths) + 2.0 * (oxygen - 95.0) + 0.2 * (height_cm - 157.0)
}

/// DK: weight under 150 lb and temperature under 97.4 °F. As printed, it gets
/// the BMI instead of the weight, which is always under 150, so that only the
/// temperature decides.
pub fn dk(weight: u16, bmi: f64, temperature: f64, variant: Variant) -> bool {
    let heaviness = match variant {
        Variant::Repaired => f64::from(weight),
        Variant::AsPrinted => bmi,
    };
    heaviness < 150.0 && temperature < 97.4
}

#[cfg(test)]
mod tests {
    use super::super::draw::Stream;
    use super::*;
    use proptest::prelude::*;

    const BOTH: [Variant; 2] = [Variant::Repaired, Variant::AsPrinted];

    fn people(seed: u64, variant: Variant) -> Vec<Patient> {
        let mut draws = Draws::new(seed, Stream::Patients);
        (0..2_000).map(|_| Patient::draw(&mut draws, variant)).collect()
    }

    fn whole(span: Span<u8>, low: (u8, u8), width: (u8, u8)) -> bool {
        (low.0..=low.1).contains(&span.low) && (width.0..=width.1).contains(&(span.high - span.low))
    }

    #[test]
    fn a_patient_takes_the_memory_that_help_promises() {
        assert!(size_of::<Patient>() <= 80, "{}", size_of::<Patient>());
    }

    #[test]
    fn ranges_are_those_of_the_procedure() {
        for variant in BOTH {
            for p in people(1938, variant) {
                assert!(whole(p.systolic, (90, 129), (4, 20)));
                assert!(whole(p.diastolic, (60, 84), (4, 10)));
                assert!(whole(p.breaths, (10, 20), (2, 8)));
                assert!(whole(p.beats, (40, 100), (10, 20)));
                assert!((95.0..=99.0).contains(&p.oxygen.low));
                assert!((0.999..=2.001).contains(&(p.oxygen.high - p.oxygen.low)));
                assert!((98..=280).contains(&p.weight.low));
                assert!((3..=40).contains(&(p.weight.high - p.weight.low)));
                assert_eq!(p.sums, Sums::default());
            }
        }
    }

    #[test]
    fn temperatures_are_feverish_only_as_printed() {
        for p in people(5, Variant::Repaired) {
            let (low, width) = (p.temperature.low, p.temperature.high - p.temperature.low);
            assert!((97.0..=99.1).contains(&low) && (0.299..=2.001).contains(&width));
        }
        let printed = people(5, Variant::AsPrinted);
        for p in &printed {
            let (low, width) = (p.temperature.low, p.temperature.high - p.temperature.low);
            assert!((90.0..=129.0).contains(&low) && (3.0..=20.0).contains(&width));
            assert!(low.fract() == 0.0 && width.fract() == 0.0);
        }
        assert!(printed.iter().any(|p| p.temperature.high > 140.0));
    }

    #[test]
    fn heights_are_whole_inches_in_the_promised_range() {
        let ends = |variant| [157, 198].map(|cm| height_in(cm, variant));
        assert_eq!(ends(Variant::Repaired), [62, 78]);
        assert_eq!(ends(Variant::AsPrinted), [61, 77]);
        for cm in 157..=198_u16 {
            let exact = f64::from(cm) / 2.54;
            assert_eq!(f64::from(height_in(cm, Variant::Repaired)), exact.round());
            assert_eq!(f64::from(height_in(cm, Variant::AsPrinted)), exact.floor());
        }
        for inches in 61..=78_u16 {
            let exact = f64::from(inches) * 2.54;
            assert_eq!(height_cm(inches, Variant::Repaired), exact);
            assert_eq!(height_cm(inches, Variant::AsPrinted), exact.floor());
        }
    }

    #[test]
    fn diastolic_stays_four_below_where_it_came_within_three() {
        for (systolic, drawn, kept) in
            [(90, 94, 86), (90, 90, 86), (90, 87, 86), (90, 86, 86), (90, 85, 85), (120, 80, 80)]
        {
            assert_eq!(diastolic_below(systolic, drawn), kept, "{systolic}/{drawn}");
        }
    }

    #[test]
    fn base_e_needs_all_three() {
        for (beats, systolic, diastolic, bmi, expected) in [
            (58, 120, 80, 21.0, false),
            (59, 120, 80, 21.0, true),
            (61, 120, 80, 21.0, true),
            (62, 120, 80, 21.0, false),
            (60, 111, 80, 21.0, true),
            (60, 110, 80, 21.0, false),
            (60, 120, 80, 21.999, true),
            (60, 120, 80, 22.0, false),
        ] {
            assert_eq!(
                base_e(beats, systolic, diastolic, bmi),
                expected,
                "{beats} {systolic} {bmi}"
            );
        }
    }

    #[test]
    fn dk_looks_at_weight_or_as_printed_at_bmi() {
        for (weight, temperature, repaired, printed) in [
            (149, 97.39, true, true),
            (150, 97.39, false, true),
            (149, 97.4, false, false),
            (150, 97.4, false, false),
        ] {
            let bmi = bmi(weight, 70);
            assert_eq!(dk(weight, bmi, temperature, Variant::Repaired), repaired);
            assert_eq!(dk(weight, bmi, temperature, Variant::AsPrinted), printed);
        }
    }

    proptest! {
        #[test]
        fn t_pain_is_linear(breaths in 10..=28_u8, oxygen in 95.0..99.4, cm in 154.0..199.0) {
            let truth = -221.4 + f64::from(breaths) + 2.0 * oxygen + 0.2 * cm;
            prop_assert!((t_pain(breaths, oxygen, cm) - truth).abs() < 1e-9);
        }

        #[test]
        fn weight_and_bmi_give_the_height_back(weight in 98..=320_u16, inches in 61..=78_u16) {
            let back = (703.0 * f64::from(weight) / bmi(weight, inches)).sqrt();
            prop_assert!((back - f64::from(inches)).abs() < 1e-9);
        }
    }
}

//! The nine vitals: their names, canonical units of measurement, and order.
//!
//! Used wherever a vital is named, stored or sorted. The discriminants are stored in partials, so
//! they may be extended but never renumbered.

/// A vital sign or body measure; the order is that of every output.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum Vital {
    /// Systolic blood pressure.
    SystolicBp = 0,
    /// Diastolic blood pressure.
    DiastolicBp = 1,
    /// Heart rate (pulse).
    HeartRate = 2,
    /// Respiratory rate.
    RespiratoryRate = 3,
    /// Peripheral oxygen saturation.
    Spo2 = 4,
    /// Body temperature.
    Temperature = 5,
    /// Body weight.
    Weight = 6,
    /// Body height.
    Height = 7,
    /// Body mass index.
    Bmi = 8,
}

impl Vital {
    /// The number of vitals.
    pub const COUNT: usize = 9;

    /// Every vital, in the order of the outputs.
    pub const ALL: [Self; Self::COUNT] = [
        Self::SystolicBp,
        Self::DiastolicBp,
        Self::HeartRate,
        Self::RespiratoryRate,
        Self::Spo2,
        Self::Temperature,
        Self::Weight,
        Self::Height,
        Self::Bmi,
    ];

    /// Returns the position in [`Vital::ALL`].
    #[must_use]
    pub const fn index(self) -> usize {
        self as usize
    }

    /// Returns the number that partials store.
    #[must_use]
    pub const fn code(self) -> u8 {
        self as u8
    }

    /// Returns the vital of a stored number, if there is one.
    #[must_use]
    pub fn from_code(code: u8) -> Option<Self> {
        Self::ALL.get(usize::from(code)).copied()
    }

    /// Returns the name used in every table and file.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::SystolicBp => "systolic_bp",
            Self::DiastolicBp => "diastolic_bp",
            Self::HeartRate => "heart_rate",
            Self::RespiratoryRate => "respiratory_rate",
            Self::Spo2 => "spo2",
            Self::Temperature => "temperature",
            Self::Weight => "weight",
            Self::Height => "height",
            Self::Bmi => "bmi",
        }
    }

    /// Returns the canonical unit of measurement, as a UCUM code.
    #[must_use]
    pub const fn unit(self) -> &'static str {
        match self {
            Self::SystolicBp | Self::DiastolicBp => "mm[Hg]",
            Self::HeartRate | Self::RespiratoryRate => "/min",
            Self::Spo2 => "%",
            Self::Temperature => "Cel",
            Self::Weight => "kg",
            Self::Height => "cm",
            Self::Bmi => "kg/m2",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_positions_and_come_back() {
        for (position, vital) in Vital::ALL.into_iter().enumerate() {
            assert_eq!(vital.index(), position);
            assert_eq!(Vital::from_code(vital.code()), Some(vital));
            let text = serde_json::to_string(&vital).expect("a name");
            assert_eq!(text, format!("\"{}\"", vital.name()));
        }
        assert_eq!(Vital::from_code(9), None);
    }

    #[test]
    fn names_and_units_are_the_published_ones() {
        let table: Vec<(&str, &str)> = Vital::ALL.iter().map(|v| (v.name(), v.unit())).collect();
        assert_eq!(
            table,
            [
                ("systolic_bp", "mm[Hg]"),
                ("diastolic_bp", "mm[Hg]"),
                ("heart_rate", "/min"),
                ("respiratory_rate", "/min"),
                ("spo2", "%"),
                ("temperature", "Cel"),
                ("weight", "kg"),
                ("height", "cm"),
                ("bmi", "kg/m2"),
            ]
        );
    }
}

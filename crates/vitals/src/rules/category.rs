//! Categories of blood pressure and body mass.
//!
//! Used for each patient when results are delivered. A patient without the measurements has no
//! category, never a default.

/// Blood pressure of adults (ACC/AHA guideline, 2017).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum BloodPressure {
    /// Below 120 and below 80 mm\[Hg\].
    Normal,
    /// 120 to 129 and below 80.
    Elevated,
    /// 130 to 139, or 80 to 89.
    Stage1,
    /// From 140, or from 90.
    Stage2,
    /// Above 180, or above 120.
    Crisis,
}

impl BloodPressure {
    /// Every category, in ascending order.
    pub const ALL: [Self; 5] =
        [Self::Normal, Self::Elevated, Self::Stage1, Self::Stage2, Self::Crisis];

    /// Returns the category of mean pressures in mm\[Hg\]; the higher one applies. The means must
    /// be of at least two readings on two occasions.
    #[must_use]
    pub fn of(systolic: f64, diastolic: f64) -> Self {
        let by_systolic = match systolic {
            s if s > 180.0 => Self::Crisis,
            s if s >= 140.0 => Self::Stage2,
            s if s >= 130.0 => Self::Stage1,
            s if s >= 120.0 => Self::Elevated,
            _ => Self::Normal,
        };
        let by_diastolic = match diastolic {
            d if d > 120.0 => Self::Crisis,
            d if d >= 90.0 => Self::Stage2,
            d if d >= 80.0 => Self::Stage1,
            _ => Self::Normal,
        };
        by_systolic.max(by_diastolic)
    }

    /// Returns the name used in every table.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Normal => "normal",
            Self::Elevated => "elevated",
            Self::Stage1 => "stage 1",
            Self::Stage2 => "stage 2",
            Self::Crisis => "crisis",
        }
    }
}

/// Body mass index of adults (World Health Organization).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum BodyMass {
    /// Below 18.5 kg/m2.
    Underweight,
    /// Below 25.
    Normal,
    /// Below 30.
    Overweight,
    /// Below 35.
    Obese1,
    /// Below 40.
    Obese2,
    /// From 40.
    Obese3,
}

impl BodyMass {
    /// Every class, in ascending order.
    pub const ALL: [Self; 6] = [
        Self::Underweight,
        Self::Normal,
        Self::Overweight,
        Self::Obese1,
        Self::Obese2,
        Self::Obese3,
    ];

    /// Returns the class of an index in kg/m2.
    #[must_use]
    pub fn of(index: f64) -> Self {
        match index {
            i if i < 18.5 => Self::Underweight,
            i if i < 25.0 => Self::Normal,
            i if i < 30.0 => Self::Overweight,
            i if i < 35.0 => Self::Obese1,
            i if i < 40.0 => Self::Obese2,
            _ => Self::Obese3,
        }
    }

    /// Returns the name used in every table.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Underweight => "underweight",
            Self::Normal => "normal",
            Self::Overweight => "overweight",
            Self::Obese1 => "obese class I",
            Self::Obese2 => "obese class II",
            Self::Obese3 => "obese class III",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_boundary_of_blood_pressure() {
        use BloodPressure as B;
        let table = [
            (119.9, 79.9, B::Normal),
            (120.0, 79.9, B::Elevated),
            (129.9, 79.9, B::Elevated),
            (130.0, 79.9, B::Stage1),
            (119.9, 80.0, B::Stage1),
            (125.0, 89.9, B::Stage1),
            (139.9, 70.0, B::Stage1),
            (140.0, 70.0, B::Stage2),
            (110.0, 90.0, B::Stage2),
            (180.0, 120.0, B::Stage2),
            (180.1, 70.0, B::Crisis),
            (110.0, 120.1, B::Crisis),
        ];
        for (systolic, diastolic, expected) in table {
            assert_eq!(B::of(systolic, diastolic), expected, "{systolic}/{diastolic}");
        }
    }

    #[test]
    fn every_boundary_of_body_mass() {
        let bounds = [(18.5, 0), (25.0, 1), (30.0, 2), (35.0, 3), (40.0, 4)];
        for (bound, below) in bounds {
            assert_eq!(BodyMass::of(f64::next_down(bound)), BodyMass::ALL[below]);
            assert_eq!(BodyMass::of(bound), BodyMass::ALL[below + 1]);
        }
    }
}

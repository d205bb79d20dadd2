//! `cohort_export.csv`: the only result that may leave.
//!
//! Used by delivery; `sce results --cohort` writes nothing else. It has numbers of patients only,
//! by one variable at a time, and means and quartiles; [`sce_core::disclosure`] decides which of
//! them may be shown. It must never hold a number of measurements or an extreme, which may be
//! those of a single patient.

use crate::rules::category::{BloodPressure, BodyMass};
use crate::rules::derived::Derived;
use crate::rules::news2::BandCounts;
use crate::rules::vital::Vital;
use sce_core::disclosure::{may_be_shown, shown, statistics_may_be_shown};

use crate::outputs::csv_files::rounded;
use crate::outputs::csv_text::{csv_bytes, csv_failed};
use crate::results::cohort::{CohortRow, Results};
use sce_study::AnalysisError;

/// The text in place of a number that may not be shown.
const SUPPRESSED: &str = "suppressed";
const UNMEASURED: &str = "not measured";

/// A line: variable, statistic, value.
type Line = [String; 3];

/// Patients by category; each is in one. The first category is that of unmeasured patients.
struct Variable {
    name: &'static str,
    categories: Vec<(String, u64)>,
}

impl Variable {
    fn new(name: &'static str, all: u64, of: impl Iterator<Item = (String, u64)>) -> Self {
        let measured: Vec<(String, u64)> = of.collect();
        let others = all.saturating_sub(measured.iter().map(|(_, patients)| patients).sum());
        let categories = [(UNMEASURED.to_owned(), others)].into_iter().chain(measured).collect();
        Self { name, categories }
    }

    fn lines(&self) -> impl Iterator<Item = Line> {
        let patients: Vec<u64> = self.categories.iter().map(|(_, patients)| *patients).collect();
        // All at once: a suppressed number must not follow from the others.
        let categories = self.categories.iter().zip(shown(&patients));
        categories.map(|((name, _), patients)| {
            let value = patients.map_or_else(|| SUPPRESSED.to_owned(), |count| count.to_string());
            [self.name.to_owned(), format!("{name}, patients"), value]
        })
    }
}

/// Writes `cohort_export.csv`.
pub fn export_csv(results: &Results) -> Result<Vec<u8>, AnalysisError> {
    const STEP: &str = "write cohort export";
    let mut writer = csv::Writer::from_writer(Vec::new());
    let mut write = |line: &Line| writer.write_record(line).map_err(|_| csv_failed(STEP));
    write(&["variable", "statistic", "value"].map(str::to_owned))?;
    for line in lines(results) {
        write(&line)?;
    }
    csv_bytes(writer, STEP)
}

fn lines(results: &Results) -> Vec<Line> {
    let all = results.counts.patients;
    let total = if may_be_shown(all) { all.to_string() } else { SUPPRESSED.to_owned() };
    let mut lines = vec![["all".to_owned(), "patients".to_owned(), total]];
    for variable in variables(results) {
        lines.extend(variable.lines());
    }
    for row in &results.cohort {
        lines.extend(statistics(row, all));
    }
    lines
}

/// Returns the variables. Two that count the same patients would reveal each other's suppressed
/// numbers: patients with a temperature are counted in `fever`, patients with a body mass index
/// in `bmi_class`, and nowhere else.
fn variables(results: &Results) -> Vec<Variable> {
    let all = results.counts.patients;
    let mut variables = Vec::new();
    let vitals = results.cohort.iter();
    for row in vitals.filter(|row| !matches!(row.vital, Vital::Temperature | Vital::Bmi)) {
        let measured = [("measured".to_owned(), row.patients)];
        variables.push(Variable::new(row.vital.name(), all, measured.into_iter()));
    }
    let counts = &results.counts;
    let pressures = BloodPressure::ALL.map(|one| one.name().to_owned());
    let pressures = pressures.into_iter().zip(counts.blood_pressures);
    variables.push(Variable::new("bp_category", all, pressures));
    let masses = BodyMass::ALL.map(|one| one.name().to_owned());
    let masses = masses.into_iter().zip(counts.body_masses);
    variables.push(Variable::new("bmi_class", all, masses));
    let bands = BandCounts::NAMES.iter().skip(1).map(|band| band.replace('_', "-"));
    let highest = bands.zip(counts.highest_bands);
    variables.push(Variable::new("news2_partial, highest band", all, highest));
    for (measure, name) in [(Derived::Fever, "fever"), (Derived::ShockIndex, "shock index > 0.9")] {
        let (ever, never) = counts.flagged[measure as usize];
        let parts = [("ever".to_owned(), ever), ("never".to_owned(), never)];
        variables.push(Variable::new(name, all, parts.into_iter()));
    }
    variables
}

fn statistics(row: &CohortRow, all: u64) -> [Line; 2] {
    let m = &row.measures;
    let [q1, median, q3] = m.quartiles.map(rounded);
    // Statistics of all patients but a few would reveal those of the few.
    let may = statistics_may_be_shown(row.patients, all - row.patients);
    let line = |statistic: &str, value: String| {
        let value = if may { value } else { SUPPRESSED.to_owned() };
        [row.vital.name().to_owned(), format!("{statistic}, {}", row.vital.unit()), value]
    };
    [
        line("mean (SD)", format!("{} ({})", rounded(m.mean), rounded(m.sd))),
        line("median [Q1,Q3]", format!("{median} [{q1},{q3}]")),
    ]
}

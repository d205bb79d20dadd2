//! The procedure's two tables of patients.
//!
//! Used by `write` after the last visit, if the tables are requested. They
//! contain names and dates of birth, which are invented but have the form of
//! real ones. They must therefore never be written into the directory of the
//! objects (`place` checks this), and only their owner can read them.

use std::fmt::Write as _;
use std::path::Path;

use anyhow::Result;

use super::draw::{Draws, Stream};
use super::model::Patient;
use super::place::{self, Draft};

const PATIENTS: &str = "patients.csv";
const PARAMETERS: &str = "patientParameters.csv";

/// The date of birth that every patient of the procedure states.
const BORN: &str = "1920-08-26 08:30:12";

/// Columns: lowest and highest value per vital sign, then the totals after the
/// last visit.
const PARAMETERS_HEADER: &str = "ID,systol low,systol high,diastol low,diastol high,\
    resp.rate low,resp.rate high,heart rate low,heart rate high,OSat low,OSat high,\
    temp low,temp high,weight low,weight high,sum BaseE,sum TPain,sum DK\n";

/// Prepares `directory` for the tables; refuses it if it already contains them.
pub fn prepare(directory: &Path) -> Result<()> {
    place::prepare_tables(directory, &[PATIENTS, PARAMETERS])
}

/// Writes both tables, one row per patient in the order of the ids.
pub fn write(directory: &Path, seed: u64, patients: &[Patient]) -> Result<()> {
    let mut surnames = Surnames::new(Draws::new(seed, Stream::Surnames), patients.len() as u64);
    let mut table = Draft::new(directory, PATIENTS)?;
    table.write(b"Surname,Given name,DOB,height,ID\n")?;
    for (id, patient) in patients.iter().enumerate() {
        let (feet, inches) = (patient.height_in / 12, patient.height_in % 12);
        let name = surnames.draw();
        table.write(format!("{name},John,{BORN},{feet} ft {inches} in,{id}\n").as_bytes())?;
    }
    table.finish()?;

    let mut table = Draft::new(directory, PARAMETERS)?;
    table.write(PARAMETERS_HEADER.as_bytes())?;
    for (id, patient) in patients.iter().enumerate() {
        table.write(parameters_row(id, patient)?.as_bytes())?;
    }
    table.finish()
}

fn parameters_row(id: usize, p: &Patient) -> Result<String> {
    let mut row = id.to_string();
    for span in [p.systolic, p.diastolic, p.breaths, p.beats] {
        write!(row, ",{},{}", span.low, span.high)?;
    }
    for span in [p.oxygen, p.temperature] {
        write!(row, ",{},{}", span.low, span.high)?;
    }
    write!(row, ",{},{}", p.weight.low, p.weight.high)?;
    writeln!(row, ",{},{},{}", p.sums.base_e, p.sums.t_pain, p.sums.dk)?;
    Ok(row)
}

/// Unique random surnames: a capital letter and three lowercase letters, or as
/// many letters as are needed for the number of patients.
#[derive(Debug)]
struct Surnames {
    draws: Draws,
    letters: u32,
    /// Number of names with that many letters.
    count: u32,
    /// One bit per name.
    taken: Vec<u64>,
}

impl Surnames {
    fn new(draws: Draws, patients: u64) -> Self {
        let mut letters = 4;
        // Six letters suffice for the most patients, and 26^6 still fits into a u32.
        while u64::from(26_u32.pow(letters)) < patients {
            letters += 1;
        }
        let count = 26_u32.pow(letters);
        let taken = vec![0; count.div_ceil(64) as usize];
        Self { draws, letters, count, taken }
    }

    /// Draws a name that was not drawn before. Called at most once per patient,
    /// so that a free name exists.
    fn draw(&mut self) -> String {
        // Ends even for the last free name: every number is drawn sooner or later.
        loop {
            let number = self.draws.within(0, self.count - 1);
            let bit = 1 << (number % 64);
            let word = &mut self.taken[(number / 64) as usize];
            if *word & bit == 0 {
                *word |= bit;
                return spell(number, self.letters);
            }
        }
    }
}

/// Spells a number as a name: its digits in base 26, the first one as a capital.
fn spell(number: u32, letters: u32) -> String {
    let letter = |place| (number / 26_u32.pow(place) % 26) as u8;
    let capital = b'A' + letter(letters - 1);
    let small = (0..letters - 1).rev().map(|place| b'a' + letter(place));
    std::iter::once(capital).chain(small).map(char::from).collect()
}

#[cfg(test)]
mod tests {
    use super::super::Variant;
    use super::*;
    use std::collections::BTreeSet;

    fn surnames(patients: u64, take: usize) -> Vec<String> {
        let draws = Draws::new(1938, Stream::Surnames);
        let mut surnames = Surnames::new(draws, patients);
        (0..take).map(|_| surnames.draw()).collect()
    }

    #[test]
    fn names_are_spelled_with_a_capital() {
        let spelled = [(0, 4), (25, 4), (26, 4), (456_975, 4), (456_976, 5)];
        let expected = ["Aaaa", "Aaaz", "Aaba", "Zzzz", "Baaaa"];
        assert_eq!(spelled.map(|(number, letters)| spell(number, letters)), expected);
    }

    #[test]
    fn no_name_is_given_twice_even_to_the_last_one() {
        let all = surnames(456_976, 456_976);
        assert!(all.iter().all(|name| name.len() == 4));
        assert_eq!(all.iter().collect::<BTreeSet<_>>().len(), all.len());
    }

    #[test]
    fn names_get_longer_when_there_are_too_few() {
        for (patients, letters) in [(1, 4), (456_976, 4), (456_977, 5), (11_881_377, 6)] {
            assert_eq!(surnames(patients, 1)[0].len(), letters, "{patients} patients");
        }
        // The largest study needs six letters, whose count fits into `count`.
        assert!(26_u64.pow(6) >= u64::from(*super::super::PATIENTS.end()));
    }

    #[test]
    fn parameter_rows_have_the_headers_columns() -> Result<()> {
        let mut draws = Draws::new(1, Stream::Patients);
        let patient = Patient::draw(&mut draws, Variant::AsPrinted);
        let row = parameters_row(41, &patient)?;
        assert!(
            row.starts_with(&format!("41,{},{},", patient.systolic.low, patient.systolic.high))
        );
        assert!(row.ends_with(",0,0,0\n"), "{row}");
        assert_eq!(row.split(',').count(), PARAMETERS_HEADER.split(',').count());
        Ok(())
    }
}

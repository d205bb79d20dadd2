//! Formats a visit as a line of text.
//!
//! Used by `write`, once per row, with one reused buffer. Whole numbers are
//! formatted by hand: most cells are whole numbers, and with the standard
//! formatter the whole command takes a fifth longer. Must never allocate per
//! row.

use std::io::Write;

use super::clock::Calendar;
use super::study::Visit;

/// The header line, with its line end: a newline.
pub const HEADER: &str = "date,ID,systol,diastol,resp.rate,heart rate,OSat,temp,weight,BMI,\
    BaseE,TPain,DK,sum BaseE,sum TPain,sum DK\n";

/// Formats visits in time order.
#[derive(Debug)]
pub struct RowWriter {
    calendar: Calendar,
    text: Vec<u8>,
}

impl RowWriter {
    /// Creates a writer for a study at its start.
    pub fn new() -> Self {
        Self { calendar: Calendar::START, text: Vec::with_capacity(256) }
    }

    /// Returns the row of `visit`, with its line end. Numbers with a fraction
    /// are written in the shortest form that reads back as the same number (a
    /// whole one without a decimal point: `99`).
    pub fn row(&mut self, visit: &Visit) -> std::io::Result<&[u8]> {
        self.text.clear();
        self.date(visit.seconds);
        self.whole(visit.patient.into());
        self.whole(visit.systolic.into());
        self.whole(visit.diastolic.into());
        self.whole(visit.breaths.into());
        self.whole(visit.beats.into());
        self.real(visit.oxygen)?;
        self.real(visit.temperature)?;
        self.whole(visit.weight.into());
        self.real(visit.bmi)?;
        self.whole(visit.base_e.into());
        self.real(visit.t_pain)?;
        self.whole(visit.dk.into());
        self.whole(visit.sums.base_e);
        self.real(visit.sums.t_pain)?;
        self.whole(visit.sums.dk);
        // Every cell ends with a comma; the last comma becomes the line end.
        if let Some(last) = self.text.last_mut() {
            *last = b'\n';
        }
        Ok(&self.text)
    }

    fn date(&mut self, seconds: u64) {
        let (year, parts) = self.calendar.at(seconds);
        push_whole(&mut self.text, year.into());
        for (before, part) in b"-- ::".iter().zip(parts) {
            self.text.push(*before);
            push_two(&mut self.text, part);
        }
        self.text.push(b',');
    }

    fn whole(&mut self, number: u64) {
        push_whole(&mut self.text, number);
        self.text.push(b',');
    }

    fn real(&mut self, number: f64) -> std::io::Result<()> {
        write!(self.text, "{number},")
    }
}

fn digit(number: u64) -> u8 {
    // At most 9, so the cast keeps the value.
    b'0' + (number % 10) as u8
}

/// Appends `number`, which must be below 100, in two digits.
fn push_two(text: &mut Vec<u8>, number: u64) {
    text.extend_from_slice(&[digit(number / 10), digit(number)]);
}

fn push_whole(text: &mut Vec<u8>, number: u64) {
    // The largest u64 has 20 digits.
    let mut digits = [0_u8; 20];
    let mut start = digits.len();
    let mut rest = number;
    loop {
        start -= 1;
        digits[start] = digit(rest);
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    text.extend_from_slice(&digits[start..]);
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::model::Sums;
    use super::*;
    use proptest::prelude::*;

    fn a_visit() -> Visit {
        Visit {
            seconds: 0,
            patient: 7,
            systolic: 118,
            diastolic: 70,
            breaths: 14,
            beats: 60,
            oxygen: 99.4,
            temperature: 98.0,
            weight: 149,
            bmi: 21.377_551_020_408_163,
            base_e: true,
            t_pain: 26.96,
            dk: false,
            sums: Sums { base_e: 3, t_pain: 80.5, dk: 0 },
        }
    }

    #[test]
    fn rows_read_as_specified() {
        let mut rows = RowWriter::new();
        let first = String::from_utf8(rows.row(&a_visit()).unwrap().to_vec()).unwrap();
        assert_eq!(
            first,
            "1938-10-30 00:00:00,7,118,70,14,60,99.4,98,149,21.377551020408163,1,26.96,0,3,80.5,0\n"
        );
        let later = Visit { seconds: 487 * 86_400 + 3_661, ..a_visit() };
        assert!(rows.row(&later).unwrap().starts_with(b"1940-02-29 01:01:01,7,"));
        assert_eq!(HEADER.split(',').count(), first.split(',').count());
    }

    #[test]
    fn the_header_is_the_procedures() {
        assert_eq!(
            HEADER,
            "date,ID,systol,diastol,resp.rate,heart rate,OSat,temp,weight,BMI,BaseE,TPain,DK,\
             sum BaseE,sum TPain,sum DK\n"
        );
    }

    proptest! {
        #[test]
        fn whole_numbers_are_written_as_usual(number: u64) {
            let mut text = Vec::new();
            push_whole(&mut text, number);
            prop_assert_eq!(String::from_utf8(text).unwrap(), number.to_string());
        }

        #[test]
        fn numbers_with_a_fraction_read_back_the_same(oxygen in 95.0..99.4_f64) {
            let mut rows = RowWriter::new();
            let row = rows.row(&Visit { oxygen, ..a_visit() }).unwrap();
            let cell = std::str::from_utf8(row).unwrap().split(',').nth(6).unwrap();
            prop_assert_eq!(cell.parse::<f64>().unwrap().to_bits(), oxygen.to_bits());
        }
    }
}

//! Detects the format of an object by its beginning.
//!
//! Used if the settings leave the format open. An object that begins like none of the formats
//! must be refused, never guessed.

use crate::settings::Format;

use crate::bytes::header;
use crate::bytes::records::BYTE_ORDER_MARK;
use crate::bytes::split::RECORD_LIMIT_BYTES;
use crate::defect::Defect;
use crate::formats::people;
use crate::formats::wide::WideCsv;

/// The first bytes of Parquet.
const PARQUET: &[u8] = b"PAR1";
/// Separators that some programs write instead of commas; such a file is refused by name.
const OTHER_SEPARATORS: [u8; 3] = [b';', b'\t', b'|'];
/// The first bytes of text in UTF-16.
const UTF_16: [&[u8]; 2] = [b"\xff\xfe", b"\xfe\xff"];
/// The first bytes of zip, bzip2 and xz.
const OTHER_PACKINGS: [&[u8]; 3] = [b"PK\x03\x04", b"BZh", b"\xfd7zXZ\x00"];
/// The fewest columns of the wide CSV by which a header is recognized; an error then names the
/// missing ones.
const WIDE_COLUMNS_MIN: usize = 3;

/// A format as it is decoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Wide,
    OmopCsv,
    OmopParquet,
    Fhir,
    Synthea,
}

impl Kind {
    /// Returns the format's name, as outputs show it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Wide => Format::Wide.name(),
            Self::OmopCsv | Self::OmopParquet => Format::Omop.name(),
            Self::Fhir => Format::Fhir.name(),
            Self::Synthea => Format::Synthea.name(),
        }
    }
}

/// Returns the kind of an object that begins with `start`, by its format; `None` if more bytes
/// are needed. `is_all` says that there are no more.
pub fn kind(format: Format, start: &[u8], is_all: bool) -> Result<Option<Kind>, Defect> {
    let kind = match format {
        Format::Wide => Kind::Wide,
        Format::Fhir => Kind::Fhir,
        Format::Synthea => Kind::Synthea,
        Format::Omop | Format::Detect if start.len() < PARQUET.len() && !is_all => return Ok(None),
        Format::Omop | Format::Detect if start.starts_with(PARQUET) => Kind::OmopParquet,
        Format::Omop => Kind::OmopCsv,
        Format::Detect => return kind_of_text(start, is_all),
    };
    Ok(Some(kind))
}

fn kind_of_text(start: &[u8], is_all: bool) -> Result<Option<Kind>, Defect> {
    let text = start.strip_prefix(BYTE_ORDER_MARK).unwrap_or(start).trim_ascii_start();
    if matches!(text.first(), Some(b'{' | b'[')) {
        return Ok(Some(Kind::Fhir));
    }
    // Without a line end within the longest record, more bytes would not help.
    let header = match text.iter().position(|b| *b == b'\n') {
        Some(end) => &text[..end],
        None if is_all || text.len() > RECORD_LIMIT_BYTES => text,
        None => return Ok(None),
    };
    if header.is_empty() {
        return Err(Defect::Empty);
    }
    if UTF_16.iter().any(|mark| text.starts_with(mark)) {
        return Err(Defect::NotUtf8 { row: 0 });
    }
    if OTHER_PACKINGS.iter().any(|packing| text.starts_with(packing)) {
        return Err(Defect::OtherPacking);
    }
    // Text has no zero bytes; a tar archive has some before the header of its first file.
    if header.contains(&0) {
        return Err(Defect::UnknownFormat);
    }
    // Only to name the cause: a file with other separators is never read.
    match kind_of_header(header, b',') {
        Err(Defect::UnknownFormat)
            if OTHER_SEPARATORS.iter().any(|other| kind_of_header(header, *other).is_ok()) =>
        {
            Err(Defect::OtherSeparator)
        }
        known => known.map(Some),
    }
}

fn kind_of_header(header: &[u8], separator: u8) -> Result<Kind, Defect> {
    let names: Vec<&[u8]> =
        header.split(|b| *b == separator).map(|name| unquoted(name.trim_ascii())).collect();
    let has = |name: &str| names.iter().any(|other| header::is_same(other, name));
    let wide = WideCsv::column_names().filter(|name| has(name)).count();
    if has("measurement_concept_id") {
        Ok(Kind::OmopCsv)
    } else if ["patient", "code", "value"].into_iter().all(has) {
        Ok(Kind::Synthea)
    } else if wide >= WIDE_COLUMNS_MIN {
        Ok(Kind::Wide)
    } else if people::is_people_header(has) {
        Err(Defect::IsPeople)
    } else {
        Err(Defect::UnknownFormat)
    }
}

fn unquoted(name: &[u8]) -> &[u8] {
    name.strip_prefix(b"\"").and_then(|name| name.strip_suffix(b"\"")).unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_format_is_known_by_its_beginning() {
        let table: &[(&str, Kind)] = &[
            ("date,ID,systol,diastol\n", Kind::Wide),
            ("\u{feff}\"ID\",\"date\",\"BMI\"\r\n", Kind::Wide),
            ("\"\",\"heart.rate\",\"resp.rate\",\"OSat\"\n", Kind::Wide),
            ("measurement_id,person_id,measurement_concept_id\n", Kind::OmopCsv),
            ("\u{feff}MEASUREMENT_ID,PERSON_ID,MEASUREMENT_CONCEPT_ID\n", Kind::OmopCsv),
            ("PAR1\x15\x04", Kind::OmopParquet),
            ("DATE,PATIENT,ENCOUNTER,CODE,DESCRIPTION,VALUE,UNITS\n", Kind::Synthea),
            ("{\"resourceType\":\"Observation\"", Kind::Fhir),
            ("\u{feff}\n [ {", Kind::Fhir),
        ];
        for (start, expected) in table {
            let found = kind(Format::Detect, start.as_bytes(), false);
            assert_eq!(found, Ok(Some(*expected)), "{start}");
        }
    }

    #[test]
    fn an_unknown_beginning_is_refused_and_a_short_one_needs_more() {
        for start in ["a,b,c\n", "date,ID,note\n", "%PDF-1.7\n", "<html>\n"] {
            let found = kind(Format::Detect, start.as_bytes(), false);
            assert_eq!(found, Err(Defect::UnknownFormat), "{start}");
        }
        for (start, expected) in [
            (&b"\xff\xfed\0a\0\n\0"[..], Defect::NotUtf8 { row: 0 }),
            (b"PK\x03\x04\x14\0\n", Defect::OtherPacking),
            (b"BZh91AY\n", Defect::OtherPacking),
            (b"\xfd7zXZ\x00\n", Defect::OtherPacking),
            (b"visits.csv\0\0\0ustar\0date,ID,systol,diastol\n", Defect::UnknownFormat),
        ] {
            assert_eq!(kind(Format::Detect, start, false), Err(expected));
        }
        assert_eq!(kind(Format::Detect, b"date,ID,systol", false), Ok(None));
        assert_eq!(kind(Format::Detect, b"PA", false), Ok(None));
        assert_eq!(kind(Format::Omop, b"PA", true), Ok(Some(Kind::OmopCsv)));
        assert_eq!(kind(Format::Detect, b" \n", true), Err(Defect::Empty));
        for start in ["date;ID;systol;diastol\n", "PERSON_ID\tMEASUREMENT_CONCEPT_ID\n"] {
            let found = kind(Format::Detect, start.as_bytes(), false);
            assert_eq!(found, Err(Defect::OtherSeparator), "{start}");
        }
        for start in ["Id,BIRTHDATE,DEATHDATE\n", "person_id,death_date\n"] {
            let found = kind(Format::Detect, start.as_bytes(), false);
            assert_eq!(found, Err(Defect::IsPeople), "{start}");
        }
        let endless = vec![b'x'; RECORD_LIMIT_BYTES + 1];
        assert_eq!(kind(Format::Detect, &endless, false), Err(Defect::UnknownFormat));
    }
}

//! Names of uploaded objects: an allow-list that keeps PHI out of them.
//!
//! Used by `sce put` and `sce intake` before anything is stored or registered.
//! A refusal must name the rule, never the name: even the digest of a name that
//! is a social security number can be reversed in minutes.
//!
//! A name is `<prefix>/<opaque id>.<ext>`. Every sequence of letters in it must be
//! short (at most three), or a word of the allowed vocabulary, or part of a
//! UUID or hex digest. Digits must not look like a number that identifies a
//! person or a date. UUIDs and digests are masked before the digit rules apply.

use std::collections::BTreeSet;

use percent_encoding::percent_decode_str;

use crate::object::{KEY_MAX_BYTES, ObjectKey};

/// Words that are allowed in every project. `[names] words` adds more.
const WORDS: &str = include_str!("words.txt");

/// Allowed extensions; `gz` and `zst` may follow another one.
const EXTENSIONS: [&str; 9] =
    ["csv", "json", "ndjson", "parquet", "tsv", "gz", "zst", "esdk", "sealed"];

/// The rule that a name breaks. The text says what to do about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, thiserror::Error)]
pub enum NameRule {
    /// Wrong characters, length or number of parts.
    #[error(
        "form: use A-Z a-z 0-9 . _ - in 1 to 4 parts between slashes, no part starting with a dot"
    )]
    Form,
    /// No extension, or one that is not allowed.
    #[error(
        "extension: end the name with .csv, .tsv, .json, .ndjson or .parquet (.gz and .zst may follow)"
    )]
    Extension,
    /// Groups of three, two and four digits, like a social security number.
    #[error(
        "looks like a social security number: name the object by an opaque id, such as part-000001.csv"
    )]
    SocialSecurity,
    /// A date or a month.
    #[error(
        "date: name the object by an opaque id, or set [names] dates = true if the dates are not dates of service"
    )]
    Date,
    /// A telephone number.
    #[error(
        "looks like a telephone number: name the object by an opaque id, such as part-000001.csv"
    )]
    Telephone,
    /// More digits than a counter needs.
    #[error("long number: at most 9 digits in a row; use a counter, a UUID or a hex digest")]
    LongNumber,
    /// Letters that are not a word of the vocabulary.
    #[error(
        "word outside the vocabulary: name the object by an opaque id, such as part-000001.csv, or add a harmless word to [names] words"
    )]
    Word,
    /// The same name occurs twice in one listing.
    #[error("duplicate: an earlier position of this listing has the same name; rename one of them")]
    Duplicate,
}

/// The rules for names in one project.
///
/// ```
/// use sce_core::names::{NameRule, NameRules};
///
/// let rules = NameRules::new(&[], false);
/// assert!(rules.parse("visits/part-000001.csv").is_ok());
/// assert_eq!(rules.parse("123-45-6789.csv"), Err(NameRule::SocialSecurity));
/// ```
#[derive(Debug, Clone, Default)]
pub struct NameRules {
    words: BTreeSet<String>,
    dates: bool,
}

impl NameRules {
    /// Creates rules with the built-in vocabulary and the words in `more`. `dates` allows
    /// partitions by date; it is off by default because a date of service is PHI.
    pub fn new(more: &[String], dates: bool) -> Self {
        let more = more.iter().map(|word| word.to_ascii_lowercase());
        let words = WORDS.split_whitespace().map(str::to_owned).chain(more).collect();
        Self { words, dates }
    }

    /// Checks a name as the user or the store wrote it.
    ///
    /// # Errors
    /// Returns the first rule that the decoded name breaks.
    pub fn parse(&self, raw: &str) -> Result<ObjectKey, NameRule> {
        if raw.len() > KEY_MAX_BYTES {
            return Err(NameRule::Form);
        }
        // Digits first: a name that looks like a number of a person is reported as such,
        // even if its form is wrong, too.
        let decoded = decode(raw);
        let masked = mask_opaque(&decoded);
        self.check_digits(&masked)?;
        let key = ObjectKey::try_from(raw.to_owned()).map_err(|_| NameRule::Form)?;
        if raw.split('/').count() > 4 {
            return Err(NameRule::Form);
        }
        self.check_extension(&decoded)?;
        self.check_words(&masked)?;
        Ok(key)
    }

    fn check_digits(&self, masked: &str) -> Result<(), NameRule> {
        let groups = digit_groups(masked);
        let lengths: Vec<usize> = groups.iter().map(|g| g.digits.len()).collect();
        for (i, group) in groups.iter().enumerate() {
            let joined =
                |n: usize| groups.get(i + 1..i + n).is_some_and(|g| g.iter().all(|g| g.joined));
            let shape =
                |want: &[usize]| joined(want.len()) && lengths.get(i..i + want.len()) == Some(want);
            if shape(&[3, 2, 4]) {
                return Err(NameRule::SocialSecurity);
            }
            if shape(&[3, 3, 4]) || shape(&[1, 3, 3, 4]) {
                return Err(NameRule::Telephone);
            }
            // Split and compact dates are checked before the length of a single group,
            // so that `19381030` is reported as a date.
            let parts: Vec<&str> = groups[i..].iter().take(3).map(|g| g.digits.as_str()).collect();
            let compact = is_compact_date(&group.digits);
            if !self.dates
                && (compact
                    || (joined(3) && is_split_date(&parts))
                    || (joined(2) && is_month(&parts)))
            {
                return Err(NameRule::Date);
            }
            if is_telephone(&group.digits) {
                return Err(NameRule::Telephone);
            }
            if group.digits.len() > 9 {
                return Err(NameRule::LongNumber);
            }
        }
        Ok(())
    }

    fn check_extension(&self, name: &str) -> Result<(), NameRule> {
        let last = name.rsplit('/').next().unwrap_or_default();
        let mut parts = last.split('.');
        let stem = parts.next().unwrap_or_default();
        let mut extensions = parts.peekable();
        if stem.is_empty() || extensions.peek().is_none() {
            return Err(NameRule::Extension);
        }
        let known = extensions.all(|e| EXTENSIONS.contains(&e.to_ascii_lowercase().as_str()));
        if known { Ok(()) } else { Err(NameRule::Extension) }
    }

    fn check_words(&self, masked: &str) -> Result<(), NameRule> {
        let stem_end = masked.rfind('/').map_or(0, |at| at + 1);
        let stem = masked[stem_end..].find('.').map_or(masked, |at| &masked[..stem_end + at]);
        // Words of three letters or fewer are too short to identify a person.
        let known = |word: &str| word.len() <= 3 || self.words.contains(&word.to_ascii_lowercase());
        let words: Vec<&str> = stem
            .split(|c: char| !c.is_ascii_alphabetic())
            .filter(|word| !word.is_empty())
            .collect();
        if words.iter().all(|word| known(word)) { Ok(()) } else { Err(NameRule::Word) }
    }
}

/// Decodes percent-encoding, at most twice: stores encode keys, some of them twice.
fn decode(raw: &str) -> String {
    let once =
        |text: &str| percent_decode_str(&text.replace('+', " ")).decode_utf8_lossy().into_owned();
    if raw.contains('%') { once(&once(raw)) } else { raw.to_owned() }
}

/// Replaces UUIDs and hex digests (at least 16 hex digits with at least one letter and
/// one digit) by `#`, so that the other rules skip them.
fn mask_opaque(name: &str) -> String {
    let word = |c: char| c.is_ascii_alphanumeric() || c == '-';
    let mut masked = String::with_capacity(name.len());
    let mut rest = name;
    while !rest.is_empty() {
        let end = rest.find(|c| !word(c)).unwrap_or(rest.len());
        let (run, tail) = rest.split_at(end);
        masked.push_str(&mask_run(run));
        let skip = tail.chars().next().map_or(0, char::len_utf8);
        masked.push_str(&tail[..skip]);
        rest = &tail[skip..];
    }
    masked
}

fn mask_run(run: &str) -> String {
    if is_uuid(run) {
        return "#".to_owned();
    }
    let parts: Vec<&str> =
        run.split('-').map(|part| if is_digest(part) { "#" } else { part }).collect();
    parts.join("-")
}

fn is_uuid(text: &str) -> bool {
    let lengths: Vec<usize> = text.split('-').map(str::len).collect();
    lengths == [8, 4, 4, 4, 12] && text.bytes().all(|b| b == b'-' || b.is_ascii_hexdigit())
}

fn is_digest(text: &str) -> bool {
    let figures = text.bytes().filter(u8::is_ascii_digit).count();
    let hex = text.bytes().all(|b| b.is_ascii_hexdigit());
    (16..=128).contains(&text.len()) && hex && figures > 0 && figures < text.len()
}

/// A sequence of digits, and whether exactly one separator is between it and the one before.
struct DigitGroup {
    digits: String,
    joined: bool,
}

fn digit_groups(text: &str) -> Vec<DigitGroup> {
    let mut groups: Vec<DigitGroup> = Vec::new();
    // The number of separators since the last digit; `usize::MAX` after any other character.
    let mut gap = usize::MAX;
    let mut fresh = true;
    for c in text.chars() {
        if !c.is_ascii_digit() {
            let separator = matches!(c, '-' | '_' | '.' | '/' | ' ' | '(' | ')');
            gap = if separator { gap.saturating_add(1) } else { usize::MAX };
            fresh = true;
            continue;
        }
        if fresh {
            groups.push(DigitGroup { digits: String::new(), joined: gap == 1 });
        }
        if let Some(group) = groups.last_mut() {
            group.digits.push(c);
        }
        (gap, fresh) = (0, false);
    }
    groups
}

fn number(text: &str) -> u32 {
    // No valid year, month or day: text that is too long for a number is no date.
    text.parse().unwrap_or(u32::MAX)
}

fn is_year(text: &str) -> bool {
    text.len() == 4 && (1850..=2199).contains(&number(text))
}

fn is_month_number(text: &str) -> bool {
    text.len() <= 2 && (1..=12).contains(&number(text))
}

fn is_day_number(text: &str) -> bool {
    text.len() <= 2 && (1..=31).contains(&number(text))
}

fn is_split_date(parts: &[&str]) -> bool {
    let [a, b, c] = parts else { return false };
    let month_and_day = |x: &str, y: &str| {
        (is_month_number(x) && is_day_number(y)) || (is_day_number(x) && is_month_number(y))
    };
    (is_year(a) && month_and_day(b, c)) || (month_and_day(a, b) && (is_year(c) || c.len() == 2))
}

fn is_month(parts: &[&str]) -> bool {
    let [a, b, ..] = parts else { return false };
    b.len() == 2 && is_year(a) && is_month_number(b)
}

/// True for `19381030`, `10301938` and `30101938`.
fn is_compact_date(digits: &str) -> bool {
    if digits.len() != 8 {
        return false;
    }
    let split = |a: usize, b: usize| [&digits[..a], &digits[a..b], &digits[b..]];
    is_split_date(&split(4, 6)) || is_split_date(&split(2, 4))
}

/// True for ten digits that are a number of the North American numbering plan.
fn is_telephone(digits: &str) -> bool {
    let bytes = digits.as_bytes();
    let ten = match bytes.len() {
        10 => bytes,
        11 if bytes[0] == b'1' => &bytes[1..],
        _ => return false,
    };
    ten[0] >= b'2' && ten[3] >= b'2'
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(name: &str) -> Option<NameRule> {
        NameRules::new(&[], false).parse(name).err()
    }

    #[test]
    fn opaque_names_pass() {
        for name in [
            "part-000001.csv",
            "visits/part-000020.csv",
            "a.csv",
            "x1.csv",
            "obj_07.csv",
            "study-7/batch/000123456.csv",
            "0f8fad5b-d9cb-469f-a165-70867728950e.csv",
            "3b1f0c9ad2e45678.csv",
            "data/e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855.ndjson",
            "header-only.csv",
            "visits-00001.csv.gz",
            "K.CSV",
        ] {
            assert_eq!(rule(name), None, "{name}");
        }
    }

    #[test]
    fn identifying_names_are_refused_by_their_rule() {
        for (name, expected) in [
            ("ssn_123-45-6789_x.csv", NameRule::SocialSecurity),
            ("123-45-6789.csv", NameRule::SocialSecurity),
            ("x%31%32%33-45-6789.csv", NameRule::SocialSecurity),
            ("x%2531%2532%2533-45-6789.csv", NameRule::SocialSecurity),
            ("p_1938-10-30.csv", NameRule::Date),
            ("visits/1938/10/30/x.csv", NameRule::Date),
            ("19381030.csv", NameRule::Date),
            ("v-10301938.csv", NameRule::Date),
            ("10_30_38.csv", NameRule::Date),
            ("1938-10.csv", NameRule::Date),
            ("call-206-555-0100.csv", NameRule::Telephone),
            ("2065550100.csv", NameRule::Telephone),
            ("00000000001234.csv", NameRule::LongNumber),
            ("john_smith.csv", NameRule::Word),
            ("Smith.csv", NameRule::Word),
            ("homer/part-01.csv", NameRule::Word),
            ("part-000001", NameRule::Extension),
            ("part-000001.exe", NameRule::Extension),
            ("part.smith.csv", NameRule::Extension),
            ("john@example.org.csv", NameRule::Form),
            ("a b.csv", NameRule::Form),
            ("../a.csv", NameRule::Form),
            ("a/b/c/d/e.csv", NameRule::Form),
            ("", NameRule::Form),
        ] {
            assert_eq!(rule(name), Some(expected), "{name}");
        }
    }

    #[test]
    fn words_and_dates_are_configured() {
        let rules = NameRules::new(&["Ward".to_owned()], true);
        assert!(rules.parse("ward-7/1938-10-30/part-1.csv").is_ok());
        assert_eq!(rules.parse("ward-7/123-45-6789.csv"), Err(NameRule::SocialSecurity));
    }

    #[test]
    fn no_refusal_repeats_the_name() {
        for name in ["john_smith.csv", "ssn_123-45-6789_x.csv"] {
            let text = rule(name).map(|rule| rule.to_string()).unwrap_or_default();
            assert!(!text.contains("smith") && !text.contains("6789"), "{text}");
        }
    }
}

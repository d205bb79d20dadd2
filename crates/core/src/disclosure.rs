//! Which numbers of a table of patients may leave the environment: no count of 1
//! to 10 patients, and none from which such a count could be derived.
//!
//! Used for the cohort export. The rule is primary and complementary cell
//! suppression (after the CMS cell size policy: fewer than 11 are not shown).
//! It must hold even against a reader of the table who knows the rule.

/// The largest count of patients that is suppressed.
pub const SMALL_MAX: u64 = 10;

/// If a variable has a small count, counts below this are suppressed, too, and the
/// suppressed ones add up to at least this. So there are always several solutions.
const HIDDEN_MIN: u64 = 2 * (SMALL_MAX + 1);

/// True if a count of patients may be shown on its own. A count of 0 may.
#[must_use]
pub const fn may_be_shown(patients: u64) -> bool {
    patients == 0 || patients > SMALL_MAX
}

/// Returns the counts of patients in the categories of a variable as they may be shown
/// next to their total; each patient is in exactly one category. If one count is small, all
/// counts below [`HIDDEN_MIN`] are suppressed, and then the next larger ones until at least
/// two are, with at least [`HIDDEN_MIN`] patients in total: a single one would be the total
/// minus the others. Zeros are published: a count of 0 discloses nothing about any patient.
#[must_use]
pub fn shown(categories: &[u64]) -> Vec<Option<u64>> {
    let mut shown: Vec<Option<u64>> = categories.iter().copied().map(Some).collect();
    if categories.iter().all(|patients| may_be_shown(*patients)) {
        return shown;
    }
    let mut rising: Vec<usize> = (0..categories.len()).filter(|at| categories[*at] > 0).collect();
    // Ascending: all small counts, then as few larger ones as the rule needs.
    rising.sort_by_key(|at| categories[*at]);
    let (mut cells, mut patients, mut last) = (0, 0, 0);
    for at in rising {
        // Of equal counts all or none: which one is suppressed would be information.
        let is_larger = categories[at] >= HIDDEN_MIN && categories[at] > last;
        if is_larger && cells >= 2 && patients >= HIDDEN_MIN {
            break;
        }
        shown[at] = None;
        (cells, patients, last) = (cells + 1, patients + categories[at], categories[at]);
    }
    shown
}

/// True if a mean or a quartile of the measured patients may be shown, where `unmeasured`
/// is the number of other patients of the variable. Showing it reveals that more than
/// [`SMALL_MAX`] were measured, which must not reveal how few the others are.
#[must_use]
pub const fn statistics_may_be_shown(patients: u64, unmeasured: u64) -> bool {
    patients > SMALL_MAX && (may_be_shown(unmeasured) || patients + unmeasured >= HIDDEN_MIN)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    #[test]
    fn small_numbers_are_hidden_and_with_them_the_next() {
        assert_eq!(shown(&[40, 11, 0, 300]), [Some(40), Some(11), Some(0), Some(300)]);
        assert_eq!(shown(&[40, 3, 0, 300]), [None, None, Some(0), Some(300)]);
        assert_eq!(shown(&[40, 3, 12, 9, 50]), [Some(40), None, None, None, Some(50)]);
        assert_eq!(shown(&[40, 3, 22, 50]), [Some(40), None, None, Some(50)]);
        assert_eq!(shown(&[4, 3, 0]), [None, None, Some(0)]);
        assert_eq!(shown(&[]), []);
        assert!(may_be_shown(0) && !may_be_shown(1) && !may_be_shown(10) && may_be_shown(11));
    }

    /// Every distribution of `patients` over `categories`.
    fn tables(patients: u64, categories: usize) -> Vec<Vec<u64>> {
        if categories == 1 {
            return vec![vec![patients]];
        }
        let mut all = Vec::new();
        for first in 0..=patients {
            for mut rest in tables(patients - first, categories - 1) {
                rest.push(first);
                all.push(rest);
            }
        }
        all
    }

    /// What a reader can see of a table: the counts, and whether there is a mean.
    type Seen = (Vec<Option<u64>>, bool);

    /// The attack: a reader knows the total, the published counts, this rule and whether
    /// there is a mean (the first category is the patients who were not measured), and tries
    /// every possible table. If a suppressed cell of 1 to 10 has the same count in all of
    /// them, it can be derived.
    fn derived(patients: u64, categories: usize) -> Vec<Vec<u64>> {
        let mut alike: BTreeMap<Seen, Vec<Vec<u64>>> = BTreeMap::new();
        for table in tables(patients, categories) {
            let has_mean = statistics_may_be_shown(patients - table[0], table[0]);
            alike.entry((shown(&table), has_mean)).or_default().push(table);
        }
        let mut found = Vec::new();
        for ((seen, _), possible) in alike {
            for at in (0..categories).filter(|at| seen[*at].is_none()) {
                let first = possible[0][at];
                if !may_be_shown(first) && possible.iter().all(|table| table[at] == first) {
                    found.push(possible[0].clone());
                }
            }
        }
        found
    }

    #[test]
    fn no_suppressed_count_can_be_derived() {
        for (categories, most) in [(2, 120), (3, 90), (4, 50)] {
            for patients in SMALL_MAX + 1..=most {
                let found = derived(patients, categories);
                assert!(found.is_empty(), "{patients} in {categories}: {:?}", found.first());
            }
        }
    }
}

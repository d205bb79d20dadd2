//! What of a table of patients may leave: no number of 1 to 10 patients, and
//! none that such a number could be derived from.
//!
//! Used for the cohort export. The rule is primary and complementary cell
//! suppression (as of the CMS cell size policy: fewer than 11 are not shown).
//! It assumes that whoever reads the table knows this rule.

/// Most patients of a number that is not shown.
pub const SMALL_MAX: u64 = 10;

/// Where a variable has a small number, numbers below this are hidden, too,
/// and hidden ones add up to this at least: so there are always several ways.
const HIDDEN_MIN: u64 = 2 * (SMALL_MAX + 1);

/// True if a number of patients may be shown for itself. None at all may.
#[must_use]
pub const fn may_be_shown(patients: u64) -> bool {
    patients == 0 || patients > SMALL_MAX
}

/// The numbers of patients in the categories of a variable, as they may be
/// shown beside their total: each patient is in exactly one. If one is small,
/// hidden are all below [`HIDDEN_MIN`] and then the next larger until at least
/// two are, of [`HIDDEN_MIN`] patients together: one alone would be the total
/// less the others. Zeros are shown, as nothing is known of nobody.
#[must_use]
pub fn shown(categories: &[u64]) -> Vec<Option<u64>> {
    let mut shown: Vec<Option<u64>> = categories.iter().copied().map(Some).collect();
    if categories.iter().all(|patients| may_be_shown(*patients)) {
        return shown;
    }
    let mut rising: Vec<usize> = (0..categories.len()).filter(|at| categories[*at] > 0).collect();
    rising.sort_by_key(|at| categories[*at]);
    let (mut cells, mut patients, mut last) = (0, 0, 0);
    for at in rising {
        // Of equals all or none: which one is hidden would tell something.
        let is_larger = categories[at] >= HIDDEN_MIN && categories[at] > last;
        if is_larger && cells >= 2 && patients >= HIDDEN_MIN {
            break;
        }
        shown[at] = None;
        (cells, patients, last) = (cells + 1, patients + categories[at], categories[at]);
    }
    shown
}

/// True if a mean or a quartile of what was measured of some patients may be
/// shown, `unmeasured` being the others of the variable. That it is shown
/// says that there are more than [`SMALL_MAX`], which must not give away how
/// few the others are.
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

    /// Every way in which `patients` can be in `categories`.
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

    /// What a reader sees of a table: the numbers, and whether there is a mean.
    type Seen = (Vec<Option<u64>>, bool);

    /// The attack: somebody knows the total, what is shown (of the first
    /// category, who was not measured, whether there is a mean) and this rule, and
    /// goes through every table that it could be. If a hidden cell of 1 to 10
    /// has the same number in all of them, it is derived.
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
    fn no_hidden_number_can_be_derived() {
        for (categories, most) in [(2, 120), (3, 90), (4, 50)] {
            for patients in SMALL_MAX + 1..=most {
                let found = derived(patients, categories);
                assert!(found.is_empty(), "{patients} in {categories}: {:?}", found.first());
            }
        }
    }
}

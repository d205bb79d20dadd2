//! The natural order of patient ids.
//!
//! Used wherever rows of patients are sorted.

use std::cmp::Ordering;

/// Compares two ids: whole numbers first, by value; then everything else, as text.
pub fn natural(a: &str, b: &str) -> Ordering {
    match (a.parse::<i128>(), b.parse::<i128>()) {
        // Equal numbers with different texts (`7`, `007`) need a fixed order.
        (Ok(left), Ok(right)) => left.cmp(&right).then_with(|| a.cmp(b)),
        (Ok(_), Err(_)) => Ordering::Less,
        (Err(_), Ok(_)) => Ordering::Greater,
        (Err(_), Err(_)) => a.cmp(b),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patients_sort_in_natural_order() {
        let mut ids = ["b", "10", "9", "-1", "a", "007", "7", "10x", "0"];
        ids.sort_by(|a, b| natural(a, b));
        assert_eq!(ids, ["-1", "0", "007", "7", "9", "10", "10x", "a", "b"]);
    }
}

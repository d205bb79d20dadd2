//! Counts with their nouns, for every message.

/// Formats a count with its noun: "1 object", "2 objects", "2 launches".
pub(crate) fn plural(count: u64, noun: &str) -> String {
    let ending = match count {
        1 => "",
        _ if noun.ends_with("ch") => "es",
        _ => "s",
    };
    format!("{count} {noun}{ending}")
}

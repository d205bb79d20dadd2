//! The price table: the built-in one, or a user's file of the same form.
//!
//! Used wherever a cost is shown. If the table has no matching row, no cost is
//! shown. Invalid tables are refused here.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use anyhow::{Context, anyhow, ensure};
use sce_core::calendar;
use sce_core::cost::{Money, Prices, is_refused_family};

/// The built-in table, also the template for other tables.
const TABLE: &str = include_str!("prices.toml");
/// Longest file read.
const FILE_MAX_BYTES: u64 = 1 << 20;

/// The built-in table.
pub(crate) fn built_in() -> Prices {
    // It parses, as a test checks, so the empty default is never used.
    parse(TABLE).unwrap_or_default()
}

/// Reads a table of at most 1 MiB.
///
/// # Errors
/// The file cannot be read, or a line or row of it is invalid; the error names
/// it.
pub(crate) fn load(path: &Path) -> anyhow::Result<Prices> {
    let name = path.display();
    let mut text = String::new();
    // One byte more than the limit tells a table of exactly 1 MiB from a longer file.
    File::open(path)
        .and_then(|file| file.take(FILE_MAX_BYTES + 1).read_to_string(&mut text))
        .with_context(|| format!("read the price table {name}"))?;
    let short = u64::try_from(text.len()).is_ok_and(|bytes| bytes <= FILE_MAX_BYTES);
    ensure!(short, "{name} is not a price table: it is longer than 1 MiB");
    parse(&text).with_context(|| format!("read the price table {name}"))
}

fn parse(text: &str) -> anyhow::Result<Prices> {
    let prices: Prices = toml::from_str(text).map_err(|e| {
        // The library's own text spans several lines and quotes the file; errors are one line.
        let before = e.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
        let cause = e.message().lines().next().unwrap_or_default();
        anyhow!("line {}: {cause}", before.matches('\n').count() + 1)
    })?;
    check(&prices)?;
    Ok(prices)
}

/// Checks that a table has a date, a source, no duplicate rows, and a price and
/// a region for every row.
fn check(prices: &Prices) -> anyhow::Result<()> {
    let day = prices.date.len() == 10 && calendar::parse(prices.date.as_bytes()).is_some();
    ensure!(day, "date: invalid: write it as \"2026-09-10\"");
    ensure!(!prices.source.trim().is_empty(), "source: empty: state where the prices are from");
    let mut regions = BTreeSet::new();
    for row in &prices.regions {
        let place = format!("region {}", row.region);
        ensure!(regions.insert(&row.region), "{place}: duplicate region: remove one");
        let priced = row.volume_gb_month > Money(0);
        ensure!(priced, "{place}: the price of volumes is 0: correct it or remove the region");
    }
    let mut types = BTreeSet::new();
    for row in &prices.rows {
        let place = format!("instance {} in {}", row.instance_type, row.region);
        let once = types.insert((&row.region, &row.instance_type));
        ensure!(once, "{place}: duplicate row: remove one");
        let known = regions.contains(&row.region);
        ensure!(known, "{place}: its region has no [[region]]: add it with volume price and fee");
        let priced = row.dedicated_hour > Money(0);
        ensure!(priced, "{place}: the price is 0: correct it or remove the row");
        let refused = is_refused_family(&row.instance_type);
        ensure!(
            !refused,
            "{place}: the t family is not accepted (dedicated tenancy): remove the row"
        );
    }
    Ok(())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use std::io::Write;

    #[test]
    fn the_built_in_table_is_whole() {
        let prices = parse(TABLE).unwrap();
        assert_eq!(built_in(), prices);
        assert!(!prices.rows.is_empty());
        let every = prices.regions.iter().flat_map(|r| prices.rows.iter().map(move |row| (r, row)));
        for (here, row) in every.filter(|(here, row)| here.region == row.region) {
            let worker = prices.worker(&row.region, &row.instance_type, 100).unwrap();
            assert_eq!(worker.fee_hour, here.fee_hour);
            assert_eq!(worker.instance_hour, row.dedicated_hour);
        }
    }

    #[test]
    fn errors_name_the_line_or_row_and_what_to_do() {
        let head = "date = \"2026-09-10\"\nsource = \"a test\"\n";
        let region = "[[region]]\nregion = \"r\"\nvolume_gb_month = 0.08\nfee_hour = \"2.00\"\n";
        let row = |price: &str| {
            format!("[[instance]]\nregion = \"r\"\ninstance_type = \"m5.large\"\n{price}\n")
        };
        let price = row("dedicated_hour = \"0.102\"");
        for (text, expected) in [
            ("date = ".to_owned(), "line 1:"),
            (format!("{head}currency = \"EUR\""), "line 3: unknown field `currency`"),
            (format!("{head}{region}{}", row("shared_hour = 1")), "line 10: unknown field"),
            (format!("{head}{region}{}", row("")), "missing field `dedicated_hour`"),
            (
                format!("{head}{region}{}", row("dedicated_hour = \"1 USD\"")),
                "line 10: not an amount",
            ),
            (format!("{head}{region}{}", row("dedicated_hour = -1")), "line 10: not an amount"),
            (head.replace("-10", ""), "date: invalid"),
            (head.replace("09-10", "02-30"), "date: invalid"),
            (head.replace("a test", " "), "source: empty"),
            (format!("{head}{region}{region}"), "region r: duplicate region: remove one"),
            (format!("{head}{}", region.replace("0.08", "0")), "region r: the price of volumes"),
            (format!("{head}{price}"), "instance m5.large in r: its region has no [[region]]"),
            (format!("{head}{region}{price}{price}"), "m5.large in r: duplicate row: remove one"),
            (format!("{head}{region}{}", row("dedicated_hour = 0.0")), "in r: the price is 0"),
            (format!("{head}{region}{}", price.replace("m5", "t3")), "t3.large in r: the t family"),
        ] {
            let error = parse(&text).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
        assert_eq!(parse(&format!("{head}{region}{price}")).unwrap().rows.len(), 1);
    }

    #[test]
    fn a_file_is_read_within_bounds() {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(TABLE.as_bytes()).unwrap();
        assert_eq!(load(file.path()).unwrap(), built_in());
        file.write_all(&vec![b'\n'; 1 << 20]).unwrap();
        assert!(load(file.path()).unwrap_err().to_string().contains("longer than 1 MiB"));
        let error = load(Path::new("no-such-prices.toml")).unwrap_err();
        assert!(error.to_string().contains("no-such-prices.toml"));
    }
}

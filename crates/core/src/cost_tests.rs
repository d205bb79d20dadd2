//! Tests of prices and costs: tables of cases, and properties.

use super::*;
use proptest::prelude::*;

fn prices() -> Prices {
    let json = r#"{"date": "2026-09-10", "source": "a test",
        "region": [{"region": "here", "volume_gb_month": 0.08, "fee_hour": 2}],
        "instance": [
            {"region": "here", "instance_type": "m5.large", "dedicated_hour": "0.102"}
        ]}"#;
    serde_json::from_str(json).unwrap()
}

fn worker() -> WorkerPrice {
    prices().worker("here", "m5.large", 100).unwrap()
}

fn cost(instances: u64, volumes: u64, fee: u64) -> Cost {
    Cost { instances: Money(instances), volumes: Money(volumes), fee: Money(fee) }
}

#[test]
fn amounts_print_rounded_half_up() {
    for (micros, text) in [
        (0, "$0.00"),
        (1, "$0.0000"),
        (50, "$0.0001"),
        (4_250, "$0.0043"),
        (9_999, "$0.0100"),
        (15_000, "$0.02"),
        (1_234_999, "$1.23"),
        (1_235_000, "$1.24"),
        (u64::MAX, "$18446744073709.55"),
    ] {
        assert_eq!(Money(micros).to_string(), text, "{micros}");
    }
}

#[test]
fn amounts_are_read_exactly_or_not_at_all() {
    let read = |json: &str| serde_json::from_str::<Money>(json).ok();
    for (json, micros) in [
        ("\"0.102\"", 102_000),
        ("\"0.2040000000\"", 204_000),
        ("\"18446744073709.551615\"", u64::MAX),
        ("0.102", 102_000),
        ("2", 2_000_000),
        ("1e-6", 1),
    ] {
        assert_eq!(read(json), Some(Money(micros)), "{json}");
    }
    for json in ["1e-7", "-1", "-0.5", "1e300", "1e12345", "null", "{}"] {
        assert_eq!(read(json), None, "{json}");
    }
    for text in ["", ".5", "5.", "+5", "1.2.3", "$1", "0.1234567", "0.10200é", "inf"] {
        assert_eq!(text.parse::<Money>(), Err(MoneyError), "{text}");
    }
    assert_eq!("18446744073709.551616".parse::<Money>(), Err(MoneyError));
    assert_eq!(serde_json::to_string(&Money(2_000_001)).unwrap(), "\"2.000001\"");
}

#[test]
fn a_fleet_pays_the_fee_once_and_without_a_row_there_is_no_cost() {
    // 100 GB at 0.08 a month: 0.010959 an hour.
    for (workers, expected) in [
        (0, cost(0, 0, 0)),
        (1, cost(102_000, 10_959, 2_000_000)),
        (3, cost(306_000, 32_877, 2_000_000)),
    ] {
        assert_eq!(worker().hourly(workers), expected);
    }
    assert_eq!(worker().hourly(3).total(), Money(2_338_877));
    assert_eq!(prices().worker("there", "m5.large", 1), None);
    assert_eq!(prices().worker("here", "m5.xlarge", 1), None);
}

#[test]
fn as_many_workers_as_the_limit_allows() {
    let free = WorkerPrice { instance_hour: Money(0), volume_month: Money(0), ..worker() };
    for (price, limit, workers) in [
        (worker(), "2.112958", 0),
        (worker(), "2.112959", 1),
        (worker(), "2.338876", 2),
        (worker(), "2.338877", 3),
        (free, "2", u32::MAX),
    ] {
        assert_eq!(price.workers_within(limit.parse().unwrap()), workers, "{limit}");
    }
}

#[test]
fn time_is_paid_by_the_second_and_the_fee_by_the_started_hour() {
    let time = Duration::from_secs;
    for (worker_time, fleet_time, expected) in [
        (time(0), time(0), cost(0, 0, 0)),
        (time(60), time(60), cost(1_700, 183, 2_000_000)),
        (Duration::from_millis(59_001), time(3600), cost(1_700, 183, 2_000_000)),
        (time(7200), time(3601), cost(204_000, 21_918, 4_000_000)),
    ] {
        assert_eq!(worker().spent(worker_time, fleet_time), expected);
    }
}

#[test]
fn the_rest_costs_a_band_and_a_paid_hour_is_not_paid_twice() {
    let time = Duration::from_secs;
    let eta = |late| Eta { likely: time(1800), early: time(900), late };
    let rest = |workers, late| worker().to_finish(workers, time(1800), &eta(late));
    let early = cost(51_000, 5_479, 0);
    let late = Some(cost(204_000, 21_918, 2_000_000));
    assert_eq!(rest(2, Some(time(3600))), (early, late));
    assert_eq!(rest(2, None), (early, None));
    assert_eq!(rest(0, Some(time(7200))), (Cost::default(), Some(Cost::default())));
}

#[test]
fn the_t_family_is_refused() {
    for name in ["t2.micro", "t3.large", "t3a.large", "t4g.nano", "T3.large"] {
        assert!(is_refused_family(name), "{name}");
    }
    for name in ["m5.large", "trn1.2xlarge", "c5.xlarge", "t", ""] {
        assert!(!is_refused_family(name), "{name}");
    }
}

proptest! {
    #[test]
    fn nothing_overflows_and_the_limit_is_kept(
        instance in any::<u64>(), volume in any::<u64>(), fee in any::<u64>(),
        limit in any::<u64>(), workers in any::<u32>(), spent in any::<u64>(), left in any::<u64>(),
    ) {
        let (instance_hour, volume_month) = (Money(instance), Money(volume));
        let price = WorkerPrice { instance_hour, volume_month, fee_hour: Money(fee) };
        let most = price.workers_within(Money(limit));
        prop_assert!(most == 0 || price.hourly(most).total() <= Money(limit));
        prop_assert!(most == u32::MAX || price.hourly(most + 1).total() > Money(limit));
        let left = Duration::from_secs(left);
        let eta = Eta { likely: left, early: Duration::ZERO, late: Some(left) };
        let (early, late) = price.to_finish(workers, Duration::from_secs(spent), &eta);
        prop_assert!(early.total() <= late.unwrap().total());
    }

    #[test]
    fn what_was_written_is_read(micros in any::<u64>()) {
        let json = serde_json::to_string(&Money(micros)).unwrap();
        prop_assert_eq!(serde_json::from_str::<Money>(&json).unwrap(), Money(micros));
    }
}

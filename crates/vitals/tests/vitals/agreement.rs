//! The deliverables compared with an independent calculation: sorted values, two passes in `f64`,
//! nothing shared with the code under test.

use crate::driver::{deliver, field, file, table, text};
use std::collections::BTreeMap;

/// A small random generator (xorshift), so that the data are fixed.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % limit
    }

    fn unit(&mut self) -> f64 {
        self.below(1 << 40) as f64 / (1_u64 << 40) as f64
    }
}

const VITALS: [&str; 8] = [
    "systolic_bp",
    "diastolic_bp",
    "respiratory_rate",
    "heart_rate",
    "spo2",
    "temperature",
    "weight",
    "bmi",
];

type Values = BTreeMap<(String, &'static str), Vec<f64>>;

/// Rows of a file and the values they hold in canonical units.
fn data(rows: usize) -> (Vec<String>, Values) {
    let mut random = Random(1938);
    let (mut lines, mut values) = (Vec::new(), Values::new());
    for row in 0..rows {
        let patient = random.below(7).to_string();
        let cells = [
            90 + random.below(60),
            60 + random.below(40),
            10 + random.below(20),
            40 + random.below(90),
        ]
        .map(|v| v as f64);
        let spo2 = (95.0 + 4.4 * random.unit()).to_string().parse::<f64>().unwrap();
        let fahrenheit = 97.0 + 4.0 * random.unit();
        let pounds = 98.0 + random.below(180) as f64;
        let bmi = f64::from(u32::try_from(1700 + random.below(2800)).unwrap()) / 100.0;
        let raw = [cells[0], cells[1], cells[2], cells[3], spo2, fahrenheit, pounds, bmi];
        for (vital, raw) in VITALS.into_iter().zip(raw) {
            let value = match vital {
                "temperature" => (raw - 32.0) / 1.8,
                "weight" => raw * 0.453_592_37,
                _ => raw,
            };
            values.entry((patient.clone(), vital)).or_default().push(value);
        }
        let raw = raw.map(|v| v.to_string()).join(",");
        lines.push(format!(
            "1938-11-{:02} {:02}:30:00,{patient},{raw},0,1,0,0,0,0",
            1 + row / 24 % 30,
            row % 24
        ));
    }
    (lines, values)
}

fn close(found: &str, expected: f64, relative: f64) {
    let found: f64 = found.parse().unwrap();
    assert!((found - expected).abs() <= relative * expected.abs(), "{found} {expected}");
}

#[test]
fn measures_equal_an_independent_calculation() {
    let (lines, values) = data(3_000);
    let patients = table(&text(&deliver(&file(&lines)), "patients.csv"));
    assert_eq!(patients.len(), 1 + values.len());
    for ((patient, vital), values) in values {
        let get = |column: &str| field(&patients, &patient, vital, column);
        let n = values.len() as f64;
        let mean = values.iter().sum::<f64>() / n;
        let squares: f64 = values.iter().map(|x| (x - mean) * (x - mean)).sum();
        assert_eq!(get("n"), values.len().to_string());
        close(&get("mean"), mean, 1e-12);
        close(&get("sd"), (squares / (n - 1.0)).sqrt(), 1e-9);
        let mut sorted = values;
        sorted.sort_by(f64::total_cmp);
        // Extremes are exact to the last bit.
        assert_eq!(get("min").parse::<f64>().unwrap(), sorted[0]);
        assert_eq!(get("max").parse::<f64>().unwrap(), sorted[sorted.len() - 1]);
        for (quarter, column) in [(1, "q1"), (2, "median"), (3, "q3")] {
            let position = (sorted.len() - 1) * quarter;
            let (low, high) = (sorted[position / 4], sorted[position.div_ceil(4)]);
            let expected = low + (position % 4) as f64 / 4.0 * (high - low);
            let found: f64 = get(column).parse().unwrap();
            assert!(
                (found - expected).abs() <= 0.005 + 1e-9,
                "{vital} {column} {found} {expected}"
            );
        }
    }
}

#[test]
fn a_small_file_by_hand() {
    let rows = [
        "1938-10-31 08:00:00,55,120,80,15,70,98,98.6,100,22.5,0,0,0,0,0,0",
        "1938-10-30 00:00:00,55,110,70,17,,97,212,200,23.5,0,0,0,0,0,0",
        "1938-10-31 08:00:00,55,130,90,13,80,99,abc,NA,24.5,0,0,0,0,0,0",
        "1938-11-02,John,100,60,12,60,96,97.7,150,20,0,0,0,0,0,0",
    ];
    let csv = text(&deliver(&file(&rows)), "patients.csv");
    let expected = "\
patient,vital,unit,n,missing,implausible,mean,sd,min,q1,median,q3,max,first_time,first_value,\
last_time,last_value,cv,arv,slope_per_year,slope_se,slope_p,slope_q,abnormal_streaks,longest_streak,bp_category,bmi_class,news2_max,news2_last
55,systolic_bp,mm[Hg],3,0,0,120,10,110,115,120,125,130,1938-10-30 00:00:00,110,1938-10-31 08:00:00,125,8.333333333333334,15,,,,,0,0,stage 1,normal,0,0
55,diastolic_bp,mm[Hg],3,0,0,80,10,70,75,80,85,90,1938-10-30 00:00:00,70,1938-10-31 08:00:00,85,12.5,15,,,,,0,0,stage 1,normal,0,0
55,heart_rate,/min,2,1,0,75,7.071067811865475,70,72.5,75,77.5,80,1938-10-31 08:00:00,75,1938-10-31 08:00:00,75,9.428090415820632,,,,,,0,0,stage 1,normal,0,0
55,respiratory_rate,/min,3,0,0,15,2,13,14,15,16,17,1938-10-30 00:00:00,17,1938-10-31 08:00:00,14,13.333333333333334,3,,,,,0,0,stage 1,normal,0,0
55,spo2,%,3,0,0,98,1,97,97.5,98,98.5,99,1938-10-30 00:00:00,97,1938-10-31 08:00:00,98.5,1.0204081632653061,1.5,,,,,0,0,stage 1,normal,0,0
";
    assert!(csv.starts_with(expected), "{csv}");
    let table = table(&csv);
    assert_eq!(table.len(), 1 + 2 * 8);
    let of_55 = |vital, column| field(&table, "55", vital, column);
    assert_eq!(
        (of_55("temperature", "n"), of_55("temperature", "implausible")),
        ("1".into(), "1".into())
    );
    for column in ["mean", "min", "median", "max", "first_value"] {
        assert_eq!(of_55("temperature", column), "36.99999999999999");
    }
    assert_eq!(
        (of_55("temperature", "missing"), of_55("temperature", "sd")),
        ("0".into(), String::new())
    );
    assert_eq!(
        (of_55("weight", "missing"), of_55("weight", "min")),
        ("1".into(), "45.359237".into())
    );
    assert_eq!(field(&table, "John", "weight", "mean"), "68.0388555");
    assert_eq!(field(&table, "John", "bmi", "last_time"), "1938-11-02 00:00:00");
}

#[test]
fn a_patient_is_described_as_a_whole() {
    // scipy.stats.linregress([0, 1, 2, 3, 4], [110, 130, 120, 150, 140]): slope 8, stderr
    // 3.4641016151377544, p 0.10408803866182788.
    let pressures = [(110, 70), (130, 72), (120, 74), (150, 76), (140, 78)];
    let rows: Vec<String> = pressures
        .iter()
        .enumerate()
        .map(|(day, (high, low))| {
            let pulse = if day == 3 { 135 } else { 70 };
            format!("2001-03-0{},7,{high},{low},15,{pulse},97,98.6,150,31,0,0,0,0,0,0", day + 1)
        })
        .collect();
    let table = table(&text(&deliver(&file(&rows)), "patients.csv"));
    let get = |vital, column| field(&table, "7", vital, column);
    let number = |vital, column| get(vital, column).parse::<f64>().unwrap();
    close(&get("systolic_bp", "slope_per_year"), 8.0 * 365.25, 1e-12);
    close(&get("systolic_bp", "slope_se"), 3.464_101_615_137_754_4 * 365.25, 1e-12);
    close(&get("systolic_bp", "slope_p"), 0.104_088_038_661_827_88, 1e-9);
    assert_eq!(get("systolic_bp", "slope_p"), get("systolic_bp", "slope_q"));
    close(&get("diastolic_bp", "slope_per_year"), 2.0 * 365.25, 1e-12);
    assert!(number("diastolic_bp", "slope_p") < 1e-12);
    assert_eq!((number("weight", "slope_per_year"), number("weight", "slope_p")), (0.0, 1.0));
    close(&get("systolic_bp", "arv"), 17.5, 1e-12);
    assert_eq!(
        (get("bmi", "abnormal_streaks"), get("bmi", "longest_streak")),
        ("1".into(), "5".into())
    );
    close(&get("systolic_bp", "cv"), 100.0 * 250.0_f64.sqrt() / 130.0, 1e-12);
    for vital in ["systolic_bp", "bmi", "weight"] {
        let whole = ["bp_category", "bmi_class", "news2_max", "news2_last"];
        assert_eq!(whole.map(|column| get(vital, column)), ["stage 1", "obese class I", "3", "0"]);
    }
}

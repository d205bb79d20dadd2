//! More patients than fit in memory: they are spilled, and the results do not show it.

use crate::driver::{Files, analysis, analyzed, field, file, files, partial, table, text};
use crate::merging::UNNAMED;
use sce_core::calendar;
use sce_study::{TypedAnalysis, TypedObject};
use sce_vitals::Defect;
use sce_vitals::rules::accumulator::PATIENTS_KEPT_MAX;
use sce_vitals::settings::VitalsSettings;
use sce_vitals::{VitalsAnalysis, VitalsPartial};

const PATIENTS: usize = PATIENTS_KEPT_MAX + 5000;

/// The visits of a patient: one or two of most patients, at times that also go back; of one
/// patient in a hundred several, with a repeated moment and a trend.
fn visits(patient: usize) -> Vec<String> {
    let visits = if patient.is_multiple_of(100) { 6 } else { 1 + patient % 2 };
    let visit = |visit: usize| {
        let mix = (patient * 31 + visit * 17) % 1000;
        let days = [0, 3, 1, 9, 9, 20][visit];
        let time = calendar::format(-983_750_400 + days * 86_400);
        let pulse =
            if mix.is_multiple_of(50) { "x".to_owned() } else { (50 + mix % 90).to_string() };
        format!(
            "{time},{patient},{},{},{},{pulse},97,98.{},{},{},1,{}.5,0,0,0,0",
            100 + mix % 80,
            60 + mix % 30,
            10 + mix % 16,
            mix % 10,
            120 + mix,
            18 + mix % 20,
            mix % 7
        )
    };
    (0..visits).map(visit).collect()
}

/// All first visits, then all second ones, and so on: each patient returns after all others.
fn by_visit(patients: &[usize]) -> Vec<String> {
    let of_all: Vec<Vec<String>> = patients.iter().map(|patient| visits(*patient)).collect();
    (0..6).flat_map(|at| of_all.iter().filter_map(move |of| of.get(at).cloned())).collect()
}

/// An order in which neighbors are far from each other.
fn all_patients() -> Vec<usize> {
    (0..PATIENTS).map(|at| at * 7919 % PATIENTS).collect()
}

fn results(names: &[&str], parts: Vec<VitalsPartial>) -> Files {
    let merged = analysis().merge(parts).unwrap();
    files(analysis().deliver(&analyzed(names), merged).unwrap())
}

/// A table without the column that depends on all patients.
fn rows_without(csv: &str, column: &str) -> Vec<Vec<String>> {
    let mut rows = table(csv);
    if let Some(at) = rows[0].iter().position(|name| name == column) {
        rows.iter_mut().for_each(|row| drop(row.remove(at)));
    }
    rows
}

#[test]
fn one_object_or_many_stored_between_or_not_give_the_same_bytes() {
    let rows = by_visit(&all_patients());
    let whole = results(&["a.csv"], vec![partial("a.csv", &file(&rows))]);
    let names = ["a.csv", "b.csv", "c.csv"];
    let of_object = |at: usize| rows.iter().skip(at).step_by(names.len()).collect::<Vec<_>>();
    let parts: Vec<VitalsPartial> =
        (0..).zip(names).map(|(at, name)| partial(name, &file(&of_object(at)))).collect();
    let at_once = results(&names, parts.clone());
    let stored = |part| analysis().decode(&analysis().encode(&part).unwrap()).unwrap();
    let mut one_by_one = analysis().merge(Vec::new()).unwrap();
    for part in parts {
        one_by_one = stored(analysis().merge(vec![stored(part), one_by_one]).unwrap());
    }
    let one_by_one = results(&names, vec![one_by_one]);
    for name in UNNAMED {
        assert!(whole[name] == at_once[name], "{name}");
        assert!(whole[name] == one_by_one[name], "{name}");
    }
}

#[test]
fn a_patient_among_many_has_the_same_row_as_among_few() {
    let all = all_patients();
    let of_all = results(&["a.csv"], vec![partial("a.csv", &file(&by_visit(&all)))]);
    let few: Vec<&[usize]> = all.chunks(PATIENTS_KEPT_MAX / 2).collect();
    let of_few: Vec<Files> = few
        .iter()
        .map(|some| results(&["a.csv"], vec![partial("a.csv", &file(&by_visit(some)))]))
        .collect();
    for name in ["patients.csv", "streaks.csv", "derived.csv"] {
        let mut separate: Vec<Vec<String>> = of_few
            .iter()
            .flat_map(|files| rows_without(&text(files, name), "slope_q").split_off(1))
            .collect();
        // Vitals keep their order: the sort is stable.
        separate.sort_by_key(|row| row[0].parse::<usize>().unwrap());
        let together = rows_without(&text(&of_all, name), "slope_q").split_off(1);
        assert!(together == separate, "{name}");
    }
    // The counts of an object are those of all its patients.
    let counts = |files: &Files| -> Vec<Vec<u64>> {
        let rows = table(&text(files, "quality.csv")).split_off(1);
        let count = |field: &String| field.parse().unwrap_or(0);
        rows.iter().map(|row| row[2..].iter().map(count).collect()).collect()
    };
    let mut sums = counts(&of_few[0]);
    for files in &of_few[1..] {
        for (sums, row) in sums.iter_mut().zip(counts(files)) {
            sums.iter_mut().zip(row).for_each(|(sum, count)| *sum += count);
        }
    }
    assert_eq!(counts(&of_all), sums);
    let header = &table(&text(&of_all, "quality.csv"))[0];
    let at = header.iter().position(|name| name == "duplicates").unwrap() - 2;
    assert!(sums[0][at] > 0 && sums[0][at + 1] > 0, "duplicates and out of order occur");
}

#[test]
fn patients_in_every_object_give_the_same_files_as_in_one() {
    let some: Vec<usize> = (0..PATIENTS_KEPT_MAX * 2 / 3).collect();
    let rows = by_visit(&some);
    let whole = results(&["a.csv"], vec![partial("a.csv", &file(&rows))]);
    let first_visits: Vec<String> = some.iter().map(|patient| visits(*patient).remove(0)).collect();
    let others: Vec<String> =
        some.iter().flat_map(|patient| visits(*patient).split_off(1)).collect();
    let parts = vec![partial("a.csv", &file(&first_visits)), partial("b.csv", &file(&others))];
    let separate = results(&["a.csv", "b.csv"], parts);
    for name in UNNAMED {
        assert!(whole[name] == separate[name], "{name}");
    }
}

#[test]
fn too_many_moments_are_too_many_however_they_were_stored_between() {
    // Two objects of a patient overlap in time; the other two have so many values that moments
    // are not kept.
    let row = |patient: usize, hour: i64| {
        let time = calendar::format(-983_750_400 + hour * 3600);
        format!("{time},{patient},120,80,15,70,97,98.6,150,22,0,0,0,0,0,0")
    };
    let two = |hours: [i64; 2]| file(&hours.map(|hour| row(1, hour)));
    let many: Vec<String> = (0..70_000).map(|hour| row(2, hour)).collect();
    let names = ["a.csv", "b.csv", "c.csv", "d.csv"];
    let texts = [two([0, 9]), two([3, 20]), file(&many), file(&many)];
    let parts = || names.iter().zip(&texts).map(|(name, text)| partial(name, text)).collect();
    let stored =
        |part: VitalsPartial| analysis().decode(&analysis().encode(&part).unwrap()).unwrap();
    let at_once = results(&names, parts());
    let mut separate: Vec<VitalsPartial> = parts();
    let many = stored(analysis().merge(separate.split_off(2)).unwrap());
    let few = stored(analysis().merge(separate).unwrap());
    let stored_separately = results(&names, vec![few, many]);
    for name in UNNAMED {
        assert!(at_once[name] == stored_separately[name], "{name}");
    }
    let rows = table(&text(&at_once, "patients.csv"));
    assert_eq!(field(&rows, "1", "heart_rate", "arv"), "not computed: overlapping ranges");
}

#[test]
fn a_full_disk_is_a_defect() {
    let analysis = VitalsAnalysis::new(&VitalsSettings::default(), "/nonexistent".into());
    let rows = by_visit(&all_patients());
    let mut reader = analysis.begin("a.csv");
    reader.push(file(&rows).as_bytes()).unwrap();
    assert_eq!(reader.finish().err(), Some(Defect::NoScratch));
    // With more visits than are held before they are written, at once.
    let mut reader = analysis.begin("a.csv");
    assert_eq!(reader.push(file(&vec![rows; 16].concat()).as_bytes()), Err(Defect::NoScratch));
}

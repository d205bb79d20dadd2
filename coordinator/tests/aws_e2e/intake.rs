//! Uploads by other clients: S3 reports them, `sce intake` registers them, and
//! names that could contain PHI are counted but never stored.

use sce_testkit::Kind;

use crate::cloud::Cloud;

fn upload(cloud: &Cloud, file: &str, key: &str) {
    let path = cloud.project.path(file);
    cloud.emulator.python(&format!(
        "client('s3').put_object(Bucket='hipaa-123456789012-data', Key={key:?}, \
         Body=open({path:?}, 'rb').read())"
    ));
}

#[test]
fn uploads_are_registered_and_forbidden_names_counted() {
    let cloud = Cloud::new(Kind::Ministack);
    cloud.project.synth(90, 3);
    for n in 1..=3 {
        let (plain, sealed) = (format!("plain/part-00000{n}.csv"), format!("{n}.sealed"));
        let key = format!("site-1/part-00000{n}.csv");
        cloud.sce(&["seal", &plain, &sealed, "--object", &key]).exits(0);
        upload(&cloud, &sealed, &key);
    }
    for forbidden in ["ssn_123-45-6789_x.csv", "Smith John+1950.csv", "visit 2021-03-04.csv"] {
        upload(&cloud, "1.sealed", forbidden);
    }
    let taken = cloud.sce(&["intake", "--once", "--output", "json"]).exits(1);
    let counts = taken.json();
    assert_eq!((&counts["registered"], &counts["refused"]), (&3.into(), &3.into()));
    for text in ["Smith", "45-6789", "2021-03-04"] {
        assert!(!format!("{taken:?}").contains(text), "a refused name is shown: {taken:?}");
    }
    assert_eq!(taken.lines_with("\"sequencer\"").len(), 3, "{taken:?}");
    let names = cloud.sce(&["names", "--prefix", "site-1/"]).exits(0);
    assert_eq!(names.stdout.matches(" free ").count(), 3, "{names:?}");
    assert!(names.stdout.contains("hipaa-123456789012-data: 3 uploads refused"));
    let run = cloud.start(&["run", "--no-fleet", "--output", "json"]);
    crate::support::wait_for("the run", || {
        cloud.sce(&["runs"]).exits(0).stdout.contains("running").then_some(())
    });
    cloud.agent("one").exits(0);
    assert_eq!(run.finish().exits(0).json()["counts"]["analyzed"], 3);
    // A version that is reported again stays processed; a new one is free.
    upload(&cloud, "2.sealed", "site-1/part-000002.csv");
    assert_eq!(
        cloud.sce(&["intake", "--once", "--output", "json"]).exits(0).json()["registered"],
        1
    );
    let names = cloud.sce(&["names"]).exits(0);
    let standing =
        (names.stdout.matches(" processed ").count(), names.stdout.matches(" free ").count());
    assert_eq!(standing, (2, 1), "{names:?}");
}

//! What every ledger must do with the names table.

use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use sce_cloud::ports::Ledger;
use sce_core::ids::RunId;
use sce_core::object::ObjectKey;
use sce_core::registry::{Name, Refusal};
use sce_core::time::Timestamp;

use crate::books::object;
use crate::candidates::{Candidate, every, ledgers};

type Books = Candidate<dyn Ledger>;

every!(ledgers holds
    a_registered_version_is_not_changed refusals_count_once
    a_registered_name_is_there_and_free names_are_taken_by_one_run
    what_was_registered_again_is_not_taken prefixes_are_no_patterns);

const RUN: RunId = RunId::new([1; 8]);
const OTHER: RunId = RunId::new([2; 8]);

fn name(key: &str) -> Name {
    Name { object: object(key), registered_at: Timestamp(5), run: None }
}

fn taken(name: &Name, run: RunId) -> Name {
    Name { run: Some(run), ..name.clone() }
}

async fn register(ledger: &dyn Ledger, keys: &[&str]) -> Vec<Name> {
    let names: Vec<_> = keys.iter().map(|key| name(key)).collect();
    for name in &names {
        ledger.register(name).await.unwrap();
    }
    names
}

/// Returns every name with the prefix, read in pages.
async fn list(ledger: &dyn Ledger, prefix: &str, page: u32) -> Vec<Name> {
    let mut all: Vec<Name> = Vec::new();
    loop {
        let after = all.last().map(|name| name.object.key.clone());
        let names = ledger.names(prefix, after.as_ref(), page).await.unwrap();
        assert!(names.len() <= page as usize);
        if names.is_empty() {
            return all;
        }
        all.extend(names);
    }
}

async fn a_registered_name_is_there_and_free(candidate: &Books) {
    let ledger = candidate.port();
    assert_eq!(ledger.name(&object("a").key).await.unwrap(), None);
    let names = register(ledger, &["a"]).await;
    assert_eq!(candidate.doors[1].name(&object("a").key).await.unwrap().as_ref(), names.first());
    assert_eq!(ledger.take_names(&names, RUN).await.unwrap(), 1);
    // A new version is free again.
    let mut again = name("a");
    again.object.etag = "another".into();
    ledger.register(&again).await.unwrap();
    assert_eq!(ledger.name(&again.object.key).await.unwrap(), Some(again));
}

async fn a_registered_version_is_not_changed(candidate: &Books) {
    let ledger = candidate.port();
    let names = register(ledger, &["a"]).await;
    assert_eq!(ledger.take_names(&names, RUN).await.unwrap(), 1);
    // Reported again by a late event: it still belongs to that run.
    let late = Name { registered_at: Timestamp(9), ..names[0].clone() };
    ledger.register(&late).await.unwrap();
    assert_eq!(ledger.name(&late.object.key).await.unwrap(), Some(taken(&names[0], RUN)));
}

async fn refusals_count_once(candidate: &Books) {
    let refusal = |bucket: &str, sequencer: &str| Refusal {
        bucket: bucket.into(),
        sequencer: sequencer.into(),
        rule: "a rule".into(),
        at: Timestamp(1),
    };
    let ledger = candidate.port();
    assert!(ledger.refusals().await.unwrap().is_empty());
    for (bucket, sequencer) in [("one", "1"), ("one", "2"), ("one", "1"), ("two", "1")] {
        ledger.note_refusal(&refusal(bucket, sequencer)).await.unwrap();
    }
    let counts = candidate.doors[1].refusals().await.unwrap();
    assert_eq!(counts, [("one".to_owned(), 2), ("two".to_owned(), 1)].into());
}

async fn names_are_taken_by_one_run(candidate: &Books) {
    let ledger = candidate.port();
    let names = register(ledger, &["a", "b", "c"]).await;
    assert_eq!(ledger.take_names(&names[..2], RUN).await.unwrap(), 2);
    // The same call again gives the same result; another run gets only the rest.
    assert_eq!(candidate.doors[1].take_names(&names[..2], RUN).await.unwrap(), 2);
    assert_eq!(candidate.doors[2].take_names(&names, OTHER).await.unwrap(), 1);
    let expected = [taken(&names[0], RUN), taken(&names[1], RUN), taken(&names[2], OTHER)];
    assert_eq!(list(ledger, "", 10).await, expected);
    // A caller that knows the run of a name may take it over, if that is still its run.
    assert_eq!(ledger.take_names(&expected[..1], OTHER).await.unwrap(), 1);
    assert_eq!(ledger.take_names(&expected[..1], RunId::new([3; 8])).await.unwrap(), 0);
    assert_eq!(ledger.take_names(&[name("nowhere")], RUN).await.unwrap(), 0);
    assert_eq!(ledger.name(&object("nowhere").key).await.unwrap(), None);
}

async fn what_was_registered_again_is_not_taken(candidate: &Books) {
    let ledger = candidate.port();
    let old = register(ledger, &["a"]).await;
    let mut new = name("a");
    new.object.etag = "another".into();
    ledger.register(&new).await.unwrap();
    assert_eq!(ledger.take_names(&old, RUN).await.unwrap(), 0);
    assert_eq!(ledger.name(&new.object.key).await.unwrap(), Some(new.clone()));
    // Not even by the run that has the new version.
    assert_eq!(ledger.take_names(std::slice::from_ref(&new), RUN).await.unwrap(), 1);
    assert_eq!(ledger.take_names(&old, RUN).await.unwrap(), 0);
    assert_eq!(ledger.name(&new.object.key).await.unwrap(), Some(taken(&new, RUN)));
}

async fn prefixes_are_no_patterns(candidate: &Books) {
    let ledger = candidate.port();
    let keys = ["A_1", "a-1", "a.1", "a/1", "a/2", "a1", "a_1", "a_2", "aa1", "b"];
    let names = register(ledger, &keys).await;
    assert_eq!(list(ledger, "", 3).await, names, "byte order, whatever the page");
    for (prefix, expected) in [
        ("a_", vec!["a_1", "a_2"]),
        ("a/", vec!["a/1", "a/2"]),
        ("A", vec!["A_1"]),
        ("%", vec![]),
        ("a%", vec![]),
        ("_", vec![]),
        ("a*", vec![]),
        ("a?1", vec![]),
        ("[a]", vec![]),
        ("b", vec!["b"]),
        ("b ", vec![]),
        ("ä", vec![]),
        ("'", vec![]),
    ] {
        for page in [1, 2, 100] {
            let listed: Vec<_> =
                list(ledger, prefix, page).await.into_iter().map(|n| n.object.key).collect();
            let listed: Vec<_> = listed.iter().map(ObjectKey::as_str).collect();
            assert_eq!(listed, expected, "{prefix:?} in pages of {page}");
        }
    }
}

#[test]
fn any_page_of_any_prefix_is_what_sorting_gives() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let case = (
        prop::collection::btree_set("[a-cA_.][a-c0-9_.-]{0,3}(/[a-c]{1,2})?", 0..12),
        "[a-c_.-]{0,2}",
        1u32..5,
    );
    let config =
        ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() };
    let check = |(keys, prefix, page): (std::collections::BTreeSet<String>, String, u32)| {
        for candidate in runtime.block_on(ledgers()) {
            let keys: Vec<_> =
                keys.iter().map(String::as_str).filter(|key| !key.starts_with('.')).collect();
            let names = runtime.block_on(register(candidate.port(), &keys));
            let expected: Vec<_> =
                names.into_iter().filter(|n| n.object.key.as_str().starts_with(&prefix)).collect();
            let listed = runtime.block_on(list(candidate.port(), &prefix, page));
            prop_assert_eq!(listed, expected);
        }
        Ok(())
    };
    TestRunner::new(config).run(&case, check).unwrap();
}

//! Errors of DynamoDB: the ledger retries them or classifies them, and has
//! changed nothing.

use sce_cloud::aws::DynamoLedger;
use sce_cloud::error::{Class, PortError};
use sce_cloud::ports::Ledger;
use sce_core::ids::{Epoch, UnitId};
use sce_core::run::{Run, RunChange};
use sce_core::unit::{Refused, UnitChange};
use sce_testkit::{Emulator, Kind};
use serde_json::json;

use crate::books::{NOW, claim, commit, draft, release, units_of};
use crate::ledger::open;
use crate::support::{ALWAYS, ATTEMPTS, asked, error, reworded, start, struck};

/// Makes a call of every kind that the ledger makes: reads, a put, a transaction.
async fn work(ledger: &DynamoLedger, again: &str) -> Result<(), PortError> {
    let run = draft(again, 2, NOW);
    ledger.put_run(&run).await?;
    ledger.put_units(&units_of(&run)).await?;
    let left = run.counters();
    ledger.apply_run(run.id, &RunChange::Release { now: NOW, left }).await?.unwrap();
    let id = UnitId { run: run.id, index: 0 };
    ledger.apply_unit(id, &claim(0)).await?.unwrap();
    ledger.apply_unit(id, &commit(1)).await?.unwrap();
    assert_eq!(ledger.left(run.id).await?, 1);
    assert_eq!(ledger.units(run.id, 0, 10).await?.len(), 2);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn throttling_and_inner_faults_pass() {
    let (emulator, _project, ledger) = open().await;
    for (code, status) in [
        ("ThrottlingException", 400),
        ("ProvisionedThroughputExceededException", 400),
        ("RequestLimitExceeded", 400),
        ("InternalServerError", 500),
    ] {
        for operation in ["GetItem", "PutItem", "TransactWriteItems", "Query", "BatchGetItem"] {
            emulator.fault(&error(operation, status, code, 2));
            work(&ledger, &format!("{operation} {code}")).await.unwrap();
            assert_eq!(struck(&emulator), 2, "{operation} {code}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_read_that_is_cut_is_repeated() {
    let (emulator, _project, ledger) = open().await;
    for operation in ["GetItem", "Query", "BatchGetItem"] {
        emulator.fault(&json!({
            "service": "dynamodb", "operation": operation, "fault": "cut", "times": 2,
        }));
        work(&ledger, operation).await.unwrap();
        assert_eq!(struck(&emulator), 2, "{operation}");
    }
}

/// Claims a unit and returns the error of its commit while DynamoDB returns `code`.
async fn refuse_commit(
    emulator: &Emulator,
    ledger: &DynamoLedger,
    (status, code): (u16, &str),
) -> (Run, PortError) {
    let run = release(ledger, code, 1).await;
    let id = UnitId { run: run.id, index: 0 };
    ledger.apply_unit(id, &claim(0)).await.unwrap().unwrap();
    let claimed = ledger.unit(id).await.unwrap();
    emulator.clear_requests();
    emulator.fault(&error("TransactWriteItems", status, code, ALWAYS));
    let error = ledger.apply_unit(id, &commit(1)).await.unwrap_err();
    emulator.clear_faults();
    assert_eq!(ledger.unit(id).await.unwrap(), claimed, "{code}");
    assert_eq!(ledger.left(run.id).await.unwrap(), 1, "{code}");
    (run, error)
}

#[tokio::test(flavor = "multi_thread")]
async fn refusals_keep_their_class_and_change_nothing() {
    let (emulator, _project, ledger) = open().await;
    for (status, code, class, tries) in [
        (400, "TransactionConflictException", Class::Transient, 1..=ATTEMPTS),
        (400, "TransactionInProgressException", Class::Transient, 1..=ATTEMPTS),
        (500, "InternalServerError", Class::Transient, ATTEMPTS..=ATTEMPTS),
        (503, "ServiceUnavailable", Class::Transient, ATTEMPTS..=ATTEMPTS),
        (400, "ThrottlingException", Class::Transient, ATTEMPTS..=ATTEMPTS),
        (400, "ExpiredTokenException", Class::Transient, 1..=ATTEMPTS),
        (400, "AccessDeniedException", Class::Configuration, 1..=1),
        (400, "UnrecognizedClientException", Class::Configuration, 1..=1),
        (400, "ResourceNotFoundException", Class::Configuration, 1..=1),
        (400, "ValidationException", Class::Permanent, 1..=1),
        (400, "IdempotentParameterMismatchException", Class::Permanent, 1..=1),
    ] {
        let (run, error) = refuse_commit(&emulator, &ledger, (status, code)).await;
        assert_eq!(error.class, class, "{error}");
        assert!(error.to_string().contains(code), "{error}");
        assert!(error.to_string().contains(&run.id.to_string()), "{error}");
        let requests = asked(&emulator, "dynamodb.TransactWriteItems");
        assert!(tries.contains(&i32::try_from(requests).unwrap()), "{code}: {requests} requests");
        // Without the fault, the commit succeeds.
        let id = UnitId { run: run.id, index: 0 };
        ledger.apply_unit(id, &commit(1)).await.unwrap().unwrap();
        assert_eq!(ledger.left(run.id).await.unwrap(), 0, "{code}");
    }
}

/// DynamoDB reports for each item why it cancels a transaction.
#[tokio::test(flavor = "multi_thread")]
async fn a_canceled_transaction_has_the_class_of_its_reasons() {
    let (emulator, _project, ledger) = open().await;
    let run = draft("", 1, NOW);
    ledger.put_run(&run).await.unwrap();
    ledger.put_units(&units_of(&run)).await.unwrap();
    // A counter that is spent: the commit is canceled, for the second item.
    let spent = RunChange::Release { now: NOW, left: vec![0] };
    ledger.apply_run(run.id, &spent).await.unwrap().unwrap();
    let id = UnitId { run: run.id, index: 0 };
    let claimed = ledger.apply_unit(id, &claim(0)).await.unwrap().unwrap();
    for (reason, class) in [
        ("TransactionConflict", Class::Transient),
        ("ThrottlingError", Class::Transient),
        ("ProvisionedThroughputExceeded", Class::Transient),
        ("ItemCollectionSizeLimitExceeded", Class::Permanent),
        ("ValidationError", Class::Permanent),
    ] {
        emulator.fault(&reworded("TransactWriteItems", "ConditionalCheckFailed", reason, 1));
        let error = ledger.apply_unit(id, &commit(1)).await.unwrap_err();
        assert_eq!((error.class, struck(&emulator)), (class, 1), "{reason}: {error}");
    }
    let refused = ledger.apply_unit(id, &commit(1)).await.unwrap();
    assert_eq!(refused, Err(Refused::CounterSpent));
    assert_eq!(ledger.unit(id).await.unwrap(), Some(claimed));
    let stop = UnitChange::Stop { epoch: Epoch(1) };
    ledger.apply_unit(id, &stop).await.unwrap().unwrap();
}

/// Reads that DynamoDB answers in part are repeated.
#[tokio::test(flavor = "multi_thread")]
async fn counters_answered_in_part_are_not_zero() {
    let (emulator, project, ledger) = open().await;
    let run = release(&ledger, "", 40).await;
    let table = project.resources.table();
    let key = |shard: u32| {
        format!(r#"{{"pk": {{"S": "COUNTER#{}#{shard}"}}, "sk": {{"S": "LEFT"}}}}"#, run.id)
    };
    let keys: Vec<_> = (0..8).map(key).collect();
    let none = format!(
        r#"{{"Responses": {{}}, "UnprocessedKeys": {{"{table}": {{"Keys": [{}]}}}}}}"#,
        keys.join(", ")
    );
    emulator.fault(&reworded("BatchGetItem", r"(?s)\A.+\Z", &none, 3));
    assert_eq!(ledger.left(run.id).await.unwrap(), 40);
    assert_eq!(struck(&emulator), 3);
    // Without an answer it is an error; 0 would mean a finished run.
    emulator.fault(&reworded("BatchGetItem", r"(?s)\A.+\Z", &none, ALWAYS));
    let error = ledger.left(run.id).await.unwrap_err();
    assert_eq!(error.class, Class::Transient, "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_table_is_a_configuration_error() {
    let (_emulator, project) = start(Kind::Ministack).await;
    let ledger = crate::ledger::door(&project);
    let error = work(&ledger, "").await.unwrap_err();
    assert_eq!(error.class, Class::Configuration, "{error}");
}

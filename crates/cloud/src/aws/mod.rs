//! The adapters to AWS: S3, SQS, DynamoDB, SNS, KMS and EC2 behind the ports.
//!
//! Used by both binaries if `mode = "aws"`. Every resource is found by its name
//! (`sce_core::resources`), so settings must contain no secret and no address.

mod buckets;
mod client;
mod error;
mod fleet;
mod homer;
mod instance;
mod keys;
mod ledger;
mod notices;
mod objects;
mod queue;
mod read;
mod rows;
mod table;
mod template;
mod upkeep;
mod write;

use std::sync::Arc;

use sce_core::resources::Resources;

pub use self::client::{Clients, loader};
pub use self::fleet::Ec2Fleet;
pub use self::homer::{fetch_homer_key, store_homer_key};
pub use self::instance::OwnInstance;
pub use self::keys::{KmsKeys, find_key};
pub use self::ledger::DynamoLedger;
pub use self::notices::SnsTopic;
pub use self::objects::S3Store;
pub use self::queue::SqsQueue;
pub use self::upkeep::UnfinishedUpload;
use crate::caller::Caller;
use crate::error::{Class, PortError, PortResult};
use crate::ports::{Entropy, KeyService, Ports};
use crate::retry::retry;
use crate::settings::{DataKeys, Settings};
use crate::system::{SystemClock, SystemEntropy};

/// A project on AWS: its ports, and what exists only on AWS.
pub struct Aws {
    /// The ports.
    pub ports: Ports,
    /// The clients behind them.
    pub clients: Clients,
    /// The names of its resources.
    pub resources: Resources,
    /// The ARN of its KMS key.
    pub key_arn: String,
    /// Its fleet, with calls that the port does not have.
    pub fleet: Arc<Ec2Fleet>,
    /// Its buckets, with calls that the port does not have.
    pub store: Arc<S3Store>,
}

/// Opens every port of a project on AWS.
///
/// # Errors
/// Returns an error without account, region or credentials, or if the key or a queue does
/// not exist.
pub async fn open(settings: &Settings, caller: Caller) -> PortResult<Aws> {
    let mut clients = Clients::connect(settings.aws.region.clone()).await;
    let resources = find_resources(settings, &clients)?;
    // The service that registers uploads drops the rights of the bastion (B).
    if caller == Caller::RegistersUploads {
        clients = Clients::in_role(clients.region, resources.intake_role_arn()).await;
    }
    let alias = resources.key_alias_arn();
    let key_arn = retry(|| find_key(&clients.kms, &alias)).await?;
    let entropy: Arc<dyn Entropy> = Arc::new(SystemEntropy);
    let store = Arc::new(S3Store::new(clients.s3.clone(), resources.clone(), key_arn.clone()));
    let user_data = settings.worker_settings(&resources);
    let fleet = Arc::new(Ec2Fleet::new(&clients, resources.clone(), key_arn.clone(), user_data));
    let keys: Arc<dyn KeyService> = match (settings.aws.data_keys, caller) {
        // Only callers that handle data may fetch the raw key.
        (DataKeys::Homer, Caller::HandlesData) => {
            let fetch =
                || fetch_homer_key(&clients.kms, &*store, &key_arn, &settings.pit, entropy.clone());
            Arc::new(retry(fetch).await?)
        }
        _ => Arc::new(KmsKeys::new(clients.kms.clone(), key_arn.clone())),
    };
    let units = resources.units_queue();
    let queue = retry(|| SqsQueue::open(clients.sqs.clone(), &units)).await?;
    let ports = Ports {
        objects: store.clone(),
        queue: Arc::new(queue),
        ledger: Arc::new(DynamoLedger::new(
            clients.dynamodb.clone(),
            resources.table(),
            settings.lease(),
            settings.budgets(),
        )),
        notifier: Arc::new(SnsTopic::new(clients.sns.clone(), resources.topic_arn())),
        fleet: fleet.clone(),
        keys,
        clock: Arc::new(SystemClock),
        entropy,
        counts: clients.counts.clone(),
    };
    Ok(Aws { ports, clients, resources, key_arn, fleet, store })
}

/// Returns the names of the project's resources.
///
/// # Errors
/// Returns an error if settings and environment give no account or no region.
pub fn find_resources(settings: &Settings, clients: &Clients) -> PortResult<Resources> {
    let refuse =
        |cause: &str| PortError::new(Class::Configuration, "open project", "on AWS", cause);
    let account = settings.aws.account.clone();
    Ok(Resources {
        pit: settings.pit.clone(),
        account: account.ok_or_else(|| refuse("no account: set it under [aws]"))?,
        region: clients.region.clone().ok_or_else(|| {
            refuse("no region: set it under [aws], or set AWS_REGION or a profile's region")
        })?,
    })
}

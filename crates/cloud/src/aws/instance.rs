//! The instance that a worker runs on: who it is, what it was told, and its
//! own end. By the metadata service, version 2 only.

use std::path::Path;
use std::time::Duration;

use aws_config::imds::Client;
use aws_config::provider_config::ProviderConfig;
use aws_smithy_types::error::display::DisplayErrorContext;
use sce_core::launch::USER_DATA_MAX_BYTES;

use super::client::{Clients, http_client};
use super::error::classify;
use crate::error::{Class, PortError, PortResult};
use crate::settings::Settings;

/// How long the service may take; it is on the machine.
const TIMEOUT: Duration = Duration::from_secs(2);

/// This instance.
#[derive(Debug, Clone)]
pub struct OwnInstance {
    /// As `i-0123456789abcdef0`.
    pub id: String,
    /// Where it is, as `us-east-1`.
    pub region: String,
    user_data: String,
}

impl OwnInstance {
    /// Asks the metadata service.
    ///
    /// # Errors
    /// It does not answer: this is no EC2 instance, or its metadata are off.
    pub async fn fetch() -> PortResult<Self> {
        let provider = ProviderConfig::without_region().with_http_client(http_client());
        let metadata = Client::builder()
            .configure(&provider)
            .connect_timeout(TIMEOUT)
            .read_timeout(TIMEOUT)
            .build();
        let get = async |path: &'static str| {
            let answer = metadata.get(path).await;
            let answer = answer.map_err(|e| fail(path, DisplayErrorContext(e)))?;
            let text: String = answer.into();
            if text.len() > USER_DATA_MAX_BYTES {
                return Err(fail(path, "the answer is too long"));
            }
            Ok(text)
        };
        Ok(Self {
            id: get("/latest/meta-data/instance-id").await?,
            region: get("/latest/meta-data/placement/region").await?,
            user_data: get("/latest/user-data").await?,
        })
    }

    /// The settings that came with the launch.
    ///
    /// # Errors
    /// They are not readable as settings.
    pub fn settings(&self) -> PortResult<Settings> {
        Settings::parse(&self.user_data, Path::new("user data"))
            .map_err(|e| PortError::new(Class::Configuration, "read settings", &self.id, e))
    }

    /// Ends this instance.
    ///
    /// # Errors
    /// EC2 refuses; then powering off ends it, too.
    pub async fn terminate(&self, clients: &Clients) -> PortResult<()> {
        let ended = clients.ec2.terminate_instances().instance_ids(&self.id).send().await;
        ended.map(drop).map_err(|e| classify("terminate instance", &self.id, &e))
    }
}

fn fail(path: &str, cause: impl std::fmt::Display) -> PortError {
    PortError::new(Class::Configuration, "read instance metadata", path, cause)
}

//! The instance on which a worker runs: its id, its user data, and how it
//! terminates itself.
//!
//! Used by the agent at its start and at its end. Must use version 2 of the
//! metadata service only.

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

/// How long the metadata service may take; it is local to the machine.
const TIMEOUT: Duration = Duration::from_secs(2);

/// This instance.
#[derive(Debug, Clone)]
pub struct OwnInstance {
    /// The instance id, like `i-0123456789abcdef0`.
    pub id: String,
    /// The region, like `us-east-1`.
    pub region: String,
    user_data: String,
}

impl OwnInstance {
    /// Reads the metadata service.
    ///
    /// # Errors
    /// Returns an error if it does not respond: this is not an EC2 instance, or its metadata
    /// is disabled.
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
            // No other value is longer than the user data.
            if text.len() > USER_DATA_MAX_BYTES {
                return Err(fail(path, "the response is too long"));
            }
            Ok(text)
        };
        Ok(Self {
            id: get("/latest/meta-data/instance-id").await?,
            region: get("/latest/meta-data/placement/region").await?,
            user_data: get("/latest/user-data").await?,
        })
    }

    /// Parses the settings in the user data.
    ///
    /// # Errors
    /// Returns an error if they are not valid settings.
    pub fn settings(&self) -> PortResult<Settings> {
        Settings::parse(&self.user_data, Path::new("user data"))
            .map_err(|e| PortError::new(Class::Configuration, "read settings", &self.id, e))
    }

    /// Terminates this instance.
    ///
    /// # Errors
    /// Returns an error if the EC2 call fails; powering off then terminates the instance, too.
    pub async fn terminate(&self, clients: &Clients) -> PortResult<()> {
        let ended = clients.ec2.terminate_instances().instance_ids(&self.id).send().await;
        ended.map(drop).map_err(|e| classify("terminate instance", &self.id, &e))
    }
}

fn fail(path: &str, cause: impl std::fmt::Display) -> PortError {
    PortError::new(Class::Configuration, "read instance metadata", path, cause)
}

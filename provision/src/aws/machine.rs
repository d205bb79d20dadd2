//! Stops a machine before its volume is detached: a mounted file system could
//! be corrupted.

use std::time::Duration;

use crate::aws::account::{Account, AccountError, Answer, failed};

/// How often, and how many times, the state of a stopping machine is polled.
const POLL: Duration = Duration::from_secs(3);
const POLLS_MAX: u32 = 200;

impl Account {
    /// Stops a machine and waits until it has stopped or no longer exists.
    ///
    /// # Errors
    /// AWS rejects the request, or the machine does not stop within ten
    /// minutes.
    pub async fn stop(&self, id: &str) -> Answer<()> {
        let ec2 = &self.clients.ec2;
        let stop = ec2.stop_instances().instance_ids(id).send().await;
        match stop.map_err(failed("stop machine", id)) {
            Ok(_) => {}
            // Terminated, or already terminating.
            Err(e) if e.is_absent() || e.code() == "IncorrectInstanceState" => return Ok(()),
            Err(e) => return Err(e),
        }
        for _ in 0..POLLS_MAX {
            let read = ec2.describe_instances().instance_ids(id).send().await;
            let read = read.map_err(failed("read machine", id))?;
            let all = read.reservations.into_iter().flatten();
            let mut all = all.flat_map(|of| of.instances.unwrap_or_default());
            let state = all.next().and_then(|of| of.state).and_then(|of| of.name);
            if state.is_none_or(|of| ["stopped", "terminated"].contains(&of.as_str())) {
                return Ok(());
            }
            tokio::time::sleep(POLL).await;
        }
        Err(AccountError::new("stop machine", id, "it does not stop: end what runs on it"))
    }
}

//! The tables of people that a run was submitted with.
//!
//! Read before a unit's objects, through the same sealed path, and kept for
//! the units that follow. Nothing may be analysed without a table that the
//! run names: ages would be missing, and nobody would know.

use std::sync::Arc;

use sce_cloud::error::{Class, PortError, PortResult};
use sce_cloud::retry::retry;
use sce_cloud::sealed::{OpenError, open_bytes};
use sce_core::object::{Bucket, ObjectRef};
use sce_core::vitals::People;
use tokio::sync::Mutex;

use super::Worker;
use super::apart::apart;
use super::read::lasting_reason;
use crate::analysis::PeopleReader;
use crate::study::{Defect, Study};

/// Longest table read, in bytes (1 GiB): it is held until it is read.
const TABLE_MAX_BYTES: u64 = 1 << 30;

/// The tables that were read last, and who is in them.
#[derive(Debug, Default)]
pub struct KnownPeople(Mutex<(Vec<ObjectRef>, Arc<People>)>);

impl<S: Study> Worker<S> {
    /// Who is in these tables; nobody in none.
    pub(super) async fn people(&self, tables: &[ObjectRef]) -> PortResult<Arc<People>> {
        let mut known = self.people.0.lock().await;
        if known.0 != tables {
            *known = Default::default();
            let mut people = People::default();
            for table in tables {
                people = self.read_table(table, people).await?;
            }
            *known = (tables.to_vec(), Arc::new(people));
        }
        Ok(known.1.clone())
    }

    async fn read_table(&self, table: &ObjectRef, known: People) -> PortResult<People> {
        let fail = |cause: String| {
            PortError::new(Class::Permanent, "read table of people", &table.key, cause)
        };
        if table.size > TABLE_MAX_BYTES {
            return Err(fail(
                "it is over 1 GiB: split it, or leave out who is not in the study".to_owned(),
            ));
        }
        let opened =
            retry(async || match open_bytes(&self.ports, &self.pit, Bucket::Data, table).await {
                Ok(bytes) => Ok(Ok(bytes)),
                Err(OpenError::Port(e)) => lasting_reason(e).map(Err),
                Err(e) => Ok(Err(e.to_string())),
            });
        let bytes = opened.await?.map_err(fail)?;
        let read = move || {
            let mut reader = PeopleReader::new(known);
            reader.push(&bytes)?;
            reader.finish()
        };
        apart(read).await.map_err(|defect: Defect| fail(defect.to_string()))
    }
}

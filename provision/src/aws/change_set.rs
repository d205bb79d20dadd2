//! Change sets: what would change, before anything does.

use std::collections::BTreeMap;

use aws_sdk_cloudformation::types::{
    Capability, ChangeSetStatus, ChangeSetType, ExecutionStatus, Parameter, ResourceToImport, Tag,
};

use crate::aws::account::{Account, AccountError, Answer, failed};
use crate::change::Change;
use crate::explain::{left_out_by, remedy};
use crate::stage::{Found, Stage, import_identifier};

/// Largest template that can be sent in a request; a larger one is read from a
/// bucket.
const BODY_MAX_BYTES: usize = 51_200;

/// A deployment to propose.
#[derive(Debug, Clone, Copy)]
pub struct Deployment<'a> {
    /// The template.
    pub template: &'a Stage,
    /// Values of parameters; those that the template does not have are not
    /// sent.
    pub parameters: &'a BTreeMap<String, String>,
    /// Whether the stack is new.
    pub new: bool,
    /// Resources to import, by the identifiers that were found.
    pub adopt: &'a Found,
    /// Key under which a template that is too large for a request is stored in
    /// S3A.
    pub key: &'a str,
}

impl Account {
    /// Creates a change set; nothing is changed yet. Returns its id and
    /// changes, or `None` if there is nothing to do.
    ///
    /// # Errors
    /// AWS rejects the template or a parameter.
    pub async fn propose(
        &self,
        deployment: &Deployment<'_>,
    ) -> Answer<Option<(String, Vec<Change>)>> {
        let name = self.place.stack();
        let body = deployment.template.0.to_string();
        let kind = match (deployment.adopt.is_empty(), deployment.new) {
            (false, _) => ChangeSetType::Import,
            (true, true) => ChangeSetType::Create,
            (true, false) => ChangeSetType::Update,
        };
        let wanted = deployment.template.parameters();
        let given = deployment.parameters.iter().filter(|(of, _)| wanted.contains(of.as_str()));
        let given = given.map(|(of, value)| {
            Parameter::builder().parameter_key(of).parameter_value(value).build()
        });
        // CloudFormation rejects an import that changes anything, including
        // tags.
        let tag = Tag::builder().key(sce_core::resources::PIT_TAG).value(&name).build();
        let mut request = self
            .cloudformation
            .create_change_set()
            .stack_name(&name)
            .change_set_name(format!("sce-{}", deployment.key))
            .change_set_type(kind.clone())
            .capabilities(Capability::CapabilityNamedIam)
            .set_tags((kind != ChangeSetType::Import).then(|| vec![tag]))
            .set_parameters(Some(given.collect()))
            .set_resources_to_import(imports(deployment));
        request = if body.len() > BODY_MAX_BYTES {
            request.template_url(self.store_template(deployment.key, body).await?)
        } else {
            request.template_body(body)
        };
        let made = request.send().await.map_err(failed("create change set of stack", &name));
        let made = made.map_err(|e| self.explained(e))?;
        let id = made.id.unwrap_or_default();
        self.read_change_set(id).await
    }

    /// Waits until a change set is ready and reads it.
    async fn read_change_set(&self, id: String) -> Answer<Option<(String, Vec<Change>)>> {
        let mut changes = Vec::new();
        let mut token = None;
        loop {
            let asked = self.cloudformation.describe_change_set().change_set_name(&id);
            let read = asked.set_next_token(token.take()).send().await;
            let read = read.map_err(failed("read change set", &id))?;
            let reason = read.status_reason.unwrap_or_default();
            match read.status {
                Some(ChangeSetStatus::Failed) => {
                    // A change set that could not be deleted does no harm.
                    drop(self.discard(&id).await);
                    // CloudFormation reports an empty change set as a failure;
                    // only the reason differs.
                    let nothing = ["didn't contain changes", "No updates are to be performed"];
                    if nothing.iter().any(|of| reason.contains(of)) {
                        return Ok(None);
                    }
                    let name = self.place.stack();
                    let e = AccountError::new("create change set of stack", name, reason);
                    return Err(self.explained(e));
                }
                Some(ChangeSetStatus::CreateComplete)
                    if read.execution_status == Some(ExecutionStatus::Unavailable) =>
                {
                    let cause = format!("it cannot be executed: {reason}");
                    return Err(AccountError::new("read change set", &id, cause));
                }
                Some(ChangeSetStatus::CreateComplete) => {}
                None | Some(ChangeSetStatus::CreatePending | ChangeSetStatus::CreateInProgress) => {
                    tokio::time::sleep(self.poll()).await;
                    continue;
                }
                Some(other) => {
                    let cause = format!("its status is {}", other.as_str());
                    return Err(AccountError::new("read change set", &id, cause));
                }
            }
            for change in
                read.changes.unwrap_or_default().into_iter().filter_map(|of| of.resource_change)
            {
                changes.push(Change {
                    action: change.action.map_or_else(String::new, |of| of.as_str().to_owned()),
                    resource: change.logical_resource_id.unwrap_or_default(),
                    kind: change.resource_type.unwrap_or_default(),
                    replacement: change.replacement.map(|of| of.as_str().to_owned()),
                });
            }
            token = read.next_token;
            if token.is_none() {
                return Ok(Some((id, changes)));
            }
        }
    }

    /// Adds a remedy to the error, if there is a known one.
    fn explained(&self, mut e: AccountError) -> AccountError {
        let flags = left_out_by(&e.cause).filter(|_| self.is_emulated());
        let lacking =
            flags.map(|flags| format!("this emulator lacks some types: repeat with {flags}"));
        if let Some(what) = lacking.or_else(|| remedy(&e.cause).map(str::to_owned)) {
            e.cause += ": ";
            e.cause += &what;
        }
        e
    }

    /// Deletes a change set without executing it.
    ///
    /// # Errors
    /// AWS rejects the request.
    pub async fn discard(&self, change_set: &str) -> Answer<()> {
        let dropped = self.cloudformation.delete_change_set().change_set_name(change_set);
        dropped.send().await.map(drop).map_err(failed("delete change set", change_set))
    }
}

/// The resources that an import adopts.
fn imports(deployment: &Deployment<'_>) -> Option<Vec<ResourceToImport>> {
    let imports = deployment.adopt.iter().filter_map(|(id, found)| {
        let (_, resource) = deployment.template.resources().find(|(of, _)| of == id)?;
        let kind = resource["Type"].as_str()?;
        let import = ResourceToImport::builder()
            .resource_type(kind)
            .logical_resource_id(id)
            .resource_identifier(import_identifier(kind)?, found)
            .build();
        Some(import)
    });
    (!deployment.adopt.is_empty()).then(|| imports.collect())
}

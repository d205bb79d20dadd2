//! The environment's stack: its state, its progress, its deletion.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use aws_sdk_cloudformation::types::StackStatus;
use serde::Serialize;

use crate::aws::account::{Account, AccountError, Answer, failed};
use crate::stage::{LogicalId, Stage};

/// How often CloudFormation is polled.
const POLL: Duration = Duration::from_secs(2);
/// How often an emulator is polled, which takes no time.
const POLL_EMULATED: Duration = Duration::from_millis(100);
/// Number of idle states after which the stack is believed without an event.
const RESTS_MAX: u32 = 15;
/// A stack as the account describes it.
#[derive(Debug, Clone, Serialize)]
pub struct Stack {
    /// Its ARN, which stays valid after deletion.
    #[serde(skip)]
    pub arn: String,
    /// Its status, such as `CREATE_COMPLETE`.
    pub status: String,
    /// Its parameters.
    pub parameters: BTreeMap<String, String>,
    /// Its outputs.
    pub outputs: BTreeMap<String, String>,
}

impl Stack {
    /// Whether an operation is in progress.
    pub fn is_busy(&self) -> bool {
        self.status.ends_with("_IN_PROGRESS") && self.status != "REVIEW_IN_PROGRESS"
    }

    /// Whether its creation failed, so that it must be deleted first.
    pub fn is_stillborn(&self) -> bool {
        let ends = ["ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "CREATE_FAILED"];
        ends.contains(&self.status.trim_start_matches("IMPORT_"))
    }

    /// What the administrator must do before anything can be deployed.
    pub fn obstacle(&self) -> Option<&'static str> {
        match self.status.as_str() {
            "DELETE_FAILED" => Some("its deletion failed halfway: repeat `sce env down`"),
            "UPDATE_ROLLBACK_FAILED" => Some(
                "its rollback failed: see its events, then \
                 aws cloudformation continue-update-rollback --stack-name NAME",
            ),
            _ => None,
        }
    }

    /// Whether it has no resources: its change set was never executed.
    pub fn is_name_only(&self) -> bool {
        self.status == "REVIEW_IN_PROGRESS"
    }
}

/// A state change of a resource.
#[derive(Debug, Clone, Serialize)]
pub struct Event {
    /// Name in the template.
    pub resource: String,
    /// Its type.
    pub kind: String,
    /// Its status, such as `CREATE_COMPLETE`.
    pub status: String,
    /// The reason, if CloudFormation gives one.
    pub reason: Option<String>,
}

impl Event {
    /// Whether it is about the stack itself.
    pub fn is_stack(&self) -> bool {
        self.kind == "AWS::CloudFormation::Stack"
    }
}

/// How a deployment or deletion ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Successfully.
    Done,
    /// With a failure; the stack has this status.
    Failed(String),
}

impl Account {
    /// The environment's stack, or the one with this ARN.
    ///
    /// # Errors
    /// AWS does not answer.
    pub async fn stack(&self, arn: Option<&str>) -> Answer<Option<Stack>> {
        let name = arn.map_or_else(|| self.place.stack(), str::to_owned);
        let read = self.cloudformation.describe_stacks().stack_name(&name).send().await;
        let read = match read.map_err(failed("describe stack", &name)) {
            Ok(read) => read,
            Err(e) if e.cause.contains("does not exist") => return Ok(None),
            Err(e) => return Err(e),
        };
        let found = read.stacks.unwrap_or_default().into_iter().next();
        let stack = found.map(|of| Stack {
            arn: of.stack_id.unwrap_or_else(|| name.clone()),
            status: of.stack_status.map_or_else(String::new, |of| of.as_str().to_owned()),
            parameters: pairs(of.parameters, |of| (of.parameter_key, of.parameter_value)),
            outputs: pairs(of.outputs, |of| (of.output_key, of.output_value)),
        });
        Ok(stack.filter(|of| of.status != StackStatus::DeleteComplete.as_str()))
    }

    /// Physical ids of the stack's existing resources.
    ///
    /// # Errors
    /// AWS does not answer.
    pub async fn resources(&self) -> Answer<BTreeMap<LogicalId, String>> {
        let name = self.place.stack();
        let pages = self.cloudformation.list_stack_resources().stack_name(&name);
        let mut pages = pages.into_paginator().send();
        let mut all = BTreeMap::new();
        while let Some(page) = pages.next().await {
            let page = page.map_err(failed("list resources of stack", &name))?;
            for of in page.stack_resource_summaries.unwrap_or_default() {
                let status = of.resource_status.as_ref().map_or("", |of| of.as_str());
                let gone = ["DELETE_COMPLETE", "DELETE_SKIPPED", "CREATE_FAILED"].contains(&status);
                if let (false, Some(id), Some(physical)) =
                    (gone, of.logical_resource_id, of.physical_resource_id)
                {
                    all.insert(id, physical);
                }
            }
        }
        Ok(all)
    }

    /// The stack's current template.
    ///
    /// # Errors
    /// AWS does not answer, or the template is not JSON.
    pub async fn template(&self) -> Answer<Stage> {
        let name = self.place.stack();
        let read = self.cloudformation.get_template().stack_name(&name).send().await;
        let read = read.map_err(failed("read template of stack", &name))?;
        let body = read.template_body.unwrap_or_default();
        let foreign = |_| {
            let cause = "it was not deployed by `sce env up`";
            AccountError::new("read template of stack", &name, cause)
        };
        serde_json::from_str(&body).map(Stage).map_err(foreign)
    }

    /// Executes a change set and follows it until it ends.
    ///
    /// # Errors
    /// AWS does not answer; the operation continues.
    pub async fn carry_out(
        &self,
        change_set: &str,
        adopts: bool,
        on_event: &mut dyn FnMut(&Event),
    ) -> Answer<Outcome> {
        let mut seen = self.events_so_far(&self.place.stack()).await?;
        // Resources that a failed deployment created are deleted even if they
        // are to be retained; imported ones are not.
        let run = self.cloudformation.execute_change_set().change_set_name(change_set);
        let run = run.set_retain_except_on_create((!adopts).then_some(true));
        run.send().await.map_err(failed("execute change set", change_set))?;
        self.follow(&self.place.stack(), &mut seen, on_event).await
    }

    /// Deletes the stack and follows the deletion until it ends.
    ///
    /// # Errors
    /// AWS does not answer; the operation continues.
    pub async fn delete(&self, stack: &Stack, on_event: &mut dyn FnMut(&Event)) -> Answer<Outcome> {
        let mut seen = self.events_so_far(&stack.arn).await?;
        let delete = self.cloudformation.delete_stack().stack_name(&stack.arn);
        delete.send().await.map_err(failed("delete stack", self.place.stack()))?;
        self.follow(&stack.arn, &mut seen, on_event).await
    }

    /// Reports every new event until the stack is idle. The stack may be idle
    /// because the operation has not started yet, so this waits for the stack's
    /// own final event.
    async fn follow(
        &self,
        stack: &str,
        seen: &mut BTreeSet<String>,
        on_event: &mut dyn FnMut(&Event),
    ) -> Answer<Outcome> {
        let (mut ended, mut rests) = (false, 0);
        loop {
            // The state is read before the events, so that no final event is
            // missed.
            let state = self.stack(Some(stack)).await?;
            for (id, event) in self.events(stack, seen).await? {
                seen.insert(id);
                ended |= event.is_stack() && !event.status.ends_with("_IN_PROGRESS");
                on_event(&event);
            }
            match state {
                None => return Ok(Outcome::Done),
                Some(of) if of.is_busy() => rests = 0,
                Some(_) if !ended && rests < RESTS_MAX => rests += 1,
                Some(of) if of.status.ends_with("_FAILED") || of.status.contains("ROLLBACK") => {
                    return Ok(Outcome::Failed(of.status));
                }
                Some(_) => return Ok(Outcome::Done),
            }
            tokio::time::sleep(self.poll()).await;
        }
    }

    /// The stack's unseen events, oldest first.
    async fn events(&self, stack: &str, seen: &BTreeSet<String>) -> Answer<Vec<(String, Event)>> {
        let asked = self.cloudformation.describe_stack_events().stack_name(stack);
        let mut pages = asked.into_paginator().send();
        let mut fresh = Vec::new();
        'pages: while let Some(page) = pages.next().await {
            let page = match page.map_err(failed("read events of stack", stack)) {
                // The stack is deleted, or has no resources.
                Err(e) if e.cause.contains("does not exist") => break,
                page => page?,
            };
            for of in page.stack_events.unwrap_or_default() {
                let id = of.event_id.unwrap_or_default();
                if seen.contains(&id) {
                    break 'pages;
                }
                let event = Event {
                    resource: of.logical_resource_id.unwrap_or_default(),
                    kind: of.resource_type.unwrap_or_default(),
                    status: of
                        .resource_status
                        .map_or_else(String::new, |of| of.as_str().to_owned()),
                    reason: of.resource_status_reason,
                };
                fresh.push((id, event));
            }
        }
        fresh.reverse();
        Ok(fresh)
    }

    async fn events_so_far(&self, stack: &str) -> Answer<BTreeSet<String>> {
        let events = self.events(stack, &BTreeSet::new()).await?;
        Ok(events.into_iter().map(|(id, _)| id).collect())
    }

    pub(super) const fn poll(&self) -> Duration {
        if self.is_emulated() { POLL_EMULATED } else { POLL }
    }
}

fn pairs<T>(
    of: Option<Vec<T>>,
    pair: impl Fn(T) -> (Option<String>, Option<String>),
) -> BTreeMap<String, String> {
    of.into_iter().flatten().map(pair).filter_map(|(name, value)| Some((name?, value?))).collect()
}

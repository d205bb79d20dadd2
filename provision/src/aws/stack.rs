//! The environment's stack: its state, its progress, its end.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use aws_sdk_cloudformation::types::StackStatus;
use serde::Serialize;

use crate::aws::account::{Account, AccountError, Answer, failed};
use crate::stage::{LogicalId, Stage};

/// How often CloudFormation is asked how far it is.
const POLL: Duration = Duration::from_secs(2);
/// The same of an emulator, which takes no time.
const POLL_EMULATED: Duration = Duration::from_millis(100);
/// Answers of a stack at rest after which it is believed without an event.
const RESTS_MAX: u32 = 15;
/// A stack as the account describes it.
#[derive(Debug, Clone, Serialize)]
pub struct Stack {
    /// Its ARN, which stays when it is gone.
    #[serde(skip)]
    pub arn: String,
    /// Its state, as `CREATE_COMPLETE`.
    pub status: String,
    /// Its parameters.
    pub parameters: BTreeMap<String, String>,
    /// Its outputs.
    pub outputs: BTreeMap<String, String>,
}

impl Stack {
    /// Whether somebody is at work on it.
    pub fn is_busy(&self) -> bool {
        self.status.ends_with("_IN_PROGRESS") && self.status != "REVIEW_IN_PROGRESS"
    }

    /// Whether it never came to be and only stands in the way.
    pub fn is_stillborn(&self) -> bool {
        let ends = ["ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "CREATE_FAILED"];
        ends.contains(&self.status.trim_start_matches("IMPORT_"))
    }

    /// What a person must do before anything can be deployed.
    pub fn obstacle(&self) -> Option<&'static str> {
        match self.status.as_str() {
            "DELETE_FAILED" => Some("it went half way down: repeat `sce env down`"),
            "UPDATE_ROLLBACK_FAILED" => Some(
                "it could not go back: see its events, then \
                 aws cloudformation continue-update-rollback --stack-name NAME",
            ),
            _ => None,
        }
    }

    /// Whether it is a name only: a change set was made and not carried out.
    pub fn is_name_only(&self) -> bool {
        self.status == "REVIEW_IN_PROGRESS"
    }
}

/// A resource on its way.
#[derive(Debug, Clone, Serialize)]
pub struct Event {
    /// Name in the template.
    pub resource: String,
    /// Its type.
    pub kind: String,
    /// Its state, as `CREATE_COMPLETE`.
    pub status: String,
    /// Why, where CloudFormation says so.
    pub reason: Option<String>,
}

impl Event {
    /// Whether it is the stack's own.
    pub fn is_stack(&self) -> bool {
        self.kind == "AWS::CloudFormation::Stack"
    }
}

/// How a deployment or deletion ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// As asked.
    Done,
    /// Not; the stack is in this state.
    Failed(String),
}

impl Account {
    /// The stack of the environment, or the one of this ARN.
    ///
    /// # Errors
    /// The account does not answer.
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

    /// The stack's resources that are there: their ids in the account.
    ///
    /// # Errors
    /// The account does not answer.
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

    /// The template that the stack was last deployed from.
    ///
    /// # Errors
    /// The account does not answer, or with no JSON.
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

    /// Carries a change set out and follows it to its end.
    ///
    /// # Errors
    /// The account does not answer; what it began goes on.
    pub async fn carry_out(
        &self,
        change_set: &str,
        adopts: bool,
        tell: &mut dyn FnMut(&Event),
    ) -> Answer<Outcome> {
        let mut seen = self.events_so_far(&self.place.stack()).await?;
        // What a failed deployment made in passing is not to be kept for ever;
        // what is taken up is.
        let run = self.cloudformation.execute_change_set().change_set_name(change_set);
        let run = run.set_retain_except_on_create((!adopts).then_some(true));
        run.send().await.map_err(failed("carry out change set", change_set))?;
        self.follow(&self.place.stack(), &mut seen, tell).await
    }

    /// Deletes the stack and follows it to its end.
    ///
    /// # Errors
    /// The account does not answer; what it began goes on.
    pub async fn delete(&self, stack: &Stack, tell: &mut dyn FnMut(&Event)) -> Answer<Outcome> {
        let mut seen = self.events_so_far(&stack.arn).await?;
        let delete = self.cloudformation.delete_stack().stack_name(&stack.arn);
        delete.send().await.map_err(failed("delete stack", self.place.stack()))?;
        self.follow(&stack.arn, &mut seen, tell).await
    }

    /// Tells every new event until the stack rests. At first it may not have
    /// begun: the stack's own event of its end is waited for.
    async fn follow(
        &self,
        stack: &str,
        seen: &mut BTreeSet<String>,
        tell: &mut dyn FnMut(&Event),
    ) -> Answer<Outcome> {
        let (mut ended, mut rests) = (false, 0);
        loop {
            // The state before the events: none of them is missed at the end.
            let state = self.stack(Some(stack)).await?;
            for (id, event) in self.events(stack, seen).await? {
                seen.insert(id);
                ended |= event.is_stack() && !event.status.ends_with("_IN_PROGRESS");
                tell(&event);
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

    /// The stack's events that were not seen yet, the oldest first.
    async fn events(&self, stack: &str, seen: &BTreeSet<String>) -> Answer<Vec<(String, Event)>> {
        let asked = self.cloudformation.describe_stack_events().stack_name(stack);
        let mut pages = asked.into_paginator().send();
        let mut fresh = Vec::new();
        'pages: while let Some(page) = pages.next().await {
            let page = match page.map_err(failed("read events of stack", stack)) {
                // Of a stack that is gone, or is a name only.
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

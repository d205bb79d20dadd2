//! `sce env up`: builds the environment, or updates an existing one.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::anyhow;
use sce_cloud::overlay::Overlay;
use sce_cloud::ports::Clock;
use sce_cloud::settings::Settings;
use sce_cloud::system::SystemClock;
use sce_provision::aws::{Account, Deployment, Event, Outcome, Setting, Stack};
use sce_provision::change::Change;
use sce_provision::compare::Verdict;
use sce_provision::monthly;
use sce_provision::stage::{Found, Stage, Standing, Step, plan};
use serde_json::json;

use super::deployed::{StackProgress, account, confirm, ours, show_month};
use super::render::answers;
use crate::cli::UpArgs;
use crate::command::cost::load_prices;
use crate::exit::{Exit, Failure};
use crate::output::Output;
use crate::plural::plural;

/// `sce env up`
pub(super) async fn up(args: &UpArgs, overlay: &Overlay, output: Output) -> Result<Exit, Failure> {
    let settings = overlay.settings()?;
    let accepted = accepted(&settings, overlay)?;
    let prices = load_prices(&args.prices)?;
    let account = account(&settings).await?;
    if !args.leave_out.is_empty() && !account.is_emulated() {
        let cause = "--leave-out works only with an emulator on this machine: remove it for AWS";
        return Err(Failure::usage(anyhow!(cause)));
    }
    let template = template(args, &settings, &account, output).await?;
    let given = given(args, accepted);
    let stack = account.stack(None).await?;
    // Bastion and workbench keep their deployed images unless the user names others: a new image
    // would replace a machine that is in use.
    let standing = stack.map(|of| of.parameters).unwrap_or_default();
    let parameters = account.parameters(&template.parameters(), given, &standing).await;
    let parameters = parameters.map_err(Failure::usage)?;
    let up = Up {
        account: &account,
        template: &template,
        parameters: &parameters,
        output,
        yes: args.yes,
    };
    show_month(&monthly::month(&template, &parameters, &prices, &account.place.region), output);
    up.deploy().await?;
    up.finish(args.account_settings).await?;
    let (pit, region) = (&account.place.pit, &account.place.region);
    output.say(format_args!(
        "environment {pit} is up; next: `sce env verify`, and on the bastion \
         `sce init --from-env {pit} --region {region}`"
    ));
    output.emit(&json!({ "schema_version": 1, "environment": pit, "state": "up" }));
    Ok(Exit::Done)
}

/// Step zero: who accepted the addendum for the account, and when.
fn accepted(settings: &Settings, overlay: &Overlay) -> Result<String, Failure> {
    settings.baa_accepted.clone().ok_or_else(|| {
        Failure::usage(anyhow!(
            "baa_accepted is not set: once AWS's business associate addendum is accepted for the \
             account, write baa_accepted = \"who, date\" at the top of {}",
            overlay.config.display()
        ))
    })
}

fn given(args: &UpArgs, accepted: String) -> BTreeMap<String, String> {
    let named = [
        ("WorkerImage", &args.worker_ami),
        ("BastionImage", &args.bastion_ami),
        ("WorkbenchImage", &args.workbench_ami),
        ("KeyPair", &args.key_pair),
    ];
    let named = named.into_iter().filter_map(|(name, of)| Some((name.to_owned(), of.clone()?)));
    named.chain([("BaaAccepted".to_owned(), accepted)]).collect()
}

/// Returns the complete template. If the account already has a recorder of AWS
/// Config, the template leaves its own out.
async fn template(
    args: &UpArgs,
    settings: &Settings,
    account: &Account,
    output: Output,
) -> Result<Stage, Failure> {
    let mut answers = answers(&args.decided, settings.pit.clone());
    // An error is ignored: without the permission to ask, the deployment of the recorder fails
    // with a better explanation.
    let recorder = account.recorder_name().await.unwrap_or_default();
    if let Some(name) = recorder.filter(|name| *name != format!("{}-recorder", settings.pit))
        && answers.config
    {
        answers.config = false;
        output.say(format_args!("AWS Config already has the recorder {name}: it is not changed"));
    }
    let left_out: BTreeSet<String> = args.leave_out.iter().cloned().collect();
    Stage::deployed(&answers, &left_out).map_err(Failure::usage)
}

struct Up<'a> {
    account: &'a Account,
    template: &'a Stage,
    parameters: &'a BTreeMap<String, String>,
    output: Output,
    yes: bool,
}

impl Up<'_> {
    async fn deploy(&self) -> Result<(), Failure> {
        let kept = self.template.kept();
        let (standing, found) = self.standing().await?;
        // In stages: the full template is too long to be sent inline and must be uploaded, for
        // which the first stage creates the bucket.
        for step in plan(&standing, &kept) {
            let (stage, new, adopt) = match &step {
                Step::Adopt(ids) => (self.template.only(ids), false, found.clone()),
                Step::Keep { new } => (self.template.only(&kept), *new, Found::new()),
                Step::Whole => (self.template.clone(), false, Found::new()),
            };
            self.apply(&step, &stage, new, &adopt).await?;
        }
        Ok(())
    }

    /// Returns the deployed resources, and the identifiers of those to adopt.
    async fn standing(&self) -> Result<(Standing, Found), Failure> {
        let stack = self.account.stack(None).await?;
        if let Some(obstacle) = stack.as_ref().and_then(Stack::obstacle) {
            return Err(Failure::usage(anyhow!("{obstacle}")));
        }
        match stack {
            Some(stack) if stack.is_busy() => Err(Failure::usage(anyhow!(
                "another operation on the stack is in progress ({}): wait until `sce env status` shows that it has ended",
                stack.status
            ))),
            Some(stack) if !stack.is_stillborn() && !stack.is_name_only() => {
                let deployed = ours(self.account).await?;
                self.show_changed_answers(&deployed);
                let there = self.account.resources().await?.into_keys().collect();
                Ok((Standing::Deployed(there), Found::new()))
            }
            stack => {
                // CloudFormation cannot update a stack whose creation failed, only delete it.
                if let Some(stack) = stack.filter(Stack::is_stillborn) {
                    confirm("An earlier attempt failed. Remove what it left?", self.yes)?;
                    let mut progress = StackProgress::new(self.output, 0);
                    let ended =
                        self.account.delete(&stack, &mut |event| progress.show(event)).await?;
                    if let Outcome::Failed(status) = ended {
                        return Err(progress.failure(&status));
                    }
                }
                let found = self.account.kept(self.template, self.parameters).await?;
                Ok((Standing::Absent(found.keys().cloned().collect()), found))
            }
        }
    }

    /// Shows which answers change. An answer that is not repeated changes to its
    /// default, which the user may not expect.
    fn show_changed_answers(&self, deployed: &Stage) {
        let note = |of: &Stage| of.note().map(|(answers, _)| answers.to_map()).unwrap_or_default();
        let (before, now) = (note(deployed), note(self.template));
        for (name, was) in before {
            if let Some(is) = now.get(&name).filter(|is| **is != was) {
                self.output.say(format_args!("setting {name} changes from {was} to {is}"));
            }
        }
    }

    /// Proposes one change set, asks for confirmation and executes it.
    async fn apply(
        &self,
        step: &Step,
        stage: &Stage,
        new: bool,
        adopt: &Found,
    ) -> Result<(), Failure> {
        let name = match step {
            Step::Adopt(_) => "adopt",
            Step::Keep { .. } => "keep",
            Step::Whole => "whole",
        };
        // Unique per call, so that change set and uploaded template never collide with earlier
        // ones.
        let key = format!("{}-{name}", SystemClock.now().0);
        let deployment =
            Deployment { template: stage, parameters: self.parameters, new, adopt, key: &key };
        let Some((change_set, changes)) = self.account.propose(&deployment).await? else {
            self.output.say("nothing to change");
            return Ok(());
        };
        let what = match step {
            Step::Adopt(_) => "adopting what an earlier environment kept, unchanged",
            Step::Keep { .. } => "what outlives the environment: buckets, key, ledger, log groups",
            Step::Whole => "the whole environment",
        };
        self.output.say(format_args!("{}, {what}:", plural(changes.len() as u64, "change")));
        for of in &changes {
            let (action, warning) = (&of.action, of.warning());
            self.output.say(format_args!("  {action:<7} {} {}{warning}", of.resource, of.kind));
        }
        self.output.emit(&json!({ "schema_version": 1, "step": name, "changes": changes }));
        let agreed =
            self.refuse_loss(&changes).and_then(|()| confirm("Make these changes?", self.yes));
        if let Err(refused) = agreed {
            // An error is ignored: a change set that is never executed does no harm.
            drop(self.account.discard(&change_set).await);
            return Err(refused);
        }
        self.stop_workbench(&changes).await?;
        let mut progress = StackProgress::new(self.output, changes.len());
        let adopts = !adopt.is_empty();
        let show = &mut |event: &Event| progress.show(event);
        match self.account.carry_out(&change_set, adopts, show).await? {
            Outcome::Done => Ok(()),
            Outcome::Failed(status) => Err(progress.failure(&status)),
        }
    }

    /// Refuses a change that would replace or remove a resource that must be
    /// kept.
    fn refuse_loss(&self, changes: &[Change]) -> Result<(), Failure> {
        let kept = self.template.kept();
        let Some(of) = changes.iter().find(|of| of.leaves_behind(&kept)) else {
            return Ok(());
        };
        let (resource, kind) = (&of.resource, &of.kind);
        Err(Failure::usage(anyhow!(
            "refused: this change would replace {resource} ({kind}) and abandon the data in it"
        )))
    }

    /// Stops the workbench (E) if the changes detach its data volume, so that
    /// the file system on it is consistent.
    async fn stop_workbench(&self, changes: &[Change]) -> Result<(), Failure> {
        if changes.iter().any(Change::frees_workbench_volume)
            && let Some(id) = self.account.resources().await?.get("E")
        {
            self.output.say(format_args!(
                "stopping the workbench ({id}) so that its data volume can be detached"
            ));
            self.account.stop(id).await?;
        }
        Ok(())
    }

    /// Applies the settings that no template can make.
    async fn finish(&self, set_account: bool) -> Result<(), Failure> {
        if let Some(vpc) = self.account.resources().await?.get("V") {
            let closed = self.account.close_default_group(vpc).await?;
            if closed > 0 {
                self.output.say(format_args!(
                    "removed {} from the default security group of the VPC (V)",
                    plural(closed as u64, "rule")
                ));
            }
        }
        for (setting, command) in Setting::ALL {
            let name = setting.property();
            // Account settings affect other projects, so they are changed only on request.
            let state = match self.account.look_at(setting).await {
                Verdict::Holds => "is set".to_owned(),
                Verdict::CannotTell(why) => format!("cannot tell: {why}"),
                Verdict::Broken(_) if set_account => {
                    self.account.set(setting).await?;
                    "has been set".to_owned()
                }
                Verdict::Broken(_) => {
                    format!("is not set: repeat with --account-settings, or: {command}")
                }
            };
            self.output.say(format_args!("account setting {name} {state}"));
            self.output.emit(&json!({ "schema_version": 1, "setting": name, "state": state }));
        }
        Ok(())
    }
}

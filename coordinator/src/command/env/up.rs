//! `sce env up`: from what stands to the whole environment.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::anyhow;
use sce_cloud::overlay::Overlay;
use sce_cloud::ports::Clock;
use sce_cloud::settings::Settings;
use sce_cloud::system::SystemClock;
use sce_provision::aws::{Account, Deployment, Outcome, Setting, Stack};
use sce_provision::change::Change;
use sce_provision::compare::Verdict;
use sce_provision::monthly;
use sce_provision::stage::{Found, Stage, Standing, Step, plan};
use serde_json::json;

use super::{Teller, account, answers, confirm, ours, show_month};
use crate::cli::UpArgs;
use crate::command::cost::load_prices;
use crate::exit::{Exit, Failure};
use crate::output::Output;

/// `sce env up`
pub(super) async fn up(args: &UpArgs, overlay: &Overlay, output: Output) -> Result<Exit, Failure> {
    let settings = overlay.settings()?;
    let accepted = accepted(&settings, overlay)?;
    let prices = load_prices(&args.prices)?;
    let account = account(&settings).await?;
    if !args.leave_out.is_empty() && !account.is_emulated() {
        let cause = "--leave-out is for emulators on this machine: on AWS nothing is left out";
        return Err(Failure::usage(anyhow!(cause)));
    }
    let template = template(args, &settings, &account, output).await?;
    let given = given(args, accepted);
    let stack = account.stack(None).await?;
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
        "the environment {pit} stands; next: sce env verify, and on the bastion \
         sce init --from-env {pit} --region {region}"
    ));
    output.emit(&json!({ "schema_version": 1, "environment": pit, "state": "up" }));
    Ok(Exit::Done)
}

/// Step zero: who designated the account for health data, and when.
fn accepted(settings: &Settings, overlay: &Overlay) -> Result<String, Failure> {
    settings.baa_accepted.clone().ok_or_else(|| {
        Failure::usage(anyhow!(
            "step zero: has whoever answers for the account accepted AWS's business associate \
             addendum? Then write baa_accepted = \"who, date\" at the top of {}",
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

/// The whole template. A recorder of AWS Config that is not ours stays the one.
async fn template(
    args: &UpArgs,
    settings: &Settings,
    account: &Account,
    output: Output,
) -> Result<Stage, Failure> {
    let mut answers = answers(&args.decided, settings.pit.clone());
    // Whoever may not ask learns it from the resource that fails.
    let recorder = account.recorder_name().await.unwrap_or_default();
    if let Some(name) = recorder.filter(|name| *name != format!("{}-recorder", settings.pit))
        && answers.config
    {
        answers.config = false;
        output.say(format_args!("AWS Config has the recorder {name} already: it is left as it is"));
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
        for step in plan(&standing, &kept) {
            let (stage, new, adopt) = match &step {
                Step::Adopt(ids) => (self.template.only(ids), false, found.clone()),
                Step::Keep { new } => (self.template.only(&kept), *new, Found::new()),
                Step::Whole => (self.template.clone(), false, Found::new()),
            };
            self.take(&step, &stage, new, &adopt).await?;
        }
        Ok(())
    }

    /// What stands, and what is taken up by which identifier.
    async fn standing(&self) -> Result<(Standing, Found), Failure> {
        let stack = self.account.stack(None).await?;
        if let Some(obstacle) = stack.as_ref().and_then(Stack::obstacle) {
            return Err(Failure::usage(anyhow!("{obstacle}")));
        }
        match stack {
            Some(stack) if stack.is_busy() => Err(Failure::usage(anyhow!(
                "somebody is at work on the stack (it is {}): wait; `sce env status` tells when it rests",
                stack.status
            ))),
            Some(stack) if !stack.is_stillborn() && !stack.is_name_only() => {
                let deployed = ours(self.account).await?;
                self.show_changed_answers(&deployed);
                let there = self.account.resources().await?.into_keys().collect();
                Ok((Standing::Deployed(there), Found::new()))
            }
            stack => {
                if let Some(stack) = stack.filter(Stack::is_stillborn) {
                    confirm("An earlier attempt came to nothing. Remove what it left?", self.yes)?;
                    let mut teller = Teller::new(self.output, 0);
                    let ended =
                        self.account.delete(&stack, &mut |event| teller.tell(event)).await?;
                    if let Outcome::Failed(status) = ended {
                        return Err(teller.failure(&status));
                    }
                }
                let found = self.account.kept(self.template, self.parameters).await?;
                Ok((Standing::Absent(found.keys().cloned().collect()), found))
            }
        }
    }

    /// An answer that is not given anew falls back to its default: that is told.
    fn show_changed_answers(&self, deployed: &Stage) {
        let note = |of: &Stage| of.note().map(|(answers, _)| answers.to_map()).unwrap_or_default();
        let (before, now) = (note(deployed), note(self.template));
        for (name, was) in before {
            if let Some(is) = now.get(&name).filter(|is| **is != was) {
                self.output.say(format_args!("answer {name} was {was}, is {is}"));
            }
        }
    }

    /// One change set: shown, agreed to, carried out.
    async fn take(
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
        let key = format!("{}-{name}", SystemClock.now().0);
        let deployment =
            Deployment { template: stage, parameters: self.parameters, new, adopt, key: &key };
        let Some((change_set, changes)) = self.account.propose(&deployment).await? else {
            self.output.say("nothing to change");
            return Ok(());
        };
        let what = match step {
            Step::Adopt(_) => "what an earlier environment left is taken up, unchanged",
            Step::Keep { .. } => "what outlives the environment: buckets, key, ledger, log groups",
            Step::Whole => "the whole environment",
        };
        self.output.say(format_args!("{} changes, {what}:", changes.len()));
        for of in &changes {
            let (action, warning) = (&of.action, of.warning());
            self.output.say(format_args!("  {action:<7} {} {}{warning}", of.resource, of.kind));
        }
        self.output.emit(&json!({ "schema_version": 1, "step": name, "changes": changes }));
        let agreed = self.refuse_loss(&changes).and_then(|()| confirm("Carry this out?", self.yes));
        if let Err(refused) = agreed {
            // That it stays is no harm.
            drop(self.account.discard(&change_set).await);
            return Err(refused);
        }
        self.stop_workbench(&changes).await?;
        let mut teller = Teller::new(self.output, changes.len());
        let adopts = !adopt.is_empty();
        match self.account.carry_out(&change_set, adopts, &mut |event| teller.tell(event)).await? {
            Outcome::Done => Ok(()),
            Outcome::Failed(status) => Err(teller.failure(&status)),
        }
    }

    /// What is kept when an environment goes is not left behind by an update, either.
    fn refuse_loss(&self, changes: &[Change]) -> Result<(), Failure> {
        let kept = self.template.kept();
        let Some(of) = changes.iter().find(|of| of.leaves_behind(&kept)) else {
            return Ok(());
        };
        let (resource, kind) = (&of.resource, &of.kind);
        Err(Failure::usage(anyhow!(
            "not carried out: {resource} ({kind}) would be another one, and what it holds left behind"
        )))
    }

    /// E's volume is taken away from it only when it stands still.
    async fn stop_workbench(&self, changes: &[Change]) -> Result<(), Failure> {
        if changes.iter().any(Change::frees_workbench_volume)
            && let Some(id) = self.account.resources().await?.get("E")
        {
            self.output.say(format_args!("E ({id}) is stopped, for its volume is taken away"));
            self.account.stop(id).await?;
        }
        Ok(())
    }

    /// What no template reaches.
    async fn finish(&self, set_account: bool) -> Result<(), Failure> {
        if let Some(vpc) = self.account.resources().await?.get("V") {
            let closed = self.account.close_default_group(vpc).await?;
            if closed > 0 {
                self.output
                    .say(format_args!("V's default group is closed: {closed} rules taken out"));
            }
        }
        for (setting, command) in Setting::ALL {
            let name = setting.property();
            let told = match self.account.look_at(setting).await {
                Verdict::Holds => "is set".to_owned(),
                Verdict::CannotTell(why) => format!("cannot tell: {why}"),
                Verdict::Broken(_) if set_account => {
                    self.account.set(setting).await?;
                    "is set now".to_owned()
                }
                Verdict::Broken(_) => {
                    format!("is not set: repeat with --account-settings, or: {command}")
                }
            };
            self.output.say(format_args!("account setting {name} {told}"));
            self.output.emit(&json!({ "schema_version": 1, "setting": name, "state": told }));
        }
        Ok(())
    }
}

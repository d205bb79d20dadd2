//! `sce env verify` and `sce env status`: the actual state of the account.

use anyhow::anyhow;
use sce_cloud::overlay::Overlay;
use sce_provision::judge::Tally;
use sce_provision::monthly;
use serde_json::json;

use super::deployed::{account, existing, show_month};
use crate::cli::StatusArgs;
use crate::command::cost::load_prices;
use crate::exit::{Exit, Failure};
use crate::output::Output;
use crate::plural::plural;
use crate::progress::Progress;

/// `sce env verify`
pub(super) async fn verify(overlay: &Overlay, output: Output) -> Result<Exit, Failure> {
    let account = account(&overlay.settings()?).await?;
    let stack = existing(&account).await?;
    let total = account.resources().await?.len() as u64;
    let mut progress = Progress::new("resources read", total);
    let mut read = 0;
    let lines = account
        .verify(&stack, &mut |_| {
            read += 1;
            progress.set(read);
        })
        .await;
    progress.finish();
    let lines = lines?;
    for of in &lines {
        let (verdict, control, paragraph) = (of.verdict, of.control, of.paragraph);
        output.say(format_args!(
            "{verdict:<11}  {control:<17}  {paragraph:<18}  {}: {}",
            of.says, of.evidence
        ));
        output.emit(&json!({
            "schema_version": 1, "control": control, "verdict": verdict, "says": of.says,
            "paragraph": paragraph, "evidence": of.evidence
        }));
    }
    let tally = Tally::of(&lines);
    let Tally { hold, broken, silent } = tally;
    output.say(format_args!("controls: {hold} hold, {broken} broken, {silent} unknown"));
    // Missing permissions would otherwise look like an environment without a broken control.
    if tally.is_blind() {
        let cause = "most controls cannot be checked: check the permissions of your role";
        return Err(Failure::infrastructure(anyhow!(cause)));
    }
    Ok(if broken > 0 { Exit::Unfinished } else { Exit::Done })
}

/// `sce env status`
pub(super) async fn status(
    args: &StatusArgs,
    overlay: &Overlay,
    output: Output,
) -> Result<Exit, Failure> {
    let prices = load_prices(&args.prices)?;
    let account = account(&overlay.settings()?).await?;
    let stack = existing(&account).await?;
    let resources = account.resources().await?;
    output.say(format_args!(
        "environment {} in {}, account {}: {}, {}",
        account.place.pit,
        account.place.region,
        account.place.account,
        stack.status,
        plural(resources.len() as u64, "resource")
    ));
    for (name, value) in &stack.outputs {
        output.say(format_args!("  {name}: {value}"));
    }
    for (name, value) in stack.parameters.iter().filter(|(name, _)| name.ends_with("Image")) {
        output.say(format_args!("  {name}: {value}"));
    }
    output.emit(&json!({ "schema_version": 1, "stack": stack, "resources": resources }));
    let template = account.template().await?;
    show_month(
        &monthly::month(&template, &stack.parameters, &prices, &account.place.region),
        output,
    );
    Ok(Exit::Done)
}

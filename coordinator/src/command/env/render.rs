//! `sce env render`, which needs no network.

use sce_cloud::overlay::Overlay;
use sce_core::ids::Pit;
use sce_provision::Template;
use sce_provision::answers::Answers;

use crate::cli::RenderArgs;
use crate::exit::{Exit, Failure};
use crate::output::Output;

/// `sce env render`
pub(super) fn render(
    args: &RenderArgs,
    overlay: &Overlay,
    output: Output,
) -> Result<Exit, Failure> {
    // Works without sce.toml: only the PIT is read from it.
    let answers = answers(args, overlay.settings_or_default()?.pit);
    let template = Template::environment().and_then(|template| template.render(&answers));
    let template = template.map_err(Failure::usage)?;
    output.say(template.to_yaml().map_err(Failure::usage)?.trim_end());
    output.emit(&template.to_json().map_err(Failure::usage)?);
    Ok(Exit::Done)
}

/// Converts the command line to the template's answers.
pub(super) fn answers(args: &RenderArgs, pit: Pit) -> Answers {
    Answers {
        pit,
        ssh_from: args.ssh_from,
        email: args.email.clone(),
        worker_type: args.worker_type.clone(),
        machine_type: args.machine_type.clone(),
        volume_gib: args.volume,
        monthly_budget_usd: args.monthly_budget,
        nat: !args.no_nat,
        bastion: !args.no_bastion,
        workbench: !args.no_workbench,
        config: !args.no_config,
    }
}

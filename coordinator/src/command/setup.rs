//! Commands that need no project: init, key, synth, completions, man.

use std::fs::{self, DirBuilder, File};
use std::io::Write;
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;

use anyhow::{Context, anyhow};
use clap::CommandFactory;
use clap_complete::Shell;
use sce_cloud::local::create_key_file;
use sce_cloud::settings::{FILE_NAME, Settings, TEMPLATE};
use sce_cloud::system::SystemEntropy;
use sce_core::ids::Pit;
use serde_json::json;

use crate::cli::{Cli, InitArgs, SynthArgs};
use crate::exit::{Exit, Failure};
use crate::output::Output;
use crate::plural::plural;
use crate::progress::Progress;
use crate::synth::{SynthSettings, write_study};

/// `sce init`
pub(super) async fn init(args: &InitArgs, output: Output) -> Result<Exit, Failure> {
    let known = Known::find(args).await?;
    let dir = &args.dir;
    let file = dir.join(FILE_NAME);
    let refuse = |e: std::io::Error| match e.kind() {
        std::io::ErrorKind::AlreadyExists => {
            Failure::usage(anyhow!("{} exists: the directory is already a project", file.display()))
        }
        _ => Failure::infrastructure(anyhow!("write {}: {e}", file.display())),
    };
    fs::create_dir_all(dir).map_err(refuse)?;
    // `create_new`, so that the settings of an existing project are never overwritten.
    File::create_new(&file)
        .and_then(|mut f| f.write_all(known.template().as_bytes()))
        .map_err(refuse)?;
    let defaults = Settings::default();
    private_dir(&dir.join(&defaults.root)).map_err(Failure::infrastructure)?;
    private_dir(&dir.join(&defaults.hipaa)).map_err(Failure::infrastructure)?;
    let next = match &known.account {
        None => format!("sce key new {}", defaults.key_file.display()),
        Some(_) => "sce put DIR".to_owned(),
    };
    output.say(format_args!("wrote {}; next: {next}", file.display()));
    output.emit(&json!({ "settings": file }));
    Ok(Exit::Done)
}

/// The known settings of a project on AWS.
#[derive(Default)]
struct Known {
    account: Option<String>,
    region: Option<String>,
    pit: Option<Pit>,
    baa_accepted: Option<String>,
}

impl Known {
    /// Finds them from the flags, or from the stack of an environment.
    async fn find(args: &InitArgs) -> Result<Self, Failure> {
        let region = args.region.clone();
        let account = args.aws.as_ref().map(ToString::to_string);
        let Some(pit) = &args.from_env else {
            return Ok(Self { account, region, ..Self::default() });
        };
        Self::from_environment(pit, region).await
    }

    #[cfg(not(feature = "aws"))]
    async fn from_environment(_: &Pit, _: Option<String>) -> Result<Self, Failure> {
        Err(super::needs_aws("sce init --from-env"))
    }

    /// Reads them from the outputs of an environment's stack.
    #[cfg(feature = "aws")]
    async fn from_environment(pit: &Pit, region: Option<String>) -> Result<Self, Failure> {
        let mut outputs = super::env::outputs(pit, region).await?.outputs;
        if !outputs.contains_key("Account") {
            let cause =
                "its stack has no output Account: `sce env up` did not build it, or not completely";
            return Err(Failure::usage(anyhow!("environment {pit}: {cause}")));
        }
        Ok(Self {
            account: outputs.remove("Account"),
            region: outputs.remove("Region"),
            pit: Some(pit.clone()),
            baa_accepted: outputs.remove("BaaAccepted"),
        })
    }

    /// Returns the settings file, with the known values filled in.
    fn template(&self) -> String {
        let mut text = format!("{TEMPLATE}\n{}", sce_vitals::settings::TEMPLATE);
        // Whole lines are replaced in the text, because a TOML writer would drop the comments that
        // explain the settings.
        let mut set = |line: &str, name: &str, value: Option<&str>| {
            if let Some(value) = value {
                text = text.replace(&format!("\n{line}\n"), &format!("\n{name} = {value:?}\n"));
            }
        };
        let on_aws = self.account.is_some();
        set("mode = \"local\"", "mode", on_aws.then_some("aws"));
        set("hipaa = \".sce/hipaa\"", "hipaa", on_aws.then_some("/hipaa"));
        set("#: account = \"123456789012\"", "account", self.account.as_deref());
        set("#: region = \"us-east-1\"", "region", self.region.as_deref());
        set("pit = \"hipaa\"", "pit", self.pit.as_ref().map(Pit::as_str));
        let accepted = self.baa_accepted.as_deref();
        set("#: baa_accepted = \"Jo Doe, 2026-11-25\"", "baa_accepted", accepted);
        text
    }
}

/// Creates a directory that only its owner may enter.
fn private_dir(dir: &Path) -> anyhow::Result<()> {
    let created = DirBuilder::new().recursive(true).mode(0o700).create(dir);
    created.with_context(|| format!("create {}", dir.display()))
}

/// `sce key new`
pub(super) fn new_key(file: &Path, output: Output) -> Result<Exit, Failure> {
    create_key_file(file, &SystemEntropy)?;
    output.say(format_args!(
        "wrote {}; keep a copy in a safe place: without it the data cannot be opened",
        file.display()
    ));
    output.emit(&json!({ "key_file": file }));
    Ok(Exit::Done)
}

/// `sce synth`
pub(super) fn synth(args: &SynthArgs, output: Output) -> Result<Exit, Failure> {
    let settings: SynthSettings = args.clone().into();
    // Checked separately from writing, because a wrong number has another exit code than a full
    // disk.
    settings.check().map_err(Failure::usage)?;
    let mut progress = Progress::new("rows written", settings.visits);
    let written = write_study(&settings, &mut |rows| progress.set(rows));
    progress.finish();
    let written = written.map_err(Failure::file)?;
    let out = settings.out.display();
    let (rows, objects) = (plural(written.rows, "row"), plural(written.objects.into(), "object"));
    output.say(format_args!("wrote {rows} in {objects} into {out}"));
    output.emit(&json!({
        "objects": written.objects, "rows": written.rows, "bytes": written.bytes, "out": settings.out
    }));
    Ok(Exit::Done)
}

/// `sce completions`
pub(super) fn completions(shell: Shell) -> Result<Exit, Failure> {
    // Through a buffer: clap_complete panics if it cannot write, for example to a closed pipe.
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "sce", &mut script);
    std::io::stdout().write_all(&script).map_err(Failure::infrastructure)?;
    Ok(Exit::Done)
}

/// `sce man`
pub(super) fn man(out: &Path, output: Output) -> Result<Exit, Failure> {
    let write =
        || fs::create_dir_all(out).and_then(|()| clap_mangen::generate_to(Cli::command(), out));
    write()
        .with_context(|| format!("write into {}", out.display()))
        .map_err(Failure::infrastructure)?;
    output.say(format_args!("wrote man pages into {}", out.display()));
    output.emit(&json!({ "out": out }));
    Ok(Exit::Done)
}

//! `sce key wrap`.

use std::path::Path;

use anyhow::anyhow;
use sce_cloud::aws::store_homer_key;
use sce_cloud::caller::Caller;
use sce_cloud::local::load_key_file;
use sce_cloud::overlay::Overlay;

use crate::exit::{Exit, Failure};
use crate::output::Output;
use crate::project::Project;

/// `sce key wrap`
pub(super) async fn wrap_key(
    file: &Path,
    replace: bool,
    overlay: &Overlay,
    output: Output,
) -> Result<Exit, Failure> {
    let project = Project::open(overlay, Caller::Coordinates).await?;
    let aws = project.aws("sce key wrap")?;
    let key = load_key_file(file)?;
    let (kms, pit) = (&aws.clients.kms, &project.settings.pit);
    // False: a wrapped key exists and `replace` is not set.
    if !store_homer_key(kms, &*aws.store, &aws.key_arn, pit, &key, replace).await? {
        return Err(Failure::usage(anyhow!(
            "the project already has a wrapped key, and objects may be sealed with it: use --replace only if none are"
        )));
    }
    output.say("wrapped and stored the key; workers use it if data_keys = \"homer\"");
    output.emit(&serde_json::json!({ "wrapped": true }));
    Ok(Exit::Done)
}

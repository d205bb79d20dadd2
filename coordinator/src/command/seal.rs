//! `sce seal` and `sce open`: seal or open one local file.

use std::io::Write;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, anyhow};
use sce_cloud::caller::Caller;
use sce_cloud::local::{FileKeys, FileReader};
use sce_cloud::overlay::Overlay;
use sce_cloud::ports::{Entropy, KeyService, ObjectReader};
use sce_cloud::sealed::{OpenError, context_of, open_stream};
use sce_cloud::settings::{Mode, Settings};
use sce_cloud::system::SystemEntropy;
use sce_core::envelope::{FrameLength, Sealer};
use sce_core::object::ObjectKey;

use crate::aws::{open as open_aws, ports};
use crate::cli::SealArgs;
use crate::exit::{Exit, Failure};
use crate::files::FileWriter;

/// `sce seal`
pub(super) async fn seal(args: &SealArgs, overlay: &Overlay) -> Result<Exit, Failure> {
    let settings = overlay.settings_or_default()?;
    let keys = keys(&settings).await?;
    let key = object_key(args, &args.out)?;
    let frames = FrameLength::new(args.frame_length).map_err(Failure::usage)?;
    let context = context_of(&settings.pit, &key).map_err(Failure::usage)?;
    let (data_key, wrapped) = keys.generate(&context).await?;
    // The envelope requires a random id that is unique per message.
    let mut message_id = [0; 32];
    SystemEntropy.fill(&mut message_id)?;
    let (mut sealer, mut sealed) =
        Sealer::new(&data_key, &[wrapped], &context, message_id, frames).map_err(Failure::usage)?;
    let mut reader = FileReader::open(&args.input).map_err(Failure::usage)?;
    let mut writer = FileWriter::create(&args.out).map_err(Failure::file)?;
    let full =
        |e: std::io::Error| Failure::infrastructure(anyhow!("write {}: {e}", args.out.display()));
    while let Some(chunk) = reader.next().await? {
        sealer.push(&chunk, &mut sealed).map_err(Failure::usage)?;
        writer.write_all(&sealed).map_err(full)?;
        // The buffer is reused, so that memory does not depend on the size of the file.
        sealed.clear();
    }
    sealer.finish(&mut sealed).map_err(Failure::usage)?;
    writer.write_all(&sealed).map_err(full)?;
    writer.finish().map_err(Failure::infrastructure)?;
    Ok(Exit::Done)
}

/// `sce open`
pub(super) async fn open(args: &SealArgs, overlay: &Overlay) -> Result<Exit, Failure> {
    let settings = overlay.settings_or_default()?;
    let keys = keys(&settings).await?;
    let key = object_key(args, &args.input)?;
    let expected = [("pit", settings.pit.as_str()), ("object", key.as_str())];
    let mut reader = FileReader::open(&args.input).map_err(Failure::usage)?;
    let mut writer = FileWriter::create(&args.out).map_err(Failure::file)?;
    let sink = |plaintext: &[u8]| writer.write_all(plaintext);
    let input = args.input.display();
    // The file gets its name in `finish`, that is only after the last frame was verified.
    match open_stream(&mut reader, &*keys, &expected, sink).await {
        Ok(_) => writer.finish().map_err(Failure::infrastructure).map(|()| Exit::Done),
        Err(OpenError::Port(e)) if e.class != sce_cloud::error::Class::WrongKey => Err(e.into()),
        Err(OpenError::Sink(e)) => {
            Err(Failure::infrastructure(anyhow!("write {}: {e}", args.out.display())))
        }
        Err(e) => Err(Failure::refused(anyhow!("open {input}: {e}"))),
    }
}

/// Returns the project's keys: from the key file, or from KMS on AWS.
async fn keys(settings: &Settings) -> Result<Arc<dyn KeyService>, Failure> {
    match settings.mode {
        Mode::Local => {
            let path = settings.path(&settings.key_file);
            Ok(Arc::new(FileKeys::open(&path, &settings.pit, Arc::new(SystemEntropy))?))
        }
        Mode::Aws => Ok(ports(&open_aws(settings, Caller::HandlesData).await?).keys.clone()),
    }
}

/// Returns the object key: as given, or else the name of the sealed file.
fn object_key(args: &SealArgs, sealed: &Path) -> Result<ObjectKey, Failure> {
    let name = || {
        let name = sealed.file_name()?.to_str()?;
        Some(name.strip_suffix(".sealed").unwrap_or(name).to_owned())
    };
    let key = args.object.clone().or_else(name).context("give the object key with --object");
    let key = key.map_err(Failure::usage)?;
    ObjectKey::try_from(key).map_err(|e| Failure::usage(anyhow!("--object: {e}")))
}

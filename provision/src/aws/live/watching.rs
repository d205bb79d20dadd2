//! The trail, and the account's recorder of changes.

use serde_json::{Value, json};

use super::or_none;
use crate::aws::{Account, Answer, failed};

impl Account {
    pub(super) async fn trail(&self, name: &str) -> Answer<Option<Value>> {
        let read = self.cloudtrail.describe_trails().trail_name_list(name).send().await;
        let read = read.map_err(failed("read trail", name))?;
        let Some(of) = read.trail_list.into_iter().flatten().next() else {
            return Ok(None);
        };
        let status = self.cloudtrail.get_trail_status().name(name).send().await;
        let status = status.map_err(failed("read state of trail", name));
        Ok(Some(json!({
            "IsLogging": or_none(status.map(|of| json!(of.is_logging))),
            "IsMultiRegionTrail": of.is_multi_region_trail,
            "IncludeGlobalServiceEvents": of.include_global_service_events,
            "EnableLogFileValidation": of.log_file_validation_enabled,
            "S3BucketName": of.s3_bucket_name,
            "KMSKeyId": of.kms_key_id.map_or(json!("none"), |of| json!(of)),
            "EventSelectors": or_none(self.event_selectors(name).await),
        })))
    }

    async fn event_selectors(&self, name: &str) -> Answer<Value> {
        let read = self.cloudtrail.get_event_selectors().trail_name(name).send().await;
        let read = read.map_err(failed("read what trail records", name))?;
        let selectors = read.event_selectors.into_iter().flatten().map(|of| {
            let data = of.data_resources.into_iter().flatten();
            let data = data.map(|of| json!({ "Type": of.r#type, "Values": of.values }));
            json!({
                "ReadWriteType": of.read_write_type.map(|of| of.as_str().to_owned()),
                "IncludeManagementEvents": of.include_management_events,
                "DataResources": data.collect::<Vec<_>>(),
            })
        });
        Ok(json!(selectors.collect::<Vec<_>>()))
    }

    /// The region's one recorder, whoever made it.
    pub(super) async fn recorder(&self) -> Answer<Value> {
        let read = self.config.describe_configuration_recorder_status().send().await;
        let read = read.map_err(failed("read state of AWS Config's", "recorder"))?;
        let recording = read.configuration_recorders_status.unwrap_or_default();
        let read = self.config.describe_configuration_recorders().send().await;
        let read = read.map_err(failed("read AWS Config's", "recorder"))?;
        let groups = read.configuration_recorders.into_iter().flatten();
        let all = groups.filter_map(|of| of.recording_group).any(|of| of.all_supported);
        Ok(json!({ "Recording": recording.iter().any(|of| of.recording), "AllSupported": all }))
    }

    /// The name of the region's recorder, if there is one.
    ///
    /// # Errors
    /// The account does not answer.
    pub async fn recorder_name(&self) -> Answer<Option<String>> {
        let read = self.config.describe_configuration_recorders().send().await;
        let read = read.map_err(failed("read AWS Config's", "recorder"))?;
        Ok(read.configuration_recorders.into_iter().flatten().next().and_then(|of| of.name))
    }
}

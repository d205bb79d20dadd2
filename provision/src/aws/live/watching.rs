//! The trail, and the account's configuration recorder.

use aws_sdk_config::types::ConfigurationRecorderStatus;
use serde_json::{Value, json};

use super::{delivery, set};
use crate::aws::account::{Account, Answer, failed, unreadable};

impl Account {
    pub(super) async fn trail(&self, name: &str) -> Answer<Option<Value>> {
        let read = self.cloudtrail.describe_trails().trail_name_list(name).send().await;
        let read = read.map_err(failed("read trail", name))?;
        let Some(of) = read.trail_list.into_iter().flatten().next() else {
            return Ok(None);
        };
        let (logging, delivery) = match self.trail_status(name).await {
            Ok(status) => status,
            Err(e) => (unreadable(e), Value::Null),
        };
        let (selectors, excluded) = match self.event_selectors(name).await {
            Ok(selectors) => selectors,
            Err(e) => (unreadable(e), Value::Null),
        };
        Ok(Some(json!({
            "IsLogging": logging,
            "Delivery": delivery,
            "IsMultiRegionTrail": of.is_multi_region_trail,
            "IncludeGlobalServiceEvents": of.include_global_service_events,
            "EnableLogFileValidation": of.log_file_validation_enabled,
            "S3BucketName": of.s3_bucket_name,
            "KMSKeyId": set(of.kms_key_id),
            "CloudWatchLogsLogGroupArn": set(of.cloud_watch_logs_log_group_arn),
            "EventSelectors": selectors,
            "Excluded": excluded,
        })))
    }

    /// Whether the trail records, and whether its records are delivered.
    async fn trail_status(&self, name: &str) -> Answer<(Value, Value)> {
        let read = self.cloudtrail.get_trail_status().name(name).send().await;
        let read = read.map_err(failed("read state of trail", name))?;
        let error = read.latest_delivery_error.filter(|of| !of.is_empty());
        let error = error.or(read.latest_cloud_watch_logs_delivery_error);
        Ok((json!(read.is_logging), delivery(error.as_deref())))
    }

    /// The recorded events, and the services that are excluded.
    async fn event_selectors(&self, name: &str) -> Answer<(Value, Value)> {
        let read = self.cloudtrail.get_event_selectors().trail_name(name).send().await;
        let read = read.map_err(failed("read what trail records", name))?;
        let mut excluded = Vec::new();
        let mut selectors = Vec::new();
        for of in read.event_selectors.into_iter().flatten() {
            excluded.extend(of.exclude_management_event_sources.into_iter().flatten());
            let data = of.data_resources.into_iter().flatten();
            let data = data.map(|of| json!({ "Type": of.r#type, "Values": of.values }));
            selectors.push(json!({
                "ReadWriteType": of.read_write_type.map(|of| of.as_str().to_owned()),
                "IncludeManagementEvents": of.include_management_events,
                "DataResources": data.collect::<Vec<_>>(),
            }));
        }
        Ok((json!(selectors), json!(excluded)))
    }

    /// The region's only recorder, whether or not the environment created it.
    pub(super) async fn recorder(&self) -> Answer<Value> {
        let read = self.config.describe_configuration_recorder_status().send().await;
        let read = read.map_err(failed("read state of AWS Config's", "recorder"))?;
        let recording = read.configuration_recorders_status.unwrap_or_default();
        let read = self.config.describe_configuration_recorders().send().await;
        let read = read.map_err(failed("read AWS Config's", "recorder"))?;
        let groups = read.configuration_recorders.into_iter().flatten();
        let all = groups.filter_map(|of| of.recording_group).any(|of| of.all_supported);
        let fails = |of: &&ConfigurationRecorderStatus| {
            of.last_status.as_ref().is_some_and(|of| of.as_str() == "Failure")
        };
        let failing = recording.iter().find(fails);
        let error = failing.map(|of| of.last_error_message.as_deref().unwrap_or("delivery fails"));
        Ok(json!({
            "Recording": recording.iter().any(|of| of.recording),
            "AllSupported": all,
            "Delivery": delivery(error),
        }))
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

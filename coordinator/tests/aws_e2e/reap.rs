//! `sce reap`: removes only resources that no live run owned at two looks.

use sce_testkit::Kind;

use crate::cloud::Cloud;

/// Creates orphaned resources: an instance, a volume, an upload, a dead letter.
fn litter(cloud: &Cloud) {
    let dead = cloud.made["queues"]["units-dead"].as_str().unwrap();
    cloud.emulator.python(&format!(
        "tags = [{{'Key': 'PIT', 'Value': 'hipaa'}}, {{'Key': 'sce:role', 'Value': 'worker'}}]\n\
         ec2 = client('ec2')\n\
         image = ec2.describe_images()['Images'][0]['ImageId']\n\
         ec2.run_instances(ImageId=image, MinCount=1, MaxCount=1, InstanceType='m5.large', \
         TagSpecifications=[{{'ResourceType': 'instance', 'Tags': tags}}])\n\
         for mine in (tags, [{{'Key': 'PIT', 'Value': 'other'}}]):\n    \
         ec2.create_volume(AvailabilityZone='us-east-1a', Size=1, \
         TagSpecifications=[{{'ResourceType': 'volume', 'Tags': mine}}])\n\
         client('s3').create_multipart_upload(Bucket='hipaa-123456789012-data', Key='a.csv')\n\
         client('sqs').send_message(QueueUrl={dead:?}, MessageBody='strange')"
    ));
}

fn volumes(cloud: &Cloud) -> usize {
    cloud
        .listed("[v['VolumeId'] for v in client('ec2').describe_volumes(Filters=[{'Name': 'status', 'Values': ['available']}])['Volumes']]")
        .len()
}

fn uploads(cloud: &Cloud) -> usize {
    cloud
        .listed("[u['UploadId'] for u in client('s3').list_multipart_uploads(Bucket='hipaa-123456789012-data').get('Uploads', [])]")
        .len()
}

#[test]
fn only_resources_that_no_run_owns_are_removed() {
    let cloud = Cloud::new(Kind::Moto);
    litter(&cloud);
    let listed = cloud.sce(&["reap", "--grace", "0", "--dry-run"]).exits(0);
    assert_eq!(listed.stdout.matches("would remove").count(), 3, "{listed:?}");
    assert_eq!((cloud.live_instances().len(), volumes(&cloud), uploads(&cloud)), (1, 2, 1));
    let reaped = cloud.sce(&["reap", "--grace", "1", "--output", "json"]).exits(0);
    assert_eq!((&reaped.json()["litter"], &reaped.json()["dead_letters"]), (&3.into(), &1.into()));
    // The volume of another project stays. (In moto, every upload is years old.)
    assert_eq!((cloud.live_instances().len(), volumes(&cloud), uploads(&cloud)), (0, 1, 0));
    let again = cloud.sce(&["reap", "--grace", "0", "--output", "json"]).exits(0);
    assert_eq!((&again.json()["litter"], &again.json()["dead_letters"]), (&0.into(), &0.into()));
}

#[test]
fn workers_of_an_open_run_and_recent_uploads_are_kept() {
    let cloud = Cloud::with_data(Kind::Ministack, 60, 3);
    cloud.sce(&["run", "--workers", "1", "--detach"]).exits(0);
    cloud.emulator.python(
        "client('s3').create_multipart_upload(Bucket='hipaa-123456789012-data', Key='a.csv')",
    );
    let reaped = cloud.sce(&["reap", "--grace", "0", "--output", "json"]).exits(0);
    assert_eq!(reaped.json()["litter"], 0, "{reaped:#?}");
    assert_eq!((cloud.live_instances().len(), uploads(&cloud)), (1, 1));
}

//! Tests of the rendered template.

use sce_core::object::Bucket;
use sce_core::resources::Resources;

use super::*;

fn answers() -> Answers {
    Answers::whole("study-7")
}

fn render(answers: &Answers) -> Template {
    Template::environment().unwrap().render(answers).unwrap()
}

fn names(template: &Template, section: &str) -> BTreeSet<String> {
    template.section(section).map(|(name, _)| name.to_owned()).collect()
}

/// All sixteen combinations of the switches.
fn every_variant() -> Vec<Answers> {
    (0..16_u8)
        .map(|bits| Answers {
            nat: bits & 1 > 0,
            bastion: bits & 2 > 0,
            workbench: bits & 4 > 0,
            config: bits & 8 > 0,
            ..answers()
        })
        .collect()
}

#[test]
fn nothing_refers_to_what_was_left_out() {
    for answers in every_variant() {
        let template = render(&answers);
        let known: BTreeSet<String> = names(&template, "Resources")
            .into_iter()
            .chain(names(&template, "Parameters"))
            .collect();
        for (name, entry) in template.section("Resources").chain(template.section("Outputs")) {
            let mut used = BTreeSet::new();
            find_references(entry, &mut used);
            used.extend(depends_on(entry));
            let missing: Vec<_> =
                used.iter().filter(|of| !of.starts_with("AWS::") && !known.contains(*of)).collect();
            assert!(missing.is_empty(), "{name} refers to {missing:?} in {answers:?}");
        }
    }
}

fn depends_on(entry: &Value) -> Vec<String> {
    match entry.get("DependsOn") {
        Some(Value::String(one)) => vec![one.clone()],
        Some(Value::Sequence(all)) => {
            all.iter().filter_map(Value::as_str).map(str::to_owned).collect()
        }
        _ => Vec::new(),
    }
}

#[test]
fn only_an_unanswered_parameter_stays() {
    let open = |of: &[&str]| of.iter().map(|name| (*name).to_owned()).collect::<BTreeSet<_>>();
    let parameters = names(&render(&answers()), "Parameters");
    let everything = open(&[
        "BaaAccepted",
        "KeyPair",
        "WorkerImage",
        "BastionImage",
        "WorkbenchImage",
        "S3Prefixes",
        "DynamoDbPrefixes",
    ]);
    assert_eq!(parameters, everything);
    let least =
        Answers { nat: false, bastion: false, workbench: false, config: false, ..answers() };
    let parameters = names(&render(&least), "Parameters");
    assert_eq!(parameters, open(&["BaaAccepted", "WorkerImage", "S3Prefixes", "DynamoDbPrefixes"]));
}

#[test]
fn a_switch_takes_its_parts_away_and_no_others() {
    let whole = names(&render(&answers()), "Resources");
    let without = |answers: Answers| -> BTreeSet<String> {
        whole.difference(&names(&render(&answers), "Resources")).cloned().collect()
    };
    let parts = |of: &[&str]| of.iter().map(|name| (*name).to_owned()).collect::<BTreeSet<_>>();
    assert_eq!(
        without(Answers { nat: false, ..answers() }),
        parts(&["NG", "NGAddress", "RTOut", "WorkbenchPackages"])
    );
    assert_eq!(without(Answers { bastion: false, ..answers() }), parts(&["B", "BAddress"]));
    assert_eq!(
        without(Answers { workbench: false, ..answers() }),
        parts(&["E", "EVolume", "EVolumeThere", "WorkbenchPackages"])
    );
    assert_eq!(
        without(Answers { config: false, ..answers() }),
        parts(&["ConfigRecorder", "ConfigChannel", "ConfigRole", "ConfigPolicy"])
    );
}

#[test]
fn values_stand_where_parameters_were() {
    let yaml = render(&answers()).to_yaml().unwrap();
    assert!(
        !yaml.contains("Ref Pit") && !yaml.contains("${Pit}") && !yaml.contains("Condition Nat")
    );
    assert!(yaml.contains("TrailName: study-7-trail"), "a value without variables is plain text");
    assert!(yaml.contains("CidrIp: 192.0.2.0/24"));
    assert_eq!(Template::parse(&yaml).unwrap(), render(&answers()), "YAML is complete");
}

#[test]
fn json_has_the_long_names() {
    let json = render(&answers()).to_json().unwrap();
    let resources = &json["Resources"];
    assert_eq!(resources["FlowLog"]["Properties"]["ResourceId"]["Ref"], "V");
    let role = &resources["FlowLog"]["Properties"]["DeliverLogsPermissionArn"]["Fn::GetAtt"];
    assert_eq!(*role, serde_json::json!(["FlowLogRole", "Arn"]));
    assert_eq!(
        resources["S3D"]["Properties"]["BucketName"]["Fn::Sub"],
        "study-7-${AWS::AccountId}-data"
    );
}

/// Programs find resources by name: the template must use the same names.
#[test]
fn resources_are_called_as_the_programs_call_them() {
    let known = Resources {
        pit: answers().pit,
        account: "123456789012".parse().unwrap(),
        region: "us-east-1".to_owned(),
    };
    let json = render(&answers()).to_json().unwrap();
    let property = |resource: &str, name: &str| {
        let value = &json["Resources"][resource]["Properties"][name];
        let text = value.as_str().or_else(|| value["Fn::Sub"].as_str()).unwrap_or_default();
        text.replace("${AWS::AccountId}", "123456789012")
    };
    for (resource, bucket) in [
        ("S3D", Bucket::Data),
        ("S3O", Bucket::Output),
        ("S3L", Bucket::Logs),
        ("S3A", Bucket::Ancillary),
    ] {
        assert_eq!(property(resource, "BucketName"), known.bucket(bucket));
    }
    assert_eq!(property("Ledger", "TableName"), known.table());
    assert_eq!(property("Units", "QueueName"), known.units_queue());
    assert_eq!(property("UnitsDead", "QueueName"), known.dead_letters_queue());
    assert_eq!(property("Uploads", "QueueName"), known.uploads_queue());
    assert!(known.topic_arn().ends_with(&property("Notices", "TopicName")));
    assert_eq!(property("KeyAlias", "AliasName"), known.key_alias());
    assert_eq!(property("WorkerTemplate", "LaunchTemplateName"), known.launch_template());
}

// Cases: machines. Who may launch and terminate which.
//
// Used by simulate.mjs. A launch requires a permission for each resource that
// it uses: there is a case for each, and the launch succeeds if all are
// allowed.
import { bastion, ec2, inside, intake, machine, outside, workbench, worker, stranger } from "./requests.mjs"

const profile = (name) => `arn:aws:iam::123456789012:instance-profile/hipaa-${name}`
const template = { "ec2:IsLaunchTemplateResource": "true", "ec2:LaunchTemplate": ec2("launch-template/lt-workertemplate") }
const launch = {
  ...inside,
  ...template,
  "ec2:Tenancy": "dedicated",
  "ec2:MetadataHttpTokens": "required",
  "ec2:InstanceProfile": profile("worker"),
  "aws:RequestTag/PIT": "hipaa",
}
const volume = { ...inside, ...template, "ec2:Encrypted": "true", "aws:RequestTag/PIT": "hipaa" }
const part = { ...inside, ...template }
const byHand = { "ec2:IsLaunchTemplateResource": "false" }
const image = "arn:aws:ec2:us-east-1::image/ami-0aaa"

const launches = [
  ["launch: a dedicated worker by the template", bastion, machine(), launch, "Allowed"],
  ["launch: not on shared hardware", bastion, machine(), { ...launch, "ec2:Tenancy": "default" }, "Denied"],
  ["launch: not without the template", bastion, machine(), { ...launch, ...byHand }, "Denied"],
  ["launch: not with IMDSv1", bastion, machine(), { ...launch, "ec2:MetadataHttpTokens": "optional" }, "Denied"],
  ["launch: not with the workbench's role", bastion, machine(), { ...launch, "ec2:InstanceProfile": profile("workbench") }, "Denied"],
  ["launch: not for another project", bastion, machine(), { ...launch, "aws:RequestTag/PIT": "other" }, "Denied"],
  ["launch: an encrypted volume", bastion, ec2("volume/vol-0aaa"), volume, "Allowed"],
  ["launch: no plain volume", bastion, ec2("volume/vol-0aaa"), { ...volume, "ec2:Encrypted": "false" }, "Denied"],
  ["launch: no volume of another project", bastion, ec2("volume/vol-0aaa"), { ...volume, "aws:RequestTag/PIT": "other" }, "Denied"],
  ["launch: in Sprivate", bastion, ec2("subnet/subnet-sprivate"), part, "Allowed"],
  ["launch: not in Spublic", bastion, ec2("subnet/subnet-spublic"), part, "Denied"],
  ["launch: not in Sprivate without the template", bastion, ec2("subnet/subnet-sprivate"), { ...part, ...byHand }, "Denied"],
  ["launch: in the workers' security group", bastion, ec2("security-group/sg-workergroup"), part, "Allowed"],
  ["launch: not in the bastion's security group", bastion, ec2("security-group/sg-bastiongroup"), part, "Denied"],
  ["launch: with the template's image", bastion, image, part, "Allowed"],
  ["launch: with no other image", bastion, image, { ...part, ...byHand }, "Denied"],
  ["launch: with a network interface", bastion, ec2("network-interface/eni-0aaa"), part, "Allowed"],
  ["launch: by a template", bastion, ec2("launch-template/lt-workertemplate"), part, "Allowed"],
  ["launch: with no key pair", bastion, ec2("key-pair/mine"), part, "Denied"],
  ["launch: workers launch nothing", worker, machine(), launch, "Denied"],
  ["launch: the workbench launches nothing", workbench, machine(), launch, "Denied"],
  ["launch: intake launches nothing", intake, machine(), launch, "Denied"],
].map(([name, who, on, how, expected]) => [name, who, "ec2:RunInstances", on, how, expected])

const create = { ...inside, "ec2:CreateAction": "RunInstances" }
const tags = [
  ["tags: on what is launched", bastion, "ec2:CreateTags", machine(), create, "Allowed"],
  ["tags: on its volume", bastion, "ec2:CreateTags", ec2("volume/vol-0aaa"), create, "Allowed"],
  ["tags: not on an existing machine", bastion, "ec2:CreateTags", machine(), inside, "Denied"],
  ["tags: not on anything else", bastion, "ec2:CreateTags", ec2("subnet/subnet-sprivate"), create, "Denied"],
]

const roleArn = (name) => `arn:aws:iam::123456789012:role/hipaa-${name}`
const to = (name) => ({ "iam:PassedToService": `${name}.amazonaws.com` })
const pass = [
  ["role: workers get theirs", bastion, "iam:PassRole", roleArn("worker"), to("ec2"), "Allowed"],
  ["role: to no other service", bastion, "iam:PassRole", roleArn("worker"), to("lambda"), "Denied"],
  ["role: not the workbench's", bastion, "iam:PassRole", roleArn("workbench"), to("ec2"), "Denied"],
  ["role: not the bastion's own", bastion, "iam:PassRole", roleArn("bastion"), to("ec2"), "Denied"],
  ["role: not the uploader's", bastion, "iam:PassRole", roleArn("uploader"), to("ec2"), "Denied"],
  ["role: workers pass none", worker, "iam:PassRole", roleArn("worker"), to("ec2"), "Denied"],
  ["role: the bastion changes none", bastion, "iam:AttachRolePolicy", roleArn("bastion"), outside, "Denied"],
]

const ofWorker = { ...inside, "aws:ResourceTag/PIT": "hipaa", "aws:ResourceTag/sce:role": "worker" }
const ofProject = { ...inside, "aws:ResourceTag/PIT": "hipaa" }
const ofOther = { ...ofWorker, "aws:ResourceTag/PIT": "other" }
const itself = (from, on) => ({
  ...inside,
  "ec2:SourceInstanceARN": machine(from),
  "ec2:InstanceID": on,
})
// Outside the VPC, where no endpoint's policy applies.
const outsideV = ({ inside: _, ...rest }) => rest
const ends = [
  ["end: a worker terminates itself", worker, machine("i-0aaa"), itself("i-0aaa", "i-0aaa"), "Allowed"],
  ["end: a worker terminates no other", worker, machine("i-0bbb"), itself("i-0aaa", "i-0bbb"), "Denied"],
  ["end: a worker's permission terminates nothing from elsewhere", worker, machine("i-0aaa"), { "ec2:InstanceID": "i-0aaa" }, "Denied"],
  ["end: the bastion terminates workers", bastion, machine(), ofWorker, "Allowed"],
  ["end: the bastion terminates no machine that is not a worker", bastion, machine(), ofProject, "Denied"],
  ["end: the bastion terminates nothing untagged", bastion, machine(), inside, "Denied"],
  ["end: the bastion terminates no worker of another project", bastion, machine(), ofOther, "Denied"],
  ["end: the workbench terminates nothing", workbench, machine(), ofWorker, "Denied"],
  ["end: no other account terminates a worker", stranger, machine(), ofWorker, "Denied"],
].map(([name, who, on, how, expected]) => [name, who, "ec2:TerminateInstances", on, how, expected])

export default [
  ...launches, ...tags, ...pass, ...ends,
  ["volumes: the bastion removes a worker's", bastion, "ec2:DeleteVolume", ec2("volume/vol-0aaa"), ofWorker, "Allowed"],
  ["volumes: the bastion does not remove the workbench's", bastion, "ec2:DeleteVolume", ec2("volume/vol-0aaa"), ofProject, "Denied"],
  ...["Instances", "Volumes", "LaunchTemplates", "LaunchTemplateVersions"].map((what) =>
    [`fleet: the bastion sees ${what}`, bastion, `ec2:Describe${what}`, "*", inside, "Allowed"]),
  ["fleet: the bastion changes no worker", bastion, "ec2:ModifyInstanceAttribute", machine(), outsideV(ofWorker), "Denied"],
  ["fleet: the bastion stops no worker", bastion, "ec2:StopInstances", machine(), outsideV(ofWorker), "Denied"],
  ["fleet: the bastion attaches no volume", bastion, "ec2:AttachVolume", ec2("volume/vol-0aaa"), outsideV(ofWorker), "Denied"],
  ["fleet: the bastion copies no volume", bastion, "ec2:CreateSnapshot", ec2("volume/vol-0aaa"), outsideV(ofWorker), "Denied"],
  ["fleet: a worker does not change itself", worker, "ec2:ModifyInstanceAttribute", machine("i-0aaa"),
    outsideV(itself("i-0aaa", "i-0aaa")), "Denied"],
  ["fleet: a worker sees whether any worker is left", worker, "ec2:DescribeInstances", "*", inside, "Allowed"],
  ["fleet: the workbench does not see it", workbench, "ec2:DescribeInstances", "*", inside, "Denied"],
  ["fleet: the bastion makes no template", bastion, "ec2:CreateLaunchTemplateVersion", ec2("launch-template/lt-workertemplate"), inside, "Denied"],
]

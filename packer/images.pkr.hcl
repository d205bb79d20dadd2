# The three images: a Debian 12 machine is built three times, and the role
# decides what is installed. Images are never shared with another account; an
# encrypted image could not be made public anyway.
locals {
  stamp   = formatdate("YYYYMMDDhhmmss", timestamp())
  uploads = "/tmp/sce-image"
  # A relative path would be resolved against this file's directory.
  packages = abspath(var.packages)
  # As `admin` on AWS; as root in a chroot, which has no sudo.
  as_root = "if [ \"$(id -u)\" = 0 ]; then sh -eu {{ .Path }}; else sudo -n sh -eu {{ .Path }}; fi"
  cost = {
    PIT  = var.pit
    Name = "${var.pit}-image-build"
  }
}

source "amazon-ebs" "debian" {
  region        = var.region
  instance_type = "m5.large"
  tenancy       = "dedicated"
  vpc_id        = var.vpc_id
  subnet_id     = var.subnet_id

  # Debian's account.
  source_ami_filter {
    owners      = ["136693071363"]
    most_recent = true
    filters = {
      name                = "debian-12-amd64-*"
      architecture        = "x86_64"
      root-device-type    = "ebs"
      virtualization-type = "hvm"
    }
  }

  # Packer creates a key pair for the duration of the build; clean.sh removes
  # it.
  ssh_username                          = "admin"
  temporary_security_group_source_cidrs = [var.ssh_from]

  # IMDSv2 only: for the build machine and, as the image's default, for all
  # machines launched from it.
  imds_support = "v2.0"
  metadata_options {
    http_endpoint               = "enabled"
    http_tokens                 = "required"
    http_put_response_hop_limit = 1
  }

  encrypt_boot = true
  kms_key_id   = var.kms_key_id
  launch_block_device_mappings {
    device_name = "/dev/xvda"
    # The environment gives workers and the bastion 16: the snapshot must fit.
    volume_size           = 12
    delete_on_termination = true
  }

  run_tags        = local.cost
  run_volume_tags = local.cost
  snapshot_tags   = local.cost
}

build {
  source "amazon-ebs.debian" {
    name     = "worker"
    ami_name = "${var.pit}-worker-${local.stamp}"
    tags     = { "sce:image" = "worker", PIT = var.pit, Name = "${var.pit}-worker" }
  }
  source "amazon-ebs.debian" {
    name     = "bastion"
    ami_name = "${var.pit}-bastion-${local.stamp}"
    tags     = { "sce:image" = "bastion", PIT = var.pit, Name = "${var.pit}-bastion" }
  }
  source "amazon-ebs.debian" {
    name     = "workbench"
    ami_name = "${var.pit}-workbench-${local.stamp}"
    tags     = { "sce:image" = "workbench", PIT = var.pit, Name = "${var.pit}-workbench" }
  }

  # Remove the remains of a failed build, so that they are not reused.
  provisioner "shell" {
    execute_command = local.as_root
    inline          = ["rm -rf ${local.uploads}"]
  }
  provisioner "shell" {
    inline = ["mkdir -p ${local.uploads}/packages"]
  }
  provisioner "file" {
    sources     = ["${path.root}/scripts", "${path.root}/files"]
    destination = local.uploads
  }
  provisioner "file" {
    sources     = [for name in fileset(local.packages, "sce{,-agent}_*.deb") : "${local.packages}/${name}"]
    destination = "${local.uploads}/packages/"
  }

  provisioner "shell" {
    execute_command = local.as_root
    inline = [
      "sh ${local.uploads}/scripts/install.sh ${source.name}",
      "sh ${local.uploads}/scripts/harden.sh ${source.name}",
      "sh ${local.uploads}/scripts/manifest.sh ${source.name}",
    ]
  }
  provisioner "file" {
    direction   = "download"
    source      = "/usr/share/sce/manifest.json"
    destination = "${var.out}/${source.name}-manifest.json"
  }

  # Last, and in one step: no new ssh connection is possible afterward.
  provisioner "shell" {
    execute_command = local.as_root
    inline = [
      "rm -rf ${local.uploads}/packages",
      "sh ${local.uploads}/scripts/clean.sh ${source.name}",
      "sh ${local.uploads}/scripts/check.sh ${source.name}",
      "rm -rf ${local.uploads}",
    ]
  }

  # The ids of the built images.
  post-processor "manifest" {
    output = "${var.out}/images.json"
  }
}

# Parameters of a build. Only `ssh_from` has no default: Packer's own would open
# ssh of the build machine to the whole internet.
variable "ssh_from" {
  type        = string
  description = "Addresses that may reach the build machine by ssh, as a CIDR range: yours."
}

variable "pit" {
  type        = string
  default     = "hipaa"
  description = "The project identifier tag: in the image's name, and a tag on every billed resource."
}

variable "region" {
  type        = string
  default     = "us-east-1"
  description = "Region in which the images are built and stored; the environment's region."
}

variable "kms_key_id" {
  type        = string
  default     = ""
  description = "Key that encrypts the images [default: the account's default key for EBS]."
}

variable "vpc_id" {
  type        = string
  default     = ""
  description = "VPC to build in [default: the account's default VPC]."
}

variable "subnet_id" {
  type        = string
  default     = ""
  description = "Subnet to build in; must reach the internet [default: one of the default VPC]."
}

variable "packages" {
  type        = string
  default     = "target/debian"
  description = "Directory with one sce_*.deb and one sce-agent_*.deb, relative to the working directory."
}

variable "out" {
  type        = string
  default     = "target/image"
  description = "Output directory of the manifests, relative to the working directory."
}

# What a build can be told. Only `ssh_from` has no default: Packer's own would
# open ssh of the build machine to the whole internet.
variable "ssh_from" {
  type        = string
  description = "Addresses, as CIDR, that may reach the build machine by ssh: yours."
}

variable "pit" {
  type        = string
  default     = "hipaa"
  description = "The project identifier tag: in the image's name, and on everything that costs."
}

variable "region" {
  type        = string
  default     = "us-east-1"
  description = "Where the images are built and lie; the environment's region."
}

variable "kms_key_id" {
  type        = string
  default     = ""
  description = "Key that encrypts the images [default: the account's own for EBS]."
}

variable "vpc_id" {
  type        = string
  default     = ""
  description = "Network to build in [default: the account's default network]."
}

variable "subnet_id" {
  type        = string
  default     = ""
  description = "Subnet to build in; must reach the internet [default: one of the default network's]."
}

variable "packages" {
  type        = string
  default     = "target/debian"
  description = "Folder with one sce_*.deb and one sce-agent_*.deb, seen from where packer is run."
}

variable "out" {
  type        = string
  default     = "target/image"
  description = "Folder that takes the manifests, seen from where packer is run."
}

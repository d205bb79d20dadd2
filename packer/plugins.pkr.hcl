# Plugins for `packer init`. In a separate file because Debian's Packer 1.6.6,
# which the tests use, includes the builder and does not support this block.
packer {
  required_version = ">= 1.9.0"
  required_plugins {
    amazon = {
      source  = "github.com/hashicorp/amazon"
      version = "~> 1.3"
    }
  }
}

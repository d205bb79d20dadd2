# What `packer init` fetches. In a file of its own: Debian's Packer 1.6.6, which
# the tests use, brings the builder along and does not know this block.
packer {
  required_version = ">= 1.9.0"
  required_plugins {
    amazon = {
      source  = "github.com/hashicorp/amazon"
      version = "~> 1.3"
    }
  }
}

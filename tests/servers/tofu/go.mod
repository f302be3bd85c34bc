// Pins OpenTofu, with which tests check the Terraform modules; go.sum beside it pins the digest,
// and the module's own go.sum those of what it is built from. prepare.py reads the version here.
module marquee.test/tofu

go 1.26.6

require github.com/opentofu/opentofu v1.12.6

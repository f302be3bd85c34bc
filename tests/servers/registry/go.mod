// Pins the registry of images that tests run; go.sum beside it pins the digest, and the
// module's own go.sum those of what it is built from. prepare.py reads the version here.
module marquee.test/registry

go 1.26.0

require github.com/distribution/distribution/v3 v3.1.2

// Pins the program by which tests check manifests; go.sum beside it pins the digest, and the
// module's own go.sum those of what it is built from. prepare.py reads the version here.
module marquee.test/kubeconform

go 1.26.0

require github.com/yannh/kubeconform v0.8.0

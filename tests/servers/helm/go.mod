// Pins Helm, with which tests install the chart; go.sum beside it pins the digest, and the
// module's own go.sum those of what it is built from. prepare.py reads the version here.
module marquee.test/helm

go 1.26.0

require helm.sh/helm/v3 v3.22.0

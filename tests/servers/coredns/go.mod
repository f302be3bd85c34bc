// Pins the DNS server of the node that tests run; go.sum beside it pins the digest, and the
// module's own go.sum those of what it is built from. prepare.py reads the version here.
module marquee.test/coredns

go 1.24.0

require github.com/coredns/coredns v1.12.4

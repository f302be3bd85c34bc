// Pins the S3 server that tests run; go.sum beside it pins the digest, and the module's own go.sum those of what it is
// built from. prepare.py reads the version here.
module marquee.test/s3

go 1.25.0

require github.com/versity/versitygw v1.8.0

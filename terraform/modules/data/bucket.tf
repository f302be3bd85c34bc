# The bucket of models, routes, training runs and the archive. Nothing that is current is ever
# removed by a rule: the archive is the long memory of the fleet.

locals {
  bucket_count = var.bucket_enabled ? 1 : 0
  bucket_name  = coalesce(var.bucket.name, "${var.name}-objects-${local.account}")
  folder       = var.bucket.prefix == "" ? "" : "${var.bucket.prefix}/"
}

resource "aws_s3_bucket" "this" {
  count = local.bucket_count

  bucket        = local.bucket_name
  force_destroy = var.bucket.force_destroy
  tags          = var.tags
}

resource "aws_s3_bucket_ownership_controls" "this" {
  count = local.bucket_count

  bucket = aws_s3_bucket.this[0].id

  rule {
    object_ownership = "BucketOwnerEnforced"
  }
}

resource "aws_s3_bucket_public_access_block" "this" {
  count = local.bucket_count

  bucket                  = aws_s3_bucket.this[0].id
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_s3_bucket_server_side_encryption_configuration" "this" {
  count = local.bucket_count

  bucket = aws_s3_bucket.this[0].id

  rule {
    bucket_key_enabled = true

    apply_server_side_encryption_by_default {
      sse_algorithm     = "aws:kms"
      kms_master_key_id = module.key.arn
    }
  }
}

resource "aws_s3_bucket_versioning" "this" {
  count = local.bucket_count

  bucket = aws_s3_bucket.this[0].id

  versioning_configuration {
    status = "Enabled"
  }
}

resource "aws_s3_bucket_lifecycle_configuration" "this" {
  count = local.bucket_count

  bucket = aws_s3_bucket.this[0].id

  # A process that dies during an upload leaves its parts. Only such a rule removes them.
  rule {
    id     = "unfinished-uploads"
    status = "Enabled"

    filter {}

    abort_incomplete_multipart_upload {
      days_after_initiation = 1
    }
  }

  rule {
    id     = "old-versions"
    status = "Enabled"

    filter {}

    noncurrent_version_expiration {
      noncurrent_days = var.bucket.keep_versions_days
    }

    expiration {
      expired_object_delete_marker = true
    }
  }

  # Leases are written again every few seconds, and their old versions say nothing.
  rule {
    id     = "old-leases"
    status = "Enabled"

    filter {
      prefix = "${local.folder}leases/"
    }

    noncurrent_version_expiration {
      noncurrent_days = 1
    }
  }

  # Rules about old versions are accepted only after versions are kept.
  depends_on = [aws_s3_bucket_versioning.this]
}

resource "aws_s3_bucket_policy" "this" {
  count = local.bucket_count

  bucket = aws_s3_bucket.this[0].id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        # A denial covers everything: each action and each caller that does not use TLS.
        Sid       = "OnlyTls"
        Effect    = "Deny"
        Principal = "*"
        Action    = "s3:*"
        Resource  = [aws_s3_bucket.this[0].arn, "${aws_s3_bucket.this[0].arn}/*"]
        Condition = { Bool = { "aws:SecureTransport" = "false" } }
      },
      {
        # As above, for TLS that is too old.
        Sid       = "OnlyTls12"
        Effect    = "Deny"
        Principal = "*"
        Action    = "s3:*"
        Resource  = [aws_s3_bucket.this[0].arn, "${aws_s3_bucket.this[0].arn}/*"]
        Condition = { NumericLessThan = { "s3:TlsVersion" = "1.2" } }
      },
    ]
  })

  depends_on = [aws_s3_bucket_public_access_block.this]
}

resource "aws_s3_bucket_logging" "this" {
  count = var.bucket_enabled && var.bucket.access_log_bucket != null ? 1 : 0

  bucket        = aws_s3_bucket.this[0].id
  target_bucket = var.bucket.access_log_bucket
  target_prefix = "${local.bucket_name}/"
}

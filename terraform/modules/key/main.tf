data "aws_caller_identity" "current" {}

data "aws_partition" "current" {}

data "aws_region" "current" {}

locals {
  account   = data.aws_caller_identity.current.account_id
  partition = data.aws_partition.current.partition
  region    = data.aws_region.current.region

  # Without this statement a key cannot be administered, and IAM policies say nothing about it. In
  # the policy of a key, the resource "*" is that key: AWS accepts no ARN that is narrower.
  owner = {
    Sid       = "Owner"
    Effect    = "Allow"
    Principal = { AWS = "arn:${local.partition}:iam::${local.account}:root" }
    Action    = "kms:*"
    Resource  = "*"
  }

  logs = {
    Sid       = "Logs"
    Effect    = "Allow"
    Principal = { Service = "logs.${local.region}.amazonaws.com" }
    Action = [
      "kms:Decrypt",
      "kms:DescribeKey",
      "kms:Encrypt",
      "kms:GenerateDataKey",
      "kms:GenerateDataKeyWithoutPlaintext",
      "kms:ReEncryptFrom",
      "kms:ReEncryptTo",
    ]
    # The policy of a key has no narrower resource. The condition is what limits the statement.
    Resource = "*"
    Condition = {
      ArnEquals = {
        "kms:EncryptionContext:aws:logs:arn" = [
          for name in var.log_groups : "arn:${local.partition}:logs:${local.region}:${local.account}:log-group:${name}"
        ]
      }
    }
  }

  publish = {
    Sid       = "Publish"
    Effect    = "Allow"
    Principal = { Service = var.publishers }
    Action    = ["kms:Decrypt", "kms:GenerateDataKey"]
    # The policy of a key has no narrower resource. The condition is what limits the statement.
    Resource  = "*"
    Condition = { StringEquals = { "aws:SourceAccount" = local.account } }
  }

  statements = concat(
    [local.owner],
    length(var.log_groups) == 0 ? [] : [local.logs],
    length(var.publishers) == 0 ? [] : [local.publish],
  )
}

resource "aws_kms_key" "this" {
  description             = var.description
  enable_key_rotation     = true
  deletion_window_in_days = var.deletion_window_days
  policy                  = jsonencode({ Version = "2012-10-17", Statement = local.statements })
  tags                    = var.tags
}

resource "aws_kms_alias" "this" {
  name          = "alias/${var.name}"
  target_key_id = aws_kms_key.this.key_id
}

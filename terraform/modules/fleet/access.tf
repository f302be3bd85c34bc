# A role in AWS for each role of the fleet that uses the bucket, which only the account of that role
# can take.

locals {
  # Known before the bucket exists.
  roles_with_objects = toset(local.is_split ? ["feature-store", "inference", "monitor", "trainer"] : [])
}

module "access" {
  source = "./access"
  count  = local.is_split ? 1 : 0

  bucket_arn = var.bucket.arn
  prefix     = var.bucket.prefix
  key_arn    = var.bucket.key_arn
  region     = var.bucket.region
}

resource "aws_iam_role" "this" {
  for_each = local.roles_with_objects

  name = "${var.name}-${each.key}"
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Federated = var.oidc_provider_arn }
      Action    = "sts:AssumeRoleWithWebIdentity"
      Condition = {
        StringEquals = {
          "${var.oidc_issuer}:aud" = "sts.amazonaws.com"
          "${var.oidc_issuer}:sub" = "system:serviceaccount:${var.namespace}:${local.accounts[each.key]}"
        }
      }
    }]
  })
  tags = var.tags
}

resource "aws_iam_role_policy" "this" {
  for_each = local.roles_with_objects

  name   = "objects"
  role   = aws_iam_role.this[each.key].name
  policy = module.access[0].policies[each.key]
}

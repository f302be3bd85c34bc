# Random passwords and tokens. Secrets Manager has them, and no state does: they are made by
# ephemeral resources, and written by arguments that are not stored. The caller reads them back with
# ephemeral resources (README.md).

locals {
  # MSK takes users from secrets whose names begin so.
  names = {
    for kind in var.kinds : kind => kind == "kafka" ? "AmazonMSK_${var.name}" : "${var.name}/${kind}"
  }
}

module "key" {
  source = "../key"

  name        = "${var.name}/secrets"
  description = "Encrypts the passwords and tokens of the fleet ${var.name}."
  tags        = var.tags
}

# Another value in each run. It is used only when a secret is made, or when its revision grows.
ephemeral "aws_secretsmanager_random_password" "this" {
  for_each = var.kinds

  password_length     = 48
  exclude_punctuation = true
}

resource "aws_secretsmanager_secret" "this" {
  for_each = local.names

  name                    = each.value
  description             = "${each.key} of the fleet ${var.name}."
  kms_key_id              = module.key.arn
  recovery_window_in_days = var.recovery_days
  tags                    = var.tags
}

resource "aws_secretsmanager_secret_version" "this" {
  for_each = local.names

  secret_id = aws_secretsmanager_secret.this[each.key].id
  # MSK demands a user beside the password. The others are one line of text.
  secret_string_wo = (
    each.key != "kafka"
    ? ephemeral.aws_secretsmanager_random_password.this[each.key].random_password
    : jsonencode({
      username = var.kafka_username
      password = ephemeral.aws_secretsmanager_random_password.this[each.key].random_password
    })
  )
  secret_string_wo_version = lookup(var.revisions, each.key, 1)
}

# The brokers read their user. The name of the statement is the one that MSK would write itself.
resource "aws_secretsmanager_secret_policy" "kafka" {
  count = contains(var.kinds, "kafka") ? 1 : 0

  secret_arn = aws_secretsmanager_secret.this["kafka"].arn
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "AWSKafkaResourcePolicy"
      Effect    = "Allow"
      Principal = { Service = "kafka.amazonaws.com" }
      Action    = "secretsmanager:getSecretValue"
      Resource  = aws_secretsmanager_secret.this["kafka"].arn
    }]
  })
}

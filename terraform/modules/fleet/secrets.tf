# Secrets of Kubernetes. Their values are written by write-only arguments, so the state has none of
# them.

locals {
  kafka_has_user     = local.is_split && startswith(try(var.kafka.security, ""), "sasl_")
  redis_has_password = local.is_split && try(var.redis.authenticated, false)

  # Which Secrets the module makes. Values do not decide this, because they may not show.
  made = {
    token     = var.existing_secrets.token == null
    signing   = local.is_split && var.existing_secrets.signing_key == null
    verifying = local.is_split && var.existing_secrets.verifying_key == null
    kafka     = local.kafka_has_user && var.existing_secrets.kafka == null
    redis     = local.redis_has_password && var.existing_secrets.redis == null
  }

  # A change of the pair of keys changes both Secrets.
  revision_names = { token = "token", signing = "keys", verifying = "keys", kafka = "kafka", redis = "redis" }

  # An empty name tells the chart to use none.
  existing = { for key, name in var.existing_secrets : key => name == null ? "" : name }
  secret_names = {
    token        = local.made.token ? "${var.name}-token" : var.existing_secrets.token
    signingKey   = local.made.signing ? "${var.name}-signing" : local.existing.signing_key
    verifyingKey = local.made.verifying ? "${var.name}-verifying" : local.existing.verifying_key
    kafka        = local.made.kafka ? "${var.name}-kafka" : local.kafka_has_user ? local.existing.kafka : ""
    redis        = local.made.redis ? "${var.name}-redis" : local.redis_has_password ? local.existing.redis : ""
    serverTls    = local.existing.server_tls
  }
}

resource "kubernetes_secret_v1" "this" {
  for_each = toset([for name, is_made in local.made : name if is_made])

  metadata {
    name      = "${var.name}-${each.key}"
    namespace = local.namespace
    labels    = local.labels
  }

  type = "Opaque"
  # The keys are those that the chart expects.
  data_wo = {
    token     = { token = var.token }
    signing   = { "signing.pem" = var.signing_key }
    verifying = { "verifying.pem" = var.verifying_key }
    kafka     = { username = var.kafka_username, password = var.kafka_password }
    redis     = { password = var.redis_password }
  }[each.key]
  data_wo_revision = lookup(var.revisions, local.revision_names[each.key], 1)
}

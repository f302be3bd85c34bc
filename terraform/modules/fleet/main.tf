locals {
  is_split  = var.profile == "split"
  namespace = var.create_namespace ? kubernetes_namespace_v1.this[0].metadata[0].name : var.namespace
  labels    = { "app.kubernetes.io/part-of" = "marquee", "app.kubernetes.io/instance" = var.name }

  # What the chart deploys. Each role has an account, and rights in AWS only if it needs some
  # (./access).
  accounts = {
    for role in ["ingest", "feature-store", "inference", "monitor", "trainer"] : role => "${var.name}-${role}"
    if local.is_split
  }
}

resource "kubernetes_namespace_v1" "this" {
  count = var.create_namespace ? 1 : 0

  metadata {
    name = var.namespace
    # Pods of the chart meet the restricted standard. A pod that does not is refused.
    labels = merge(local.labels, {
      "pod-security.kubernetes.io/enforce" = "restricted"
      "pod-security.kubernetes.io/audit"   = "restricted"
      "pod-security.kubernetes.io/warn"    = "restricted"
    })
  }
}

resource "kubernetes_storage_class_v1" "this" {
  count = !local.is_split && var.volume.storage_class == null ? 1 : 0

  metadata {
    name   = "${var.name}-data"
    labels = local.labels
  }

  storage_provisioner = "ebs.csi.aws.com"
  # The volume has all ratings. It stays when its claim is deleted, and is deleted by hand.
  reclaim_policy         = "Retain"
  volume_binding_mode    = "WaitForFirstConsumer"
  allow_volume_expansion = true
  parameters             = { type = "gp3", encrypted = "true" }
}

module "values" {
  source = "./values"

  name    = var.name
  profile = var.profile
  image   = var.image
  kafka   = var.kafka
  redis   = var.redis
  bucket  = var.bucket
  volume = {
    size = var.volume.size
    storage_class = try(
      kubernetes_storage_class_v1.this[0].metadata[0].name,
      var.volume.storage_class == null ? "" : var.volume.storage_class,
    )
  }
  monitoring = var.monitoring
  accounts   = local.accounts
  role_arns  = { for role, resource in aws_iam_role.this : role => resource.arn }
  secrets    = local.secret_names
}

resource "helm_release" "this" {
  name            = var.name
  namespace       = local.namespace
  chart           = var.chart
  version         = var.chart_version
  values          = concat([module.values.values], var.extra_values)
  atomic          = true
  cleanup_on_fail = true
  wait            = true
  timeout         = var.timeout_seconds
  max_history     = 10

  # A pod that starts before its rights and its Secrets exist would only be restarted.
  depends_on = [
    aws_iam_role_policy.this,
    kubernetes_secret_v1.this,
    kubernetes_storage_class_v1.this,
  ]
}

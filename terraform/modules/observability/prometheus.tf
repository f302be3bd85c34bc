# Prometheus and Grafana in the cluster. They find the pods, alerts and dashboards of the chart by
# themselves.

locals {
  prometheus_count = var.prometheus_enabled ? 1 : 0
  managed_count    = var.managed_prometheus ? 1 : 0
  grafana_secret   = var.existing_grafana_secret == null ? "grafana-admin" : var.existing_grafana_secret

  # The names of the chart's own value for the account of Prometheus.
  prometheus_account = "prometheus"

  makes_class   = var.prometheus_enabled && var.prometheus.storage_class == null
  storage_class = local.makes_class ? "${var.name}-metrics" : var.prometheus.storage_class

  remote_write = [
    for workspace in aws_prometheus_workspace.this : {
      url         = "${workspace.prometheus_endpoint}api/v1/remote_write"
      sigv4       = { region = local.region }
      queueConfig = { maxSamplesPerSend = 1000, maxShards = 10 }
    }
  ]

  prometheus_values = {
    alertmanager = { enabled = !var.prometheus.small }
    # EKS runs these where no pod can reach them.
    kubeControllerManager = { enabled = false }
    kubeEtcd              = { enabled = false }
    kubeScheduler         = { enabled = false }
    grafana = {
      admin = { existingSecret = local.grafana_secret, userKey = "admin-user", passwordKey = "admin-password" }
      sidecar = {
        dashboards = { enabled = true, label = "grafana_dashboard", labelValue = "1", searchNamespace = "ALL" }
      }
      resources = { requests = { cpu = "50m", memory = "128Mi" }, limits = { memory = "384Mi" } }
    }
    prometheus = {
      serviceAccount = {
        name        = local.prometheus_account
        annotations = { for role in aws_iam_role.prometheus : "eks.amazonaws.com/role-arn" => role.arn }
      }
      prometheusSpec = {
        # Not only what this release labels: the chart of the fleet has no label of it.
        podMonitorSelectorNilUsesHelmValues     = false
        ruleSelectorNilUsesHelmValues           = false
        serviceMonitorSelectorNilUsesHelmValues = false
        retention                               = var.prometheus.retention
        remoteWrite                             = local.remote_write
        resources = {
          requests = { cpu = "100m", memory = var.prometheus.small ? "400Mi" : "1Gi" }
          limits   = { memory = var.prometheus.small ? "1Gi" : "4Gi" }
        }
        storageSpec = {
          volumeClaimTemplate = {
            spec = {
              accessModes      = ["ReadWriteOnce"]
              resources        = { requests = { storage = var.prometheus.volume } }
              storageClassName = local.storage_class
            }
          }
        }
      }
    }
  }
}

resource "kubernetes_namespace_v1" "monitoring" {
  count = local.prometheus_count

  metadata {
    name = var.prometheus.namespace
    # The exporter of nodes looks at the node itself, which no stricter level allows. Others are
    # warned about.
    labels = {
      "pod-security.kubernetes.io/enforce" = "privileged"
      "pod-security.kubernetes.io/audit"   = "restricted"
      "pod-security.kubernetes.io/warn"    = "restricted"
    }
  }
}

resource "kubernetes_storage_class_v1" "metrics" {
  count = local.makes_class ? 1 : 0

  metadata {
    name = local.storage_class
  }

  storage_provisioner    = "ebs.csi.aws.com"
  reclaim_policy         = "Delete"
  volume_binding_mode    = "WaitForFirstConsumer"
  allow_volume_expansion = true
  parameters             = { type = "gp3", encrypted = "true" }
}

resource "kubernetes_secret_v1" "grafana" {
  count = var.prometheus_enabled && var.existing_grafana_secret == null ? 1 : 0

  metadata {
    name      = local.grafana_secret
    namespace = kubernetes_namespace_v1.monitoring[0].metadata[0].name
  }

  type             = "Opaque"
  data_wo          = { admin-user = "admin", admin-password = var.grafana_password }
  data_wo_revision = var.grafana_password_revision
}

resource "aws_cloudwatch_log_group" "prometheus" {
  count = local.managed_count

  name              = local.prometheus_log_group
  retention_in_days = var.log_retention_days
  kms_key_id        = module.key.arn
  tags              = var.tags
}

resource "aws_prometheus_workspace" "this" {
  count = local.managed_count

  alias       = var.name
  kms_key_arn = module.key.arn
  tags        = var.tags

  logging_configuration {
    log_group_arn = "${aws_cloudwatch_log_group.prometheus[0].arn}:*"
  }
}

resource "aws_iam_role" "prometheus" {
  count = local.managed_count

  name = "${var.name}-prometheus"
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Federated = var.oidc_provider_arn }
      Action    = "sts:AssumeRoleWithWebIdentity"
      Condition = {
        StringEquals = {
          "${var.oidc_issuer}:aud" = "sts.amazonaws.com"
          "${var.oidc_issuer}:sub" = "system:serviceaccount:${var.prometheus.namespace}:${local.prometheus_account}"
        }
      }
    }]
  })
  tags = var.tags
}

resource "aws_iam_role_policy" "prometheus" {
  count = local.managed_count

  name = "write"
  role = aws_iam_role.prometheus[0].name
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect   = "Allow"
      Action   = "aps:RemoteWrite"
      Resource = aws_prometheus_workspace.this[0].arn
    }]
  })
}

resource "helm_release" "prometheus" {
  count = local.prometheus_count

  name            = "prometheus"
  namespace       = kubernetes_namespace_v1.monitoring[0].metadata[0].name
  repository      = "https://prometheus-community.github.io/helm-charts"
  chart           = "kube-prometheus-stack"
  version         = var.prometheus.chart_version
  values          = concat([yamlencode(local.prometheus_values)], var.prometheus_values)
  atomic          = true
  cleanup_on_fail = true
  wait            = true
  timeout         = 900
  max_history     = 5

  depends_on = [
    aws_iam_role_policy.prometheus,
    kubernetes_secret_v1.grafana,
    kubernetes_storage_class_v1.metrics,
  ]
}

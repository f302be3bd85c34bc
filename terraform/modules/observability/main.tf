data "aws_caller_identity" "current" {}

data "aws_partition" "current" {}

data "aws_region" "current" {}

locals {
  account   = data.aws_caller_identity.current.account_id
  partition = data.aws_partition.current.partition
  region    = data.aws_region.current.region

  # The agent of CloudWatch writes to groups of these names. If they did not exist, it would make
  # them without retention.
  container_log_groups = {
    for kind in ["application", "dataplane", "host", "performance"] :
    kind => "/aws/containerinsights/${var.cluster_name}/${kind}" if var.container_logs
  }
  prometheus_log_group = "/aws/prometheus/${var.name}"
}

module "key" {
  source = "../key"

  name        = "${var.name}/observability"
  description = "Encrypts the alarms, logs and measurements of ${var.name}."
  log_groups  = concat(values(local.container_log_groups), var.managed_prometheus ? [local.prometheus_log_group] : [])
  publishers  = ["cloudwatch.amazonaws.com"]
  tags        = var.tags
}

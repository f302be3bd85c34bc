# The whole fleet on one node: by default one pod with a volume, without MSK, ElastiCache and S3.

data "aws_caller_identity" "current" {}

# The role behind a session, since rights are given to roles and not to sessions.
data "aws_iam_session_context" "current" {
  arn = data.aws_caller_identity.current.arn
}

locals {
  is_split       = var.profile == "split"
  deployer       = { deployer = data.aws_iam_session_context.current.issuer_arn }
  administrators = length(var.administrators) > 0 ? var.administrators : local.deployer
}

module "cluster" {
  source = "../../modules/cluster"

  name                   = var.name
  single_nat_gateway     = true
  flow_logs              = false
  small                  = true
  endpoint_public_access = true
  public_access_cidrs    = var.admin_cidrs
  deletion_protection    = false
  log_retention_days     = 7

  node_groups = {
    # A node that is replaced must be where the volume is.
    fleet = { instance_types = [var.instance_type], min_size = 1, max_size = 1, disk_gib = 40, single_zone = true }
  }

  access_entries = {
    for key, arn in local.administrators : key => { principal_arn = arn, policy = "cluster-admin" }
  }
}

module "secrets" {
  source = "../../modules/secrets"

  name          = var.name
  kinds         = concat(["token"], var.observability ? ["grafana"] : [], local.is_split ? ["kafka", "redis"] : [])
  recovery_days = 0
}

# What is stored, not what this run made: a run that is repeated hands on what exists.
ephemeral "aws_secretsmanager_secret_version" "this" {
  for_each = module.secrets.arns

  secret_id = each.value
}

locals {
  passwords = { for kind, stored in ephemeral.aws_secretsmanager_secret_version.this : kind => stored.secret_string }
}

module "data" {
  source = "../../modules/data"

  name                 = var.name
  kafka_enabled        = local.is_split
  redis_enabled        = local.is_split
  bucket_enabled       = local.is_split
  vpc_id               = module.cluster.vpc_id
  subnet_ids           = module.cluster.private_subnet_ids
  clients              = { nodes = module.cluster.node_security_group_id }
  kafka                = { brokers = 3, volume_gib = 20 }
  kafka_secret_arn     = lookup(module.secrets.arns, "kafka", null)
  redis                = { node_type = "cache.t4g.small", replicas = 1, snapshot_days = 0 }
  redis_token          = lookup(local.passwords, "redis", null)
  redis_token_revision = lookup(module.secrets.revisions, "redis", 1)
  bucket               = { force_destroy = true }
  images_force_delete  = true
  log_retention_days   = 7
}

module "observability" {
  source = "../../modules/observability"

  name                      = var.name
  cluster_name              = module.cluster.name
  prometheus_enabled        = var.observability
  prometheus                = { small = true, retention = "3d", volume = "10Gi" }
  grafana_password          = lookup(local.passwords, "grafana", null)
  grafana_password_revision = lookup(module.secrets.revisions, "grafana", 1)
  alarm_emails              = var.alarm_emails
  log_retention_days        = 7

  alarms = {
    autoscaling_groups = module.cluster.autoscaling_groups
    kafka_cluster_name = module.data.kafka_cluster_name
    kafka_brokers      = module.data.kafka_brokers
    redis_nodes        = module.data.redis_nodes
  }
}

module "fleet" {
  source = "../../modules/fleet"

  name              = var.name
  chart             = "${path.module}/../../../charts/marquee"
  profile           = var.profile
  image             = { registry = coalesce(var.image.registry, module.data.image_registry), tag = var.image.tag }
  kafka             = module.data.kafka
  redis             = module.data.redis
  bucket            = module.data.bucket
  oidc_provider_arn = module.cluster.oidc_provider_arn
  oidc_issuer       = module.cluster.oidc_issuer
  token             = local.passwords["token"]
  kafka_password    = local.is_split ? jsondecode(local.passwords["kafka"]).password : null
  redis_password    = lookup(local.passwords, "redis", null)
  signing_key       = var.signing_key
  verifying_key     = var.verifying_key
  revisions         = module.secrets.revisions
  volume            = { size = "20Gi" }
  # After Prometheus, whose definitions the objects of the chart need.
  monitoring = { enabled = module.observability.prometheus_enabled, namespace = module.observability.namespace }
}

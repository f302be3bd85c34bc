# Redis 7 with TLS and a token, one shard or a cluster.

locals {
  redis_count = var.redis_enabled ? 1 : 0
  is_cluster  = var.redis.shards > 1
  fails_over  = var.redis.replicas > 0

  # ElastiCache names nodes so. The names are known before the nodes exist, so alarms can be made by
  # name.
  redis_nodes = !var.redis_enabled ? [] : local.is_cluster ? flatten([
    for shard in range(1, var.redis.shards + 1) : [
      for node in range(1, var.redis.replicas + 2) : format("%s-%04d-%03d", var.name, shard, node)
    ]
  ]) : [for node in range(1, var.redis.replicas + 2) : format("%s-%03d", var.name, node)]
}

resource "aws_security_group" "redis" {
  count = local.redis_count

  name        = "${var.name}-redis"
  description = "Redis of the fleet ${var.name}: TLS from its clients only."
  vpc_id      = var.vpc_id
  tags        = merge(var.tags, { Name = "${var.name}-redis" })
}

# There is no rule for egress: Redis answers, and opens no connections in this network.
resource "aws_vpc_security_group_ingress_rule" "redis" {
  for_each = var.redis_enabled ? var.clients : {}

  security_group_id            = aws_security_group.redis[0].id
  referenced_security_group_id = each.value
  description                  = "TLS from ${each.key}"
  ip_protocol                  = "tcp"
  from_port                    = 6379
  to_port                      = 6379
  tags                         = var.tags
}

resource "aws_elasticache_subnet_group" "this" {
  count = local.redis_count

  name        = var.name
  description = "Redis of the fleet ${var.name}."
  subnet_ids  = var.subnet_ids
  tags        = var.tags
}

resource "aws_elasticache_parameter_group" "this" {
  count = local.redis_count

  name        = "${var.name}-redis7${local.is_cluster ? "-cluster" : ""}"
  family      = "redis7"
  description = "Redis of the fleet ${var.name}: full memory refuses writes and evicts nothing."
  tags        = var.tags

  # The program refuses a server that evicts rows (services/lib/redis/src/watch.rs).
  parameter {
    name  = "maxmemory-policy"
    value = "noeviction"
  }

  parameter {
    name  = "cluster-enabled"
    value = local.is_cluster ? "yes" : "no"
  }

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_cloudwatch_log_group" "redis" {
  for_each = var.redis_enabled ? local.redis_log_groups : {}

  name              = each.value
  retention_in_days = var.log_retention_days
  kms_key_id        = module.key.arn
  tags              = var.tags
}

resource "aws_elasticache_replication_group" "this" {
  count = local.redis_count

  replication_group_id = var.name
  description          = "Online store of the fleet ${var.name}."
  engine               = "redis"
  engine_version       = var.redis.version
  node_type            = var.redis.node_type
  port                 = 6379
  parameter_group_name = aws_elasticache_parameter_group.this[0].name
  subnet_group_name    = aws_elasticache_subnet_group.this[0].name
  security_group_ids   = [aws_security_group.redis[0].id]
  tags                 = var.tags

  num_cache_clusters      = local.is_cluster ? null : var.redis.replicas + 1
  num_node_groups         = local.is_cluster ? var.redis.shards : null
  replicas_per_node_group = local.is_cluster ? var.redis.replicas : null

  automatic_failover_enabled = local.fails_over
  multi_az_enabled           = local.fails_over

  at_rest_encryption_enabled = "true"
  kms_key_id                 = module.key.arn
  transit_encryption_enabled = true
  transit_encryption_mode    = "required"

  # The token is in no state. After a change of it both tokens work, until the next change.
  auth_token_wo              = var.redis_token
  auth_token_wo_version      = var.redis_token_revision
  auth_token_update_strategy = "ROTATE"

  auto_minor_version_upgrade = "true"
  apply_immediately          = true
  snapshot_retention_limit   = var.redis.snapshot_days

  dynamic "log_delivery_configuration" {
    for_each = aws_cloudwatch_log_group.redis

    content {
      destination      = log_delivery_configuration.value.name
      destination_type = "cloudwatch-logs"
      log_format       = "json"
      log_type         = log_delivery_configuration.key
    }
  }
}

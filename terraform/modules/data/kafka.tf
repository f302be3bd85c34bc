# Kafka with TLS and SASL/SCRAM. IAM is off, because the fleet has no mechanism for it.

locals {
  kafka_count = var.kafka_enabled ? 1 : 0

  # The defaults of the program. A record is acknowledged when two of three brokers have it.
  replication         = 3
  min_insync_replicas = 2

  # What the program checks of each topic at its start (services/lib/kafka/src/checks.rs). It
  # creates its topics with these values. They are the defaults of the cluster too, for topics that
  # are made by hand.
  server_properties = {
    "auto.create.topics.enable"      = "false"
    "default.replication.factor"     = local.replication
    "log.cleanup.policy"             = "delete"
    "log.message.timestamp.type"     = "CreateTime"
    "log.retention.bytes"            = -1
    "log.retention.ms"               = -1
    "message.max.bytes"              = 1310720
    "min.insync.replicas"            = local.min_insync_replicas
    "num.partitions"                 = var.kafka.partitions
    "unclean.leader.election.enable" = "false"
  }
}

resource "aws_security_group" "kafka" {
  count = local.kafka_count

  name        = "${var.name}-kafka"
  description = "Kafka of the fleet ${var.name}: SASL/SCRAM over TLS from its clients only."
  vpc_id      = var.vpc_id
  tags        = merge(var.tags, { Name = "${var.name}-kafka" })
}

# There is no rule for egress: brokers answer, and open no connections in this network.
resource "aws_vpc_security_group_ingress_rule" "kafka" {
  for_each = var.kafka_enabled ? var.clients : {}

  security_group_id            = aws_security_group.kafka[0].id
  referenced_security_group_id = each.value
  description                  = "SASL/SCRAM over TLS from ${each.key}"
  ip_protocol                  = "tcp"
  from_port                    = 9096
  to_port                      = 9096
  tags                         = var.tags
}

resource "aws_cloudwatch_log_group" "kafka" {
  count = local.kafka_count

  name              = local.kafka_log_group
  retention_in_days = var.log_retention_days
  kms_key_id        = module.key.arn
  tags              = var.tags
}

resource "aws_msk_configuration" "this" {
  count = local.kafka_count

  # Another version is another configuration, which exists beside this one for a while.
  name              = "${var.name}-${replace(var.kafka.version, ".", "-")}"
  description       = "Topics that lose no acknowledged record."
  kafka_versions    = [var.kafka.version]
  server_properties = join("\n", [for key, value in local.server_properties : "${key}=${value}"])

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_msk_cluster" "this" {
  count = local.kafka_count

  cluster_name           = var.name
  kafka_version          = var.kafka.version
  number_of_broker_nodes = var.kafka.brokers
  enhanced_monitoring    = "PER_BROKER"
  tags                   = var.tags

  broker_node_group_info {
    instance_type   = var.kafka.instance_type
    client_subnets  = var.subnet_ids
    security_groups = [aws_security_group.kafka[0].id]

    storage_info {
      ebs_storage_info {
        volume_size = var.kafka.volume_gib
      }
    }
  }

  client_authentication {
    unauthenticated = false

    sasl {
      iam   = false
      scram = true
    }
  }

  configuration_info {
    arn      = aws_msk_configuration.this[0].arn
    revision = aws_msk_configuration.this[0].latest_revision
  }

  encryption_info {
    encryption_at_rest_kms_key_arn = module.key.arn

    encryption_in_transit {
      client_broker = "TLS"
      in_cluster    = true
    }
  }

  logging_info {
    broker_logs {
      cloudwatch_logs {
        enabled   = true
        log_group = aws_cloudwatch_log_group.kafka[0].name
      }
    }
  }
}

resource "aws_msk_scram_secret_association" "this" {
  count = local.kafka_count

  cluster_arn     = aws_msk_cluster.this[0].arn
  secret_arn_list = [var.kafka_secret_arn]
}

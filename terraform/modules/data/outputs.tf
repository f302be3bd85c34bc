output "kafka" {
  description = "What the module fleet needs to use Kafka. Null if there is none."
  value = !var.kafka_enabled ? null : {
    bootstrap           = aws_msk_cluster.this[0].bootstrap_brokers_sasl_scram
    security            = "sasl_tls"
    mechanism           = "SCRAM-SHA-512"
    partitions          = var.kafka.partitions
    replication         = local.replication
    min_insync_replicas = local.min_insync_replicas
  }
  # Brokers know the user only after this.
  depends_on = [aws_msk_scram_secret_association.this]
}

output "redis" {
  description = "What the module fleet needs to use Redis. Null if there is none."
  value = !var.redis_enabled ? null : {
    urls = [format("rediss://%s:6379", local.is_cluster
      ? aws_elasticache_replication_group.this[0].configuration_endpoint_address
      : aws_elasticache_replication_group.this[0].primary_endpoint_address
    )]
    cluster = local.is_cluster
  }
}

output "bucket" {
  description = "What the module fleet needs to use the bucket. Null if there is none."
  value = !var.bucket_enabled ? null : {
    arn     = aws_s3_bucket.this[0].arn
    prefix  = var.bucket.prefix
    region  = local.region
    url     = trimsuffix("s3://${aws_s3_bucket.this[0].id}/${var.bucket.prefix}", "/")
    key_arn = module.key.arn
  }
}

output "image_registry" {
  description = "What precedes the names of images, for image.registry of the chart. Null without repositories."
  value = length(var.images) == 0 ? null : trimsuffix(
    aws_ecr_repository.this[sort(var.images)[0]].repository_url, "/${sort(var.images)[0]}"
  )
}

output "kafka_cluster_name" {
  description = "Name of the Kafka cluster, for alarms. Null if there is none."
  value       = var.kafka_enabled ? var.name : null
}

output "kafka_brokers" {
  description = "Number of brokers, for alarms. 0 if there are none."
  value       = var.kafka_enabled ? var.kafka.brokers : 0
}

output "redis_nodes" {
  description = "Names of the nodes of Redis, for alarms."
  value       = local.redis_nodes
}

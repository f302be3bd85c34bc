# Alarms about what Prometheus does not see: the services of AWS, and the cluster itself. The alerts
# of the fleet are rules of the chart.

locals {
  brokers = [for broker in range(1, var.alarms.kafka_brokers + 1) : tostring(broker)]
  nodes   = toset(var.alarms.redis_nodes)

  kafka_alarms = merge(
    var.alarms.kafka_cluster_name == null ? {} : {
      kafka-offline-partitions = {
        about      = "Partitions have no leader, so ratings of some users are neither accepted nor read."
        namespace  = "AWS/Kafka"
        metric     = "OfflinePartitionsCount"
        statistic  = "Maximum"
        minutes    = 5
        above      = 0
        dimensions = { "Cluster Name" = var.alarms.kafka_cluster_name }
      }
    },
    {
      for broker in local.brokers : "kafka-${broker}-too-few-replicas" => {
        about      = "Partitions have fewer replicas than an acknowledgment needs, so appends to them fail."
        namespace  = "AWS/Kafka"
        metric     = "UnderMinIsrPartitionCount"
        statistic  = "Maximum"
        minutes    = 5
        above      = 0
        dimensions = { "Cluster Name" = var.alarms.kafka_cluster_name, "Broker ID" = broker }
      }
    },
    {
      for broker in local.brokers : "kafka-${broker}-disk" => {
        about      = "The disk of a broker is three quarters full. Ratings are kept forever: raise kafka.volume_gib."
        namespace  = "AWS/Kafka"
        metric     = "KafkaDataLogsDiskUsed"
        statistic  = "Maximum"
        minutes    = 15
        above      = 75
        dimensions = { "Cluster Name" = var.alarms.kafka_cluster_name, "Broker ID" = broker }
      }
    },
  )

  redis_alarms = merge(
    {
      for node in local.nodes : "redis-${node}-memory" => {
        about      = "The memory of Redis is three quarters full. When it is full, Redis refuses writes."
        namespace  = "AWS/ElastiCache"
        metric     = "DatabaseMemoryUsagePercentage"
        statistic  = "Maximum"
        minutes    = 15
        above      = 75
        dimensions = { CacheClusterId = node }
      }
    },
    {
      for node in local.nodes : "redis-${node}-evictions" => {
        about      = "Redis evicts rows, which the fleet must build again. Set maxmemory-policy to noeviction."
        namespace  = "AWS/ElastiCache"
        metric     = "Evictions"
        statistic  = "Sum"
        minutes    = 5
        above      = 0
        dimensions = { CacheClusterId = node }
      }
    },
    {
      for node in local.nodes : "redis-${node}-processor" => {
        about      = "Redis is busy for 80 % of the time, so reads of histories are slow."
        namespace  = "AWS/ElastiCache"
        metric     = "EngineCPUUtilization"
        statistic  = "Average"
        minutes    = 15
        above      = 80
        dimensions = { CacheClusterId = node }
      }
    },
  )

  cluster_alarms = merge(
    {
      for key, group in var.alarms.autoscaling_groups : "nodes-${key}-status" => {
        about      = "A node of the group ${key} fails its status checks."
        namespace  = "AWS/EC2"
        metric     = "StatusCheckFailed"
        statistic  = "Maximum"
        minutes    = 10
        above      = 0
        dimensions = { AutoScalingGroupName = group }
      }
    },
    {
      cluster-unschedulable-pods = {
        about      = "Pods find no node with room: raise max_size of the node groups, or lower requests."
        namespace  = "AWS/EKS"
        metric     = "scheduler_pending_pods_UNSCHEDULABLE"
        statistic  = "Maximum"
        minutes    = 15
        above      = 0
        dimensions = { ClusterName = var.cluster_name }
      }
      cluster-api-errors = {
        about      = "The API server answers many requests with errors. Predictions and routes go on without it."
        namespace  = "AWS/EKS"
        metric     = "apiserver_request_total_5XX"
        statistic  = "Sum"
        minutes    = 15
        above      = 50
        dimensions = { ClusterName = var.cluster_name }
      }
    },
  )

  alarms = merge(local.kafka_alarms, local.redis_alarms, local.cluster_alarms)
}

resource "aws_sns_topic" "alarms" {
  name              = "${var.name}-alarms"
  kms_master_key_id = module.key.arn
  tags              = var.tags
}

resource "aws_sns_topic_policy" "alarms" {
  arn = aws_sns_topic.alarms.arn
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "Alarms"
      Effect    = "Allow"
      Principal = { Service = "cloudwatch.amazonaws.com" }
      Action    = "sns:Publish"
      Resource  = aws_sns_topic.alarms.arn
      Condition = { StringEquals = { "aws:SourceAccount" = local.account } }
    }]
  })
}

resource "aws_sns_topic_subscription" "email" {
  for_each = var.alarm_emails

  topic_arn = aws_sns_topic.alarms.arn
  protocol  = "email"
  endpoint  = each.key
}

resource "aws_cloudwatch_metric_alarm" "this" {
  for_each = local.alarms

  alarm_name          = "${var.name}-${each.key}"
  alarm_description   = each.value.about
  namespace           = each.value.namespace
  metric_name         = each.value.metric
  dimensions          = each.value.dimensions
  statistic           = each.value.statistic
  period              = 300
  evaluation_periods  = each.value.minutes / 5
  threshold           = each.value.above
  comparison_operator = "GreaterThanThreshold"
  treat_missing_data  = "notBreaching"
  alarm_actions       = concat([aws_sns_topic.alarms.arn], var.alarm_topic_arns)
  ok_actions          = concat([aws_sns_topic.alarms.arn], var.alarm_topic_arns)
  tags                = var.tags
}

output "alarm_topic_arn" {
  description = "ARN of the SNS topic that alarms go to."
  value       = aws_sns_topic.alarms.arn
}

output "namespace" {
  description = "Namespace of Prometheus. The chart of the fleet lets it read metrics."
  value       = var.prometheus.namespace
}

output "prometheus_enabled" {
  description = "Whether Prometheus runs. What waits for this output finds the definitions of PodMonitor."
  value       = length(helm_release.prometheus) > 0
}

output "managed_prometheus_endpoint" {
  description = "Address of the managed Prometheus, for a data source of Grafana. Null if there is none."
  value       = one(aws_prometheus_workspace.this[*].prometheus_endpoint)
}

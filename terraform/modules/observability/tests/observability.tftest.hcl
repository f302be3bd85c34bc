mock_provider "aws" {
  mock_data "aws_caller_identity" {
    defaults = {
      account_id = "111122223333"
    }
  }

  mock_data "aws_partition" {
    defaults = {
      partition = "aws"
    }
  }

  mock_data "aws_region" {
    defaults = {
      region = "eu-central-1"
    }
  }

  mock_resource "aws_kms_key" {
    defaults = {
      arn = "arn:aws:kms:eu-central-1:111122223333:key/00000000-0000-0000-0000-000000000000"
    }
  }

  mock_resource "aws_iam_role" {
    defaults = {
      arn = "arn:aws:iam::111122223333:role/mock"
    }
  }

  mock_resource "aws_sns_topic" {
    defaults = {
      arn = "arn:aws:sns:eu-central-1:111122223333:mock"
    }
  }

  mock_resource "aws_cloudwatch_log_group" {
    defaults = {
      arn = "arn:aws:logs:eu-central-1:111122223333:log-group:/mock"
    }
  }

  mock_resource "aws_prometheus_workspace" {
    defaults = {
      arn                 = "arn:aws:aps:eu-central-1:111122223333:workspace/ws-mock"
      prometheus_endpoint = "https://aps.example/workspaces/ws-mock/"
    }
  }
}

mock_provider "helm" {}

mock_provider "kubernetes" {}

variables {
  name         = "marquee-test"
  cluster_name = "marquee-test"

  oidc_provider_arn = "arn:aws:iam::111122223333:oidc-provider/oidc.example/id/MOCK"
  oidc_issuer       = "oidc.example/id/MOCK"
  grafana_password  = "0123456789abcdef"

  alarms = {
    autoscaling_groups = { general = "eks-general" }
    kafka_cluster_name = "marquee-test"
    kafka_brokers      = 3
    redis_nodes        = ["marquee-test-001", "marquee-test-002"]
  }
}

run "every_broker_node_and_group_is_watched" {
  assert {
    condition = toset([
      for alarm in aws_cloudwatch_metric_alarm.this :
      alarm.dimensions["Broker ID"] if alarm.metric_name == "KafkaDataLogsDiskUsed"
    ]) == toset(["1", "2", "3"])
    error_message = "The disk of a broker is not watched."
  }

  assert {
    condition = toset([
      for alarm in aws_cloudwatch_metric_alarm.this :
      alarm.dimensions.CacheClusterId if alarm.metric_name == "Evictions"
    ]) == toset(["marquee-test-001", "marquee-test-002"])
    error_message = "A node of Redis may evict rows without a word."
  }

  assert {
    condition = (
      aws_cloudwatch_metric_alarm.this["nodes-general-status"].dimensions.AutoScalingGroupName == "eks-general"
    )
    error_message = "Nodes are not watched."
  }

  assert {
    condition = alltrue([
      for alarm in aws_cloudwatch_metric_alarm.this :
      contains(alarm.alarm_actions, aws_sns_topic.alarms.arn) && alarm.evaluation_periods >= 1
      && alarm.alarm_description != ""
    ])
    error_message = "An alarm tells nobody, or does not say what it means."
  }
}

run "alarms_are_encrypted_and_only_cloudwatch_of_this_account_sends_them" {
  assert {
    condition     = aws_sns_topic.alarms.kms_master_key_id == module.key.arn
    error_message = "Alarms are not encrypted."
  }

  assert {
    condition = (
      jsondecode(aws_sns_topic_policy.alarms.policy).Statement[0].Resource == aws_sns_topic.alarms.arn
      && jsondecode(aws_sns_topic_policy.alarms.policy).Statement[0].Condition.StringEquals["aws:SourceAccount"]
      == "111122223333"
    )
    error_message = "Others may send alarms."
  }
}

run "prometheus_finds_the_fleet_and_no_password_is_in_the_state" {
  assert {
    condition     = kubernetes_secret_v1.grafana[0].data_wo_revision == 1
    error_message = "The password of Grafana is not write-only."
  }

  assert {
    condition = (
      !strcontains(helm_release.prometheus[0].values[0], "0123456789abcdef")
      && yamldecode(helm_release.prometheus[0].values[0]).grafana.admin.existingSecret == "grafana-admin"
    )
    error_message = "Grafana has another password, or it is among the values."
  }

  assert {
    condition = (
      !yamldecode(helm_release.prometheus[0].values[0]).prometheus.prometheusSpec.podMonitorSelectorNilUsesHelmValues
      && !yamldecode(helm_release.prometheus[0].values[0]).prometheus.prometheusSpec.ruleSelectorNilUsesHelmValues
    )
    error_message = "Prometheus does not find the pods or the alerts of the fleet."
  }

  assert {
    condition = (
      kubernetes_storage_class_v1.metrics[0].parameters.encrypted == "true"
      && strcontains(helm_release.prometheus[0].values[0], "\"storageClassName\": \"marquee-test-metrics\"")
    )
    error_message = "Series are stored on a disk that is not encrypted."
  }

  assert {
    condition     = yamldecode(helm_release.prometheus[0].values[0]).prometheus.prometheusSpec.remoteWrite == []
    error_message = "Series are sent although nothing receives them."
  }
}

run "managed_prometheus_receives_series_by_a_role_that_can_do_nothing_else" {
  variables {
    managed_prometheus = true
  }

  assert {
    condition = (
      jsondecode(aws_iam_role_policy.prometheus[0].policy).Statement == [{
        Effect   = "Allow"
        Action   = "aps:RemoteWrite"
        Resource = aws_prometheus_workspace.this[0].arn
      }]
      && strcontains(
        aws_iam_role.prometheus[0].assume_role_policy, "system:serviceaccount:monitoring:prometheus",
      )
    )
    error_message = "Prometheus may do more than send series, or another account may."
  }

  assert {
    condition = (
      yamldecode(helm_release.prometheus[0].values[0]).prometheus.prometheusSpec.remoteWrite[0].url
      == "https://aps.example/workspaces/ws-mock/api/v1/remote_write"
    )
    error_message = "Series go elsewhere."
  }

  assert {
    condition = (
      aws_prometheus_workspace.this[0].kms_key_arn == module.key.arn
      && aws_cloudwatch_log_group.prometheus[0].kms_key_id == module.key.arn
    )
    error_message = "Series or logs are not encrypted."
  }
}

run "logs_of_containers_are_encrypted_and_end" {
  variables {
    container_logs = true
  }

  assert {
    condition     = length(aws_cloudwatch_log_group.containers) == 4
    error_message = "The agent would make a log group that keeps its logs forever."
  }

  assert {
    condition = alltrue([
      for group in aws_cloudwatch_log_group.containers :
      group.kms_key_id == module.key.arn && group.retention_in_days == 30
    ])
    error_message = "A log group is not encrypted, or keeps its logs forever."
  }
}

run "what_is_off_is_not_made" {
  variables {
    prometheus_enabled = false
    alarms             = {}
  }

  assert {
    condition = (
      length(helm_release.prometheus) + length(kubernetes_namespace_v1.monitoring)
      + length(kubernetes_secret_v1.grafana) + length(aws_eks_addon.agent) + length(aws_prometheus_workspace.this) == 0
    )
    error_message = "Something is made although it is off."
  }

  assert {
    condition     = keys(aws_cloudwatch_metric_alarm.this) == ["cluster-api-errors", "cluster-unschedulable-pods"]
    error_message = "An alarm is about what does not exist."
  }

  assert {
    condition     = !output.prometheus_enabled && output.managed_prometheus_endpoint == null
    error_message = "An output names what does not exist."
  }
}

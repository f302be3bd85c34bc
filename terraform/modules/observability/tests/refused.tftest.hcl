# What cannot work is refused before anything is made.

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
  name             = "marquee-test"
  cluster_name     = "marquee-test"
  grafana_password = "0123456789abcdef"
}

run "series_that_nothing_sends" {
  command = plan

  variables {
    prometheus_enabled = false
    managed_prometheus = true
    oidc_provider_arn  = "arn:aws:iam::111122223333:oidc-provider/oidc.example/id/MOCK"
  }

  expect_failures = [var.managed_prometheus]
}

run "an_agent_without_a_role" {
  command = plan

  variables {
    container_logs = true
  }

  expect_failures = [var.oidc_provider_arn]
}

run "a_range_of_versions_and_sizes_without_units" {
  command = plan

  variables {
    prometheus = { chart_version = "88", retention = "7", volume = "20" }
  }

  expect_failures = [var.prometheus]
}

run "brokers_of_a_cluster_without_a_name" {
  command = plan

  variables {
    name               = "Observability"
    alarms             = { kafka_brokers = 3 }
    alarm_emails       = ["nobody"]
    log_retention_days = 2
  }

  expect_failures = [var.name, var.alarms, var.alarm_emails, var.log_retention_days]
}

run "a_grafana_without_a_password" {
  command = plan

  variables {
    grafana_password = ""
  }

  expect_failures = [var.grafana_password]
}

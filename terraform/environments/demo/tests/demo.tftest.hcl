# These tests mock ephemeral resources, which OpenTofu 1.12 and newer do.

mock_provider "aws" {
  mock_data "aws_caller_identity" {
    defaults = {
      account_id = "111122223333"
    }
  }

  mock_data "aws_iam_session_context" {
    defaults = {
      issuer_arn = "arn:aws:iam::111122223333:role/deployer"
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

  mock_data "aws_availability_zones" {
    defaults = {
      names = ["eu-central-1a", "eu-central-1b", "eu-central-1c"]
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

  mock_resource "aws_iam_openid_connect_provider" {
    defaults = {
      arn = "arn:aws:iam::111122223333:oidc-provider/oidc.example/id/MOCK"
    }
  }

  mock_resource "aws_cloudwatch_log_group" {
    defaults = {
      arn = "arn:aws:logs:eu-central-1:111122223333:log-group:/mock"
    }
  }

  mock_resource "aws_sns_topic" {
    defaults = {
      arn = "arn:aws:sns:eu-central-1:111122223333:mock"
    }
  }

  mock_resource "aws_launch_template" {
    defaults = {
      id             = "lt-00000000000000000"
      latest_version = 1
    }
  }

  mock_resource "aws_secretsmanager_secret" {
    defaults = {
      arn = "arn:aws:secretsmanager:eu-central-1:111122223333:secret:mock"
      id  = "arn:aws:secretsmanager:eu-central-1:111122223333:secret:mock"
    }
  }

  mock_resource "aws_ecr_repository" {
    defaults = {
      repository_url = "111122223333.dkr.ecr.eu-central-1.amazonaws.com/marquee-demo/marquee"
    }
  }

  mock_resource "aws_eks_cluster" {
    defaults = {
      endpoint              = "https://api.example"
      certificate_authority = [{ data = "cGVt" }]
      identity              = [{ oidc = [{ issuer = "https://oidc.example/id/MOCK" }] }]
    }
  }

  mock_resource "aws_eks_node_group" {
    defaults = {
      resources = [{ autoscaling_groups = [{ name = "eks-fleet" }], remote_access_security_group_id = "" }]
    }
  }
}

mock_provider "helm" {}

mock_provider "kubernetes" {}

variables {
  admin_cidrs = ["203.0.113.7/32"]

  # Only split uses them. Values that are left out make Terraform's own tests fail.
  signing_key   = "unused"
  verifying_key = "unused"
}

run "one_node_runs_the_fleet_without_managed_back_ends" {
  assert {
    condition = (
      output.port_forward == "kubectl port-forward --namespace marquee service/marquee-demo-fleet 7070 7080"
      && output.image_registry == "111122223333.dkr.ecr.eu-central-1.amazonaws.com/marquee-demo"
    )
    error_message = "An output names what does not exist."
  }

  assert {
    condition     = module.data.kafka == null && module.data.redis == null && module.data.bucket == null
    error_message = "Kafka, Redis or a bucket is made, and costs money by the hour."
  }

  assert {
    condition     = length(module.fleet.role_arns) == 0 && keys(module.cluster.autoscaling_groups) == ["fleet"]
    error_message = "Roles are made that nothing takes, or there is another group of nodes."
  }

  assert {
    condition     = keys(module.secrets.arns) == ["grafana", "token"]
    error_message = "A secret is made that nothing uses, or one is missing."
  }
}

run "without_observability_there_is_no_grafana" {
  variables {
    observability = false
  }

  assert {
    condition = (
      output.grafana == null && !module.observability.prometheus_enabled && keys(module.secrets.arns) == ["token"]
    )
    error_message = "Grafana or its password is made."
  }
}

run "an_api_server_for_nobody_and_a_wrong_name" {
  command = plan

  variables {
    admin_cidrs = []
    name        = "Demo_"
    region      = "somewhere"
    profile     = "all"
  }

  expect_failures = [var.admin_cidrs, var.name, var.region, var.profile]
}

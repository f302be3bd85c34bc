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

  mock_resource "aws_launch_template" {
    defaults = {
      id             = "lt-00000000000000000"
      latest_version = 1
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
      resources = [{ autoscaling_groups = [{ name = "eks-general" }], remote_access_security_group_id = "" }]
    }
  }
}

variables {
  name = "marquee-test"
}

run "a_wrong_name_and_an_old_version" {
  command = plan

  variables {
    name               = "Marquee"
    kubernetes_version = "1.24"
  }

  expect_failures = [var.name, var.kubernetes_version]
}

run "a_vpc_without_subnets" {
  command = plan

  variables {
    vpc_id = "vpc-0123456789abcdef0"
  }

  expect_failures = [var.private_subnet_ids]
}

run "an_api_server_for_the_whole_internet" {
  command = plan

  variables {
    endpoint_public_access = true
    public_access_cidrs    = ["0.0.0.0/0"]
  }

  expect_failures = [var.public_access_cidrs]
}

run "a_public_api_server_without_networks" {
  command = plan

  variables {
    endpoint_public_access = true
  }

  expect_failures = [var.public_access_cidrs]
}

run "administrators_of_a_namespace_only" {
  command = plan

  variables {
    access_entries = {
      shop = {
        principal_arn = "arn:aws:iam::111122223333:role/shop"
        policy        = "cluster-admin"
        namespaces    = ["shop"]
      }
    }
  }

  expect_failures = [var.access_entries]
}

run "a_group_of_nodes_whose_sizes_disagree" {
  command = plan

  variables {
    node_groups = { general = { instance_types = ["m5.large"], min_size = 3, max_size = 2 } }
  }

  expect_failures = [var.node_groups]
}

run "an_add_on_that_is_not_installed_and_a_small_network" {
  command = plan

  variables {
    addon_versions     = { istio = "1" }
    vpc_cidr           = "10.0.0.0/24"
    log_retention_days = 2
    zone_count         = 1
  }

  expect_failures = [var.addon_versions, var.vpc_cidr, var.log_retention_days, var.zone_count]
}

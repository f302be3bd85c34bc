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

  mock_resource "aws_msk_configuration" {
    defaults = {
      arn             = "arn:aws:kafka:eu-central-1:111122223333:configuration/mock/00000000-1"
      latest_revision = 1
    }
  }

  mock_resource "aws_msk_cluster" {
    defaults = {
      arn                          = "arn:aws:kafka:eu-central-1:111122223333:cluster/mock/00000000-1"
      bootstrap_brokers_sasl_scram = "b-1.mock:9096,b-2.mock:9096,b-3.mock:9096"
    }
  }

  mock_resource "aws_elasticache_replication_group" {
    defaults = {
      primary_endpoint_address       = "primary.mock"
      configuration_endpoint_address = "configuration.mock"
    }
  }

  mock_resource "aws_s3_bucket" {
    defaults = {
      arn = "arn:aws:s3:::marquee-test-objects"
      id  = "marquee-test-objects"
    }
  }

  mock_resource "aws_ecr_repository" {
    defaults = {
      repository_url = "111122223333.dkr.ecr.eu-central-1.amazonaws.com/marquee-test/marquee"
    }
  }
}

variables {
  name       = "marquee-test"
  vpc_id     = "vpc-0123456789abcdef0"
  subnet_ids = ["subnet-00000000000000001", "subnet-00000000000000002", "subnet-00000000000000003"]

  kafka_secret_arn = "arn:aws:secretsmanager:eu-central-1:111122223333:secret:AmazonMSK_marquee-test-AbCdEf"
  redis_token      = "0123456789abcdef0123456789abcdef"
}

run "a_name_that_redis_does_not_accept" {
  command = plan

  variables {
    name = "marquee--test"
  }

  expect_failures = [var.name]
}

run "kafka_without_a_network" {
  command = plan

  variables {
    vpc_id     = null
    subnet_ids = []
  }

  expect_failures = [var.vpc_id, var.subnet_ids]
}

run "too_few_brokers_for_three_replicas" {
  command = plan

  variables {
    kafka = { brokers = 2 }
  }

  expect_failures = [var.kafka]
}

run "brokers_that_do_not_divide_among_zones" {
  command = plan

  variables {
    kafka = { brokers = 4 }
  }

  expect_failures = [var.kafka]
}

run "a_redis_that_the_program_is_not_written_for" {
  command = plan

  variables {
    redis = { version = "6.2" }
  }

  expect_failures = [var.redis]
}

run "a_cluster_of_redis_without_replicas" {
  command = plan

  variables {
    redis = { shards = 2, replicas = 0 }
  }

  expect_failures = [var.redis]
}

run "a_prefix_with_a_slash_at_its_end" {
  command = plan

  variables {
    bucket = { prefix = "films/" }
  }

  expect_failures = [var.bucket]
}

run "a_user_of_kafka_that_msk_does_not_accept" {
  command = plan

  variables {
    kafka_secret_arn   = "arn:aws:secretsmanager:eu-central-1:111122223333:secret:marquee-AbCdEf"
    log_retention_days = 2
  }

  expect_failures = [var.kafka_secret_arn, var.log_retention_days]
}

run "a_redis_without_a_token" {
  command = plan

  variables {
    redis_token = null
  }

  expect_failures = [var.redis_token]
}

# What cannot work is refused before anything is made.

mock_provider "aws" {
  mock_resource "aws_iam_role" {
    defaults = {
      arn = "arn:aws:iam::111122223333:role/mock"
    }
  }
}

mock_provider "helm" {}

mock_provider "kubernetes" {}

variables {
  chart  = "../../../charts/marquee"
  kafka  = { bootstrap = "b-1.example:9096" }
  redis  = { urls = ["rediss://redis.example:6379"] }
  bucket = { arn = "arn:aws:s3:::marquee-test-objects", url = "s3://marquee-test-objects", region = "eu-central-1" }

  oidc_provider_arn = "arn:aws:iam::111122223333:oidc-provider/oidc.example/id/MOCK"
  oidc_issuer       = "oidc.example/id/MOCK"

  existing_secrets = {
    token         = "team-token"
    signing_key   = "team-signing"
    verifying_key = "team-verifying"
    kafka         = "team-kafka"
    redis         = "team-redis"
  }
}

run "a_fleet_without_secrets" {
  command = plan

  variables {
    existing_secrets = {}
  }

  expect_failures = [var.token, var.signing_key, var.verifying_key, var.kafka_password, var.redis_password]
}

run "half_of_a_pair_of_keys" {
  command = plan

  variables {
    existing_secrets = { token = "token", kafka = "kafka", redis = "redis", signing_key = "signing" }
    verifying_key    = "-----BEGIN PUBLIC KEY-----\nmock\n-----END PUBLIC KEY-----\n"
  }

  expect_failures = [var.existing_secrets]
}

run "split_without_a_bucket_and_without_roles" {
  command = plan

  variables {
    bucket            = null
    oidc_provider_arn = null
    oidc_issuer       = "https://oidc.example/id/MOCK"
  }

  expect_failures = [var.bucket, var.oidc_provider_arn, var.oidc_issuer]
}

run "no_chart" {
  command = plan

  variables {
    chart = ""
  }

  expect_failures = [var.chart]
}

run "a_chart_of_a_registry_without_a_version" {
  command = plan

  variables {
    chart = "oci://registry.example.com/charts/marquee"
  }

  expect_failures = [var.chart_version]
}

run "values_that_are_no_yaml_and_no_time" {
  command = plan

  variables {
    extra_values    = ["a: [b"]
    timeout_seconds = 1
    name            = "Fleet"
    namespace       = "a namespace"
  }

  expect_failures = [var.extra_values, var.timeout_seconds, var.name, var.namespace]
}

run "a_profile_that_the_chart_does_not_have" {
  command = plan

  variables {
    profile = "all"
  }

  expect_failures = [var.profile]
}

# These tests mock ephemeral resources, which OpenTofu 1.12 and newer do.

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

  mock_resource "aws_secretsmanager_secret" {
    defaults = {
      arn = "arn:aws:secretsmanager:eu-central-1:111122223333:secret:AmazonMSK_marquee-test-AbCdEf"
      id  = "arn:aws:secretsmanager:eu-central-1:111122223333:secret:AmazonMSK_marquee-test-AbCdEf"
    }
  }
}

variables {
  name  = "marquee-test"
  kinds = ["token", "kafka", "redis"]
}

run "no_value_is_in_the_state" {
  assert {
    condition = alltrue([
      for version in aws_secretsmanager_secret_version.this :
      version.secret_string == null && version.secret_string_wo_version == 1
    ])
    error_message = "A secret is stored in the state."
  }
}

run "secrets_have_a_key_of_the_account_and_the_names_that_are_needed" {
  assert {
    condition     = alltrue([for secret in aws_secretsmanager_secret.this : secret.kms_key_id == module.key.arn])
    error_message = "A secret has the key of AWS, which MSK does not accept."
  }

  assert {
    condition = { for kind, secret in aws_secretsmanager_secret.this : kind => secret.name } == {
      kafka = "AmazonMSK_marquee-test"
      redis = "marquee-test/redis"
      token = "marquee-test/token"
    }
    error_message = "MSK does not find its user, or people do not find the token."
  }
}

run "the_brokers_read_their_user_and_nothing_else" {
  assert {
    condition = (
      jsondecode(aws_secretsmanager_secret_policy.kafka[0].policy).Statement[0].Resource
      == aws_secretsmanager_secret.this["kafka"].arn
    )
    error_message = "The policy is about more than the secret."
  }

  assert {
    condition     = keys(output.arns) == ["kafka", "redis", "token"]
    error_message = "An ARN is missing."
  }
}

run "a_revision_replaces_one_value" {
  variables {
    revisions = { token = 2 }
  }

  assert {
    condition     = output.revisions == { kafka = 1, redis = 1, token = 2 }
    error_message = "Another value is replaced too, or none is."
  }
}

run "a_fleet_without_kafka_has_no_policy_for_brokers" {
  variables {
    kinds = ["token"]
  }

  assert {
    condition     = length(aws_secretsmanager_secret_policy.kafka) == 0 && length(aws_secretsmanager_secret.this) == 1
    error_message = "Something is made that was not asked for."
  }
}

run "what_is_wrong_is_refused" {
  command = plan

  variables {
    name           = "Secrets"
    kinds          = ["token", "passwords"]
    revisions      = { token = 0.5 }
    recovery_days  = 3
    kafka_username = "a user"
  }

  expect_failures = [var.name, var.kinds, var.revisions, var.recovery_days, var.kafka_username]
}

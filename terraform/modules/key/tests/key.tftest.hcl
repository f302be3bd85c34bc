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
}

variables {
  name        = "marquee-test"
  description = "Encrypts what a test stores."
}

run "a_key_rotates_and_only_the_account_may_use_it" {
  assert {
    condition     = aws_kms_key.this.enable_key_rotation
    error_message = "The key does not rotate."
  }

  assert {
    condition     = aws_kms_key.this.deletion_window_in_days == 30
    error_message = "A deleted key is gone too soon."
  }

  assert {
    condition     = [for s in jsondecode(aws_kms_key.this.policy).Statement : s.Sid] == ["Owner"]
    error_message = "Someone else than the account may use the key."
  }
}

run "log_groups_use_the_key_by_name_only" {
  variables {
    log_groups = ["/aws/msk/marquee"]
  }

  assert {
    condition = (
      jsondecode(aws_kms_key.this.policy).Statement[1].Condition.ArnEquals["kms:EncryptionContext:aws:logs:arn"]
      == ["arn:aws:logs:eu-central-1:111122223333:log-group:/aws/msk/marquee"]
    )
    error_message = "The key is not limited to the log group."
  }

  assert {
    condition     = !anytrue([for a in jsondecode(aws_kms_key.this.policy).Statement[1].Action : strcontains(a, "*")])
    error_message = "The log service has a wildcard action."
  }
}

run "a_publisher_acts_for_this_account_only" {
  variables {
    publishers = ["cloudwatch.amazonaws.com"]
  }

  assert {
    condition = (
      jsondecode(aws_kms_key.this.policy).Statement[1].Condition.StringEquals["aws:SourceAccount"] == "111122223333"
    )
    error_message = "Alarms of other accounts may use the key."
  }
}

run "a_short_window_and_a_wildcard_are_refused" {
  command = plan

  variables {
    name                 = "Key"
    description          = ""
    deletion_window_days = 3
    log_groups           = ["/aws/*"]
    publishers           = ["*"]
  }

  expect_failures = [
    var.name,
    var.description,
    var.deletion_window_days,
    var.log_groups,
    var.publishers,
  ]
}

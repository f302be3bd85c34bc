# These tests need no provider.

variables {
  bucket_arn = "arn:aws:s3:::marquee-test-objects"
  region     = "eu-central-1"
}

run "ingest_and_the_operator_have_no_rights" {
  assert {
    condition     = keys(output.policies) == ["feature-store", "inference", "monitor", "rollouts", "trainer"]
    error_message = "A role has rights that it does not need, or lacks all of them."
  }
}

run "readers_of_the_archive_read_it_and_nothing_else" {
  assert {
    condition = alltrue([
      for role in ["feature-store", "monitor"] : [
        for s in jsondecode(output.policies[role]).Statement : [s.Action, s.Resource] if s.Sid != "List"
      ] == [[["s3:GetObject"], ["arn:aws:s3:::marquee-test-objects/archive/ratings/*"]]]
    ])
    error_message = "A reader of the archive may do more."
  }
}

run "inference_reads_models_and_writes_routes_only" {
  assert {
    condition = {
      for s in jsondecode(output.policies["inference"]).Statement : s.Resource[0] => s.Action if s.Sid != "List"
      } == {
      "arn:aws:s3:::marquee-test-objects/models/*"  = ["s3:GetObject"]
      "arn:aws:s3:::marquee-test-objects/routing/*" = ["s3:GetObject", "s3:PutObject"]
    }
    error_message = "Inference may change more than routes."
  }
}

run "the_trainer_writes_models_and_the_archive_and_no_routes" {
  assert {
    condition = toset(flatten([
      for s in jsondecode(output.policies["trainer"]).Statement : s.Resource if contains(s.Action, "s3:PutObject")
      ])) == toset([
      "arn:aws:s3:::marquee-test-objects/archive/ratings/*",
      "arn:aws:s3:::marquee-test-objects/cancellations/*",
      "arn:aws:s3:::marquee-test-objects/leases/trainer.json",
      "arn:aws:s3:::marquee-test-objects/models/*",
      "arn:aws:s3:::marquee-test-objects/trainings/*",
    ])
    error_message = "The trainer writes elsewhere, or cannot write what it must."
  }

  assert {
    condition = toset(flatten([
      for s in jsondecode(output.policies["trainer"]).Statement : s.Resource if contains(s.Action, "s3:DeleteObject")
      ])) == toset([
      "arn:aws:s3:::marquee-test-objects/archive/ratings/*",
      "arn:aws:s3:::marquee-test-objects/cancellations/*",
      "arn:aws:s3:::marquee-test-objects/models/*",
      "arn:aws:s3:::marquee-test-objects/trainings/*",
    ])
    error_message = "The trainer deletes elsewhere, or cannot withdraw a model."
  }
}

run "no_policy_has_a_wildcard_action_or_the_whole_world" {
  variables {
    key_arn = "arn:aws:kms:eu-central-1:111122223333:key/00000000-0000-0000-0000-000000000000"
  }

  assert {
    condition = alltrue(flatten([
      for policy in output.policies : [
        for s in jsondecode(policy).Statement : concat(
          [for action in s.Action : !strcontains(action, "*")],
          [for resource in s.Resource : resource != "*" && resource != "${var.bucket_arn}/*"],
        )
      ]
    ]))
    error_message = "A policy allows more than it names."
  }

  assert {
    condition = alltrue(flatten([
      for policy in output.policies : [
        for s in jsondecode(policy).Statement : length(setintersection(s.Action, [
          "s3:DeleteObjectVersion", "s3:GetObjectVersion", "s3:PutBucketPolicy", "s3:PutLifecycleConfiguration",
        ])) == 0
      ]
    ]))
    error_message = "A role may remove versions for good, or change the bucket."
  }
}

run "readers_decrypt_and_writers_encrypt_through_s3_only" {
  variables {
    key_arn = "arn:aws:kms:eu-central-1:111122223333:key/00000000-0000-0000-0000-000000000000"
  }

  assert {
    condition = [
      for s in jsondecode(output.policies["monitor"]).Statement : s.Action if s.Sid == "Key"
    ] == [["kms:Decrypt"]]
    error_message = "A reader may encrypt, or cannot read."
  }

  assert {
    condition = alltrue(flatten([
      for policy in output.policies : [
        for s in jsondecode(policy).Statement :
        s.Condition.StringEquals["kms:ViaService"] == "s3.eu-central-1.amazonaws.com" if s.Sid == "Key"
      ]
    ]))
    error_message = "A role may use the key for something else than objects."
  }
}

run "rights_are_below_the_prefix" {
  variables {
    prefix = "teams/films"
  }

  assert {
    condition = alltrue(flatten([
      for policy in output.policies : [
        for s in jsondecode(policy).Statement : [
          for resource in s.Resource : startswith(resource, "${var.bucket_arn}/teams/films/")
        ] if s.Sid != "List"
      ]
    ]))
    error_message = "A role reaches objects of another fleet."
  }
}

run "what_would_widen_the_rights_is_refused" {
  command = plan

  variables {
    bucket_arn = "arn:aws:s3:::*"
    prefix     = "*"
    key_arn    = "arn:aws:kms:eu-central-1:111122223333:key/*"
    region     = "*"
  }

  expect_failures = [var.bucket_arn, var.prefix, var.key_arn, var.region]
}

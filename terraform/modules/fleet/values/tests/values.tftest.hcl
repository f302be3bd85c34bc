# These tests need no provider.

variables {
  name    = "marquee"
  profile = "split"
  kafka = {
    bootstrap           = "b-1.example:9096,b-2.example:9096"
    security            = "sasl_tls"
    mechanism           = "SCRAM-SHA-512"
    partitions          = 8
    replication         = 3
    min_insync_replicas = 2
  }
  redis  = { urls = ["rediss://redis.example:6379"], cluster = false }
  bucket = { url = "s3://marquee-test-objects/films", region = "eu-central-1" }
  secrets = {
    token        = "marquee-token"
    signingKey   = "marquee-signing"
    verifyingKey = "marquee-verifying"
    kafka        = "marquee-kafka"
    redis        = "marquee-redis"
  }
  accounts  = { ingest = "marquee-ingest", trainer = "marquee-trainer" }
  role_arns = { trainer = "arn:aws:iam::111122223333:role/marquee-trainer" }
}

run "split_names_its_back_ends_and_no_secret" {
  assert {
    condition = yamldecode(output.values).settings == {
      kafka = {
        bootstrap           = "b-1.example:9096,b-2.example:9096"
        security            = "sasl_tls"
        sasl_mechanism      = "SCRAM-SHA-512"
        partitions          = 8
        replication         = 3
        min_insync_replicas = 2
      }
      redis = { urls = ["rediss://redis.example:6379"], cluster = false }
      s3    = { url = "s3://marquee-test-objects/films", region = "eu-central-1" }
    }
    error_message = "A setting is missing, or a secret is among the settings."
  }

  assert {
    condition     = yamldecode(output.values).secrets.signingKey.existingSecret == "marquee-signing"
    error_message = "The trainer does not find its key."
  }
}

run "only_a_role_with_rights_is_annotated" {
  assert {
    condition = yamldecode(output.values).roles == {
      ingest = { serviceAccount = { name = "marquee-ingest", annotations = {} } }
      trainer = {
        serviceAccount = {
          name        = "marquee-trainer"
          annotations = { "eks.amazonaws.com/role-arn" = "arn:aws:iam::111122223333:role/marquee-trainer" }
        }
      }
    }
    error_message = "A role has rights of another one, or an account of another name."
  }
}

run "embedded_has_a_volume_and_one_driver_of_rollouts" {
  variables {
    profile = "embedded"
    kafka   = null
    redis   = null
    bucket  = null
    secrets = { token = "marquee-token" }
    volume  = { size = "30Gi", storage_class = "marquee-data" }
  }

  assert {
    condition = (
      yamldecode(output.values).embedded.persistence
      == { enabled = true, size = "30Gi", storageClassName = "marquee-data" }
      && !yamldecode(output.values).operator.enabled
      && !contains(keys(yamldecode(output.values)), "settings")
    )
    error_message = "Data would be lost with the pod, or two drivers would set each other's routes back."
  }
}

run "prometheus_is_let_in_where_it_runs" {
  variables {
    monitoring = { enabled = true, namespace = "observability" }
  }

  assert {
    condition = (
      yamldecode(output.values).monitoring.podMonitor.enabled
      && yamldecode(output.values).networkPolicy.prometheus[0].namespaceSelector.matchLabels
      == { "kubernetes.io/metadata.name" = "observability" }
    )
    error_message = "Prometheus does not find the pods, or is not let in."
  }
}

run "split_without_back_ends" {
  command = plan

  variables {
    kafka  = null
    redis  = null
    bucket = null
  }

  expect_failures = [var.kafka, var.redis, var.bucket]
}

run "access_by_iam_and_more_replicas_than_brokers" {
  command = plan

  variables {
    kafka = {
      bootstrap           = "b-1.example:9098"
      security            = "sasl_tls"
      mechanism           = "AWS_MSK_IAM"
      partitions          = 8
      replication         = 1
      min_insync_replicas = 2
    }
  }

  expect_failures = [var.kafka]
}

run "a_password_in_an_address_and_a_volume_without_a_unit" {
  command = plan

  variables {
    redis  = { urls = ["rediss://:secret@redis.example:6379"], cluster = false }
    volume = { size = "20" }
  }

  expect_failures = [var.redis, var.volume]
}

run "a_profile_that_the_chart_does_not_have" {
  command = plan

  variables {
    profile = "all"
  }

  expect_failures = [var.profile]
}

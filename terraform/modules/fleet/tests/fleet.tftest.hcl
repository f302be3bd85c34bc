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
  kafka  = { bootstrap = "b-1.example:9096,b-2.example:9096" }
  redis  = { urls = ["rediss://redis.example:6379"] }
  bucket = { arn = "arn:aws:s3:::marquee-test-objects", url = "s3://marquee-test-objects", region = "eu-central-1" }

  oidc_provider_arn = "arn:aws:iam::111122223333:oidc-provider/oidc.example/id/MOCK"
  oidc_issuer       = "oidc.example/id/MOCK"

  token          = "0123456789abcdef0123456789abcdef"
  kafka_password = "0123456789abcdef"
  redis_password = "0123456789abcdef"
  signing_key    = "-----BEGIN PRIVATE KEY-----\nmock\n-----END PRIVATE KEY-----\n"
  verifying_key  = "-----BEGIN PUBLIC KEY-----\nmock\n-----END PUBLIC KEY-----\n"
}

run "the_namespace_accepts_restricted_pods_only" {
  assert {
    condition = alltrue([
      for mode in ["enforce", "audit", "warn"] :
      kubernetes_namespace_v1.this[0].metadata[0].labels["pod-security.kubernetes.io/${mode}"] == "restricted"
    ])
    error_message = "Pods with more rights may run in the namespace."
  }
}

run "no_secret_is_in_the_state_or_in_the_values" {
  assert {
    condition     = keys(kubernetes_secret_v1.this) == ["kafka", "redis", "signing", "token", "verifying"]
    error_message = "A Secret is missing."
  }

  assert {
    condition     = alltrue([for secret in kubernetes_secret_v1.this : secret.data_wo_revision == 1])
    error_message = "A Secret has no write-only data."
  }

  assert {
    condition     = alltrue([for text in helm_release.this.values : !strcontains(text, "0123456789abcdef")])
    error_message = "A secret is among the values, which the state and the cluster keep."
  }
}

run "each_role_takes_its_own_rights_and_ingest_takes_none" {
  assert {
    condition     = keys(aws_iam_role.this) == ["feature-store", "inference", "monitor", "trainer"]
    error_message = "A role lacks its rights, or ingest has some."
  }

  assert {
    condition = alltrue([
      for role, resource in aws_iam_role.this :
      jsondecode(resource.assume_role_policy).Statement[0].Condition.StringEquals
      == {
        "oidc.example/id/MOCK:aud" = "sts.amazonaws.com"
        "oidc.example/id/MOCK:sub" = "system:serviceaccount:marquee:marquee-${role}"
      }
    ])
    error_message = "Another account may take a role."
  }

  assert {
    condition = alltrue([
      for role in keys(aws_iam_role.this) :
      yamldecode(helm_release.this.values[0]).roles[role].serviceAccount.name == "marquee-${role}"
      && yamldecode(helm_release.this.values[0]).roles[role].serviceAccount.annotations["eks.amazonaws.com/role-arn"]
      == aws_iam_role.this[role].arn
    ])
    error_message = "The chart makes an account that may not take its role."
  }

  assert {
    condition = !strcontains(aws_iam_role_policy.this["inference"].policy, "s3:DeleteObject") && strcontains(
      aws_iam_role_policy.this["trainer"].policy, "s3:DeleteObject",
    )
    error_message = "Roles have each other's rights."
  }
}

run "the_release_waits_and_is_undone_when_it_fails" {
  assert {
    condition     = helm_release.this.atomic && helm_release.this.wait && helm_release.this.namespace == "marquee"
    error_message = "A failed installation stays."
  }

  assert {
    condition = (
      yamldecode(helm_release.this.values[0]).settings.kafka.sasl_mechanism == "SCRAM-SHA-512"
      && yamldecode(helm_release.this.values[0]).secrets.kafka.existingSecret == "marquee-kafka"
    )
    error_message = "The fleet connects to Kafka in another way than MSK has."
  }

  assert {
    condition     = output.grpc_address == "marquee-inference.marquee.svc:7070"
    error_message = "The output names another Service."
  }
}

run "secrets_that_exist_are_used_and_none_are_made" {
  variables {
    existing_secrets = {
      token         = "team-token"
      signing_key   = "team-signing"
      verifying_key = "team-verifying"
      kafka         = "team-kafka"
      redis         = "team-redis"
    }
  }

  assert {
    condition     = length(kubernetes_secret_v1.this) == 0
    error_message = "A Secret is made beside the one that exists."
  }

  assert {
    condition = {
      for name, secret in yamldecode(helm_release.this.values[0]).secrets : name => secret.existingSecret
      } == {
      token        = "team-token"
      signingKey   = "team-signing"
      verifyingKey = "team-verifying"
      kafka        = "team-kafka"
      redis        = "team-redis"
      serverTls    = ""
    }
    error_message = "The chart is told another Secret."
  }
}

run "embedded_needs_nothing_but_a_token_and_keeps_its_volume" {
  variables {
    profile           = "embedded"
    kafka             = null
    redis             = null
    bucket            = null
    oidc_provider_arn = null
    oidc_issuer       = null
  }

  assert {
    condition     = keys(kubernetes_secret_v1.this) == ["token"] && length(aws_iam_role.this) == 0
    error_message = "A Secret or a role is made that nothing uses."
  }

  assert {
    condition = (
      kubernetes_storage_class_v1.this[0].reclaim_policy == "Retain"
      && kubernetes_storage_class_v1.this[0].parameters.encrypted == "true"
      && yamldecode(helm_release.this.values[0]).embedded.persistence.storageClassName == "marquee-data"
    )
    error_message = "The ratings are deleted with a claim, or are not encrypted."
  }

  assert {
    condition     = output.grpc_address == "marquee-fleet.marquee.svc:7070"
    error_message = "The output names another Service."
  }
}

run "a_revision_writes_one_secret_again" {
  variables {
    revisions = { keys = 2 }
  }

  assert {
    condition = { for name, secret in kubernetes_secret_v1.this : name => secret.data_wo_revision } == {
      kafka = 1, redis = 1, signing = 2, token = 1, verifying = 2
    }
    error_message = "The halves of a pair are not changed together."
  }
}

run "values_of_the_caller_win" {
  variables {
    extra_values = ["roles: {inference: {replicas: 2}}"]
  }

  assert {
    condition     = length(helm_release.this.values) == 2 && helm_release.this.values[1] == var.extra_values[0]
    error_message = "The values of the module would win."
  }
}

# The values of charts/marquee. The names are those of its values.yaml.

locals {
  common = {
    profile = var.profile
    # Otherwise the chart would add its own name to a release of another name.
    fullnameOverride = var.name
    image            = { registry = var.image.registry, tag = var.image.tag }
    monitoring = {
      podMonitor = { enabled = var.monitoring.enabled }
      rules      = { enabled = var.monitoring.enabled }
      dashboards = { enabled = var.monitoring.enabled }
    }
    networkPolicy = {
      prometheus = [{
        namespaceSelector = { matchLabels = { "kubernetes.io/metadata.name" = var.monitoring.namespace } }
      }]
    }
    secrets = { for name, secret in var.secrets : name => { existingSecret = secret } }
  }

  roles = {
    for role, account in var.accounts : role => {
      serviceAccount = {
        name        = account
        annotations = contains(keys(var.role_arns), role) ? { "eks.amazonaws.com/role-arn" = var.role_arns[role] } : {}
      }
    }
  }

  # An entry for each profile. What the other profile needs may be null, hence `try`.
  profiles = {
    split = {
      settings = {
        kafka = {
          bootstrap           = try(var.kafka.bootstrap, "")
          security            = try(var.kafka.security, "")
          sasl_mechanism      = try(var.kafka.mechanism, "")
          partitions          = try(var.kafka.partitions, 8)
          replication         = try(var.kafka.replication, 3)
          min_insync_replicas = try(var.kafka.min_insync_replicas, 2)
        }
        redis = { urls = try(var.redis.urls, []), cluster = try(var.redis.cluster, false) }
        s3    = { url = try(var.bucket.url, ""), region = try(var.bucket.region, "") }
      }
      roles = local.roles
    }
    # In the one pod the controller drives rollouts, and the operator would be a second driver.
    embedded = {
      operator = { enabled = false }
      embedded = {
        persistence = { enabled = true, size = var.volume.size, storageClassName = var.volume.storage_class }
      }
    }
  }
}

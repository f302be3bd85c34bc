variable "name" {
  description = "Name of all objects of the release."
  type        = string
  nullable    = false
}

variable "profile" {
  description = "split: each role is a workload of its own. embedded: the fleet is one pod with a volume."
  type        = string
  nullable    = false

  validation {
    condition     = contains(["split", "embedded"], var.profile)
    error_message = "profile must be split or embedded."
  }
}

variable "image" {
  description = "Registry and tag of the images. An empty tag is the appVersion of the chart."
  type = object({
    registry = optional(string, "")
    tag      = optional(string, "")
  })
  default  = {}
  nullable = false
}

variable "kafka" {
  description = "The log of split: brokers and how to connect to them."
  type = object({
    bootstrap           = string
    security            = string
    mechanism           = string
    partitions          = number
    replication         = number
    min_insync_replicas = number
  })
  default = null

  validation {
    condition     = var.profile != "split" || var.kafka != null
    error_message = "The profile split needs kafka. The profile embedded needs none."
  }

  validation {
    condition = var.kafka == null || contains(
      ["plaintext", "tls", "sasl_plaintext", "sasl_tls"], try(var.kafka.security, ""),
    )
    error_message = "kafka.security must be plaintext, tls, sasl_plaintext or sasl_tls. The fleet has no IAM."
  }

  validation {
    condition = var.kafka == null || contains(
      startswith(try(var.kafka.security, ""), "sasl_") ? ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] : ["PLAIN"],
      try(var.kafka.mechanism, ""),
    )
    error_message = "kafka.mechanism must be PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512, and PLAIN without sasl."
  }

  validation {
    condition     = var.kafka == null || try(var.kafka.min_insync_replicas <= var.kafka.replication, false)
    error_message = "kafka.min_insync_replicas must be at most kafka.replication."
  }
}

variable "redis" {
  description = "The online store of split."
  type = object({
    urls    = list(string)
    cluster = bool
  })
  default = null

  validation {
    condition     = var.profile != "split" || var.redis != null
    error_message = "The profile split needs redis. The profile embedded needs none."
  }

  validation {
    condition     = alltrue([for url in try(var.redis.urls, []) : can(regex("^rediss?://[^@/]+$", url))])
    error_message = "redis.urls must be redis://HOST:PORT or rediss://HOST:PORT, without a user and a password."
  }
}

variable "bucket" {
  description = "The object store of split."
  type = object({
    url    = string
    region = string
  })
  default = null

  validation {
    condition     = var.profile != "split" || var.bucket != null
    error_message = "The profile split needs bucket. The profile embedded needs none."
  }
}

variable "secrets" {
  description = "Names of Secrets by their names in the chart. An empty name: the chart uses none."
  type = object({
    token        = string
    signingKey   = optional(string, "")
    verifyingKey = optional(string, "")
    kafka        = optional(string, "")
    redis        = optional(string, "")
    serverTls    = optional(string, "")
  })
  nullable = false
}

variable "accounts" {
  description = "Names of service accounts by role."
  type        = map(string)
  default     = {}
  nullable    = false
}

variable "role_arns" {
  description = "ARNs of IAM roles by role. A role without one has no rights in AWS."
  type        = map(string)
  default     = {}
  nullable    = false
}

variable "volume" {
  description = "The volume of embedded."
  type = object({
    size          = optional(string, "20Gi")
    storage_class = optional(string, "")
  })
  default  = {}
  nullable = false

  validation {
    condition     = can(regex("^[1-9][0-9]*(Gi|Ti)$", var.volume.size))
    error_message = "volume.size must be a size such as 20Gi."
  }
}

variable "monitoring" {
  description = "Whether the chart adds what Prometheus and Grafana read, and the namespace of Prometheus."
  type = object({
    enabled   = optional(bool, false)
    namespace = optional(string, "monitoring")
  })
  default  = {}
  nullable = false
}

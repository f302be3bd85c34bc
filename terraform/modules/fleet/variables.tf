variable "name" {
  description = "Name of the release, and the beginning of the names of Secrets, accounts and roles."
  type        = string
  default     = "marquee"
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,27}$", var.name))
    error_message = "name must have 2 to 28 lowercase letters, digits and hyphens, and begin with a letter."
  }
}

variable "namespace" {
  description = "Namespace of the fleet."
  type        = string
  default     = "marquee"
  nullable    = false

  validation {
    condition     = can(regex("^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$", var.namespace))
    error_message = "namespace must be the name of a namespace."
  }
}

variable "create_namespace" {
  description = "Whether the module makes the namespace. If not, it must exist, with the labels of Pod Security."
  type        = bool
  default     = true
  nullable    = false
}

variable "chart" {
  description = "The chart: a folder, or a reference such as oci://registry.example.com/charts/marquee."
  type        = string
  nullable    = false

  validation {
    condition     = length(var.chart) > 0
    error_message = "chart must be a folder or a reference that begins with oci://."
  }
}

variable "chart_version" {
  description = "Version of a chart that a reference names. Null for a folder."
  type        = string
  default     = null

  validation {
    condition     = startswith(var.chart, "oci://") == (var.chart_version != null)
    error_message = "Give chart_version together with a chart that begins with oci://, and not with a folder."
  }
}

variable "extra_values" {
  description = "Further values of the chart as YAML, after those of the module. Later ones win. They are in the state."
  type        = list(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for text in var.extra_values : can(yamldecode(text))])
    error_message = "extra_values must be YAML."
  }
}

variable "profile" {
  description = "split: each role is a workload of its own. embedded: the fleet is one pod with a volume."
  type        = string
  default     = "split"
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
  description = "The output kafka of the module data, or the same about another cluster. Required by split."
  type = object({
    bootstrap           = string
    security            = optional(string, "sasl_tls")
    mechanism           = optional(string, "SCRAM-SHA-512")
    partitions          = optional(number, 8)
    replication         = optional(number, 3)
    min_insync_replicas = optional(number, 2)
  })
  default = null
}

variable "kafka_username" {
  description = "User of the fleet on Kafka."
  type        = string
  default     = "marquee"
  nullable    = false
}

variable "kafka_password" {
  description = "Password of the user on Kafka. It is in no state."
  type        = string
  default     = null
  ephemeral   = true
  sensitive   = true

  validation {
    condition = (
      var.profile != "split" || var.existing_secrets.kafka != null || !startswith(try(var.kafka.security, ""), "sasl_")
      || length(var.kafka_password == null ? "" : var.kafka_password) > 0
    )
    error_message = "Kafka asks for a user: give kafka_password, or existing_secrets.kafka."
  }
}

variable "redis" {
  description = "The output redis of the module data, or the same about another server. Required by split."
  type = object({
    urls    = list(string)
    cluster = optional(bool, false)
    # Whether the server asks for a password.
    authenticated = optional(bool, true)
  })
  default = null
}

variable "redis_password" {
  description = "Password of Redis. It is in no state."
  type        = string
  default     = null
  ephemeral   = true
  sensitive   = true

  validation {
    condition = (
      var.profile != "split" || var.existing_secrets.redis != null || !try(var.redis.authenticated, false)
      || length(var.redis_password == null ? "" : var.redis_password) > 0
    )
    error_message = "Redis asks for a password: give redis_password, or existing_secrets.redis."
  }
}

variable "bucket" {
  description = "The output bucket of the module data, or the same about another bucket. Required by split."
  type = object({
    arn    = string
    url    = string
    region = string
    prefix = optional(string, "")
    # Null: S3 encrypts objects with a key of its own.
    key_arn = optional(string)
  })
  default = null

  validation {
    condition     = var.profile != "split" || var.bucket != null
    error_message = "The profile split needs bucket. The profile embedded needs none."
  }
}

variable "oidc_provider_arn" {
  description = "ARN of the cluster's OIDC provider, with which pods get roles in AWS. Required by split."
  type        = string
  default     = null

  validation {
    condition     = var.profile != "split" || var.oidc_provider_arn != null
    error_message = "The profile split needs oidc_provider_arn and oidc_issuer, outputs of the module cluster."
  }
}

variable "oidc_issuer" {
  description = "Issuer of the tokens of service accounts, without https://. Required by split."
  type        = string
  default     = null

  validation {
    condition     = var.oidc_issuer == null || !startswith(coalesce(var.oidc_issuer, "-"), "https://")
    error_message = "oidc_issuer must not begin with https://."
  }
}

variable "existing_secrets" {
  description = "Names of Secrets of the namespace that exist already, with the keys that the chart expects by default."
  type = object({
    token         = optional(string)
    signing_key   = optional(string)
    verifying_key = optional(string)
    kafka         = optional(string)
    redis         = optional(string)
    server_tls    = optional(string)
  })
  default  = {}
  nullable = false

  validation {
    condition     = (var.existing_secrets.signing_key == null) == (var.existing_secrets.verifying_key == null)
    error_message = "Give existing_secrets.signing_key and existing_secrets.verifying_key together: they are a pair."
  }
}

variable "token" {
  description = "Token of calls that write or administer: 16 or more printable characters. It is in no state."
  type        = string
  default     = null
  ephemeral   = true
  sensitive   = true

  validation {
    condition     = var.existing_secrets.token != null || can(regex("^[!-~]+$", var.token))
    error_message = "Give token, one line of printable characters without blanks, or existing_secrets.token."
  }
}

variable "signing_key" {
  description = "Private key that signs models, as `marquee keys generate` writes it. It is in no state."
  type        = string
  default     = null
  ephemeral   = true
  sensitive   = true

  validation {
    condition = (
      var.profile != "split" || var.existing_secrets.signing_key != null
      || can(regex("^-----BEGIN PRIVATE KEY-----", var.signing_key))
    )
    error_message = "The profile split needs signing_key in PEM, or existing_secrets.signing_key."
  }
}

variable "verifying_key" {
  description = "Public half of signing_key, as `marquee keys generate` writes it."
  type        = string
  default     = null
  ephemeral   = true

  validation {
    condition = (
      var.profile != "split" || var.existing_secrets.verifying_key != null
      || can(regex("^-----BEGIN PUBLIC KEY-----", var.verifying_key))
    )
    error_message = "The profile split needs verifying_key in PEM, or existing_secrets.verifying_key."
  }
}

variable "revisions" {
  description = "Revisions of the Secrets by name: token, keys, kafka, redis. Increase one to write its value again."
  type        = map(number)
  default     = {}
  nullable    = false
}

variable "volume" {
  description = "The volume of the profile embedded."
  type = object({
    size = optional(string, "20Gi")
    # Default: a class that the module makes, gp3 and encrypted.
    storage_class = optional(string)
  })
  default  = {}
  nullable = false
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

variable "timeout_seconds" {
  description = "How long an installation may take until all pods are ready. Then it is undone."
  type        = number
  default     = 900
  nullable    = false

  validation {
    condition     = var.timeout_seconds >= 60
    error_message = "timeout_seconds must be 60 or more: pods wait for their back-ends."
  }
}

variable "tags" {
  description = "Tags of the roles in AWS."
  type        = map(string)
  default     = {}
  nullable    = false
}

variable "name" {
  description = "Name of the cluster and of everything else. It must be unique in the account."
  type        = string
  default     = "marquee-demo"
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9]*(-[a-z0-9]+)*$", var.name)) && length(var.name) <= 28
    error_message = "name must have at most 28 lowercase letters, digits and single hyphens, and begin with a letter."
  }
}

variable "region" {
  description = "Region of AWS."
  type        = string
  default     = "eu-central-1"
  nullable    = false

  validation {
    condition     = can(regex("^[a-z]{2}(-[a-z]+)+-[0-9]$", var.region))
    error_message = "region must be a region of AWS, such as eu-central-1."
  }
}

variable "admin_cidrs" {
  description = "Networks from which you call the API server, for example [\"203.0.113.7/32\"]. Not the whole internet."
  type        = list(string)
  nullable    = false

  validation {
    condition     = length(var.admin_cidrs) > 0
    error_message = "Give the network from which you call the API server: charts are installed from there."
  }
}

variable "administrators" {
  description = "ARNs of IAM roles and users that administer the cluster, by any name. Empty: who applies this."
  type        = map(string)
  default     = {}
  nullable    = false
}

variable "profile" {
  description = "embedded: one pod with a volume. split: each role on its own, with MSK, ElastiCache and a bucket."
  type        = string
  default     = "embedded"
  nullable    = false

  validation {
    condition     = contains(["embedded", "split"], var.profile)
    error_message = "profile must be embedded or split."
  }
}

variable "instance_type" {
  description = "Type of the one node. 2 processors and 8 GiB are enough for each profile."
  type        = string
  default     = "m5.large"
  nullable    = false
}

variable "image" {
  description = "Registry and tag of the images. An empty registry is the one that this configuration makes."
  type = object({
    registry = optional(string, "")
    tag      = optional(string, "")
  })
  default  = {}
  nullable = false
}

variable "observability" {
  description = "Whether to install Prometheus and Grafana. They take about 1 GiB of the node."
  type        = bool
  default     = true
  nullable    = false
}

variable "alarm_emails" {
  description = "Addresses that get a mail when an alarm changes."
  type        = set(string)
  default     = []
  nullable    = false
}

variable "signing_key" {
  description = "For split: the private key that `marquee keys generate` writes. It is in no state."
  type        = string
  default     = null
  ephemeral   = true
  sensitive   = true
}

variable "verifying_key" {
  description = "For split: the public half of signing_key."
  type        = string
  default     = null
  ephemeral   = true
}

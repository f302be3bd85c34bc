variable "name" {
  description = "Beginning of the names of the secrets."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,27}$", var.name))
    error_message = "name must have 2 to 28 lowercase letters, digits and hyphens, and begin with a letter."
  }
}

variable "kinds" {
  description = "Which secrets to make: token (of the fleet's API), kafka, redis, grafana."
  type        = set(string)
  nullable    = false

  validation {
    condition     = length(setsubtract(var.kinds, ["grafana", "kafka", "redis", "token"])) == 0
    error_message = "kinds must be some of token, kafka, redis and grafana."
  }
}

variable "kafka_username" {
  description = "Name of the user of the fleet on Kafka."
  type        = string
  default     = "marquee"
  nullable    = false

  validation {
    condition     = can(regex("^[A-Za-z0-9._-]{1,64}$", var.kafka_username))
    error_message = "kafka_username must have 1 to 64 letters, digits, dots, underscores and hyphens."
  }
}

variable "revisions" {
  description = "Revisions by kind. Increase one to replace its value by a new one. Default: 1."
  type        = map(number)
  default     = {}
  nullable    = false

  validation {
    condition     = alltrue([for revision in values(var.revisions) : revision >= 1 && floor(revision) == revision])
    error_message = "revisions must be whole numbers of 1 or more."
  }
}

variable "recovery_days" {
  description = "Days for which a deleted secret can be brought back. 0: it is gone at once, and its name is free."
  type        = number
  default     = 30
  nullable    = false

  validation {
    condition     = var.recovery_days == 0 || (var.recovery_days >= 7 && var.recovery_days <= 30)
    error_message = "recovery_days must be 0, or 7 to 30."
  }
}

variable "tags" {
  description = "Tags of everything that the module makes."
  type        = map(string)
  default     = {}
  nullable    = false
}

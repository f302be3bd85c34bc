variable "name" {
  description = "Name of the key, without the prefix alias/."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9/-]{1,100}$", var.name))
    error_message = "name must have 2 to 101 lowercase letters, digits, slashes and hyphens, and begin with a letter."
  }
}

variable "description" {
  description = "What the key encrypts, in words."
  type        = string
  nullable    = false

  validation {
    condition     = length(var.description) > 0
    error_message = "description must not be empty: it is all that the console shows of a key's purpose."
  }
}

variable "log_groups" {
  description = "Names of the CloudWatch log groups that are encrypted with the key, for example /aws/msk/marquee."
  type        = list(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for name in var.log_groups : can(regex("^[A-Za-z0-9_./#-]+$", name))])
    error_message = "log_groups must be names of log groups without wildcards."
  }
}

variable "publishers" {
  description = "AWS services that publish to encrypted topics, for example cloudwatch.amazonaws.com."
  type        = list(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for service in var.publishers : can(regex("^[a-z]+\\.amazonaws\\.com$", service))])
    error_message = "publishers must be service principals such as cloudwatch.amazonaws.com."
  }
}

variable "deletion_window_days" {
  description = "Days between the deletion of the key and the loss of what it encrypts."
  type        = number
  default     = 30
  nullable    = false

  validation {
    condition     = var.deletion_window_days >= 7 && var.deletion_window_days <= 30
    error_message = "deletion_window_days must be 7 to 30, which is what AWS allows."
  }
}

variable "tags" {
  description = "Tags of the key."
  type        = map(string)
  default     = {}
  nullable    = false
}

variable "bucket_arn" {
  description = "ARN of the bucket."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^arn:[a-z-]+:s3:::[a-z0-9.-]{3,63}$", var.bucket_arn))
    error_message = "bucket_arn must be the ARN of a bucket, such as arn:aws:s3:::my-bucket."
  }
}

variable "prefix" {
  description = "What precedes all keys of the fleet, as in s3.url, without a slash at an end."
  type        = string
  default     = ""
  nullable    = false

  validation {
    condition     = var.prefix == "" || can(regex("^[A-Za-z0-9._=@-]+(/[A-Za-z0-9._=@-]+)*$", var.prefix))
    error_message = "prefix must be letters, digits and . _ - = @ between slashes: a wildcard would widen the rights."
  }
}

variable "key_arn" {
  description = "ARN of the KMS key that encrypts the objects. Null: S3 encrypts them with a key of its own."
  type        = string
  default     = null

  validation {
    condition     = var.key_arn == null || can(regex("^arn:[a-z-]+:kms:[^:]+:[0-9]+:key/[A-Za-z0-9-]+$", var.key_arn))
    error_message = "key_arn must be the ARN of one key, not of an alias: policies do not follow aliases."
  }
}

variable "region" {
  description = "Region of the bucket."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z]{2}(-[a-z]+)+-[0-9]$", var.region))
    error_message = "region must be a region of AWS, such as eu-central-1."
  }
}

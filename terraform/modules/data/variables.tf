variable "name" {
  description = "Beginning of the names of what the module makes."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9]*(-[a-z0-9]+)*$", var.name)) && length(var.name) <= 28
    error_message = "name must have at most 28 lowercase letters, digits and single hyphens, and begin with a letter."
  }
}

variable "vpc_id" {
  description = "VPC of Kafka and Redis. Required unless both are off."
  type        = string
  default     = null

  validation {
    condition     = var.vpc_id != null || !(var.kafka_enabled || var.redis_enabled)
    error_message = "Kafka and Redis need vpc_id."
  }
}

variable "subnet_ids" {
  description = "Private subnets of Kafka and Redis, one a zone. Required unless both are off."
  type        = list(string)
  default     = []
  nullable    = false

  validation {
    condition     = contains([2, 3], length(var.subnet_ids)) || !(var.kafka_enabled || var.redis_enabled)
    error_message = "Kafka and Redis need two or three subnet_ids, each in a zone of its own."
  }
}

variable "clients" {
  description = "Security groups that may connect to Kafka and Redis, by a name of your choice."
  type        = map(string)
  default     = {}
  nullable    = false
}

variable "kafka_enabled" {
  description = "Whether to make a Kafka cluster (Amazon MSK)."
  type        = bool
  default     = true
  nullable    = false
}

variable "kafka" {
  description = "Size and version of the Kafka cluster."
  type = object({
    # Versions of MSK, not of Kafka. A cluster without ZooKeeper ends with .kraft, and cannot change
    # to or from it.
    version       = optional(string, "3.9.x.kraft")
    instance_type = optional(string, "kafka.m7g.large")
    # A multiple of the number of subnets.
    brokers = optional(number, 3)
    # Of each broker. It can grow and not shrink.
    volume_gib = optional(number, 100)
    # Partitions of topics that the fleet creates. The number can never change afterwards.
    partitions = optional(number, 8)
  })
  default  = {}
  nullable = false

  validation {
    condition     = var.kafka.brokers >= 3
    error_message = "kafka.brokers must be 3 or more: the fleet keeps three replicas of each record."
  }

  validation {
    condition     = !var.kafka_enabled || var.kafka.brokers % max(1, length(var.subnet_ids)) == 0
    error_message = "kafka.brokers must be a multiple of the number of subnet_ids, which is what MSK demands."
  }

  validation {
    condition     = var.kafka.volume_gib >= 10 && var.kafka.volume_gib <= 16384
    error_message = "kafka.volume_gib must be 10 to 16384."
  }

  validation {
    condition     = var.kafka.partitions >= 1 && var.kafka.partitions <= 1000
    error_message = "kafka.partitions must be 1 to 1000."
  }
}

variable "kafka_secret_arn" {
  description = "ARN of a secret with username and password, whose name begins with AmazonMSK_. See modules/secrets."
  type        = string
  default     = null

  validation {
    condition = !var.kafka_enabled || can(
      regex("^arn:[^:]+:secretsmanager:.*:secret:AmazonMSK_", var.kafka_secret_arn)
    )
    error_message = "Kafka needs kafka_secret_arn, the ARN of a secret whose name begins with AmazonMSK_."
  }
}

variable "redis_enabled" {
  description = "Whether to make a Redis 7 (Amazon ElastiCache)."
  type        = bool
  default     = true
  nullable    = false
}

variable "redis" {
  description = "Size and version of Redis."
  type = object({
    version   = optional(string, "7.1")
    node_type = optional(string, "cache.m7g.large")
    # More than one makes it a cluster.
    shards = optional(number, 1)
    # Of each shard. Without replicas, the loss of a node empties a shard, and the fleet builds its
    # rows again.
    replicas = optional(number, 1)
    # Days for which daily snapshots are kept. 0: none are made.
    snapshot_days = optional(number, 1)
  })
  default  = {}
  nullable = false

  validation {
    condition     = can(regex("^7\\.[0-9]+$", var.redis.version))
    error_message = "redis.version must be 7.MINOR: the fleet is written for Redis 7."
  }

  validation {
    condition     = var.redis.shards >= 1 && var.redis.shards <= 90
    error_message = "redis.shards must be 1 to 90."
  }

  validation {
    condition     = var.redis.replicas >= 0 && var.redis.replicas <= 5
    error_message = "redis.replicas must be 0 to 5."
  }

  validation {
    condition     = var.redis.shards == 1 || var.redis.replicas >= 1
    error_message = "A cluster (redis.shards above 1) needs redis.replicas of 1 or more: it fails over by itself."
  }

  validation {
    condition     = var.redis.snapshot_days >= 0 && var.redis.snapshot_days <= 35
    error_message = "redis.snapshot_days must be 0 to 35."
  }
}

variable "redis_token" {
  description = "Password of Redis, 16 to 128 letters and digits. It is sent to Redis and stored in no state."
  type        = string
  default     = null
  ephemeral   = true
  sensitive   = true

  validation {
    condition     = !var.redis_enabled || can(regex("^[A-Za-z0-9]{16,128}$", var.redis_token))
    error_message = "Redis needs redis_token, 16 to 128 letters and digits. modules/secrets makes one."
  }
}

variable "redis_token_revision" {
  description = "Increase it to send a changed redis_token to Redis."
  type        = number
  default     = 1
  nullable    = false
}

variable "bucket_enabled" {
  description = "Whether to make a bucket for models, routes and the archive."
  type        = bool
  default     = true
  nullable    = false
}

variable "bucket" {
  description = "Name and rules of the bucket."
  type = object({
    # Default: a name with the number of the account, because names of buckets are unique in all of
    # AWS.
    name = optional(string)
    # Precedes all keys, so that fleets can share a bucket.
    prefix = optional(string, "")
    # Days for which overwritten and deleted objects can be brought back.
    keep_versions_days = optional(number, 30)
    # A bucket for access logs that exists. Default: no access logs.
    access_log_bucket = optional(string)
    # True deletes the bucket with all that is in it. For trials only.
    force_destroy = optional(bool, false)
  })
  default  = {}
  nullable = false

  validation {
    condition     = var.bucket.name == null || can(regex("^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$", var.bucket.name))
    error_message = "bucket.name must have 3 to 63 lowercase letters, digits, dots and hyphens."
  }

  validation {
    condition     = var.bucket.prefix == "" || can(regex("^[A-Za-z0-9._=@-]+(/[A-Za-z0-9._=@-]+)*$", var.bucket.prefix))
    error_message = "bucket.prefix must be letters, digits and . _ - = @ between slashes, without a slash at an end."
  }

  validation {
    condition     = var.bucket.keep_versions_days >= 1
    error_message = "bucket.keep_versions_days must be 1 or more."
  }
}

variable "images" {
  description = "Repositories for images, made below NAME/. Empty: none."
  type        = set(string)
  default     = ["marquee", "marquee-operator"]
  nullable    = false
}

variable "images_force_delete" {
  description = "Whether repositories are deleted with their images. For trials only."
  type        = bool
  default     = false
  nullable    = false
}

variable "log_retention_days" {
  description = "Days for which logs of Kafka and Redis are kept."
  type        = number
  default     = 30
  nullable    = false

  validation {
    condition     = contains([1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731], var.log_retention_days)
    error_message = "log_retention_days must be a number that CloudWatch knows: 1, 3, 5, 7, 14, 30, 60, 90, … 731."
  }
}

variable "tags" {
  description = "Tags of everything that the module makes."
  type        = map(string)
  default     = {}
  nullable    = false
}

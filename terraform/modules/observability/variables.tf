variable "name" {
  description = "Beginning of the names of what the module makes."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,27}$", var.name))
    error_message = "name must have 2 to 28 lowercase letters, digits and hyphens, and begin with a letter."
  }
}

variable "cluster_name" {
  description = "Name of the EKS cluster."
  type        = string
  nullable    = false
}

variable "oidc_provider_arn" {
  description = "ARN of the cluster's OIDC provider. Required by managed_prometheus and container_logs."
  type        = string
  default     = null

  validation {
    condition     = var.oidc_provider_arn != null || !(var.managed_prometheus || var.container_logs)
    error_message = "managed_prometheus and container_logs need oidc_provider_arn and oidc_issuer."
  }
}

variable "oidc_issuer" {
  description = "Issuer of the tokens of service accounts, without https://."
  type        = string
  default     = null
}

variable "alarms" {
  description = "What to watch. An absent part has no alarms."
  type = object({
    # Names of autoscaling groups by names that are known in advance: the output autoscaling_groups
    # of the module cluster.
    autoscaling_groups = optional(map(string), {})
    kafka_cluster_name = optional(string)
    kafka_brokers      = optional(number, 0)
    redis_nodes        = optional(list(string), [])
  })
  default  = {}
  nullable = false

  validation {
    condition     = (var.alarms.kafka_cluster_name == null) == (var.alarms.kafka_brokers == 0)
    error_message = "Give alarms.kafka_cluster_name together with alarms.kafka_brokers."
  }
}

variable "alarm_emails" {
  description = "Addresses that get a mail when an alarm changes. Each must be confirmed once."
  type        = set(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for address in var.alarm_emails : can(regex("^[^@ ]+@[^@ ]+$", address))])
    error_message = "alarm_emails must be addresses such as team@example.com."
  }
}

variable "alarm_topic_arns" {
  description = "Further SNS topics that are told about alarms."
  type        = list(string)
  default     = []
  nullable    = false
}

variable "prometheus_enabled" {
  description = "Whether to install Prometheus and Grafana in the cluster (kube-prometheus-stack)."
  type        = bool
  default     = true
  nullable    = false
}

variable "prometheus" {
  description = "Size and version of what is installed."
  type = object({
    chart_version = optional(string, "88.3.0")
    namespace     = optional(string, "monitoring")
    retention     = optional(string, "7d")
    volume        = optional(string, "20Gi")
    # Null: a class that the module makes, gp3 and encrypted.
    storage_class = optional(string)
    # Less memory and no Alertmanager, for a cluster of one node.
    small = optional(bool, false)
  })
  default  = {}
  nullable = false

  validation {
    condition     = can(regex("^[0-9]+\\.[0-9]+\\.[0-9]+$", var.prometheus.chart_version))
    error_message = "prometheus.chart_version must be one version, not a range."
  }

  validation {
    condition     = can(regex("^[1-9][0-9]*[hdwy]$", var.prometheus.retention))
    error_message = "prometheus.retention must be a time such as 7d."
  }

  validation {
    condition     = can(regex("^[1-9][0-9]*(Gi|Ti)$", var.prometheus.volume))
    error_message = "prometheus.volume must be a size such as 20Gi."
  }
}

variable "prometheus_values" {
  description = "Further values of kube-prometheus-stack as YAML. Later ones win. They are in the state."
  type        = list(string)
  default     = []
  nullable    = false
}

variable "managed_prometheus" {
  description = "Whether Prometheus also sends its series to Amazon's managed Prometheus, which keeps them longer."
  type        = bool
  default     = false
  nullable    = false

  validation {
    condition     = var.prometheus_enabled || !var.managed_prometheus
    error_message = "managed_prometheus needs prometheus_enabled: the Prometheus of the cluster sends the series."
  }
}

variable "existing_grafana_secret" {
  description = "A Secret of the namespace with admin-user and admin-password. Null: the module makes one."
  type        = string
  default     = null
}

variable "grafana_password" {
  description = "Password of the user admin of Grafana. It is in no state."
  type        = string
  default     = null
  ephemeral   = true
  sensitive   = true

  validation {
    condition = (
      !var.prometheus_enabled || var.existing_grafana_secret != null
      || length(var.grafana_password == null ? "" : var.grafana_password) > 0
    )
    error_message = "Grafana needs grafana_password, or existing_grafana_secret."
  }
}

variable "grafana_password_revision" {
  description = "Increase it to write a changed grafana_password again."
  type        = number
  default     = 1
  nullable    = false
}

variable "container_logs" {
  description = "Whether logs and measurements of pods and nodes are sent to CloudWatch."
  type        = bool
  default     = false
  nullable    = false
}

variable "log_retention_days" {
  description = "Days for which logs are kept."
  type        = number
  default     = 30
  nullable    = false

  validation {
    condition     = contains([1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731], var.log_retention_days)
    error_message = "log_retention_days must be a number that CloudWatch knows: 1, 3, 5, 7, 14, 30, 60, 90, … 731."
  }
}

variable "tags" {
  description = "Tags of everything that the module makes in AWS."
  type        = map(string)
  default     = {}
  nullable    = false
}

variable "name" {
  description = "Name of the cluster, and the beginning of the names of its parts."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,27}$", var.name))
    error_message = "name must have 2 to 28 lowercase letters, digits and hyphens, and begin with a letter."
  }
}

variable "kubernetes_version" {
  description = "Version of Kubernetes, as MAJOR.MINOR."
  type        = string
  default     = "1.35"
  nullable    = false

  validation {
    condition     = can(regex("^1\\.(2[8-9]|[3-9][0-9])$", var.kubernetes_version))
    error_message = "kubernetes_version must be 1.28 or newer, which is what the chart needs."
  }
}

variable "vpc_id" {
  description = "A VPC that exists. Null: the module makes one."
  type        = string
  default     = null
}

variable "private_subnet_ids" {
  description = "Subnets of vpc_id for nodes, in two zones or more. They need a way to AWS APIs: NAT or endpoints."
  type        = list(string)
  default     = []
  nullable    = false

  validation {
    condition     = var.vpc_id == null ? length(var.private_subnet_ids) == 0 : length(var.private_subnet_ids) >= 2
    error_message = "Give vpc_id together with two private_subnet_ids or more, or neither."
  }
}

variable "vpc_cidr" {
  description = "Addresses of the VPC that the module makes, at least a /20."
  type        = string
  default     = "10.40.0.0/16"
  nullable    = false

  validation {
    condition     = can(cidrhost(var.vpc_cidr, 0)) && can(regex("/(1[6-9]|20)$", var.vpc_cidr))
    error_message = "vpc_cidr must be an IPv4 network of /16 to /20, for example 10.40.0.0/16."
  }
}

variable "zone_count" {
  description = "Availability zones of the VPC that the module makes. Kafka with three replicas needs three."
  type        = number
  default     = 3
  nullable    = false

  validation {
    condition     = contains([2, 3], var.zone_count)
    error_message = "zone_count must be 2 or 3."
  }
}

variable "single_nat_gateway" {
  description = "One NAT gateway for all zones, which is cheaper. Without its zone, no node reaches the internet."
  type        = bool
  default     = false
  nullable    = false
}

variable "flow_logs" {
  description = "Whether refused and accepted connections of the VPC are logged, if the module makes the VPC."
  type        = bool
  default     = true
  nullable    = false
}

variable "endpoint_public_access" {
  description = "Whether the API server also has an address on the internet. The private one is always there."
  type        = bool
  default     = false
  nullable    = false
}

variable "public_access_cidrs" {
  description = "Networks that reach the public address of the API server."
  type        = list(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for cidr in var.public_access_cidrs : can(cidrhost(cidr, 0))])
    error_message = "public_access_cidrs must be networks such as 203.0.113.0/24."
  }

  validation {
    condition     = alltrue([for cidr in var.public_access_cidrs : !endswith(cidr, "/0")])
    error_message = "public_access_cidrs must not be the whole internet. Give the networks of those who administer."
  }

  validation {
    condition     = var.endpoint_public_access == (length(var.public_access_cidrs) > 0)
    error_message = "Give public_access_cidrs together with endpoint_public_access = true, or neither."
  }
}

variable "access_entries" {
  description = "Who may use the API server, by a name of your choice. Namespaces limit the rights to these namespaces."
  type = map(object({
    principal_arn = string
    # view, edit, admin or cluster-admin.
    policy     = string
    namespaces = optional(list(string), [])
  }))
  default  = {}
  nullable = false

  validation {
    condition = alltrue([
      for entry in values(var.access_entries) : contains(["view", "edit", "admin", "cluster-admin"], entry.policy)
    ])
    error_message = "The policy of an access entry must be view, edit, admin or cluster-admin."
  }

  validation {
    condition = alltrue([
      for entry in values(var.access_entries) : entry.policy != "cluster-admin" || length(entry.namespaces) == 0
    ])
    error_message = "cluster-admin is not limited to namespaces. Use admin, edit or view with namespaces."
  }

  validation {
    condition     = alltrue([for entry in values(var.access_entries) : startswith(entry.principal_arn, "arn:")])
    error_message = "The principal_arn of an access entry must be the ARN of an IAM role or user."
  }
}

variable "node_groups" {
  description = "Groups of nodes, by a name of your choice."
  type = map(object({
    instance_types = list(string)
    min_size       = number
    max_size       = number
    # The size at the start. An autoscaler may change it later.
    desired_size = optional(number)
    disk_gib     = optional(number, 50)
    # All nodes in the first subnet. Volumes are in one zone, and so is a pod that has one.
    single_zone = optional(bool, false)
    # ON_DEMAND or SPOT.
    capacity_type = optional(string, "ON_DEMAND")
    # AL2023_ARM_64_STANDARD for Graviton.
    ami_type = optional(string, "AL2023_x86_64_STANDARD")
    labels   = optional(map(string), {})
    taints = optional(list(object({
      key    = string
      value  = optional(string)
      effect = string
    })), [])
  }))
  default = {
    general = { instance_types = ["m5.xlarge"], min_size = 2, max_size = 6 }
  }
  nullable = false

  validation {
    condition     = length(var.node_groups) > 0
    error_message = "Give at least one group of nodes."
  }

  validation {
    condition = alltrue([
      for group in values(var.node_groups) :
      group.min_size >= 1 && group.min_size <= group.max_size
      && coalesce(group.desired_size, group.min_size) >= group.min_size
      && coalesce(group.desired_size, group.min_size) <= group.max_size
    ])
    error_message = "A group of nodes needs 1 <= min_size <= desired_size <= max_size."
  }

  validation {
    condition = alltrue([
      for group in values(var.node_groups) : contains(["ON_DEMAND", "SPOT"], group.capacity_type)
    ])
    error_message = "capacity_type must be ON_DEMAND or SPOT."
  }

  validation {
    condition     = alltrue([for group in values(var.node_groups) : group.disk_gib >= 20])
    error_message = "disk_gib must be 20 or more: images, logs and the data of pods are on this disk."
  }

  validation {
    condition = alltrue(flatten([
      for group in values(var.node_groups) : [
        for taint in group.taints : contains(["NO_SCHEDULE", "NO_EXECUTE", "PREFER_NO_SCHEDULE"], taint.effect)
      ]
    ]))
    error_message = "The effect of a taint must be NO_SCHEDULE, NO_EXECUTE or PREFER_NO_SCHEDULE."
  }
}

variable "addon_versions" {
  description = "Versions of add-ons by name, for example { coredns = \"v1.12.4-eksbuild.1\" }. Others get the default."
  type        = map(string)
  default     = {}
  nullable    = false

  validation {
    condition = length(setsubtract(
      keys(var.addon_versions),
      ["aws-ebs-csi-driver", "coredns", "kube-proxy", "metrics-server", "vpc-cni"],
    )) == 0
    error_message = "addon_versions is about aws-ebs-csi-driver, coredns, kube-proxy, metrics-server and vpc-cni only."
  }
}

variable "small" {
  description = "One replica of each add-on in place of two, for a cluster of one node."
  type        = bool
  default     = false
  nullable    = false
}

variable "log_retention_days" {
  description = "Days for which logs of the control plane and of the VPC are kept."
  type        = number
  default     = 90
  nullable    = false

  validation {
    condition     = contains([1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731], var.log_retention_days)
    error_message = "log_retention_days must be a number that CloudWatch knows: 1, 3, 5, 7, 14, 30, 60, 90, … 731."
  }
}

variable "deletion_protection" {
  description = "Whether the cluster refuses to be deleted until this is false."
  type        = bool
  default     = true
  nullable    = false
}

variable "tags" {
  description = "Tags of everything that the module makes."
  type        = map(string)
  default     = {}
  nullable    = false
}

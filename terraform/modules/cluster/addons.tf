locals {
  # What a cluster of one node does not need twice. The others keep the configuration of the add-on.
  configuration = var.small ? {
    coredns            = jsonencode({ replicaCount = 1 })
    metrics-server     = jsonencode({ replicas = 1 })
    aws-ebs-csi-driver = jsonencode({ controller = { replicaCount = 1 } })
  } : {}
  workloads = ["aws-ebs-csi-driver", "coredns", "kube-proxy", "metrics-server"]
}

# The network of pods, before there are nodes. It enforces network policies, which the chart of the
# fleet has.
resource "aws_eks_addon" "network" {
  cluster_name                = aws_eks_cluster.this.name
  addon_name                  = "vpc-cni"
  addon_version               = lookup(var.addon_versions, "vpc-cni", null)
  service_account_role_arn    = aws_iam_role.addon["vpc-cni"].arn
  configuration_values        = jsonencode({ enableNetworkPolicy = "true" })
  resolve_conflicts_on_create = "OVERWRITE"
  resolve_conflicts_on_update = "OVERWRITE"
  tags                        = var.tags

  depends_on = [aws_iam_role_policy_attachment.addon]
}

resource "aws_eks_addon" "workload" {
  for_each = toset(local.workloads)

  cluster_name                = aws_eks_cluster.this.name
  addon_name                  = each.key
  addon_version               = lookup(var.addon_versions, each.key, null)
  service_account_role_arn    = each.key == "aws-ebs-csi-driver" ? aws_iam_role.addon[each.key].arn : null
  configuration_values        = lookup(local.configuration, each.key, null)
  resolve_conflicts_on_create = "OVERWRITE"
  resolve_conflicts_on_update = "OVERWRITE"
  tags                        = var.tags

  # Their pods need a node to become ready.
  depends_on = [
    aws_eks_node_group.this,
    aws_iam_role_policy_attachment.addon,
  ]
}

# What waits for the name or the address finds a cluster with nodes, add-ons and rights.

output "name" {
  description = "Name of the cluster."
  value       = aws_eks_cluster.this.name

  depends_on = [
    aws_eks_access_policy_association.this,
    aws_eks_addon.workload,
  ]
}

output "endpoint" {
  description = "Address of the API server."
  value       = aws_eks_cluster.this.endpoint

  depends_on = [
    aws_eks_access_policy_association.this,
    aws_eks_addon.workload,
  ]
}

output "certificate_authority" {
  description = "Certificate of the API server's authority, in PEM."
  value       = base64decode(aws_eks_cluster.this.certificate_authority[0].data)
}

output "oidc_provider_arn" {
  description = "ARN of the provider with which pods get roles of their own."
  value       = aws_iam_openid_connect_provider.this.arn
}

output "oidc_issuer" {
  description = "Issuer of the tokens of service accounts, without https://."
  value       = local.issuer
}

output "vpc_id" {
  description = "ID of the VPC."
  value       = local.vpc_id
}

output "private_subnet_ids" {
  description = "IDs of the subnets of nodes, one a zone."
  value       = local.private_subnet_ids
}

output "node_security_group_id" {
  description = "ID of the security group that all nodes and pods have."
  value       = aws_eks_cluster.this.vpc_config[0].cluster_security_group_id
}

output "autoscaling_groups" {
  description = "Names of the autoscaling groups of nodes, by the names of the node groups."
  value       = { for key, group in aws_eks_node_group.this : key => group.resources[0].autoscaling_groups[0].name }
}

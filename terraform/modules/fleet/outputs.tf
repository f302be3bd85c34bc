output "namespace" {
  description = "Namespace of the fleet."
  value       = local.namespace
}

output "release" {
  description = "Name of the release."
  value       = helm_release.this.name
}

output "token_secret" {
  description = "Name of the Secret with the token of calls that write or administer."
  value       = local.secret_names.token
}

output "role_arns" {
  description = "ARNs of the roles in AWS, by the roles of the fleet."
  value       = { for role, resource in aws_iam_role.this : role => resource.arn }
}

output "grpc_address" {
  description = "Address in the cluster of predictions: inference in split, the one pod in embedded."
  value       = "${var.name}-${local.is_split ? "inference" : "fleet"}.${local.namespace}.svc:7070"
}

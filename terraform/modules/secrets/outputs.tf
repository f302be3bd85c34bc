output "arns" {
  description = "ARNs of the secrets by kind."
  value       = { for kind, secret in aws_secretsmanager_secret.this : kind => secret.arn }
  # Brokers may read the secret only with its policy, and it has a value only with a version.
  depends_on = [
    aws_secretsmanager_secret_policy.kafka,
    aws_secretsmanager_secret_version.this,
  ]
}

output "revisions" {
  description = "Revisions by kind. Whoever stores a value writes it again when its revision grows."
  value = {
    for kind, version in aws_secretsmanager_secret_version.this : kind => version.secret_string_wo_version
  }
}

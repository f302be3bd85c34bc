output "values" {
  description = "The values as YAML."
  value       = yamlencode(merge(local.common, local.profiles[var.profile]))
}

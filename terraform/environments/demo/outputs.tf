output "kubeconfig" {
  description = "The command that makes kubectl use the cluster."
  value       = "aws eks update-kubeconfig --region ${var.region} --name ${module.cluster.name}"
}

output "image_registry" {
  description = "Where to push the images marquee and marquee-operator."
  value       = module.data.image_registry
}

output "token" {
  description = "The command that prints the token of calls that write or administer."
  value = join(" ", [
    "aws secretsmanager get-secret-value --region ${var.region} --secret-id ${var.name}/token",
    "--query SecretString --output text",
  ])
}

output "port_forward" {
  description = "The command that makes the fleet answer on this machine: gRPC on 7070, HTTP on 7080."
  value = format(
    "kubectl port-forward --namespace %s service/%s 7070 7080",
    module.fleet.namespace, split(".", module.fleet.grpc_address)[0],
  )
}

output "grafana" {
  description = "The command that makes Grafana answer on port 3000 of this machine. Null without observability."
  value = !var.observability ? null : join(" ", [
    "kubectl port-forward --namespace ${module.observability.namespace}",
    "service/prometheus-grafana 3000:80",
  ])
}

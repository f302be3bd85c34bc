output "policies" {
  description = "Policies as JSON, by role. A role that is absent, such as ingest, needs no object."
  value = {
    for role, statements in local.objects : role => jsonencode({
      Version   = "2012-10-17"
      Statement = concat([local.list], statements, local.key[role])
    })
  }
}

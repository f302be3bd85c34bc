# Which role reads and writes which objects. The keys are those of the code:
#   models/                       services/lib/model/src/store.rs
#   routing/                      services/inference/src/routing/table.rs
#   trainings/, cancellations/    services/trainer/src/queue.rs
#   archive/ratings/              services/lib/archive/src/lib.rs
#   rollouts/                     services/controller/src/store.rs
#   leases/                       services/trainer/src/service.rs
#                                 services/controller/src/service.rs
# tests/deploy/test_terraform.py compares them with the code.

locals {
  read   = ["s3:GetObject"]
  write  = ["s3:PutObject"]
  delete = ["s3:DeleteObject"]
  # Large files of a model are uploaded in parts, and a failed upload is aborted.
  abort = ["s3:AbortMultipartUpload"]

  rights = {
    # Rows that the log has forgotten are built again from the archive.
    feature-store = [{ keys = ["archive/ratings/*"], actions = local.read }]
    monitor       = [{ keys = ["archive/ratings/*"], actions = local.read }]
    # A route is set through an instance of inference, by a person, the operator or the controller.
    inference = [
      { keys = ["models/*"], actions = local.read },
      { keys = ["routing/*"], actions = concat(local.read, local.write) },
    ]
    trainer = [
      { keys = ["models/*"], actions = concat(local.read, local.write, local.delete, local.abort) },
      { keys = ["archive/ratings/*"], actions = concat(local.read, local.write, local.delete) },
      # Old runs are removed.
      { keys = ["trainings/*"], actions = concat(local.read, local.write, local.delete) },
      { keys = ["leases/trainer.json"], actions = concat(local.read, local.write) },
      { keys = ["cancellations/*"], actions = concat(local.write, local.delete) },
    ]
    # The controller. On Kubernetes the operator takes its place, and needs no object.
    rollouts = [
      { keys = ["rollouts/*"], actions = concat(local.read, local.write, local.delete) },
      { keys = ["leases/rollouts.json"], actions = concat(local.read, local.write) },
    ]
  }

  folder = var.prefix == "" ? "" : "${var.prefix}/"

  # Each process lists once at its start, and S3 answers that an object is absent only to those who
  # may list. Otherwise it answers 403, which the program takes for missing rights. So this right is
  # about the whole bucket: a condition on the prefix would not hold for reads.
  list = {
    Sid      = "List"
    Effect   = "Allow"
    Action   = ["s3:ListBucket"]
    Resource = [var.bucket_arn]
  }

  objects = {
    for role, statements in local.rights : role => [
      for index, statement in statements : {
        Sid      = "Objects${index}"
        Effect   = "Allow"
        Action   = statement.actions
        Resource = [for key in statement.keys : "${var.bucket_arn}/${local.folder}${key}"]
      }
    ]
  }

  writers = {
    for role, statements in local.rights : role => contains(flatten(statements[*].actions), "s3:PutObject")
  }

  key = {
    for role, writes in local.writers : role => var.key_arn == null ? [] : [{
      Sid    = "Key"
      Effect = "Allow"
      # Uploads in parts read back what they wrote, so writers decrypt too.
      Action    = writes ? ["kms:Decrypt", "kms:GenerateDataKey"] : ["kms:Decrypt"]
      Resource  = [var.key_arn]
      Condition = { StringEquals = { "kms:ViaService" = "s3.${var.region}.amazonaws.com" } }
    }]
  }
}

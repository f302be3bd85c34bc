data "aws_caller_identity" "current" {}

data "aws_region" "current" {}

locals {
  account = data.aws_caller_identity.current.account_id
  region  = data.aws_region.current.region

  kafka_log_group  = "/aws/msk/${var.name}"
  redis_log_groups = { for kind in ["slow-log", "engine-log"] : kind => "/aws/elasticache/${var.name}/${kind}" }
}

module "key" {
  source = "../key"

  name        = "${var.name}/data"
  description = "Encrypts what the fleet ${var.name} stores: Kafka, Redis, the bucket, images and logs."
  log_groups  = concat([local.kafka_log_group], values(local.redis_log_groups))
  tags        = var.tags
}

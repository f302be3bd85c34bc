mock_provider "aws" {
  mock_data "aws_caller_identity" {
    defaults = {
      account_id = "111122223333"
    }
  }

  mock_data "aws_partition" {
    defaults = {
      partition = "aws"
    }
  }

  mock_data "aws_region" {
    defaults = {
      region = "eu-central-1"
    }
  }

  mock_resource "aws_kms_key" {
    defaults = {
      arn = "arn:aws:kms:eu-central-1:111122223333:key/00000000-0000-0000-0000-000000000000"
    }
  }

  mock_resource "aws_msk_configuration" {
    defaults = {
      arn             = "arn:aws:kafka:eu-central-1:111122223333:configuration/mock/00000000-1"
      latest_revision = 1
    }
  }

  mock_resource "aws_msk_cluster" {
    defaults = {
      arn                          = "arn:aws:kafka:eu-central-1:111122223333:cluster/mock/00000000-1"
      bootstrap_brokers_sasl_scram = "b-1.mock:9096,b-2.mock:9096,b-3.mock:9096"
    }
  }

  mock_resource "aws_elasticache_replication_group" {
    defaults = {
      primary_endpoint_address       = "primary.mock"
      configuration_endpoint_address = "configuration.mock"
    }
  }

  mock_resource "aws_s3_bucket" {
    defaults = {
      arn = "arn:aws:s3:::marquee-test-objects"
      id  = "marquee-test-objects"
    }
  }

  mock_resource "aws_ecr_repository" {
    defaults = {
      repository_url = "111122223333.dkr.ecr.eu-central-1.amazonaws.com/marquee-test/marquee"
    }
  }
}

variables {
  name       = "marquee-test"
  vpc_id     = "vpc-0123456789abcdef0"
  subnet_ids = ["subnet-00000000000000001", "subnet-00000000000000002", "subnet-00000000000000003"]
  clients    = { nodes = "sg-0123456789abcdef0" }

  kafka_secret_arn = "arn:aws:secretsmanager:eu-central-1:111122223333:secret:AmazonMSK_marquee-test-AbCdEf"
  redis_token      = "0123456789abcdef0123456789abcdef"
}

run "kafka_is_encrypted_and_knows_every_client" {
  assert {
    condition = (
      aws_msk_cluster.this[0].encryption_info[0].encryption_in_transit[0].client_broker == "TLS"
      && aws_msk_cluster.this[0].encryption_info[0].encryption_in_transit[0].in_cluster
      && aws_msk_cluster.this[0].encryption_info[0].encryption_at_rest_kms_key_arn == module.key.arn
    )
    error_message = "Records are not encrypted on the way, among brokers or at rest."
  }

  assert {
    condition = (
      aws_msk_cluster.this[0].client_authentication[0].sasl[0].scram
      && !aws_msk_cluster.this[0].client_authentication[0].sasl[0].iam
      && !aws_msk_cluster.this[0].client_authentication[0].unauthenticated
    )
    error_message = "Kafka accepts clients without SASL/SCRAM."
  }

  assert {
    condition     = aws_msk_scram_secret_association.this[0].secret_arn_list == toset([var.kafka_secret_arn])
    error_message = "Brokers do not know the user."
  }

  assert {
    condition     = output.kafka.security == "sasl_tls" && output.kafka.mechanism == "SCRAM-SHA-512"
    error_message = "The fleet is told another way to authenticate than MSK has."
  }
}

run "topics_keep_what_the_program_checks" {
  assert {
    condition = {
      for line in split("\n", aws_msk_configuration.this[0].server_properties) :
      split("=", line)[0] => split("=", line)[1]
      } == {
      "auto.create.topics.enable"      = "false"
      "default.replication.factor"     = "3"
      "log.cleanup.policy"             = "delete"
      "log.message.timestamp.type"     = "CreateTime"
      "log.retention.bytes"            = "-1"
      "log.retention.ms"               = "-1"
      "message.max.bytes"              = "1310720"
      "min.insync.replicas"            = "2"
      "num.partitions"                 = "8"
      "unclean.leader.election.enable" = "false"
    }
    error_message = "A topic with these defaults would be refused, or would lose records."
  }

  assert {
    condition     = aws_msk_cluster.this[0].number_of_broker_nodes >= 3 && output.kafka.min_insync_replicas == 2
    error_message = "A record is acknowledged by too few brokers."
  }
}

run "only_clients_connect_and_only_to_one_port" {
  assert {
    condition = alltrue([
      for rule in concat(
        values(aws_vpc_security_group_ingress_rule.kafka), values(aws_vpc_security_group_ingress_rule.redis),
      ) :
      rule.referenced_security_group_id == "sg-0123456789abcdef0" && rule.from_port == rule.to_port
      && rule.cidr_ipv4 == null && rule.cidr_ipv6 == null
    ])
    error_message = "A rule is about more than one port, or about addresses."
  }

  assert {
    condition = (
      aws_vpc_security_group_ingress_rule.kafka["nodes"].from_port == 9096
      && aws_vpc_security_group_ingress_rule.redis["nodes"].from_port == 6379
    )
    error_message = "The port is not that of SCRAM over TLS, or not that of Redis."
  }
}

run "redis_is_encrypted_asks_for_a_token_and_evicts_nothing" {
  assert {
    condition = (
      aws_elasticache_replication_group.this[0].transit_encryption_enabled
      && aws_elasticache_replication_group.this[0].transit_encryption_mode == "required"
      && aws_elasticache_replication_group.this[0].at_rest_encryption_enabled == "true"
      && aws_elasticache_replication_group.this[0].kms_key_id == module.key.arn
    )
    error_message = "Rows are not encrypted on the way or at rest."
  }

  assert {
    condition = (
      aws_elasticache_replication_group.this[0].auth_token == null
      && aws_elasticache_replication_group.this[0].auth_token_wo_version == 1
    )
    error_message = "There is no token, or it is in the state."
  }

  assert {
    condition = {
      for parameter in aws_elasticache_parameter_group.this[0].parameter : parameter.name => parameter.value
    } == { "maxmemory-policy" = "noeviction", "cluster-enabled" = "no" }
    error_message = "Redis evicts rows."
  }

  assert {
    condition = (
      aws_elasticache_replication_group.this[0].num_cache_clusters == 2
      && aws_elasticache_replication_group.this[0].automatic_failover_enabled
      && aws_elasticache_replication_group.this[0].multi_az_enabled
    )
    error_message = "Nobody takes over from a primary that is lost."
  }

  assert {
    condition     = output.redis.urls == ["rediss://primary.mock:6379"] && !output.redis.cluster
    error_message = "The address is not that of the primary with TLS."
  }

  assert {
    condition     = output.redis_nodes == tolist(["marquee-test-001", "marquee-test-002"])
    error_message = "Alarms would be about nodes that do not exist."
  }
}

run "the_bucket_is_private_encrypted_and_keeps_versions" {
  assert {
    condition = (
      aws_s3_bucket_public_access_block.this[0].block_public_acls
      && aws_s3_bucket_public_access_block.this[0].block_public_policy
      && aws_s3_bucket_public_access_block.this[0].ignore_public_acls
      && aws_s3_bucket_public_access_block.this[0].restrict_public_buckets
    )
    error_message = "Objects may become public."
  }

  assert {
    condition = alltrue([
      for rule in aws_s3_bucket_server_side_encryption_configuration.this[0].rule :
      rule.bucket_key_enabled
      && rule.apply_server_side_encryption_by_default[0].sse_algorithm == "aws:kms"
      && rule.apply_server_side_encryption_by_default[0].kms_master_key_id == module.key.arn
    ])
    error_message = "Objects are not encrypted with the key."
  }

  assert {
    condition     = aws_s3_bucket_versioning.this[0].versioning_configuration[0].status == "Enabled"
    error_message = "An overwritten object is lost."
  }

  assert {
    condition     = aws_s3_bucket_ownership_controls.this[0].rule[0].object_ownership == "BucketOwnerEnforced"
    error_message = "Access lists of objects count."
  }

  assert {
    condition = toset([
      for s in jsondecode(aws_s3_bucket_policy.this[0].policy).Statement : "${s.Effect} ${join(",", keys(s.Condition))}"
    ]) == toset(["Deny Bool", "Deny NumericLessThan"])
    error_message = "The bucket can be used without TLS, or the policy allows something."
  }

  assert {
    condition     = !aws_s3_bucket.this[0].force_destroy
    error_message = "The bucket can be deleted with all that is in it."
  }
}

run "no_rule_removes_a_current_object" {
  assert {
    condition = alltrue([
      for rule in aws_s3_bucket_lifecycle_configuration.this[0].rule :
      alltrue([for expiration in rule.expiration : expiration.expired_object_delete_marker])
      && length(rule.transition) == 0
    ])
    error_message = "A rule removes objects of the archive, or moves them where they cannot be read at once."
  }

  assert {
    condition = anytrue([
      for rule in aws_s3_bucket_lifecycle_configuration.this[0].rule : anytrue([
        for abort in rule.abort_incomplete_multipart_upload : abort.days_after_initiation == 1
      ])
    ])
    error_message = "Parts of unfinished uploads stay."
  }
}

run "images_are_scanned_and_a_tag_never_changes" {
  assert {
    condition = alltrue([
      for repository in aws_ecr_repository.this :
      repository.image_tag_mutability == "IMMUTABLE"
      && repository.image_scanning_configuration[0].scan_on_push
      && repository.encryption_configuration[0].encryption_type == "KMS"
    ])
    error_message = "An image is not scanned or not encrypted, or its tag may change."
  }

  assert {
    condition     = output.image_registry == "111122223333.dkr.ecr.eu-central-1.amazonaws.com/marquee-test"
    error_message = "The chart would look for images elsewhere."
  }
}

run "a_cluster_of_redis_has_shards_and_another_address" {
  variables {
    redis = { shards = 2, replicas = 1 }
  }

  assert {
    condition = (
      aws_elasticache_replication_group.this[0].num_node_groups == 2
      && aws_elasticache_replication_group.this[0].replicas_per_node_group == 1
    )
    error_message = "There are too few shards or replicas."
  }

  assert {
    condition     = output.redis.urls == ["rediss://configuration.mock:6379"] && output.redis.cluster
    error_message = "The fleet is not told that Redis is a cluster."
  }

  assert {
    condition     = contains(output.redis_nodes, "marquee-test-0002-002") && length(output.redis_nodes) == 4
    error_message = "Alarms would be about nodes that do not exist."
  }
}

run "objects_below_a_prefix" {
  variables {
    bucket = { name = "shared-bucket", prefix = "teams/films" }
  }

  assert {
    condition     = output.bucket.url == "s3://marquee-test-objects/teams/films"
    error_message = "The address lacks the prefix."
  }

  assert {
    condition = anytrue([
      for rule in aws_s3_bucket_lifecycle_configuration.this[0].rule :
      anytrue([for filter in rule.filter : filter.prefix == "teams/films/leases/"])
    ])
    error_message = "Old leases below the prefix stay."
  }
}

run "what_is_off_is_not_made" {
  variables {
    vpc_id         = null
    subnet_ids     = []
    clients        = {}
    kafka_enabled  = false
    redis_enabled  = false
    bucket_enabled = false
    images         = []

    kafka_secret_arn = null
  }

  assert {
    condition = (
      length(aws_msk_cluster.this) + length(aws_elasticache_replication_group.this) + length(aws_s3_bucket.this)
      + length(aws_ecr_repository.this) == 0
    )
    error_message = "Something is made although it is off."
  }

  assert {
    condition = (
      output.kafka == null && output.redis == null && output.bucket == null && output.image_registry == null
    )
    error_message = "An output names what does not exist."
  }
}

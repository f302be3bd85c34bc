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

  mock_data "aws_availability_zones" {
    defaults = {
      names = ["eu-central-1a", "eu-central-1b", "eu-central-1c"]
    }
  }

  mock_resource "aws_kms_key" {
    defaults = {
      arn = "arn:aws:kms:eu-central-1:111122223333:key/00000000-0000-0000-0000-000000000000"
    }
  }

  mock_resource "aws_iam_role" {
    defaults = {
      arn = "arn:aws:iam::111122223333:role/mock"
    }
  }

  mock_resource "aws_iam_openid_connect_provider" {
    defaults = {
      arn = "arn:aws:iam::111122223333:oidc-provider/oidc.example/id/MOCK"
    }
  }

  mock_resource "aws_cloudwatch_log_group" {
    defaults = {
      arn = "arn:aws:logs:eu-central-1:111122223333:log-group:/mock"
    }
  }

  mock_resource "aws_launch_template" {
    defaults = {
      id             = "lt-00000000000000000"
      latest_version = 1
    }
  }

  mock_resource "aws_eks_cluster" {
    defaults = {
      endpoint              = "https://api.example"
      certificate_authority = [{ data = "cGVt" }]
      identity              = [{ oidc = [{ issuer = "https://oidc.example/id/MOCK" }] }]
    }
  }

  mock_resource "aws_eks_node_group" {
    defaults = {
      resources = [{ autoscaling_groups = [{ name = "eks-general" }], remote_access_security_group_id = "" }]
    }
  }
}

variables {
  name = "marquee-test"
}

run "secrets_and_logs_are_encrypted_with_a_key_of_the_cluster" {
  assert {
    condition = (
      tolist(aws_eks_cluster.this.encryption_config[0].resources) == tolist(["secrets"])
      && aws_eks_cluster.this.encryption_config[0].provider[0].key_arn == module.key.arn
    )
    error_message = "Secrets are not encrypted with the key."
  }

  assert {
    condition = alltrue([
      for group in [aws_cloudwatch_log_group.cluster, aws_cloudwatch_log_group.flow[0]] :
      group.kms_key_id == module.key.arn && group.retention_in_days == 90
    ])
    error_message = "A log group is not encrypted, or keeps its logs forever."
  }

  assert {
    condition     = length(aws_eks_cluster.this.enabled_cluster_log_types) == 5
    error_message = "A part of the control plane writes no log."
  }

  assert {
    condition     = aws_cloudwatch_log_group.cluster.name == "/aws/eks/marquee-test/cluster"
    error_message = "EKS would make a log group of its own, without retention."
  }
}

run "the_api_server_is_private_and_only_entries_give_rights" {
  assert {
    condition = (
      aws_eks_cluster.this.vpc_config[0].endpoint_private_access
      && !aws_eks_cluster.this.vpc_config[0].endpoint_public_access
    )
    error_message = "The API server has an address on the internet."
  }

  assert {
    condition = (
      aws_eks_cluster.this.access_config[0].authentication_mode == "API"
      && !aws_eks_cluster.this.access_config[0].bootstrap_cluster_creator_admin_permissions
    )
    error_message = "An identity has rights without an access entry."
  }

  assert {
    condition     = aws_eks_cluster.this.deletion_protection
    error_message = "The cluster can be deleted by mistake."
  }
}

run "nodes_have_encrypted_disks_and_keep_their_credentials_from_pods" {
  assert {
    condition = alltrue([
      for template in aws_launch_template.node :
      template.block_device_mappings[0].ebs[0].encrypted == "true"
      && template.metadata_options[0].http_tokens == "required"
      && template.metadata_options[0].http_put_response_hop_limit == 1
    ])
    error_message = "A disk is not encrypted, or pods reach the metadata service of the node."
  }

  assert {
    condition = toset(keys(aws_iam_role_policy_attachment.node)) == toset([
      "AmazonEC2ContainerRegistryPullOnly",
      "AmazonEKSWorkerNodePolicy",
    ])
    error_message = "Nodes have more rights than to join and to pull images."
  }

  assert {
    condition     = alltrue([for subnet in aws_subnet.public : !subnet.map_public_ip_on_launch])
    error_message = "Machines in public subnets get public addresses by themselves."
  }
}

run "an_add_on_has_a_role_that_only_its_account_takes" {
  assert {
    condition = (
      jsondecode(aws_iam_role.addon["aws-ebs-csi-driver"].assume_role_policy).Statement[0].Condition.StringEquals
      == {
        "oidc.example/id/MOCK:aud" = "sts.amazonaws.com"
        "oidc.example/id/MOCK:sub" = "system:serviceaccount:kube-system:ebs-csi-controller-sa"
      }
    )
    error_message = "Another account may take the role of the volume driver."
  }

  assert {
    condition     = jsondecode(aws_eks_addon.network.configuration_values).enableNetworkPolicy == "true"
    error_message = "Network policies are not enforced."
  }

  assert {
    condition     = keys(aws_eks_addon.workload) == ["aws-ebs-csi-driver", "coredns", "kube-proxy", "metrics-server"]
    error_message = "An add-on is missing."
  }
}

run "private_subnets_leave_by_the_gateway_of_their_zone" {
  assert {
    condition     = length(aws_subnet.private) == 3 && length(aws_nat_gateway.this) == 3
    error_message = "A zone has no subnet or no gateway."
  }

  assert {
    condition = (
      [for subnet in aws_subnet.private : subnet.cidr_block] == ["10.40.0.0/20", "10.40.16.0/20", "10.40.32.0/20"]
      && [for subnet in aws_subnet.public : subnet.cidr_block] == ["10.40.240.0/22", "10.40.244.0/22", "10.40.248.0/22"]
    )
    error_message = "Subnets overlap or moved."
  }

  assert {
    condition     = aws_vpc_endpoint.s3[0].service_name == "com.amazonaws.eu-central-1.s3"
    error_message = "Objects go through NAT."
  }
}

run "one_gateway_serves_all_zones" {
  variables {
    single_nat_gateway = true
  }

  assert {
    condition     = length(aws_nat_gateway.this) == 1 && length(aws_route.nat) == 3
    error_message = "A zone has no route."
  }
}

run "given_subnets_are_used_and_no_network_is_made" {
  variables {
    vpc_id             = "vpc-0123456789abcdef0"
    private_subnet_ids = ["subnet-00000000000000001", "subnet-00000000000000002"]
  }

  assert {
    condition = 0 == sum([
      length(aws_vpc.this), length(aws_subnet.private), length(aws_nat_gateway.this), length(aws_flow_log.this),
    ])
    error_message = "A network is made beside the given one."
  }

  assert {
    condition     = toset(aws_eks_cluster.this.vpc_config[0].subnet_ids) == toset(var.private_subnet_ids)
    error_message = "The given subnets are not used."
  }

  assert {
    condition     = output.vpc_id == "vpc-0123456789abcdef0"
    error_message = "The output names another VPC."
  }
}

run "an_entry_is_limited_to_its_namespaces" {
  variables {
    access_entries = {
      shop = {
        principal_arn = "arn:aws:iam::111122223333:role/shop"
        policy        = "edit"
        namespaces    = ["shop"]
      }
      operations = {
        principal_arn = "arn:aws:iam::111122223333:role/operations"
        policy        = "cluster-admin"
      }
    }
  }

  assert {
    condition = (
      aws_eks_access_policy_association.this["shop"].access_scope[0].type == "namespace"
      && toset(aws_eks_access_policy_association.this["shop"].access_scope[0].namespaces) == toset(["shop"])
      && endswith(aws_eks_access_policy_association.this["shop"].policy_arn, "/AmazonEKSEditPolicy")
    )
    error_message = "The entry reaches beyond its namespace."
  }

  assert {
    condition     = aws_eks_access_policy_association.this["operations"].access_scope[0].type == "cluster"
    error_message = "The entry of those who operate the cluster is limited to namespaces."
  }
}

run "a_small_cluster_has_one_of_each" {
  variables {
    small       = true
    node_groups = { one = { instance_types = ["m5.large"], min_size = 1, max_size = 1, single_zone = true } }
  }

  assert {
    condition     = aws_eks_node_group.this["one"].subnet_ids == toset([aws_subnet.private["0"].id])
    error_message = "A node that is replaced may be where its volumes are not."
  }

  assert {
    condition = (
      jsondecode(aws_eks_addon.workload["coredns"].configuration_values).replicaCount == 1
      && jsondecode(aws_eks_addon.workload["metrics-server"].configuration_values).replicas == 1
      && jsondecode(aws_eks_addon.workload["aws-ebs-csi-driver"].configuration_values).controller.replicaCount == 1
    )
    error_message = "An add-on runs twice."
  }
}

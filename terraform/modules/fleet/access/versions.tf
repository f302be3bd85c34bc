terraform {
  # This module has no resources and needs no provider.
  required_version = ">= 1.11.0, < 2.0.0"
}

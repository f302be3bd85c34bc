output "arn" {
  description = "ARN of the key."
  # The alias belongs to a key that can be used, so what waits for the ARN waits for the alias too.
  value      = aws_kms_key.this.arn
  depends_on = [aws_kms_alias.this]
}

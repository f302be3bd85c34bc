{{/*
The settings file of a unit: the addresses of other roles and what follows from the memory limit, then `settings`,
then the settings of the unit, then what depends on Kubernetes. Later ones win. Takes root, name and unit.
*/}}
{{- define "marquee.settings" -}}
{{- $root := .root }}
{{- $name := .name }}
{{- $values := .root.Values }}
{{- $secrets := $values.secrets }}
{{- $needs := splitList " " (include "marquee.needs" .name) }}
{{- $settings := dict }}
{{- if has "features" $needs }}
{{- $_ := set $settings "features_address" (include "marquee.address" (dict "root" $root "name" "feature-store")) }}
{{- end }}
{{- if has "inference" $needs }}
{{- $_ := set $settings "inference_address" (include "marquee.address" (dict "root" $root "name" "inference")) }}
{{- end }}
{{- /* Answers that wait for slow clients take an eighth of the memory at most, within the limits of the program:
a pod whose clients do not read must refuse requests, and not be ended for its memory. */}}
{{- with ((.unit.resources | default dict).limits | default dict).memory }}
{{- with include "marquee.bytes" . }}
{{- $_ := set $settings "server" (dict "answer_budget" (min 268435456 (max 16777216 (div (int64 .) 8)))) }}
{{- end }}
{{- end }}
{{- $common := deepCopy ($values.settings | default dict) }}
{{- $settings = mergeOverwrite $settings $common (deepCopy (.unit.settings | default dict)) }}
{{- /* A role has the section of a back-end only if it uses it, and so has its credentials. */}}
{{- range list "kafka" "redis" "s3" }}
{{- if not (has . $needs) }}{{ $settings = omit $settings . }}{{ end }}
{{- end }}
{{- /* These sections concern one role, so a change of them replaces no other pods. All roles read those of the
feature store and the trainer: the monitor keeps histories of the same length, and each role that opens Kafka
checks the retention of topics against the archive. */}}
{{- range list "ingest" "inference" "monitor" "rollouts" }}
{{- if not (has $name (list . "fleet")) }}{{ $settings = omit $settings . }}{{ end }}
{{- end }}
{{- $fixed := dict
  "data_dir" "/var/lib/marquee"
  "grpc_listen" (printf "%s:7070" $values.listenHost)
  "http_listen" (printf "%s:7080" $values.listenHost)
  "admin_listen" (printf "%s:7090" $values.listenHost)
  "drain_delay" (printf "%vs" $values.drainDelaySeconds)
  "shutdown" (printf "%vs" $values.shutdownSeconds)
  "backends" (dict "log" "embedded" "store" "embedded" "objects" "embedded") }}
{{- if ne .name "fleet" }}
{{- $_ := set $fixed "backends" (dict "log" "kafka" "store" "redis" "objects" "s3") }}
{{- end }}
{{- $server := dict }}
{{- if include "marquee.hasToken" $root }}
{{- $_ := set $server "token_file" "/etc/marquee/token/token" }}
{{- end }}
{{- with $secrets.serverTls }}
{{- if .existingSecret }}
{{- $tls := dict "cert_file" "/etc/marquee/tls/tls.crt" "key_file" "/etc/marquee/tls/tls.key" }}
{{- if .clientCaKey }}{{ $_ := set $tls "client_ca_file" "/etc/marquee/tls/clients.crt" }}{{ end }}
{{- $_ := set $server "tls" $tls }}
{{- if .caKey }}{{ $_ := set $fixed "client" (dict "ca_file" "/etc/marquee/tls/ca.crt") }}{{ end }}
{{- end }}
{{- end }}
{{- $_ := set $fixed "server" $server }}
{{- if and (has "verifyingKey" $needs) $secrets.verifyingKey.existingSecret }}
{{- $_ := set $fixed "verifying_key" "/etc/marquee/verifying/verifying.pem" }}
{{- end }}
{{- if and (has "signingKey" $needs) $secrets.signingKey.existingSecret }}
{{- $_ := set $fixed "trainer" (dict "signing_key" "/etc/marquee/signing/signing.pem") }}
{{- end }}
{{- range $backend := list "kafka" "redis" "s3" }}
{{- $files := get $secrets (printf "%sTls" $backend) }}
{{- if and (has $backend $needs) $files.existingSecret }}
{{- $section := dict }}
{{- if $files.caKey }}{{ $_ := set $section "ca_file" (printf "/etc/marquee/%s/ca.crt" $backend) }}{{ end }}
{{- if $files.certKey }}{{ $_ := set $section "cert_file" (printf "/etc/marquee/%s/tls.crt" $backend) }}{{ end }}
{{- if $files.keyKey }}{{ $_ := set $section "key_file" (printf "/etc/marquee/%s/tls.key" $backend) }}{{ end }}
{{- $_ := set $fixed $backend $section }}
{{- end }}
{{- end }}
{{- if and (eq .name "fleet") $values.embedded.rolloutFiles }}
{{- $_ := set $fixed "rollouts" (dict "folder" "/etc/marquee/rollouts") }}
{{- end }}
{{- include "marquee.toml" (dict "prefix" "" "table" (mergeOverwrite $settings $fixed)) }}
{{- end }}

{{/*
A table as TOML, one dotted key a line. The function toToml is not used: it writes whole numbers from values
files as floating-point numbers (8.0), which the program refuses for counts. Texts, numbers and lists of JSON
are those of TOML. Takes prefix and table.
*/}}
{{- define "marquee.toml" -}}
{{- $prefix := .prefix }}
{{- range $key, $value := .table }}
{{- $name := regexMatch "^[A-Za-z0-9_-]+$" $key | ternary $key (toJson $key) }}
{{- if kindIs "map" $value }}
{{- include "marquee.toml" (dict "prefix" (printf "%s%s." $prefix $name) "table" $value) }}
{{- else if not (kindIs "invalid" $value) }}
{{- printf "%s%s = %s\n" $prefix $name (toJson $value) }}
{{- end }}
{{- end }}
{{- end }}

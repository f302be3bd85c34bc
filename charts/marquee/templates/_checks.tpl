{{/*
Refuses values that cannot work, before anything is installed. Each message names the value and what to do.
*/}}
{{- define "marquee.checks" -}}
{{- $values := .Values }}
{{- $settings := $values.settings | default dict }}
{{- $secrets := $values.secrets }}
{{- $create := printf "kubectl create secret generic --namespace %s" .Release.Namespace }}
{{- include "marquee.checkSettings" . }}

{{- if not (or $secrets.token.existingSecret (($settings.server | default dict).allow_unauthenticated)) }}
{{- list "secrets.token.existingSecret is empty. Calls that write or administer carry a token. Make one with"
  (printf "\n  %s marquee-token --from-literal=%s=\"$(openssl rand -hex 24)\"" $create $secrets.token.key)
  "\nand give --set secrets.token.existingSecret=marquee-token" | join "" | fail }}
{{- end }}

{{- if eq $values.profile "split" }}
{{- $instead := "The profile of values-embedded.yaml needs none." }}
{{- if not ($settings.kafka | default dict).bootstrap }}
{{- printf "settings.kafka.bootstrap is empty. Give the brokers, for example %s. %s"
  "--set settings.kafka.bootstrap=kafka:9092" $instead | fail }}
{{- end }}
{{- if not ($settings.redis | default dict).urls }}
{{- printf "settings.redis.urls is empty. Give the server, for example %s. %s"
  "--set 'settings.redis.urls={redis://redis:6379}'" $instead | fail }}
{{- end }}
{{- if not ($settings.s3 | default dict).url }}
{{- printf "settings.s3.url is empty. Give a bucket that exists, for example %s. %s"
  "--set settings.s3.url=s3://my-bucket/marquee" $instead | fail }}
{{- end }}
{{- if not $secrets.signingKey.existingSecret }}
{{- list "secrets.signingKey.existingSecret is empty. The trainer signs models with a private key. Make a pair with"
  "\n  marquee keys generate --out keys"
  (printf "\n  %s marquee-signing --from-file=%s=keys/signing.pem" $create $secrets.signingKey.key)
  "\nand give --set secrets.signingKey.existingSecret=marquee-signing" | join "" | fail }}
{{- end }}
{{- if not $secrets.verifyingKey.existingSecret }}
{{- list "secrets.verifyingKey.existingSecret is empty. Inference verifies models with the public half of the pair. "
  "Use that of secrets.signingKey, or make a pair with"
  "\n  marquee keys generate --out keys"
  (printf "\n  %s marquee-verifying --from-file=%s=keys/verifying.pem" $create $secrets.verifyingKey.key)
  "\nand give --set secrets.verifyingKey.existingSecret=marquee-verifying" | join "" | fail }}
{{- end }}
{{- $security := ($settings.kafka | default dict).security | default "plaintext" }}
{{- if and (hasPrefix "sasl_" $security) (not $secrets.kafka.existingSecret) }}
{{- list "secrets.kafka.existingSecret is empty, and settings.kafka.security is " $security ". Make a Secret with"
  (printf "\n  %s marquee-kafka --from-literal=%s=USER" $create $secrets.kafka.usernameKey)
  (printf " --from-literal=%s=PASSWORD" $secrets.kafka.passwordKey)
  "\nand give --set secrets.kafka.existingSecret=marquee-kafka" | join "" | fail }}
{{- end }}
{{- if and $secrets.kafka.existingSecret (not (hasPrefix "sasl_" $security)) }}
{{- printf "secrets.kafka.existingSecret is set, and settings.kafka.security is %s, which has no user. %s" $security
  "Set it to sasl_tls or sasl_plaintext." | fail }}
{{- end }}
{{- else if and $secrets.verifyingKey.existingSecret (not $secrets.signingKey.existingSecret) }}
{{- print "secrets.verifyingKey.existingSecret is set without secrets.signingKey.existingSecret. "
  "The fleet trains and verifies, so give both keys or neither." | fail }}
{{- end }}

{{- if le (int $values.drainDelaySeconds) (int $values.defaults.probes.readiness.periodSeconds) }}
{{- print "drainDelaySeconds must be longer than defaults.probes.readiness.periodSeconds: "
  "the cluster must notice that a pod is not ready before its listeners close." | fail }}
{{- end }}
{{- if (get ($values.roles | default dict) "trainer" | default dict).autoscaling }}
{{- fail "roles.trainer.autoscaling: of several trainers one works, so more of them train no faster. Remove it." }}
{{- end }}

{{- if $values.operator.enabled }}
{{- /* A model has one driver: two would set each other's routes back. */}}
{{- if and (eq $values.profile "embedded") $values.embedded.rolloutFiles }}
{{- print "embedded.rolloutFiles and operator.enabled: the controller in the pod and the operator would drive "
  "the same models. Use one of them." | fail }}
{{- end }}
{{- end }}

{{- if and $values.monitoring.podMonitor.enabled $values.monitoring.serviceMonitor.enabled }}
{{- print "monitoring.podMonitor.enabled and monitoring.serviceMonitor.enabled: each pod would be read twice. "
  "Enable one." | fail }}
{{- end }}
{{- end }}

{{/* Refuses secrets in settings, which would be stored in a ConfigMap, and settings that the chart replaces. */}}
{{- define "marquee.checkSettings" -}}
{{- $values := .Values }}
{{- $sections := list $values.settings $values.defaults.settings $values.embedded.settings }}
{{- range $role := $values.roles }}
{{- $sections = append $sections ($role | default dict).settings }}
{{- end }}
{{- $secret := dict
  "kafka" (list "password")
  "redis" (list "password" "sentinel_password")
  "s3" (list "secret_access_key" "session_token") }}
{{- $fixed := list "data_dir" "grpc_listen" "http_listen" "admin_listen" "drain_delay" "shutdown" "backends"
  "verifying_key" }}
{{- range $section := compact $sections }}
{{- range $backend, $keys := $secret }}
{{- range $key := $keys }}
{{- if get (get $section $backend | default dict) $key }}
{{- printf "settings.%s.%s is a secret, and would be stored in a ConfigMap. %s secrets.%s.existingSecret." $backend $key
  "Put it into a Secret and name that in" $backend | fail }}
{{- end }}
{{- end }}
{{- end }}
{{- range $url := (get $section "redis" | default dict).urls }}
{{- if regexMatch "//[^/@]*:[^/@]*@" $url }}
{{- print "settings.redis.urls has a password, and would be stored in a ConfigMap. "
  "Put it into a Secret and name that in secrets.redis.existingSecret." | fail }}
{{- end }}
{{- end }}
{{- range $key := $fixed }}
{{- if hasKey $section $key }}
{{- printf "settings.%s is set by the chart. Remove it; %s." $key
  "see listenHost, drainDelaySeconds, shutdownSeconds, profile and secrets" | fail }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}

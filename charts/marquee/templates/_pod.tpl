{{/*
The pod of a unit that runs the program. Roles differ in their values only. Takes root, name and unit.
*/}}
{{- define "marquee.podTemplate" -}}
{{- $root := .root }}
{{- $name := .name }}
{{- $unit := .unit }}
{{- $files := include "marquee.secretFiles" . | fromJsonArray }}
{{- $command := eq .name "fleet" | ternary "up" .name -}}
metadata:
  labels:
    {{- include "marquee.podLabels" . | nindent 4 }}
    {{- with $unit.podLabels }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  annotations:
    # A change of the settings replaces the pods.
    checksum/settings: {{ include "marquee.settings" . | sha256sum }}
    {{- with $unit.podAnnotations }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
spec:
  serviceAccountName: {{ include "marquee.serviceAccountName" . }}
  # No role calls the API server. IRSA and EKS Pod Identity mount tokens of their own.
  automountServiceAccountToken: false
  # Kubernetes would otherwise add variables for each Service, which may look like settings.
  enableServiceLinks: false
  {{- with $root.Values.imagePullSecrets }}
  imagePullSecrets:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- include "marquee.scheduling" . | nindent 2 }}
  securityContext:
    {{- toYaml $unit.podSecurityContext | nindent 4 }}
  # The program itself waits: it reports that it is not ready, answers for drain_delay, and then lets the
  # requests in flight end. So there is no preStop hook, and the image needs no shell.
  terminationGracePeriodSeconds: {{ add $root.Values.drainDelaySeconds $root.Values.shutdownSeconds 10 }}
  containers:
  - name: marquee
    image: {{ include "marquee.image" (dict "root" $root "image" $root.Values.image) }}
    imagePullPolicy: {{ $root.Values.image.pullPolicy }}
    args: [{{ $command }}, --config, /etc/marquee/settings/marquee.toml]
    securityContext:
      {{- toYaml $unit.securityContext | nindent 6 }}
    {{- $secretEnv := include "marquee.secretEnv" . | fromJsonArray }}
    {{- $env := concat $secretEnv (include "marquee.traceEnv" . | fromJsonArray) ($unit.extraEnv | default list) }}
    {{- with $env }}
    env:
      {{- toYaml . | nindent 4 }}
    {{- end }}
    {{- with $unit.extraEnvFrom }}
    envFrom:
      {{- toYaml . | nindent 4 }}
    {{- end }}
    ports:
    - {name: grpc, containerPort: 7070}
    - {name: http, containerPort: 7080}
    - {name: admin, containerPort: 7090}
    startupProbe:
      {{- include "marquee.probe" (dict "root" $root "path" "/livez" "times" $unit.probes.startup) | nindent 6 }}
    readinessProbe:
      {{- include "marquee.probe" (dict "root" $root "path" "/readyz" "times" $unit.probes.readiness) | nindent 6 }}
    livenessProbe:
      {{- include "marquee.probe" (dict "root" $root "path" "/livez" "times" $unit.probes.liveness) | nindent 6 }}
    {{- with $unit.resources }}
    resources:
      {{- toYaml . | nindent 6 }}
    {{- end }}
    volumeMounts:
    - {name: data, mountPath: /var/lib/marquee}
    - {name: tmp, mountPath: /tmp}
    - {name: settings, mountPath: /etc/marquee/settings, readOnly: true}
    {{- range $files }}
    - {name: {{ .name }}, mountPath: /etc/marquee/{{ .name }}, readOnly: true}
    {{- end }}
    {{- if and (eq $name "fleet") $root.Values.embedded.rolloutFiles }}
    - {name: rollouts, mountPath: /etc/marquee/rollouts, readOnly: true}
    {{- end }}
    {{- with $unit.extraVolumeMounts }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  volumes:
  {{- if ne $name "fleet" }}
  # The last good routing table, and no other state: everything else is in Kafka, Redis and S3.
  - name: data
    emptyDir: {sizeLimit: {{ $unit.dataSizeLimit }}}
  {{- else if not $unit.persistence.enabled }}
  - name: data
    emptyDir: {sizeLimit: {{ $unit.persistence.size }}}
  {{- else if $unit.persistence.existingClaim }}
  - name: data
    persistentVolumeClaim: {claimName: {{ $unit.persistence.existingClaim }}}
  {{- end }}
  - name: tmp
    emptyDir: {sizeLimit: {{ $unit.tmpSizeLimit }}}
  - name: settings
    configMap:
      name: {{ include "marquee.fullname" $root }}-settings
      items:
      - {key: {{ $name }}.toml, path: marquee.toml}
  {{- if and (eq $name "fleet") $root.Values.embedded.rolloutFiles }}
  - name: rollouts
    configMap:
      name: {{ include "marquee.fullname" $root }}-rollouts
  {{- end }}
  {{- range $files }}
  - name: {{ .name }}
    secret:
      secretName: {{ .secret }}
      # root owns the file. With fsGroup, Kubernetes lets the group of the program read it.
      defaultMode: {{ .mode }}
      items:
      {{- range $path, $key := .items }}
      - {key: {{ $key | quote }}, path: {{ $path }}}
      {{- end }}
  {{- end }}
  {{- with $unit.extraVolumes }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- end }}

{{/* Where pods run. Takes root, name and unit. */}}
{{- define "marquee.scheduling" -}}
{{- $selector := include "marquee.selectorLabels" . -}}
affinity:
{{- if .unit.affinity }}
  {{- toYaml .unit.affinity | nindent 2 }}
{{- else }}
  podAntiAffinity:
    preferredDuringSchedulingIgnoredDuringExecution:
    - weight: 100
      podAffinityTerm:
        topologyKey: kubernetes.io/hostname
        labelSelector:
          matchLabels:
            {{- $selector | nindent 12 }}
{{- end }}
{{- if kindIs "invalid" .unit.topologySpreadConstraints }}
topologySpreadConstraints:
{{- range list "topology.kubernetes.io/zone" "kubernetes.io/hostname" }}
- topologyKey: {{ . }}
  maxSkew: 1
  whenUnsatisfiable: ScheduleAnyway
  labelSelector:
    matchLabels:
      {{- $selector | nindent 6 }}
  # Pods of an earlier revision do not count during an update.
  matchLabelKeys: [pod-template-hash]
{{- end }}
{{- else if .unit.topologySpreadConstraints }}
topologySpreadConstraints:
  {{- toYaml .unit.topologySpreadConstraints | nindent 2 }}
{{- end }}
{{- with .unit.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .unit.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .unit.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- end }}

{{/* A probe of the admin listener. Takes root, path and times. */}}
{{- define "marquee.probe" -}}
httpGet:
  path: {{ .path }}
  port: admin
  {{- if eq (include "marquee.scheme" .root) "https" }}
  scheme: HTTPS
  {{- end }}
{{ toYaml .times }}
{{- end }}

{{/*
The Secrets that a unit mounts, as a JSON list. `items` has the path of each key. Takes root and name.
*/}}
{{- define "marquee.secretFiles" -}}
{{- $secrets := .root.Values.secrets }}
{{- $needs := splitList " " (include "marquee.needs" .name) }}
{{- $files := list }}
{{- with $secrets.token }}
{{- if .existingSecret }}
{{- $files = append $files (dict "name" "token" "secret" .existingSecret "mode" "0440" "items" (dict "token" .key)) }}
{{- end }}
{{- end }}
{{- with $secrets.signingKey }}
{{- if and .existingSecret (has "signingKey" $needs) }}
{{- $items := dict "signing.pem" .key }}
{{- $files = append $files (dict "name" "signing" "secret" .existingSecret "mode" "0400" "items" $items) }}
{{- end }}
{{- end }}
{{- with $secrets.verifyingKey }}
{{- if and .existingSecret (has "verifyingKey" $needs) }}
{{- $items := dict "verifying.pem" .key }}
{{- $files = append $files (dict "name" "verifying" "secret" .existingSecret "mode" "0440" "items" $items) }}
{{- end }}
{{- end }}
{{- with $secrets.serverTls }}
{{- if .existingSecret }}
{{- $items := dict "tls.crt" .certKey "tls.key" .keyKey }}
{{- if .caKey }}{{ $_ := set $items "ca.crt" .caKey }}{{ end }}
{{- if .clientCaKey }}{{ $_ := set $items "clients.crt" .clientCaKey }}{{ end }}
{{- $files = append $files (dict "name" "tls" "secret" .existingSecret "mode" "0440" "items" $items) }}
{{- end }}
{{- end }}
{{- range $backend := list "kafka" "redis" "s3" }}
{{- with get $secrets (printf "%sTls" $backend) }}
{{- if and .existingSecret (has $backend $needs) }}
{{- $items := dict }}
{{- if .caKey }}{{ $_ := set $items "ca.crt" .caKey }}{{ end }}
{{- if .certKey }}{{ $_ := set $items "tls.crt" .certKey }}{{ end }}
{{- if .keyKey }}{{ $_ := set $items "tls.key" .keyKey }}{{ end }}
{{- $files = append $files (dict "name" $backend "secret" .existingSecret "mode" "0440" "items" $items) }}
{{- end }}
{{- end }}
{{- end }}
{{- toJson $files }}
{{- end }}

{{/* The variables of a unit that come from Secrets, as a JSON list. Takes root and name. */}}
{{- define "marquee.secretEnv" -}}
{{- $secrets := .root.Values.secrets }}
{{- $needs := splitList " " (include "marquee.needs" .name) }}
{{- $variables := dict
  "kafka" (dict "usernameKey" "USERNAME" "passwordKey" "PASSWORD")
  "redis" (dict "usernameKey" "USERNAME" "passwordKey" "PASSWORD"
    "sentinelUsernameKey" "SENTINEL_USERNAME" "sentinelPasswordKey" "SENTINEL_PASSWORD")
  "s3" (dict "accessKeyIdKey" "ACCESS_KEY_ID" "secretAccessKeyKey" "SECRET_ACCESS_KEY"
    "sessionTokenKey" "SESSION_TOKEN") }}
{{- $env := list }}
{{- range $backend, $names := $variables }}
{{- $secret := get $secrets $backend }}
{{- if and (has $backend $needs) $secret.existingSecret }}
{{- range $field, $variable := $names }}
{{- with get $secret $field }}
{{- $from := dict "secretKeyRef" (dict "name" $secret.existingSecret "key" .) }}
{{- $env = append $env (dict "name" (printf "MARQUEE__%s__%s" (upper $backend) $variable) "valueFrom" $from) }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}
{{- toJson $env }}
{{- end }}

{{/* tbot: names and labels as the published chart's sub-chart has them. */}}
{{- define "slack.tbot.fullname" -}}
{{- printf "%s-%s" .Release.Name .Values.tbot.nameOverride | trunc 63 | trimSuffix "-" }}
{{- end }}

{{- define "slack.tbot.outputSecret" -}}
{{- .Values.tbot.defaultOutput.secretName | default (printf "%s-%s-out" .Release.Name .Values.tbot.nameOverride) }}
{{- end }}

{{- define "slack.tbot.serviceAccountName" -}}
{{- if .Values.tbot.serviceAccount.create }}
{{- default (include "slack.tbot.fullname" .) .Values.tbot.serviceAccount.name }}
{{- else }}
{{- default "default" .Values.tbot.serviceAccount.name }}
{{- end }}
{{- end }}

{{- define "slack.tbot.selectorLabels" -}}
app.kubernetes.io/name: tbot
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: tbot
{{- end }}

{{- define "slack.tbot.labels" -}}
helm.sh/chart: {{ include "slack.chart" . }}
{{ include "slack.tbot.selectorLabels" . }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- with .Values.extraLabels }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- define "slack.tbot.config" -}}
{{- $tbot := .Values.tbot }}
{{- $_ := required "tbot.clusterName is needed with tbot.enabled: the Teleport cluster's name" $tbot.clusterName }}
{{- $_ := required "tbot.token is needed with tbot.enabled: the name of the join token" $tbot.token }}
{{- if and $tbot.teleportProxyAddress $tbot.teleportAuthAddress }}
{{- fail "tbot.teleportProxyAddress and tbot.teleportAuthAddress: only one of them" }}
{{- end }}
{{- $config := dict "version" "v2" "onboarding" (dict "join_method" $tbot.joinMethod "token" $tbot.token) "storage" (dict "type" "memory") }}
{{- if $tbot.teleportProxyAddress }}
{{- $_ := set $config "proxy_server" $tbot.teleportProxyAddress }}
{{- else }}
{{- $_ := set $config "auth_server" (required "tbot.teleportProxyAddress or tbot.teleportAuthAddress is needed with tbot.enabled" $tbot.teleportAuthAddress) }}
{{- end }}
{{- $outputs := $tbot.outputs | default list }}
{{- if $tbot.defaultOutput.enabled }}
{{- $outputs = prepend $outputs (dict "type" "identity" "destination" (dict "type" "kubernetes_secret" "name" (include "slack.tbot.outputSecret" .))) }}
{{- end }}
{{- $_ := set $config "outputs" $outputs }}
{{- with $tbot.services }}
{{- $_ := set $config "services" . }}
{{- end }}
{{- toYaml (mergeOverwrite $config (deepCopy ($tbot.tbotConfig | default dict))) }}
{{- end }}

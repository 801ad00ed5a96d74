{{/*
teleport-slack.toml. A JSON string is a TOML string too, so whatever the values
hold stays within its quotes.
*/}}
{{- define "slack.config" -}}
[teleport]
addr = {{ include "slack.address" . | toJson }}
identity = {{ printf "/var/lib/teleport/plugins/slack/teleport-identity/%s" (include "slack.identitySecretPath" .) | toJson }}
refresh_identity = true

[slack]
token = "/var/lib/teleport/plugins/slack/slack-token"
{{- with .Values.slack.apiUrl }}
api_url = {{ toJson . }}
{{- end }}

[role_to_recipients]
{{- if not (or .Values.roleToRecipients .Values.routing.onlyMonitoringRules) }}
{{- fail "roleToRecipients is needed: who hears of a request, at least for \"*\"; or routing.onlyMonitoringRules" }}
{{- end }}
{{- range $role, $recipients := .Values.roleToRecipients }}
{{ toJson $role }} = {{ toJson $recipients }}
{{- end }}
{{- if .Values.routing.onlyMonitoringRules }}

[routing]
only_monitoring_rules = true
{{- end }}
{{- if .Values.review.enabled }}

[review]
enabled = true
app_token = "/var/lib/teleport/plugins/slack/slack-app-token"
{{- with .Values.review.slackUserIdTrait }}
slack_user_id_trait = {{ toJson . }}
{{- end }}
{{- if .Values.review.allowEmailUsernameMatch }}
allow_email_username_match = true
{{- end }}
{{- end }}

[log]
output = {{ toJson .Values.log.output }}
severity = {{ toJson .Values.log.severity }}
{{- if ne .Values.log.format "text" }}
format = {{ toJson .Values.log.format }}
{{- end }}
{{- if .Values.http.enabled }}

[http]
listen_addr = {{ printf ":%d" (int .Values.http.port) | toJson }}
{{- end }}
{{- with .Values.extraConfig }}

{{ . | trim }}
{{- end }}
{{- end }}

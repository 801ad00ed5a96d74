package slack

import (
	"net/http"
	"regexp"
	"strings"

	"github.com/teleport-slack/teleport-slack/internal/fault"
	"github.com/teleport-slack/teleport-slack/internal/logkey"
)

// errorMeaning is what to do about one of Slack's error names.
type errorMeaning struct {
	class fault.Class
	// maybeDone: Slack may have done part of the call, so a write is Unknown.
	maybeDone bool
	// hint may name {bot} and {channel}.
	hint string
}

const (
	hintToken   = "check slack.token: it must be the bot token (xoxb-…) of an app that is installed in this workspace; reinstall the app and put the new token in place"
	hintInvite  = "invite the app: /invite @{bot} in {channel}"
	hintOrg     = "install the app for the whole organisation, or use a token of the workspace"
	hintAdmin   = "ask a workspace admin to let the app post in {channel}"
	hintDM      = "this person can't get direct messages from the app: turn on the app's Messages tab, and check that {channel} is an active member"
	hintSimpler = "this is a defect in teleport-slack: please report it with the log line; a plain message is sent instead"
)

// errorTable covers the error names of the methods that are called, as listed
// in Slack's own method references. Names with a common beginning are in
// families.
var errorTable = map[string]errorMeaning{
	// It did not happen; later it may.
	"ratelimited":         {class: fault.Retry},
	"rate_limited":        {class: fault.Retry},
	"service_unavailable": {class: fault.Retry},
	"request_timeout":     {class: fault.Retry}, // Slack did not get the whole request
	"team_added_to_org":   {class: fault.Retry},
	// "It's possible some aspect of the operation succeeded."
	"internal_error": {class: fault.Retry, maybeDone: true},
	"fatal_error":    {class: fault.Retry, maybeDone: true},

	// Nothing works until somebody changes something.
	"invalid_auth":              {class: fault.Fatal, hint: hintToken},
	"not_authed":                {class: fault.Fatal, hint: hintToken},
	"account_inactive":          {class: fault.Fatal, hint: "the app was uninstalled or its bot user deactivated: reinstall it, then " + hintToken},
	"token_revoked":             {class: fault.Fatal, hint: hintToken},
	"token_expired":             {class: fault.Fatal, hint: "the app has token rotation on: turn it off, or replace the file that slack.token names before the token's twelve hours are over"},
	"not_allowed_token_type":    {class: fault.Fatal, hint: hintToken},
	"missing_scope":             {class: fault.Fatal, hint: "add the scope under OAuth & Permissions and reinstall the app"},
	"org_login_required":        {class: fault.Fatal, hint: hintOrg},
	"ekm_access_denied":         {class: fault.Fatal, hint: "an organisation admin suspended the workspace's encryption keys: ask them"},
	"two_factor_setup_required": {class: fault.Fatal, hint: "the account behind the token must set up two-factor authentication"},
	"accesslimited":             {class: fault.Fatal, hint: "this machine's address is not in the app's list of allowed IP addresses"},
	"access_denied":             {class: fault.Fatal, hint: hintToken},
	"enterprise_is_restricted":  {class: fault.Fatal, hint: hintOrg},
	"team_access_not_granted":   {class: fault.Fatal, hint: hintOrg},
	"missing_post_type":         {class: fault.Bug, hint: hintSimpler},

	// It does not work for this recipient until somebody changes something.
	"channel_not_found":      {class: fault.Permanent, hint: "check the name {channel}; a private channel is only visible to the app once it's invited: /invite @{bot}"},
	"not_in_channel":         {class: fault.Permanent, hint: hintInvite},
	"is_archived":            {class: fault.Permanent, hint: "{channel} is archived: unarchive it, or take it out of role_to_recipients"},
	"messages_tab_disabled":  {class: fault.Permanent, hint: "turn on the Messages tab under App Home in the app's settings"},
	"cannot_dm_bot":          {class: fault.Permanent, hint: hintDM},
	"user_not_found":         {class: fault.Permanent, hint: "check the user's ID {channel}"},
	"user_not_visible":       {class: fault.Permanent, hint: "the app can't see this user: a guest, or of another workspace"},
	"user_disabled":          {class: fault.Permanent, hint: "this person's Slack account is deactivated"},
	"message_limit_exceeded": {class: fault.Permanent, hint: "members of this workspace can't send more messages: its plan's limit is reached"},
	"no_permission":          {class: fault.Permanent, hint: hintAdmin},
	"not_in_group":           {class: fault.Permanent, hint: hintInvite},
	"as_user_not_supported":  {class: fault.Permanent, hint: hintToken},
	"not_reactable":          {class: fault.Permanent},
	"too_many_reactions":     {class: fault.Permanent},
	"too_many_emoji":         {class: fault.Permanent},
	"thread_locked":          {class: fault.Permanent},

	"method_not_supported_for_channel_type": {class: fault.Permanent},

	// The click that a modal was to answer is too old; another click may work.
	"expired_trigger_id":   {class: fault.Permanent, hint: "more than three seconds passed since the click: click again"},
	"exchanged_trigger_id": {class: fault.Permanent},
	"invalid_trigger_id":   {class: fault.Permanent},
	"trigger_expired":      {class: fault.Permanent, hint: "more than three seconds passed since the click: click again"},
	"trigger_exchanged":    {class: fault.Permanent},
	"push_limit_reached":   {class: fault.Permanent},
	"not_enabled":          {class: fault.Permanent, hint: HintSocketMode},
	"user_not_in_channel":  {class: fault.Permanent, hint: "this person is not in {channel} any more"},
	"view_too_large":       {class: fault.Bug, hint: hintSimpler},

	"duplicate_external_id": {class: fault.Bug, hint: hintSimpler},

	// From apps.connections.open only.
	ReasonSocketModeOff: {class: fault.Fatal, hint: HintSocketMode},
	"forbidden_team":    {class: fault.Fatal, hint: hintOrg},
	"missing_args":      {class: fault.Fatal, hint: hintAppToken},
	"is_bot":            {class: fault.Fatal, hint: hintAppToken},
	"insecure_request":  {class: fault.Bug, hint: hintSimpler},

	// Not Slack's API, or not this one.
	"unknown_method":    {class: fault.Unsupported, hint: "check slack.api_url"},
	"method_deprecated": {class: fault.Unsupported},

	// A defect of ours: Slack may accept a simpler form.
	"msg_too_long":         {class: fault.Bug, hint: hintSimpler},
	"msg_blocks_too_long":  {class: fault.Bug, hint: hintSimpler},
	"no_text":              {class: fault.Bug, hint: hintSimpler},
	"invalid_arguments":    {class: fault.Bug, hint: hintSimpler},
	"invalid_arg_name":     {class: fault.Bug, hint: hintSimpler},
	"invalid_array_arg":    {class: fault.Bug, hint: hintSimpler},
	"invalid_charset":      {class: fault.Bug, hint: hintSimpler},
	"invalid_form_data":    {class: fault.Bug, hint: hintSimpler},
	"invalid_post_type":    {class: fault.Bug, hint: hintSimpler},
	"too_many_attachments": {class: fault.Bug, hint: hintSimpler},
	"markdown_text_conflict": {
		class: fault.Bug, hint: hintSimpler},
	"invalid_name":      {class: fault.Bug, hint: "the workspace lacks this emoji"},
	"no_item_specified": {class: fault.Bug, hint: hintSimpler},
	"bad_timestamp":     {class: fault.Bug, hint: hintSimpler},
	"invalid_cursor":    {class: fault.Retry}, // start over from the first page
	"duplicate_channel_not_found": {
		class: fault.Bug, hint: hintSimpler},
	"duplicate_message_not_found": {
		class: fault.Bug, hint: hintSimpler},

	// The thing itself is gone or closed.
	"message_not_found":   {class: fault.NotFound},
	"edit_window_closed":  {class: fault.NotFound, hint: "the workspace doesn't let messages be edited after a while: set Message Editing to Any time"},
	"cant_update_message": {class: fault.NotFound, hint: "the message was posted by another app or bot user"},
	"is_inactive":         {class: fault.NotFound},
	"thread_not_found":    {class: fault.NotFound},
	"users_not_found":     {class: fault.NotFound, hint: "nobody in this workspace has this email address: check the address, and that the person is a member with the same one"},

	// Not a failure: React returns nil.
	"already_reacted": {class: fault.Conflict},
}

// families are prefixes of error names that mean the same.
var families = []struct {
	prefix string
	errorMeaning
}{
	{"invalid_blocks", errorMeaning{class: fault.Bug, hint: hintSimpler}},
	{"invalid_metadata", errorMeaning{class: fault.Bug, hint: hintSimpler}},
	{"metadata_", errorMeaning{class: fault.Bug, hint: hintSimpler}},
	{"restricted_action", errorMeaning{class: fault.Permanent, hint: hintAdmin}},
}

// unrecognised is the reason for an error whose name has an unexpected form:
// reasons are metric labels.
const unrecognised = "unrecognised_error"

var nameShape = regexp.MustCompile(`^[a-z][a-z0-9_]{0,63}$`)

// lookUpError returns what to do about an error name, and whether it is in the
// table.
//
// An unknown name is Retry: the caller's backoff grows, so that costs little,
// while Permanent would lose messages because of a name that Slack has just
// introduced. The name is logged; it needs a row above.
func lookUpError(name string) (m errorMeaning, known bool) {
	if m, ok := errorTable[name]; ok {
		return m, true
	}
	for _, f := range families {
		if strings.HasPrefix(name, f.prefix) {
			return f.errorMeaning, true
		}
	}
	return errorMeaning{class: fault.Retry}, false
}

func inTable(name string) bool {
	_, known := lookUpError(name)
	return known
}

// slackError classifies an answer that says ok: false.
func (c *Client) slackError(r request, e envelope, header http.Header) error {
	name := e.Error
	if !nameShape.MatchString(name) {
		name = unrecognised
	}
	m, known := lookUpError(name)
	if !known {
		c.log.Warn("unknown error from Slack, treated as temporary", logkey.Method, r.method, logkey.Error, name)
	}
	f := &fault.Error{Op: r.op, Reason: name, Class: m.class}
	switch {
	case name == "ratelimited" || name == "rate_limited":
		f.Reason, f.RetryAfter = reasonRateLimited, RetryAfter(header)
	case m.maybeDone && r.write:
		f.Class = fault.Unknown
	}
	f.Hint = c.hint(m.hint, r, e)
	return f
}

// hint fills in the names in a hint, and appends Slack's own diagnostics.
func (c *Client) hint(text string, r request, e envelope) string {
	bot := c.known().BotName
	if bot == "" {
		bot = "<the app>"
	}
	channel := r.channel
	if channel == "" {
		channel = "the channel"
	}
	text = strings.NewReplacer("{bot}", bot, "{channel}", channel).Replace(text)
	token := c.token()
	add := func(label, v string) {
		if v == "" {
			return
		}
		if text != "" {
			text += "; "
		}
		text += label + Printable(scrubText(v, token))
	}
	add("needed: ", e.Needed)
	if e.Needed != "" {
		add("provided: ", e.Provided)
	}
	add("slack says: ", strings.Join(e.Metadata.Messages, ", "))
	return text
}

// maxDiagnosticRunes keeps Slack's words in a hint readable.
const maxDiagnosticRunes = 500

// Printable makes text from outside fit a log line.
func Printable(s string) string {
	runes := []rune(strings.ToValidUTF8(s, "?"))
	if len(runes) > maxDiagnosticRunes {
		runes = append(runes[:maxDiagnosticRunes], '…')
	}
	for i, r := range runes {
		if r < ' ' || r == 0x7f {
			runes[i] = ' '
		}
	}
	return string(runes)
}

// Package logkey has the keys of log attributes, so that one thing has one name
// wherever it is logged: a search for request_id finds all lines about a request.
// It imports nothing, because every package that logs imports it.
//
// Log messages are constant; what varies is in attributes. Secrets are kept out of
// the log by config.Secret, not here.
package logkey

// The keys. The first five are those of the published plugin, which existing
// dashboards may use.
const (
	RequestID    = "request_id"
	RequestOp    = "request_op"    // put or delete
	RequestState = "request_state" // PENDING, APPROVED, DENIED, PROMOTED, EXPIRED
	ChannelID    = "channel_id"    // C…, G… or D…
	MessageID    = "message_id"    // the published name of a message's timestamp

	MessageTS  = "message_ts" // 1700000000.000100
	Recipient  = "recipient"  // as configured or asked for
	Recipients = "recipients" // how many
	Review     = "review"     // which of a request's reviews, from 0
	Reviewer   = "reviewer"   // Teleport username
	Reminder   = "reminder"   // which of a thread's reminders, from 1
	Decision   = "decision"   // what a review proposes: APPROVED, DENIED, PROMOTED; what a click wants: approve, deny
	Event      = "event"      // always "review": what auditors look for
	SlackUser  = "slack_user" // U…
	Outcome    = "outcome"    // of a click: review.Outcome
	Emoji      = "emoji"      // without colons
	Attempt    = "attempt"    // from 1
	Attempts   = "attempts"   // how many there were
	RetryIn    = "retry_in"   // duration until the next attempt
	Step       = "step"       // what of a plan was being done
	Steps      = "steps"      // of a plan, in order
	Method     = "method"     // Slack's method: chat.postMessage
	Reason     = "reason"     // short and stable; a metric label
	Class      = "class"      // what to do about an error: fault.Class
	Hint       = "hint"       // what a person can do about it
	Error      = "error"
	User       = "user"     // Teleport username
	Role       = "role"     // one
	Roles      = "roles"    // several
	Rule       = "rule"     // access monitoring rule
	Template   = "template" // of [messages]
	LeftOut    = "left_out"
	Kind       = "kind" // of a resource
	Type       = "type" // of an envelope
	Requests   = "requests"
	List       = "access_list"  // name
	Lists      = "access_lists" // how many

	Cluster         = "cluster" // Teleport cluster name
	Addr            = "addr"    // host:port
	WebURL          = "web_url" // what links to requests begin with
	Team            = "team"    // Slack workspace
	Bot             = "bot"     // what to type after /invite @
	Scope           = "scope"   // of a Slack token
	Scopes          = "scopes"
	Path            = "path"    // of a file
	Expires         = "expires" // a time
	AccessExpires   = "access_expires"
	Remaining       = "remaining"
	Refreshed       = "refreshed" // whether credentials are read again
	Elapsed         = "elapsed"
	Count           = "count"
	Replica         = "replica"
	Version         = "version"
	PluginVersion   = "plugin_version"
	OldestTested    = "oldest_tested"    // version
	NewestSupported = "newest_supported" // version
	Signal          = "signal"
	ServerName      = "server_name"

	Key          = "key"   // of the configuration: slack.token
	Place        = "place" // file:line:column
	What         = "what"  // a warning about the configuration
	Changed      = "changed"
	NeedsRestart = "needs_restart"
)

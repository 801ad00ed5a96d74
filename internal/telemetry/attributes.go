package telemetry

// The attribute keys of log lines. The first five are the published plugin's,
// which dashboards may know.
const (
	RequestID    = "request_id"
	RequestOp    = "request_op"    // put or delete
	RequestState = "request_state" // PENDING, APPROVED, DENIED, PROMOTED, EXPIRED
	ChannelID    = "channel_id"    // C…, G… or D…
	MessageID    = "message_id"    // the published name of a message's timestamp

	MessageTS  = "message_ts" // 1700000000.000100
	Recipient  = "recipient"  // as configured or asked for
	Attempt    = "attempt"    // from 1
	Attempts   = "attempts"   // how many there were
	RetryIn    = "retry_in"   // duration until the next attempt
	Step       = "step"       // what of a plan was being done
	Method     = "method"     // Slack's method: chat.postMessage
	Reason     = "reason"     // short and stable; a metric label
	Class      = "class"      // what to do about an error: fault.Class
	Hint       = "hint"       // what a person can do about it
	Error      = "error"
	User       = "user" // Teleport username
	Role       = "role"
	Rule       = "rule"    // access monitoring rule
	Kind       = "kind"    // of a resource
	Cluster    = "cluster" // Teleport cluster name
	Addr       = "addr"    // host:port
	Path       = "path"    // of a file
	Expires    = "expires" // a time
	Remaining  = "remaining"
	Elapsed    = "elapsed"
	Count      = "count"
	Replica    = "replica"
	Version    = "version"
	Signal     = "signal"
	Key        = "key"   // of the configuration: slack.token
	Place      = "place" // file:line:column
	ServerName = "server_name"
)

// Package message renders access requests for Slack: Block Kit for the screen and
// one line of text for notifications and screen readers.
//
// Invariants: every value from outside is escaped; no part is longer than Slack
// accepts, and cutting never splits a character, an entity, a link or a code
// fence, and never drops the link to the request; the same input gives the same
// bytes.
//
// It posts nothing and does not select recipients.
package message

import (
	"github.com/slack-go/slack"

	"github.com/teleport-slack/teleport-slack/internal/message/template"
)

// Message is the content of one Slack message.
type Message struct {
	Text   string        // mrkdwn-escaped; beside blocks one line, for notifications and screen readers
	Blocks []slack.Block // nil for plain text messages such as thread replies

	// Failed are the errors of templates in whose place the message has the
	// built-in text.
	Failed []*template.Error
}

// Tag is the metadata of a message in Slack. It finds a message again when the
// answer to its post was lost. Everyone in the channel can read it.
type Tag struct {
	RequestID string // or AccessLists
	Recipient string // the recipient's ID as it was posted to
	Part      string // "request", "review-<n>", "final", "access-ends", "access-ended", "reminder-<n>", "lists-<batch>"
}

// AccessLists stands for the request in the tags of messages that are about
// access lists.
const AccessLists = "access-lists"

// MetadataEvent is the event_type of every Tag.
const MetadataEvent = "teleport_access_request"

// Post is a message to post.
type Post struct {
	Channel string // what chat.postMessage takes: C…, D…, U…, #name
	Thread  string // thread_ts; empty for a message of its own
	Tag     Tag
	Message
}

// Package message turns access requests into what Slack shows: Block Kit for
// the screen and one line of text for notifications and screen readers.
//
// Three rules hold for whatever comes in. Nothing that a person typed reaches
// Slack unescaped; no part is longer than Slack takes, and cutting never
// splits a character, an entity, a link or a code fence nor drops the link to
// the request; and the same input gives the same bytes.
//
// It posts nothing and decides nothing about who sees what.
package message

import (
	"github.com/slack-go/slack"

	"github.com/teleport-slack/teleport-slack/internal/message/template"
)

// Message is what one Slack message shows.
type Message struct {
	Text   string        // mrkdwn-escaped; beside blocks one line, for notifications and screen readers
	Blocks []slack.Block // nil for plain text messages such as thread replies

	// Failed are templates that could not be used, so that the built-in text
	// stands in their place.
	Failed []*template.Error
}

// Tag marks a message in Slack's own metadata, so that it can be found again
// when the answer to its post was lost. Anyone in the channel can read it.
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

// Post is a message on its way.
type Post struct {
	Channel string // what chat.postMessage takes: C…, D…, U…, #name
	Thread  string // thread_ts; empty for a message of its own
	Tag     Tag
	Message
}
